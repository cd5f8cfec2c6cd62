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
    live             UInt64                      COMMENT 'Messages that events delivered',
    found            UInt64                      COMMENT 'Messages that only polling found, although an event should have delivered them',
    gaps             UInt64                      COMMENT 'Gaps in what events delivered; polling has closed them',
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
