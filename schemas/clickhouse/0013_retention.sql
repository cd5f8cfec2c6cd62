-- How long organizations keep what is said, from their settings. The views hold to it at any moment: what retention has deleted, and a replay of topics inserts
-- again, is in no answer until it is deleted again.
CREATE TABLE IF NOT EXISTS retention_policies
(
    org_id           LowCardinality(String) COMMENT 'Bigmind organization',
    message_days     UInt32                 COMMENT 'Days for which messages are kept, from when they were said; 0: for ever',
    version_days     UInt32                 COMMENT 'Days for which former wordings of edited messages are kept, from when they were replaced; 0: for ever',
    dissociated_days UInt32                 COMMENT 'Days after which messages of a channel that was dissociated are deleted; 0: never, they are hidden',
    version          UInt64                 COMMENT 'Order of changes',
    is_deleted       UInt8                  COMMENT '1: removed; everything is kept'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY org_id
COMMENT 'How long each organization keeps what is said, current state with FINAL. An organization that says nothing has no row.';

CREATE TABLE IF NOT EXISTS retention_log
(
    org_id     LowCardinality(String) COMMENT 'Bigmind organization; empty: a run has ended',
    policy     LowCardinality(String) COMMENT 'messages, versions, dissociated, or deleted (in Slack); run: a run has ended',
    table_name LowCardinality(String) COMMENT 'Where rows were deleted',
    kept_from  DateTime64(3, 'UTC')   COMMENT 'What was before is gone; 1970: no matter of time',
    rows       UInt64                 COMMENT 'How many rows',
    at         DateTime64(3, 'UTC')   COMMENT 'When'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (org_id, at)
COMMENT 'What retention deleted, and when. It holds nothing of what was said.';

CREATE OR REPLACE VIEW current_associations
(
    team_id       LowCardinality(String) COMMENT 'Slack workspace',
    channel_id    String                 COMMENT 'Slack channel',
    org_id        LowCardinality(String) COMMENT 'Bigmind organization',
    account_id    String                 COMMENT 'Account whose context the channel is now',
    deal_id       String                 COMMENT 'Deal, optional',
    associated_at DateTime64(3, 'UTC')   COMMENT 'Since when',
    kept_from     DateTime64(6, 'UTC')   COMMENT 'The organization keeps messages that were said from then on; 1970: all',
    worded_from   DateTime64(6, 'UTC')   COMMENT 'The organization keeps former wordings that were replaced from then on; 1970: all'
)
AS SELECT a.team_id AS team_id, a.channel_id AS channel_id, a.org_id AS org_id, a.account_id AS account_id, a.deal_id AS deal_id, a.associated_at AS associated_at,
    if(r.message_days = 0, toDateTime64(0, 6, 'UTC'), now64(6, 'UTC') - toIntervalDay(r.message_days)) AS kept_from,
    if(r.version_days = 0, toDateTime64(0, 6, 'UTC'), now64(6, 'UTC') - toIntervalDay(r.version_days)) AS worded_from
FROM
(
    SELECT
        team_id,
        channel_id,
        argMax(org_id, version)     AS org_id,
        argMax(account_id, version) AS account_id,
        argMax(deal_id, version)    AS deal_id,
        argMax(changed_at, version) AS associated_at
    FROM channel_associations
    GROUP BY team_id, channel_id
    HAVING account_id != ''
) AS a
LEFT JOIN (SELECT org_id, message_days, version_days FROM retention_policies FINAL) AS r ON r.org_id = a.org_id
COMMENT 'Channels that are associated with an account now, with how long their organization keeps what is said in them.';

CREATE OR REPLACE VIEW conversations
(
    org_id         LowCardinality(String) COMMENT 'Bigmind organization (tenant)',
    team_id        LowCardinality(String) COMMENT 'Slack workspace through which the channel is synced',
    channel_id     LowCardinality(String) COMMENT 'Slack channel',
    channel_name   String                 COMMENT 'Its name today',
    ts             String                 COMMENT 'Slack message timestamp: with team and channel the id of the message',
    ts_time        DateTime64(6, 'UTC')   COMMENT 'ts as a time: when it was said',
    thread_ts      String                 COMMENT 'ts of the thread''s first message; empty outside threads, and may be empty on the first one',
    user_id        String                 COMMENT 'Slack user id of the author',
    author_name    String                 COMMENT 'Name of the author when the row was written',
    author_email   String                 COMMENT 'Email of the author when the row was written, lower case',
    author_user_id String                 COMMENT 'The author among Bigmind''s users, by email, as of today; empty: none',
    is_external    UInt8                  COMMENT '1: a person of another company (Slack Connect)',
    bot_id         LowCardinality(String) COMMENT 'Slack bot id, where an app wrote it',
    subtype        LowCardinality(String) COMMENT 'Slack message subtype, empty for ordinary messages',
    text           String                 COMMENT 'What it says now, in Slack mrkdwn',
    file_names     Array(String)          COMMENT 'Names of attached files',
    edited_ts      String                 COMMENT 'When it was last edited, empty if never',
    account_id     String                 COMMENT 'Account of the channel, today',
    account_name   String                 COMMENT 'Its name; of an account that is gone its id',
    account_gone   UInt8                  COMMENT '1: the account is not in accounts (any more)',
    deal_id        String                 COMMENT 'Deal of the channel, today; may be empty',
    deal_name      String                 COMMENT 'Its name; of a deal that is gone its id',
    version        UInt64                 COMMENT 'Slack clock in microseconds of what the row says',
    received_at    DateTime64(3, 'UTC')   COMMENT 'When Backchannel received what the row says',
    root_ts        String                 COMMENT 'ts of the thread''s first message; of a message outside threads its own ts',
    is_reply       UInt8                  COMMENT '1: a reply in a thread',
    author_company String                 COMMENT 'Company of an author of another company, where Slack says it',
    source         LowCardinality(String) COMMENT 'live: an event brought what the row says; history: polling did'
)
AS SELECT
    m.org_id         AS org_id,
    m.team_id        AS team_id,
    m.channel_id     AS channel_id,
    c.name           AS channel_name,
    m.ts             AS ts,
    m.ts_time        AS ts_time,
    m.thread_ts      AS thread_ts,
    m.user_id        AS user_id,
    m.author_name    AS author_name,
    m.author_email   AS author_email,
    p.user_id        AS author_user_id,
    m.is_external    AS is_external,
    m.bot_id         AS bot_id,
    m.subtype        AS subtype,
    m.text           AS text,
    m.file_names     AS file_names,
    m.edited_ts      AS edited_ts,
    a.account_id     AS account_id,
    if(acc.account_id = '', a.account_id, acc.name) AS account_name,
    acc.account_id = '' AS account_gone,
    a.deal_id        AS deal_id,
    if(d.deal_id = '', a.deal_id, d.name) AS deal_name,
    m.version        AS version,
    m.received_at    AS received_at,
    if(m.thread_ts = '', m.ts, m.thread_ts) AS root_ts,
    m.thread_ts != '' AND m.thread_ts != m.ts AS is_reply,
    s.company_name   AS author_company,
    m.source         AS source
FROM messages AS m FINAL
INNER JOIN current_associations AS a ON a.team_id = m.team_id AND a.channel_id = m.channel_id AND a.org_id = m.org_id
LEFT JOIN (SELECT org_id, account_id, name FROM accounts FINAL) AS acc ON acc.org_id = m.org_id AND acc.account_id = a.account_id
LEFT JOIN (SELECT org_id, deal_id, name FROM deals FINAL) AS d ON d.org_id = m.org_id AND d.deal_id = a.deal_id
LEFT JOIN (SELECT team_id, channel_id, name FROM slack_channels FINAL) AS c ON c.team_id = m.team_id AND c.channel_id = m.channel_id
LEFT JOIN (SELECT team_id, user_id, company_name FROM slack_users FINAL WHERE company_name != '') AS s ON s.team_id = m.team_id AND s.user_id = m.user_id
LEFT JOIN (SELECT org_id, email, min(user_id) AS user_id FROM (SELECT org_id, email, user_id FROM directory_users FINAL WHERE disabled = 0 AND email != '') GROUP BY org_id, email) AS p
    ON p.org_id = m.org_id AND p.email = m.author_email
WHERE m.ts_time >= a.kept_from
-- ts fixes the month, so that a message is never in two: FINAL need not look across months, and a time filter skips them.
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'Every message as it reads now, of every channel that is associated with an account now. What was deleted in Slack, and what is older than the organization keeps, is not in it.';

CREATE OR REPLACE VIEW message_versions
(
    org_id     LowCardinality(String) COMMENT 'Bigmind organization',
    team_id    LowCardinality(String) COMMENT 'Slack workspace',
    channel_id LowCardinality(String) COMMENT 'Slack channel',
    ts         String                 COMMENT 'Slack message timestamp: with team and channel the id of the message',
    ts_time    DateTime64(6, 'UTC')   COMMENT 'When the message was said',
    account_id String                 COMMENT 'Account of the channel, today',
    user_id    String                 COMMENT 'Slack user id of the author',
    number     UInt64                 COMMENT '1 for the first wording that is known, then counted up',
    is_current UInt8                  COMMENT '1: what the message says now',
    worded_at  DateTime64(6, 'UTC')   COMMENT 'When the author wrote this wording',
    text       String                 COMMENT 'What it said, in Slack mrkdwn',
    file_names Array(String)          COMMENT 'Names of attached files',
    edited_ts  String                 COMMENT 'The edit that made this wording, empty for the first'
)
AS SELECT org_id, team_id, channel_id, ts, ts_time, account_id, user_id,
    row_number() OVER (PARTITION BY org_id, team_id, channel_id, ts ORDER BY edited_ts, first_version) AS number,
    is_current, worded_at, text, file_names, edited_ts
FROM
(
    SELECT
        t.org_id AS org_id, t.team_id AS team_id, t.channel_id AS channel_id, t.ts AS ts, t.ts_time AS ts_time, m.account_id AS account_id, t.user_id AS user_id, t.first_version AS first_version,
        t.last_version = max(t.last_version) OVER (PARTITION BY t.org_id, t.team_id, t.channel_id, t.ts) AS is_current,
        if(t.edited_ts = '', t.ts_time, toDateTime64(toDecimal64(t.edited_ts, 6), 6, 'UTC')) AS worded_at,
        leadInFrame(worded_at, 1, toDateTime64(0, 6, 'UTC')) OVER (PARTITION BY t.org_id, t.team_id, t.channel_id, t.ts ORDER BY t.edited_ts, t.first_version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS replaced_at,
        t.text AS text, t.file_names AS file_names, t.edited_ts AS edited_ts, m.worded_from AS worded_from
    FROM message_texts AS t FINAL
    INNER JOIN
    (
        SELECT m.org_id AS org_id, m.team_id AS team_id, m.channel_id AS channel_id, m.ts AS ts, a.account_id AS account_id, a.worded_from AS worded_from
        FROM messages AS m FINAL
        INNER JOIN current_associations AS a ON a.team_id = m.team_id AND a.channel_id = m.channel_id AND a.org_id = m.org_id
        WHERE m.ts_time >= a.kept_from
    ) AS m ON m.org_id = t.org_id AND m.team_id = t.team_id AND m.channel_id = t.channel_id AND m.ts = t.ts
)
WHERE is_current = 1 OR replaced_at = toDateTime64(0, 6, 'UTC') OR replaced_at >= worded_from
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'Each wording of each message that conversations has, as long as the organization keeps them.';

CREATE OR REPLACE VIEW org_messages AS SELECT * FROM messages FINAL
WHERE org_id = {org:String} AND ts_time >= (SELECT if(max(message_days) = 0, toDateTime64(0, 6, 'UTC'), now64(6, 'UTC') - toIntervalDay(max(message_days))) FROM retention_policies FINAL WHERE org_id = {org:String})
COMMENT 'messages of one organization, the last version of each, with audit columns; channels that are dissociated, too.';

CREATE OR REPLACE VIEW org_retention_log AS SELECT * FROM retention_log WHERE org_id = {org:String}
COMMENT 'retention_log of one organization.';

CREATE OR REPLACE VIEW org_retention_policies AS SELECT * FROM retention_policies FINAL WHERE org_id = {org:String}
COMMENT 'retention_policies of one organization, as they are now.';
