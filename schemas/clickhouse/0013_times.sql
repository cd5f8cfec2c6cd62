-- A ts as a time without a product that overflows.
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
