CREATE TABLE IF NOT EXISTS notification_outcomes
(
    org_id      LowCardinality(String) COMMENT 'Bigmind organization',
    request_id  String                 COMMENT 'Request of the upstream system',
    delivery_id String                 COMMENT 'Delivery; empty when the request ended before it was routed to a channel',
    type        LowCardinality(String) COMMENT 'Notification type',
    recipient   String                 COMMENT 'Directory user id, else email, as the request named it',
    channel     LowCardinality(String) COMMENT 'slack or email',
    status      LowCardinality(String) COMMENT 'delivered, suppressed, expired or failed',
    reason      LowCardinality(String) COMMENT 'Why not delivered; see schemas/README.md',
    detail      String                 COMMENT 'A sentence for a person',
    ambiguous   UInt8                  COMMENT '1: a crash left it unknown whether an earlier attempt arrived',
    team_id     LowCardinality(String) COMMENT 'Slack workspace of the DM',
    channel_id  String                 COMMENT 'The DM',
    ts          String                 COMMENT 'ts of the posted message',
    at          DateTime64(3, 'UTC')   COMMENT 'When the outcome was decided',
    version     UInt64                 COMMENT 'at in milliseconds; the latest outcome of a delivery counts'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY (org_id, request_id, delivery_id, channel, status)
COMMENT 'What became of each notification request.';
