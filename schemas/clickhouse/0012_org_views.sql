-- One organization at a time, where the server does not hold the line itself: a query through these reads no other's rows.
CREATE OR REPLACE VIEW org_conversations AS SELECT * FROM conversations WHERE org_id = {org:String}
COMMENT 'conversations of one organization: org_conversations(org = ''…'').';

CREATE OR REPLACE VIEW org_threads AS SELECT * FROM threads WHERE org_id = {org:String}
COMMENT 'threads of one organization.';

CREATE OR REPLACE VIEW org_messages AS SELECT * FROM messages FINAL WHERE org_id = {org:String}
COMMENT 'messages of one organization, the last version of each, with audit columns; channels that are dissociated, too.';

CREATE OR REPLACE VIEW org_message_versions AS SELECT * FROM message_versions WHERE org_id = {org:String}
COMMENT 'message_versions of one organization.';

CREATE OR REPLACE VIEW org_customer_messages AS SELECT * FROM customer_messages WHERE org_id = {org:String}
COMMENT 'customer_messages of one organization.';

CREATE OR REPLACE VIEW org_account_activity AS SELECT * FROM account_activity WHERE org_id = {org:String}
COMMENT 'account_activity of one organization.';

CREATE OR REPLACE VIEW org_channel_associations AS SELECT * FROM channel_associations FINAL WHERE org_id = {org:String}
COMMENT 'channel_associations of one organization.';

CREATE OR REPLACE VIEW org_association_periods AS SELECT * FROM association_periods WHERE org_id = {org:String}
COMMENT 'association_periods of one organization.';

CREATE OR REPLACE VIEW org_accounts AS SELECT * FROM accounts FINAL WHERE org_id = {org:String}
COMMENT 'accounts of one organization, as they are now.';

CREATE OR REPLACE VIEW org_deals AS SELECT * FROM deals FINAL WHERE org_id = {org:String}
COMMENT 'deals of one organization, as they are now.';

CREATE OR REPLACE VIEW org_people AS SELECT * FROM people WHERE org_id = {org:String}
COMMENT 'people of one organization.';

CREATE OR REPLACE VIEW org_channels AS SELECT * FROM slack_channels FINAL WHERE org_id = {org:String}
COMMENT 'slack_channels of one organization, as they are now.';

CREATE OR REPLACE VIEW org_sync_coverage AS SELECT * FROM sync_coverage FINAL WHERE org_id = {org:String}
COMMENT 'sync_coverage of one organization, as it is now.';

CREATE OR REPLACE VIEW org_sync_deliveries AS SELECT * FROM sync_deliveries WHERE org_id = {org:String}
COMMENT 'sync_deliveries of one organization.';

CREATE OR REPLACE VIEW org_notification_log AS SELECT * FROM notification_log FINAL WHERE org_id = {org:String}
COMMENT 'notification_log of one organization, the last state of each.';

CREATE OR REPLACE VIEW org_freshness AS SELECT * FROM freshness WHERE org_id = {org:String}
COMMENT 'freshness of one organization.';

-- The account's channels are looked up first, so that only their messages are read.
CREATE OR REPLACE VIEW account_conversations AS
SELECT * FROM conversations
WHERE org_id = {org:String} AND account_id = {account:String}
    AND (team_id, channel_id) IN (SELECT team_id, channel_id FROM current_associations WHERE org_id = {org:String} AND account_id = {account:String})
COMMENT 'conversations of one account, found fast: account_conversations(org = ''…'', account = ''…'').';

CREATE OR REPLACE VIEW channel_conversations AS
SELECT * FROM conversations WHERE org_id = {org:String} AND team_id = {team:String} AND channel_id = {channel:String}
COMMENT 'conversations of one channel, found fast; add root_ts for one thread.';

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
COMMENT 'customer_messages of one organization from a time on, found fast: recent_customer_messages(org = ''…'', since = ''2026-09-01 00:00:00'').';
