-- The control topics as tables. version grows with each record of a key: the broker's time, then the offset. The last is the truth.
CREATE TABLE IF NOT EXISTS channel_associations
(
    org_id     LowCardinality(String) COMMENT 'Bigmind organization; empty on a tombstone',
    team_id    LowCardinality(String) COMMENT 'Slack workspace',
    channel_id String                 COMMENT 'Slack channel',
    account_id String                 COMMENT 'CRM account; empty: dissociated',
    deal_id    String                 COMMENT 'CRM deal, optional',
    changed_by String                 COMMENT 'Who associated the channel',
    source     LowCardinality(String) COMMENT 'slack, console or upstream',
    changed_at DateTime64(3, 'UTC')   COMMENT 'When',
    version    UInt64                 COMMENT 'Order of the changes of one channel'
)
ENGINE = ReplacingMergeTree
ORDER BY (team_id, channel_id, version)
COMMENT 'Every change of a channel''s association, kept for audit.';

CREATE TABLE IF NOT EXISTS accounts
(
    org_id     LowCardinality(String) COMMENT 'Bigmind organization',
    account_id String                 COMMENT 'CRM account',
    name       String                 COMMENT 'Name of the account',
    domains    Array(String)          COMMENT 'Internet domains of the account',
    version    UInt64                 COMMENT 'Order of changes',
    is_deleted UInt8                  COMMENT '1: removed upstream'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (org_id, account_id)
COMMENT 'CRM accounts, current state with FINAL.';

CREATE TABLE IF NOT EXISTS deals
(
    org_id     LowCardinality(String) COMMENT 'Bigmind organization',
    deal_id    String                 COMMENT 'CRM deal',
    account_id String                 COMMENT 'Account of the deal',
    name       String                 COMMENT 'Name of the deal',
    stage      LowCardinality(String) COMMENT 'Stage of the deal',
    version    UInt64                 COMMENT 'Order of changes',
    is_deleted UInt8                  COMMENT '1: removed upstream'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (org_id, deal_id)
COMMENT 'CRM deals, current state with FINAL.';

CREATE TABLE IF NOT EXISTS directory_users
(
    org_id     LowCardinality(String) COMMENT 'Bigmind organization',
    user_id    String                 COMMENT 'Bigmind user',
    email      String                 COMMENT 'Email, trimmed and in lower case',
    name       String                 COMMENT 'Name',
    role       LowCardinality(String) COMMENT 'owner, admin or member',
    disabled   UInt8                  COMMENT '1: disabled',
    version    UInt64                 COMMENT 'Order of changes',
    is_deleted UInt8                  COMMENT '1: removed upstream'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (org_id, user_id)
COMMENT 'Bigmind users, current state with FINAL.';

CREATE TABLE IF NOT EXISTS slack_users
(
    org_id       LowCardinality(String) COMMENT 'Bigmind organization; empty on a tombstone',
    team_id      LowCardinality(String) COMMENT 'Slack workspace through which the person is seen',
    user_id      String                 COMMENT 'Slack user id',
    name         String                 COMMENT 'Name',
    email        String                 COMMENT 'Email, trimmed and in lower case',
    is_bot       UInt8                  COMMENT '1: a bot',
    deactivated  UInt8                  COMMENT '1: deactivated in Slack',
    is_external  UInt8                  COMMENT '1: of another company',
    home_team_id LowCardinality(String) COMMENT 'Home workspace',
    company_name String                 COMMENT 'The other company',
    version      UInt64                 COMMENT 'Order of changes',
    is_deleted   UInt8                  COMMENT '1: removed'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (team_id, user_id)
COMMENT 'People and bots of connected workspaces, current state with FINAL.';

CREATE TABLE IF NOT EXISTS slack_channels
(
    org_id        LowCardinality(String) COMMENT 'Bigmind organization; empty on a tombstone',
    team_id       LowCardinality(String) COMMENT 'Slack workspace',
    channel_id    String                 COMMENT 'Slack channel',
    name          String                 COMMENT 'Name of the channel',
    is_private    UInt8                  COMMENT '1: private',
    is_archived   UInt8                  COMMENT '1: archived',
    is_ext_shared UInt8                  COMMENT '1: shared with another company',
    is_member     UInt8                  COMMENT '1: the app is in it',
    version       UInt64                 COMMENT 'Order of changes',
    is_deleted    UInt8                  COMMENT '1: removed'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (team_id, channel_id)
COMMENT 'Channels that the app can see, current state with FINAL.';
