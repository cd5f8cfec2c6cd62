-- What few messages answer, fast. Tables that are joined are small: joins need not be ready to spill, which takes them time. Conditions on the key are looked at before
-- other columns are read, with FINAL too, since all versions of a message have one key.
--
-- Words and threads are found in two steps. With FINAL the engine reads, beside each granule that an index chose, all that overlap it by the key: so the messages
-- are looked for without, in all their versions, and only those that were found are read with FINAL, by their key and their month, and looked at again.
--
-- Whatever channel was ever the account's is looked at, and conversations says which is now.
CREATE OR REPLACE VIEW account_conversations AS
SELECT * FROM conversations
WHERE org_id = {org:String} AND account_id = {account:String}
    AND (team_id, channel_id) IN (SELECT team_id, channel_id FROM channel_associations WHERE org_id = {org:String} AND account_id = {account:String})
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1
COMMENT 'conversations of one account, found fast: account_conversations(org = ''…'', account = ''…'').';

CREATE OR REPLACE VIEW channel_conversations AS
SELECT * FROM conversations WHERE org_id = {org:String} AND team_id = {team:String} AND channel_id = {channel:String}
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1
COMMENT 'conversations of one channel, found fast.';

-- A reply is never older than its root, whose ts says since when to look.
CREATE OR REPLACE VIEW thread_conversations AS
SELECT * FROM conversations
WHERE org_id = {org:String} AND team_id = {team:String} AND channel_id = {channel:String} AND root_ts = {root:String}
    AND (team_id, channel_id, ts, ts_time) IN (
        SELECT team_id, channel_id, ts, ts_time FROM messages
        WHERE org_id = {org:String} AND team_id = {team:String} AND channel_id = {channel:String} AND (ts = {root:String} OR thread_ts = {root:String})
            AND ts_time >= toDateTime64(toDecimal64OrZero({root:String}, 6), 6, 'UTC'))
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1
COMMENT 'conversations of one thread, found fast: thread_conversations(org = ''…'', team = ''…'', channel = ''…'', root = ''1726394400.000100'').';

CREATE OR REPLACE VIEW account_search AS
SELECT * FROM conversations
WHERE org_id = {org:String} AND account_id = {account:String} AND hasAllTokens(text, {words:String})
    AND (team_id, channel_id, ts, ts_time) IN (
        SELECT team_id, channel_id, ts, ts_time FROM messages
        WHERE org_id = {org:String} AND hasAllTokens(text, {words:String})
            AND (team_id, channel_id) IN (SELECT team_id, channel_id FROM channel_associations WHERE org_id = {org:String} AND account_id = {account:String}))
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1
COMMENT 'conversations of one account that have all of some words, found fast: account_search(org = ''…'', account = ''…'', words = ''sso invoice'').';

CREATE OR REPLACE VIEW org_search AS
SELECT * FROM conversations
WHERE org_id = {org:String} AND hasAllTokens(text, {words:String})
    AND (team_id, channel_id, ts, ts_time) IN (SELECT team_id, channel_id, ts, ts_time FROM messages WHERE org_id = {org:String} AND hasAllTokens(text, {words:String}))
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1
COMMENT 'conversations of one organization that have all of some words, found fast: org_search(org = ''…'', words = ''renewal'').';

-- An answer comes after its question, and a reply after its root: what was said before 'since' decides nothing.
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
            OVER (PARTITION BY team_id, channel_id, place ORDER BY ts_time ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next_us
    FROM
    (
        SELECT *, if(count() OVER (PARTITION BY team_id, channel_id, root_ts) > 1 OR is_reply = 1, root_ts, '') AS place
        FROM conversations
        WHERE org_id = {org:String} AND ts_time >= {since:DateTime64(3, 'UTC')}
    )
)
WHERE is_external = 1
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1
COMMENT 'customer_messages of one organization from a time on, found fast: recent_customer_messages(org = ''…'', since = ''2026-09-01 00:00:00'').';
