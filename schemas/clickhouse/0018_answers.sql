-- A tombstone of an association has no value that could say who made it: its headers do.
ALTER TABLE channel_associations
    COMMENT COLUMN org_id 'Bigmind organization; on a tombstone the last that its workspace had',
    COMMENT COLUMN changed_by 'Who associated or dissociated the channel; empty: not known',
    COMMENT COLUMN source 'Where: slack, console, api or upstream';

ALTER TABLE slack_users COMMENT COLUMN org_id 'Bigmind organization; on a tombstone the last that its workspace had';

ALTER TABLE slack_channels COMMENT COLUMN org_id 'Bigmind organization; on a tombstone the last that its workspace had';

ALTER TABLE sync_coverage
    COMMENT COLUMN org_id 'Bigmind organization; on a tombstone the last that its workspace had',
    COMMENT COLUMN swept_at 'When all messages of the window were last read again, replies of quiet threads aside: those are read after a quarter of the time since the last one, at least once a day; 1970: not yet';

CREATE OR REPLACE VIEW association_periods
(
    org_id     LowCardinality(String)         COMMENT 'Bigmind organization',
    team_id    LowCardinality(String)         COMMENT 'Slack workspace',
    channel_id String                         COMMENT 'Slack channel',
    account_id String                         COMMENT 'Account whose context the channel was',
    deal_id    String                         COMMENT 'Deal, optional',
    valid_from DateTime64(3, 'UTC')           COMMENT 'From when on',
    valid_to   Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when, exclusive; NULL: it is now',
    changed_by String                         COMMENT 'Who associated the channel',
    source     LowCardinality(String)         COMMENT 'Where: slack, console, api or upstream',
    ended_by   String                         COMMENT 'Who ended it, by dissociating the channel or associating it with something else; empty: nobody yet, or not known'
)
AS SELECT org_id, team_id, channel_id, account_id, deal_id, valid_from, valid_to, changed_by, source, ended_by
FROM
(
    SELECT org_id, team_id, channel_id, account_id, deal_id, changed_at AS valid_from, changed_by, source,
        leadInFrame(toNullable(changed_at), 1, NULL) OVER later AS valid_to,
        leadInFrame(changed_by, 1, '') OVER later AS ended_by
    FROM channel_associations FINAL
    WINDOW later AS (PARTITION BY team_id, channel_id ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE account_id != ''
COMMENT 'Each channel''s associations with their spans of time.';

CREATE OR REPLACE VIEW org_association_periods AS SELECT * FROM association_periods WHERE org_id = {org:String}
COMMENT 'association_periods of one organization.';

-- What a customer says in a channel is answered in the channel, also by a message of ours that a thread hangs on; once a thread hangs on the customer's own message,
-- it is answered there. That somebody says thanks in a thread afterwards does not take back an answer that the channel had before.
CREATE OR REPLACE VIEW customer_messages
(
    org_id       LowCardinality(String)         COMMENT 'Bigmind organization',
    team_id      LowCardinality(String)         COMMENT 'Slack workspace',
    channel_id   LowCardinality(String)         COMMENT 'Slack channel',
    channel_name String                         COMMENT 'Its name today',
    account_id   String                         COMMENT 'Account of the channel, today',
    account_name String                         COMMENT 'Its name',
    ts           String                         COMMENT 'Slack message timestamp',
    ts_time      DateTime64(6, 'UTC')           COMMENT 'When the customer said it',
    root_ts      String                         COMMENT 'Thread, as in conversations',
    user_id      String                         COMMENT 'Slack user id of the customer''s person',
    author_name  String                         COMMENT 'Name of that person',
    text         String                         COMMENT 'What it says now',
    answered_at  Nullable(DateTime64(6, 'UTC')) COMMENT 'When a person of ours spoke next: of a reply in its thread; of another message in the channel, or in its thread once that began; NULL: unanswered',
    waited_secs  Nullable(Float64)              COMMENT 'Seconds until then'
)
AS SELECT org_id, team_id, channel_id, channel_name, account_id, account_name, ts, ts_time, root_ts, user_id, author_name, text,
    if(next_us = 0, NULL, fromUnixTimestamp64Micro(toInt64(next_us), 'UTC')) AS answered_at,
    if(next_us = 0, NULL, (toInt64(next_us) - toUnixTimestamp64Micro(ts_time)) / 1e6) AS waited_secs
FROM
(
    SELECT *,
        minIf(toUInt64(toUnixTimestamp64Micro(ts_time)), ours) OVER in_thread AS thread_us,
        minIf(toUInt64(toUnixTimestamp64Micro(ts_time)), is_reply) OVER in_thread AS began_us,
        minIf(toUInt64(toUnixTimestamp64Micro(ts_time)), ours AND NOT is_reply) OVER in_channel AS channel_us,
        if(NOT is_reply AND (began_us = 0 OR channel_us BETWEEN 1 AND began_us), channel_us, thread_us) AS next_us
    FROM
    (
        SELECT * REPLACE(is_reply = 1 AS is_reply), is_external = 0 AND bot_id = '' AS ours
        FROM conversations
    )
    WINDOW in_thread AS (PARTITION BY org_id, team_id, channel_id, root_ts ORDER BY ts_time DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        in_channel AS (PARTITION BY org_id, team_id, channel_id ORDER BY ts_time DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
WHERE is_external = 1
COMMENT 'What people of other companies said, and when a person of ours answered.';

CREATE OR REPLACE VIEW recent_customer_messages
(
    org_id       LowCardinality(String)         COMMENT 'Bigmind organization',
    team_id      LowCardinality(String)         COMMENT 'Slack workspace',
    channel_id   LowCardinality(String)         COMMENT 'Slack channel',
    channel_name String                         COMMENT 'Its name today',
    account_id   String                         COMMENT 'Account of the channel, today',
    account_name String                         COMMENT 'Its name',
    ts           String                         COMMENT 'Slack message timestamp',
    ts_time      DateTime64(6, 'UTC')           COMMENT 'When the customer said it',
    root_ts      String                         COMMENT 'Thread, as in conversations',
    user_id      String                         COMMENT 'Slack user id of the customer''s person',
    author_name  String                         COMMENT 'Name of that person',
    text         String                         COMMENT 'What it says now',
    answered_at  Nullable(DateTime64(6, 'UTC')) COMMENT 'When a person of ours spoke next: of a reply in its thread; of another message in the channel, or in its thread once that began; NULL: unanswered',
    waited_secs  Nullable(Float64)              COMMENT 'Seconds until then'
)
AS SELECT
    m.org_id      AS org_id,
    m.team_id     AS team_id,
    m.channel_id  AS channel_id,
    c.name        AS channel_name,
    a.account_id  AS account_id,
    if(acc.account_id = '', a.account_id, acc.name) AS account_name,
    m.ts          AS ts,
    m.ts_time     AS ts_time,
    m.root_ts     AS root_ts,
    m.user_id     AS user_id,
    m.author_name AS author_name,
    m.text        AS text,
    if(m.next_us = 0, NULL, fromUnixTimestamp64Micro(toInt64(m.next_us), 'UTC')) AS answered_at,
    if(m.next_us = 0, NULL, (toInt64(m.next_us) - toUnixTimestamp64Micro(m.ts_time)) / 1e6) AS waited_secs
FROM
(
    SELECT *,
        minIf(toUInt64(toUnixTimestamp64Micro(ts_time)), ours) OVER in_thread AS thread_us,
        minIf(toUInt64(toUnixTimestamp64Micro(ts_time)), is_reply) OVER in_thread AS began_us,
        minIf(toUInt64(toUnixTimestamp64Micro(ts_time)), ours AND NOT is_reply) OVER in_channel AS channel_us,
        if(NOT is_reply AND (began_us = 0 OR channel_us BETWEEN 1 AND began_us), channel_us, thread_us) AS next_us
    FROM
    (
        SELECT org_id, team_id, channel_id, ts, ts_time, user_id, author_name, is_external, text, is_external = 0 AND bot_id = '' AS ours,
            if(thread_ts = '', ts, thread_ts) AS root_ts, thread_ts NOT IN ('', ts) AS is_reply
        FROM messages FINAL
        WHERE org_id = {org:String} AND ts_time >= {since:DateTime64(3, 'UTC')}
            AND ts_time >= (SELECT if(max(message_days) = 0, toDateTime64(0, 6, 'UTC'), now64(6, 'UTC') - toIntervalDay(max(message_days))) FROM retention_policies FINAL WHERE org_id = {org:String})
    )
    WINDOW in_thread AS (PARTITION BY team_id, channel_id, root_ts ORDER BY ts_time DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
        in_channel AS (PARTITION BY team_id, channel_id ORDER BY ts_time DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
) AS m
INNER JOIN
(
    SELECT team_id, channel_id, argMax(channel_associations.org_id, version) AS org, argMax(channel_associations.account_id, version) AS account_id
    FROM channel_associations
    WHERE (team_id, channel_id) IN (SELECT team_id, channel_id FROM channel_associations WHERE org_id = {org:String})
    GROUP BY team_id, channel_id
    HAVING org = {org:String} AND account_id != ''
) AS a ON a.team_id = m.team_id AND a.channel_id = m.channel_id
LEFT JOIN (SELECT account_id, name FROM accounts FINAL WHERE org_id = {org:String}) AS acc ON acc.account_id = a.account_id
LEFT JOIN (SELECT team_id, channel_id, name FROM slack_channels FINAL WHERE team_id IN (SELECT team_id FROM channel_associations WHERE org_id = {org:String})) AS c ON c.team_id = m.team_id AND c.channel_id = m.channel_id
WHERE m.is_external = 1
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1, do_not_merge_across_partitions_select_final = 1
COMMENT 'customer_messages of one organization from a time on, found fast: recent_customer_messages(org = ''…'', since = ''2026-09-01 00:00:00'').';
