-- From when to when each channel is known completely, and how its sync goes: the last record of sync.checkpoints.
CREATE TABLE IF NOT EXISTS sync_coverage
(
    org_id           LowCardinality(String)      COMMENT 'Bigmind organization; empty on a tombstone',
    team_id          LowCardinality(String)      COMMENT 'Slack workspace',
    channel_id       String                      COMMENT 'Slack channel',
    status           LowCardinality(String)      COMMENT 'backfilling, complete or stopped',
    reason           LowCardinality(String)      COMMENT 'Why it is stopped; see schemas/REFERENCE.md',
    is_complete      UInt8                       COMMENT '1: known from window_start to newest, with all threads, and nothing waits to be read',
    window_start     String                      COMMENT 'ts where the backfill ends',
    oldest           String                      COMMENT 'ts from which on the channel is known without a gap, up to newest',
    newest           String                      COMMENT 'ts up to which it is known',
    known_from       Array(DateTime64(6, 'UTC')) COMMENT 'Where the stretches begin that are known, newest first; between two of them is a gap',
    known_to         Array(DateTime64(6, 'UTC')) COMMENT 'Where they end',
    threads          UInt64                      COMMENT 'Threads that were found',
    threads_pending  UInt32                      COMMENT 'Threads that have moved and were not read yet',
    messages         UInt64                      COMMENT 'Messages that the backfill has read',
    started_at       DateTime64(3, 'UTC')        COMMENT 'When the sync began',
    reconciled_at    DateTime64(3, 'UTC')        COMMENT 'When the newest messages were last read again',
    swept_at         DateTime64(3, 'UTC')        COMMENT 'When all messages of the window were last read again; 1970: not yet',
    ends_at          DateTime64(3, 'UTC')        COMMENT 'When the backfill will have ended, as an estimate; 1970: it has',
    updated_at       DateTime64(3, 'UTC')        COMMENT 'When this was written',
    version          UInt64                      COMMENT 'Order of changes',
    is_deleted       UInt8                       COMMENT '1: removed'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (team_id, channel_id)
COMMENT 'Coverage of each synced channel, current state with FINAL.';

-- Whether an event brought a message. In messages a polled version soon takes the place of the one that an event brought. The maximum is the same
-- however often and in what order rows are inserted, so that a replay counts nothing twice.
CREATE TABLE IF NOT EXISTS message_origins
(
    org_id     LowCardinality(String)             COMMENT 'Bigmind organization',
    team_id    LowCardinality(String)             COMMENT 'Slack workspace',
    channel_id LowCardinality(String)             COMMENT 'Slack channel',
    ts_time    DateTime64(6, 'UTC')               COMMENT 'ts of the message as a time',
    live       SimpleAggregateFunction(max, UInt8) COMMENT '1: an event brought the message, or an edit of it; 0: only polling did'
)
ENGINE = AggregatingMergeTree
ORDER BY (org_id, team_id, channel_id, ts_time)
COMMENT 'How each message came, current state with FINAL; kept by message_origins_feed.';

CREATE MATERIALIZED VIEW IF NOT EXISTS message_origins_feed TO message_origins AS
SELECT org_id, team_id, channel_id, ts_time, toUInt8(source = 'live') AS live
FROM messages
WHERE is_deleted = 0;

-- What events delivered of each channel since its sync began, and what only polling found. A gap is a run of messages that no event brought, between two
-- that events did.
CREATE OR REPLACE VIEW sync_deliveries AS
SELECT
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
GROUP BY org_id, team_id, channel_id;
