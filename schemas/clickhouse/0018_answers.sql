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

-- Who answered is found among the messages alone; channels and accounts are joined to those that are the customers'. An answer comes after its question, and a reply
-- after its root: what was said before 'since' decides nothing.
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
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1, do_not_merge_across_partitions_select_final = 1, join_use_nulls = 0
COMMENT 'customer_messages of one organization from a time on, found fast: recent_customer_messages(org = ''…'', since = ''2026-09-01 00:00:00'').';

-- Who began a thread whose first message was deleted is not known, so that no reply can be told from a response.
CREATE OR REPLACE VIEW threads
(
    org_id              LowCardinality(String)         COMMENT 'Bigmind organization',
    team_id             LowCardinality(String)         COMMENT 'Slack workspace',
    channel_id          LowCardinality(String)         COMMENT 'Slack channel',
    channel_name        String                         COMMENT 'Its name today',
    account_id          String                         COMMENT 'Account of the channel, today',
    account_name        String                         COMMENT 'Its name',
    deal_id             String                         COMMENT 'Deal of the channel, today; may be empty',
    root_ts             String                         COMMENT 'ts of the first message: the id of the thread in its channel',
    root_time           DateTime64(6, 'UTC')           COMMENT 'root_ts as a time',
    root_deleted        UInt8                          COMMENT '1: the first message was deleted, or is older than what is known; the replies are there',
    root_user_id        String                         COMMENT 'Slack user id of who began; empty: the first message was deleted',
    root_author_name    String                         COMMENT 'Name of who began',
    root_is_external    UInt8                          COMMENT '1: a person of another company began',
    root_text           String                         COMMENT 'What the first message says now',
    replies             UInt64                         COMMENT 'Replies that are there now',
    participants        UInt64                         COMMENT 'People and apps who said something in it, the first message included',
    external_people     UInt64                         COMMENT 'Those of another company',
    first_response_at   Nullable(DateTime64(6, 'UTC')) COMMENT 'First reply by somebody other than who began; NULL: none, or the first message was deleted, so that who began is not known',
    first_response_secs Nullable(Float64)              COMMENT 'Seconds from the first message to that reply; NULL as that is',
    last_activity       DateTime64(6, 'UTC')           COMMENT 'When the last message of the thread was said',
    last_is_external    UInt8                          COMMENT '1: a person of another company had the last word'
)
AS SELECT
    org_id, team_id, channel_id, channel_name, account_id, account_name, deal_id, root_ts, root_time, root_deleted, root_user_id, root_author_name, root_is_external, root_text,
    replies, participants, external_people, first_response_at,
    if(first_response_at IS NULL, NULL, (toUnixTimestamp64Micro(assumeNotNull(first_response_at)) - toUnixTimestamp64Micro(root_time)) / 1e6) AS first_response_secs,
    last_activity, last_is_external
FROM
(
    SELECT
        org_id, team_id, channel_id, any(channel_name) AS channel_name, any(account_id) AS account_id, any(account_name) AS account_name, any(deal_id) AS deal_id, root_ts,
        toDateTime64(toDecimal64(root_ts, 6), 6, 'UTC') AS root_time,
        toUInt8(countIf(is_reply = 0) = 0)                     AS root_deleted,
        anyIf(if(user_id = '', bot_id, user_id), is_reply = 0) AS root_user_id,
        anyIf(author_name, is_reply = 0)                       AS root_author_name,
        anyIf(is_external, is_reply = 0)                       AS root_is_external,
        anyIf(text, is_reply = 0)                              AS root_text,
        countIf(is_reply = 1)                                  AS replies,
        uniqExact(if(user_id = '', bot_id, user_id))           AS participants,
        uniqExactIf(user_id, is_external = 1)                  AS external_people,
        arrayFilter(x -> x.2 != root_user_id, groupArrayIf((ts_time, if(user_id = '', bot_id, user_id)), is_reply = 1)) AS of_others,
        if(root_deleted = 1 OR empty(of_others), NULL, arrayMin(x -> x.1, of_others)) AS first_response_at,
        max(ts_time)                                           AS last_activity,
        argMax(is_external, ts_time)                           AS last_is_external
    FROM conversations
    GROUP BY org_id, team_id, channel_id, root_ts
    HAVING replies > 0
)
COMMENT 'Threads of associated channels: the first message, who took part, how fast somebody answered, and when it was last active.';

-- Whoever asks with join_use_nulls = 1, as dbt does in its tests of relationships, gets the same answers.
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
SETTINGS join_use_nulls = 0
COMMENT 'Channels that are associated with an account now, with how long their organization keeps what is said in them.';

