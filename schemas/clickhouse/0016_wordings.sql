-- message_texts has what was said by messages that were reworded, and no second copy of all the others. What an edit replaced is inserted with it: enrich
-- passes on what Slack's event says of it (previous_message), and where that says nothing the sink copies what messages still has, before it inserts the edit.
--
-- A row of a version before has the column's default, and is kept as it was then: both run side by side while they are upgraded.
ALTER TABLE messages ADD COLUMN IF NOT EXISTS reworded UInt8 DEFAULT 1 COMMENT '1: message_texts keeps this wording, since the message says, or said, something else; 0: it has been said once';

-- What was inserted and not merged yet is a file a part, and not one for each column: inserts of a few megabytes cost a tenth less (make bench-context).
ALTER TABLE messages MODIFY SETTING min_bytes_for_wide_part = 100000000;

-- When a message came first, however often it comes again. What was there before the columns has them from message_texts.
ALTER TABLE message_origins ADD COLUMN IF NOT EXISTS received_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) DEFAULT toDateTime64('2261-01-01 00:00:00', 3, 'UTC') COMMENT 'When Backchannel received it first; 2261: not known';

ALTER TABLE message_origins ADD COLUMN IF NOT EXISTS queryable_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) DEFAULT toDateTime64('2261-01-01 00:00:00', 3, 'UTC') COMMENT 'When its first row was inserted; 2261: not known';

ALTER TABLE message_origins_feed MODIFY QUERY
SELECT org_id, team_id, channel_id, ts_time, toUInt8(source = 'live') AS live, received_at, inserted_at AS queryable_at
FROM messages
WHERE is_deleted = 0;

INSERT INTO message_origins (org_id, team_id, channel_id, ts_time, live, received_at, queryable_at)
SELECT org_id, team_id, channel_id, ts_time, 0, received_at, queryable_at
FROM message_texts;

ALTER TABLE message_texts_feed MODIFY QUERY
SELECT org_id, team_id, channel_id, ts, cityHash64(text, file_names, edited_ts) AS wording, ts_time, user_id, text, file_names, edited_ts,
    version AS first_version, version AS last_version, received_at, inserted_at AS queryable_at
FROM messages
WHERE is_deleted = 0 AND reworded = 1;

ALTER TABLE message_texts MODIFY COMMENT 'Every wording of messages that were reworded, current state with FINAL; kept by message_texts_feed. Analysts query the view message_versions.';

-- What a message says now is in messages, what it said before in message_texts; which may have the one, too. Slack tells edits in whole seconds: of two in
-- one second that is the later which was seen last.
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
    row_number() OVER (PARTITION BY org_id, team_id, channel_id, ts ORDER BY edited_ts, last_version) AS number,
    is_current, worded_at, text, file_names, edited_ts
FROM
(
    SELECT *,
        max(is_current) OVER (PARTITION BY org_id, team_id, channel_id, ts) AS is_there,
        leadInFrame(worded_at, 1, toDateTime64(0, 6, 'UTC')) OVER (PARTITION BY org_id, team_id, channel_id, ts ORDER BY edited_ts, last_version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS replaced_at
    FROM
    (
        SELECT w.org_id AS org_id, w.team_id AS team_id, w.channel_id AS channel_id, w.ts AS ts, a.account_id AS account_id, a.worded_from AS worded_from,
            any(w.ts_time) AS ts_time, any(w.user_id) AS user_id, any(w.text) AS text, any(w.file_names) AS file_names, any(w.edited_ts) AS edited_ts,
            max(w.last_version) AS last_version, max(w.is_current) AS is_current,
            if(edited_ts = '', ts_time, toDateTime64(toDecimal64(edited_ts, 6), 6, 'UTC')) AS worded_at
        FROM
        (
            SELECT org_id, team_id, channel_id, ts, wording, ts_time, user_id, text, file_names, edited_ts, last_version, toUInt8(0) AS is_current
            FROM message_texts
            UNION ALL
            SELECT org_id, team_id, channel_id, ts, cityHash64(text, file_names, edited_ts) AS wording, ts_time, user_id, text, file_names, edited_ts, version AS last_version, toUInt8(1) AS is_current
            FROM messages FINAL
        ) AS w
        INNER JOIN current_associations AS a ON a.team_id = w.team_id AND a.channel_id = w.channel_id AND a.org_id = w.org_id
        WHERE w.ts_time >= a.kept_from
        GROUP BY w.org_id, w.team_id, w.channel_id, w.ts, w.wording, a.account_id, a.worded_from
    )
)
WHERE is_there = 1 AND (is_current = 1 OR replaced_at = toDateTime64(0, 6, 'UTC') OR replaced_at >= worded_from)
SETTINGS do_not_merge_across_partitions_select_final = 1, join_use_nulls = 0
COMMENT 'Each wording of each message that conversations has, as long as the organization keeps them.';

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
AS SELECT o.org_id AS org_id, o.team_id AS team_id, o.channel_id AS channel_id,
    concat(toString(intDiv(toUnixTimestamp64Micro(o.ts_time), 1000000)), '.', leftPad(toString(toUnixTimestamp64Micro(o.ts_time) % 1000000), 6, '0')) AS ts,
    o.ts_time AS ts_time, o.first_row AS queryable_at,
    (toUnixTimestamp64Milli(o.first_row) - toUnixTimestamp64Micro(o.ts_time) / 1000) / 1000 AS lag_secs,
    multiIf(c.team_id != '' AND o.ts_time < c.started_at, 'backfilled', o.by_event = 0, 'repaired', dateDiff('second', o.ts_time, o.first_received) >= 60, 'late', 'live') AS how
FROM
(
    SELECT org_id, team_id, channel_id, ts_time, max(live) AS by_event, min(received_at) AS first_received, min(queryable_at) AS first_row
    FROM message_origins
    GROUP BY org_id, team_id, channel_id, ts_time
    HAVING first_row < toDateTime64('2261-01-01 00:00:00', 3, 'UTC')
) AS o
LEFT JOIN (SELECT org_id, team_id, channel_id, started_at FROM sync_coverage FINAL) AS c ON c.org_id = o.org_id AND c.team_id = o.team_id AND c.channel_id = o.channel_id
COMMENT 'How long each message took from Slack to its first queryable row, and why.';

CREATE OR REPLACE VIEW org_messages AS SELECT * FROM messages FINAL
WHERE org_id = {org:String} AND ts_time >= (SELECT if(max(message_days) = 0, toDateTime64(0, 6, 'UTC'), now64(6, 'UTC') - toIntervalDay(max(message_days))) FROM retention_policies FINAL WHERE org_id = {org:String})
COMMENT 'messages of one organization, the last version of each, with audit columns; channels that are dissociated, too.';
