-- Every answer here is exact: views read with FINAL, or compare versions, so that whoever asks need not.
CREATE OR REPLACE VIEW current_associations
(
    team_id       LowCardinality(String) COMMENT 'Slack workspace',
    channel_id    String                 COMMENT 'Slack channel',
    org_id        LowCardinality(String) COMMENT 'Bigmind organization',
    account_id    String                 COMMENT 'Account whose context the channel is now',
    deal_id       String                 COMMENT 'Deal, optional',
    associated_at DateTime64(3, 'UTC')   COMMENT 'Since when'
)
AS SELECT
    team_id,
    channel_id,
    argMax(org_id, version)     AS org_id,
    argMax(account_id, version) AS account_id,
    argMax(deal_id, version)    AS deal_id,
    argMax(changed_at, version) AS associated_at
FROM channel_associations
GROUP BY team_id, channel_id
HAVING account_id != ''
COMMENT 'Channels that are associated with an account now.';

CREATE OR REPLACE VIEW associations_as_of
(
    team_id       LowCardinality(String) COMMENT 'Slack workspace',
    channel_id    String                 COMMENT 'Slack channel',
    org_id        LowCardinality(String) COMMENT 'Bigmind organization',
    account_id    String                 COMMENT 'Account whose context the channel was then',
    deal_id       String                 COMMENT 'Deal, optional',
    associated_at DateTime64(3, 'UTC')   COMMENT 'Since when'
)
AS SELECT
    team_id,
    channel_id,
    argMax(org_id, version)     AS org_id,
    argMax(account_id, version) AS account_id,
    argMax(deal_id, version)    AS deal_id,
    argMax(changed_at, version) AS associated_at
FROM channel_associations
WHERE changed_at <= {at:DateTime64(3, 'UTC')}
GROUP BY team_id, channel_id
HAVING account_id != ''
COMMENT 'Channels that were associated at a time: associations_as_of(at = ''2026-09-01 00:00:00'').';

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
    source     LowCardinality(String)         COMMENT 'slack, console or upstream'
)
AS SELECT org_id, team_id, channel_id, account_id, deal_id, valid_from, valid_to, changed_by, source
FROM
(
    SELECT org_id, team_id, channel_id, account_id, deal_id, changed_at AS valid_from, changed_by, source,
        leadInFrame(toNullable(changed_at), 1, NULL) OVER (PARTITION BY team_id, channel_id ORDER BY version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS valid_to
    FROM channel_associations FINAL
)
WHERE account_id != ''
COMMENT 'Each channel''s associations with their spans of time.';

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
-- ts fixes the month, so that a message is never in two: FINAL need not look across months, and a time filter skips them.
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'Every message as it reads now, of every channel that is associated with an account now. What was deleted in Slack is not in it.';

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
    root_user_id        String                         COMMENT 'Slack user id of who began',
    root_author_name    String                         COMMENT 'Name of who began',
    root_is_external    UInt8                          COMMENT '1: a person of another company began',
    root_text           String                         COMMENT 'What the first message says now',
    replies             UInt64                         COMMENT 'Replies that are there now',
    participants        UInt64                         COMMENT 'People and apps who said something in it, the first message included',
    external_people     UInt64                         COMMENT 'Those of another company',
    first_response_at   Nullable(DateTime64(6, 'UTC')) COMMENT 'First reply by somebody other than who began; NULL: none',
    first_response_secs Nullable(Float64)              COMMENT 'Seconds from the first message to that reply',
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
        arrayMin(x -> x.1, arrayFilter(x -> x.2 != root_user_id, groupArrayIf((ts_time, if(user_id = '', bot_id, user_id)), is_reply = 1))) AS first_other,
        if(length(arrayFilter(x -> x.2 != root_user_id, groupArrayIf((ts_time, if(user_id = '', bot_id, user_id)), is_reply = 1))) = 0, NULL, first_other) AS first_response_at,
        max(ts_time)                                           AS last_activity,
        argMax(is_external, ts_time)                           AS last_is_external
    FROM conversations
    GROUP BY org_id, team_id, channel_id, root_ts
    HAVING replies > 0
)
COMMENT 'Threads of associated channels: the first message, who took part, how fast somebody answered, and when it was last active.';

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
AS SELECT
    t.org_id AS org_id, t.team_id AS team_id, t.channel_id AS channel_id, t.ts AS ts, t.ts_time AS ts_time, m.account_id AS account_id, t.user_id AS user_id,
    row_number() OVER (PARTITION BY t.org_id, t.team_id, t.channel_id, t.ts ORDER BY t.edited_ts, t.first_version) AS number,
    t.last_version = max(t.last_version) OVER (PARTITION BY t.org_id, t.team_id, t.channel_id, t.ts) AS is_current,
    if(t.edited_ts = '', t.ts_time, toDateTime64(toDecimal64(t.edited_ts, 6), 6, 'UTC')) AS worded_at,
    t.text AS text, t.file_names AS file_names, t.edited_ts AS edited_ts
