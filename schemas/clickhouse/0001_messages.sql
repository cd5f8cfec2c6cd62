-- One row per version of a message of an associated channel. Identity is the sorting key; FINAL answers with the highest
-- version, and leaves out what was deleted. Never OPTIMIZE … CLEANUP: a late older version would bring a deleted row back.
-- What is looked for is a few rows here and there, words and threads, and each costs a granule: so granules are small.
CREATE TABLE IF NOT EXISTS messages
(
    org_id         LowCardinality(String) COMMENT 'Bigmind organization (tenant)',
    team_id        LowCardinality(String) COMMENT 'Slack workspace through which the channel is synced',
    channel_id     LowCardinality(String) COMMENT 'Slack channel',
    ts             String                 COMMENT 'Slack message timestamp: the id of the message in its channel',
    ts_time        DateTime64(6, 'UTC')   COMMENT 'ts as a time',
    version        UInt64                 COMMENT 'Slack clock in microseconds; the highest is what the message now says',
    is_deleted     UInt8                  COMMENT '1: this version deletes the message',
    thread_ts      String                 COMMENT 'ts of the thread root, empty outside threads',
    subtype        LowCardinality(String) COMMENT 'Slack message subtype, empty for ordinary messages',
    user_id        String                 COMMENT 'Slack user id of the author',
    bot_id         LowCardinality(String) COMMENT 'Slack bot id, for messages of apps',
    author_name    String                 COMMENT 'Name of the author when the row was written',
    author_email   String                 COMMENT 'Email of the author when the row was written, lower case',
    author_team_id LowCardinality(String) COMMENT 'Home workspace of an author of another workspace',
    is_external    UInt8                  COMMENT '1: the author is of another company (Slack Connect)',
    text           String                 COMMENT 'Text in Slack mrkdwn, as Slack sent it',
    file_names     Array(String)          COMMENT 'Names of attached files',
    edited_ts      String                 COMMENT 'When it was last edited, empty if never',
    account_id     String                 COMMENT 'Account of the channel when the row was written (audit); views resolve the current one',
    deal_id        String                 COMMENT 'Deal of the channel when the row was written (audit)',
    source         LowCardinality(String) COMMENT 'live (event) or history (polled)',
    received_at    DateTime64(3, 'UTC')   COMMENT 'When Backchannel received this version',
    inserted_at    DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was inserted'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(ts_time)
ORDER BY (org_id, team_id, channel_id, ts)
SETTINGS index_granularity = 1024
COMMENT 'Message versions of associated channels. Analysts query the view conversations.';