CREATE OR REPLACE VIEW people
(
    org_id         LowCardinality(String) COMMENT 'Bigmind organization',
    user_id        String                 COMMENT 'Bigmind user; empty: none is matched',
    team_id        LowCardinality(String) COMMENT 'Slack workspace; empty: not in Slack',
    slack_user_id  String                 COMMENT 'Slack user id; empty: not in Slack',
    name           String                 COMMENT 'Name in Slack, else in the directory',
    email          String                 COMMENT 'Email, lower case',
    role           LowCardinality(String) COMMENT 'owner, admin or member of the Bigmind organization',
    is_external    UInt8                  COMMENT '1: of another company',
    company_name   String                 COMMENT 'The other company',
    is_bot         UInt8                  COMMENT '1: a bot',
    is_deactivated UInt8                  COMMENT '1: deactivated in Slack',
    is_disabled    UInt8                  COMMENT '1: disabled in Bigmind'
)
AS SELECT * FROM
(
    SELECT
        s.org_id AS org_id, d.user_id AS user_id, s.team_id AS team_id, s.user_id AS slack_user_id, if(s.name = '', d.name, s.name) AS name, s.email AS email, d.role AS role,
        s.is_external AS is_external, s.company_name AS company_name, s.is_bot AS is_bot, s.deactivated AS is_deactivated, d.disabled AS is_disabled
    FROM (SELECT * FROM slack_users FINAL WHERE org_id != '') AS s
    LEFT JOIN (SELECT org_id, email, argMin(u.user_id, (u.disabled, u.user_id)) AS user_id, argMin(u.name, (u.disabled, u.user_id)) AS name, argMin(u.role, (u.disabled, u.user_id)) AS role, min(u.disabled) AS disabled
        FROM (SELECT * FROM directory_users FINAL WHERE email != '') AS u GROUP BY org_id, email) AS d
        ON d.org_id = s.org_id AND d.email = if(s.is_bot = 1 OR s.is_external = 1, '', s.email)
    UNION ALL
    SELECT d.org_id, d.user_id, '', '', d.name, d.email, d.role, 0, '', 0, 0, d.disabled
    FROM (SELECT * FROM directory_users FINAL) AS d
    LEFT ANTI JOIN (SELECT org_id, email FROM slack_users FINAL WHERE email != '' AND is_bot = 0 AND is_external = 0) AS s ON s.org_id = d.org_id AND s.email = d.email
)
SETTINGS join_use_nulls = 0
COMMENT 'People and bots: those of Slack with the Bigmind user that has their email, and Bigmind users who are not in Slack.';

CREATE OR REPLACE VIEW account_activity
(
    org_id            LowCardinality(String) COMMENT 'Bigmind organization',
    account_id        String                 COMMENT 'Account',
    account_name      String                 COMMENT 'Its name',
    day               Date                   COMMENT 'Day in UTC on which something was said',
    messages          UInt64                 COMMENT 'Messages of that day that are there now',
    external_messages UInt64                 COMMENT 'Those of people of another company',
    replies           UInt64                 COMMENT 'Replies in threads',
    people            UInt64                 COMMENT 'People and apps who said something',
    external_people   UInt64                 COMMENT 'Those of another company',
    answered          UInt64                 COMMENT 'Messages of another company''s people that were answered, on any day',
    unanswered        UInt64                 COMMENT 'Those that were not yet',
    median_wait_secs  Nullable(Float64)      COMMENT 'Median of the seconds until the answer, of those that were answered',
    silent_days       UInt32                 COMMENT 'Whole days without a message before this one; 0 on the first day'
)
AS SELECT d.org_id AS org_id, d.account_id AS account_id, d.account_name AS account_name, d.day AS day, d.messages AS messages, d.external_messages AS external_messages,
    d.replies AS replies, d.people AS people, d.external_people AS external_people, c.answered AS answered, c.unanswered AS unanswered, c.median_wait_secs AS median_wait_secs,
    toUInt32(if(d.before = toDate(0), 0, dateDiff('day', d.before, d.day) - 1)) AS silent_days
FROM
(
    SELECT *, lagInFrame(day, 1, toDate(0)) OVER (PARTITION BY org_id, account_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
    FROM
    (
        SELECT org_id, account_id, any(account_name) AS account_name, toDate(ts_time, 'UTC') AS day, count() AS messages, countIf(is_external = 1) AS external_messages,
            countIf(is_reply = 1) AS replies, uniqExact(if(user_id = '', bot_id, user_id)) AS people, uniqExactIf(user_id, is_external = 1) AS external_people
        FROM conversations
        GROUP BY org_id, account_id, day
    )
) AS d
LEFT JOIN
(
    SELECT org_id, account_id, toDate(ts_time, 'UTC') AS day, countIf(answered_at IS NOT NULL) AS answered, countIf(answered_at IS NULL) AS unanswered,
        quantileExactInclusiveOrNullIf(0.5)(assumeNotNull(waited_secs), answered_at IS NOT NULL) AS median_wait_secs
    FROM customer_messages
    GROUP BY org_id, account_id, day
) AS c ON c.org_id = d.org_id AND c.account_id = d.account_id AND c.day = d.day
SETTINGS join_use_nulls = 0
COMMENT 'Each account''s days: how much was said and by how many, how fast customers were answered, and how long it was silent before. Computed from what is there now.';