FROM message_texts AS t FINAL
INNER JOIN
(
    SELECT m.org_id AS org_id, m.team_id AS team_id, m.channel_id AS channel_id, m.ts AS ts, a.account_id AS account_id
    FROM messages AS m FINAL
    INNER JOIN current_associations AS a ON a.team_id = m.team_id AND a.channel_id = m.channel_id AND a.org_id = m.org_id
) AS m ON m.org_id = t.org_id AND m.team_id = t.team_id AND m.channel_id = t.channel_id AND m.ts = t.ts
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'Each wording of each message that conversations has, as long as the organization keeps them.';

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
AS SELECT
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
COMMENT 'People and bots: those of Slack with the Bigmind user that has their email, and Bigmind users who are not in Slack.';

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
    answered_at  Nullable(DateTime64(6, 'UTC')) COMMENT 'When a person of ours spoke next: in the thread, or outside threads in the channel; NULL: unanswered',
    waited_secs  Nullable(Float64)              COMMENT 'Seconds until then'
)
AS SELECT org_id, team_id, channel_id, channel_name, account_id, account_name, ts, ts_time, root_ts, user_id, author_name, text,
    if(next_us = 0, NULL, fromUnixTimestamp64Micro(toInt64(next_us), 'UTC')) AS answered_at,
    if(next_us = 0, NULL, (toInt64(next_us) - toUnixTimestamp64Micro(ts_time)) / 1e6) AS waited_secs
FROM
(
    SELECT *,
        minIf(toUInt64(toUnixTimestamp64Micro(ts_time)), is_external = 0 AND bot_id = '')
            OVER (PARTITION BY org_id, team_id, channel_id, place ORDER BY ts_time ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next_us
    FROM
    (
        SELECT *, if(count() OVER (PARTITION BY org_id, team_id, channel_id, root_ts) > 1 OR is_reply = 1, root_ts, '') AS place
        FROM conversations
    )
)
WHERE is_external = 1
COMMENT 'What people of other companies said, and when a person of ours answered.';

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
COMMENT 'Each account''s days: how much was said and by how many, how fast customers were answered, and how long it was silent before. Computed from what is there now.';

CREATE OR REPLACE VIEW freshness
(
    org_id       LowCardinality(String) COMMENT 'Bigmind organization',
    team_id      LowCardinality(String) COMMENT 'Slack workspace',
    channel_id   LowCardinality(String) COMMENT 'Slack channel',
    ts           String                 COMMENT 'Slack message timestamp',
    ts_time      DateTime64(6, 'UTC')   COMMENT 'When it was said',
    queryable_at DateTime64(3, 'UTC')   COMMENT 'When its first row was inserted',
    lag_secs     Float64                COMMENT 'Seconds from the one to the other',
    how          LowCardinality(String) COMMENT 'live: by an event, within a minute; late: by an event that came later; repaired: polling found what no event brought; backfilled: said before the sync began'
)
AS SELECT t.org_id AS org_id, t.team_id AS team_id, t.channel_id AS channel_id, t.ts AS ts, t.ts_time AS ts_time, t.first_row AS queryable_at,
    (toUnixTimestamp64Milli(t.first_row) - toUnixTimestamp64Micro(t.ts_time) / 1000) / 1000 AS lag_secs,
    multiIf(c.team_id != '' AND t.ts_time < c.started_at, 'backfilled', o.live = 0, 'repaired', dateDiff('second', t.ts_time, t.first_received) >= 60, 'late', 'live') AS how
FROM
(
    SELECT org_id, team_id, channel_id, ts, any(ts_time) AS ts_time, min(queryable_at) AS first_row, min(received_at) AS first_received
    FROM message_texts
    GROUP BY org_id, team_id, channel_id, ts
) AS t
LEFT JOIN (SELECT org_id, team_id, channel_id, ts_time, max(live) AS live FROM message_origins GROUP BY org_id, team_id, channel_id, ts_time) AS o
    ON o.org_id = t.org_id AND o.team_id = t.team_id AND o.channel_id = t.channel_id AND o.ts_time = t.ts_time
LEFT JOIN (SELECT org_id, team_id, channel_id, started_at FROM sync_coverage FINAL) AS c ON c.org_id = t.org_id AND c.team_id = t.team_id AND c.channel_id = t.channel_id
COMMENT 'How long each message took from Slack to its first queryable row, and why.';

CREATE OR REPLACE VIEW sync_deliveries
(
    org_id     LowCardinality(String) COMMENT 'Bigmind organization',
    team_id    LowCardinality(String) COMMENT 'Slack workspace',
    channel_id LowCardinality(String) COMMENT 'Slack channel',
    live       UInt64                 COMMENT 'Messages since the sync began that came by an event',
    found      UInt64                 COMMENT 'Messages that polling alone found',
    gaps       UInt64                 COMMENT 'Runs of found messages between two live ones',
    found_last DateTime64(6, 'UTC')   COMMENT 'When the latest found message was said; 1970: none was found'
)
AS SELECT
    org_id,
    team_id,
    channel_id,
    countIf(by_event = 1)                AS live,
    countIf(by_event = 0)                AS found,
    countIf(by_event = 0 AND before = 1) AS gaps,
    maxIf(ts_time, by_event = 0)         AS found_last
FROM
(
    SELECT
        o.org_id     AS org_id,
        o.team_id    AS team_id,
        o.channel_id AS channel_id,
        o.ts_time    AS ts_time,
        o.live       AS by_event,
        lagInFrame(o.live, 1, 1) OVER (PARTITION BY o.org_id, o.team_id, o.channel_id ORDER BY o.ts_time) AS before
    FROM message_origins AS o FINAL
    INNER JOIN (SELECT org_id, team_id, channel_id, started_at FROM sync_coverage FINAL) AS c
        ON c.org_id = o.org_id AND c.team_id = o.team_id AND c.channel_id = o.channel_id
    WHERE o.ts_time >= c.started_at
)
GROUP BY org_id, team_id, channel_id
COMMENT 'What events delivered of each channel since its sync began, and what only polling found.';
