-- Indexes for what is asked most. In the order of messages a channel's messages stand in the order in which they were said, so that a span of time is
-- few granules of each channel.
ALTER TABLE messages ADD INDEX IF NOT EXISTS said ts_time TYPE minmax GRANULARITY 1;

ALTER TABLE messages ADD INDEX IF NOT EXISTS words text TYPE text(tokenizer = 'splitByNonAlpha', preprocessor = lowerUTF8(text));

ALTER TABLE messages MATERIALIZE INDEX said;

ALTER TABLE messages MATERIALIZE INDEX words;

-- What each message said, once for each wording: in messages a merge leaves only the last. A poll that finds the wording that is known changes only the
-- version up to which it was seen; minimum and maximum are the same however often and in what order rows are inserted, so that a replay adds nothing.
CREATE TABLE IF NOT EXISTS message_texts
(
    org_id        LowCardinality(String)                              COMMENT 'Bigmind organization',
    team_id       LowCardinality(String)                              COMMENT 'Slack workspace',
    channel_id    LowCardinality(String)                              COMMENT 'Slack channel',
    ts            String                                              COMMENT 'Slack message timestamp: the id of the message in its channel',
    wording       UInt64                                              COMMENT 'Hash of text, files and edited_ts: which wording of the message',
    ts_time       DateTime64(6, 'UTC')                                COMMENT 'ts as a time',
    user_id       SimpleAggregateFunction(any, String)                COMMENT 'Slack user id of the author',
    text          SimpleAggregateFunction(any, String)                COMMENT 'Text in Slack mrkdwn',
    file_names    SimpleAggregateFunction(any, Array(String))         COMMENT 'Names of attached files',
    edited_ts     SimpleAggregateFunction(any, String)                COMMENT 'The edit that made this wording, empty for the first',
    first_version SimpleAggregateFunction(min, UInt64)                COMMENT 'Version in which this wording was seen first',
    last_version  SimpleAggregateFunction(max, UInt64)                COMMENT 'Version in which it was seen last',
    received_at   SimpleAggregateFunction(min, DateTime64(3, 'UTC'))  COMMENT 'When Backchannel received it first',
    queryable_at  SimpleAggregateFunction(min, DateTime64(3, 'UTC'))  COMMENT 'When its first row was inserted'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(ts_time)
ORDER BY (org_id, team_id, channel_id, ts, wording)
COMMENT 'Every wording of every message, current state with FINAL; kept by message_texts_feed. Analysts query the view message_versions.';

CREATE MATERIALIZED VIEW IF NOT EXISTS message_texts_feed TO message_texts AS
SELECT org_id, team_id, channel_id, ts, cityHash64(text, file_names, edited_ts) AS wording, ts_time, user_id, text, file_names, edited_ts,
    version AS first_version, version AS last_version, received_at, inserted_at AS queryable_at
FROM messages
WHERE is_deleted = 0;

INSERT INTO message_texts
SELECT org_id, team_id, channel_id, ts, cityHash64(text, file_names, edited_ts), ts_time, user_id, text, file_names, edited_ts, version, version, received_at, inserted_at
FROM messages
WHERE is_deleted = 0
SETTINGS max_partitions_per_insert_block = 0;

ALTER TABLE message_origins_feed MODIFY COMMENT 'Feeds message_origins from messages.';

ALTER TABLE message_texts_feed MODIFY COMMENT 'Feeds message_texts from messages.';

ALTER TABLE schema_migrations
    COMMENT COLUMN name 'Migration, as its file is named',
    COMMENT COLUMN checksum 'SHA-256 of the file',
    COMMENT COLUMN applied_at 'When it was completed';
