-- One row for each request, recipient and channel: what became of it, how that was decided, and when. Read it with FINAL.
CREATE TABLE IF NOT EXISTS notification_log
(
    org_id       LowCardinality(String) COMMENT 'Bigmind organization',
    request_id   String                 COMMENT 'Request of the upstream system',
    recipient    String                 COMMENT 'Directory user id, else email or role, as it was found or named',
    channel      LowCardinality(String) COMMENT 'slack or email; empty: it ended before a channel was chosen',
    delivery_id  String                 COMMENT 'Delivery; empty when the request ended before it was routed to a channel',
    merged_into  String                 COMMENT 'Delivery whose message says this too; empty: it had a message of its own',
    type         LowCardinality(String) COMMENT 'Notification type',
    status       LowCardinality(String) COMMENT 'delivered, suppressed, expired or failed',
    reason       LowCardinality(String) COMMENT 'Why not delivered; see schemas/README.md',
    detail       String                 COMMENT 'A sentence for a person',
    rule         LowCardinality(String) COMMENT 'Which preference decided: user_type, user_category, org_type, org_category or type_default',
    choice       LowCardinality(String) COMMENT 'email, message, both or off',
    considered   Array(String)          COMMENT 'Every rule that says something, as rule=choice, in their order',
    mandatory    UInt8                  COMMENT '1: the type cannot be turned off, and an off was passed over',
    fallback     UInt8                  COMMENT '1: the other channel took the place of one that cannot work',
    held         LowCardinality(String) COMMENT 'Why it waited: quiet_hours, group_window or over_cap',
    held_until   DateTime64(3, 'UTC')   COMMENT 'Until when it waited; 1970: it did not',
    tz           LowCardinality(String) COMMENT 'Whose clock the quiet hours were read by',
    named        String                 COMMENT 'How the request named the recipient, when otherwise',
    attempts     UInt32                 COMMENT 'How many times the message was handed over',
    reply        String                 COMMENT 'What the mail server said',
    ambiguous    UInt8                  COMMENT '1: a crash left it unknown whether an earlier attempt arrived',
    team_id      LowCardinality(String) COMMENT 'Slack workspace of the DM',
    channel_id   String                 COMMENT 'The DM',
    ts           String                 COMMENT 'ts of the posted message',
    requested_at DateTime64(3, 'UTC')   COMMENT 'When the upstream system asked; 1970: unknown',
    routed_at    DateTime64(3, 'UTC')   COMMENT 'When it was decided; 1970: it ended before',
    released_at  DateTime64(3, 'UTC')   COMMENT 'When it had waited long enough; 1970: it did not wait',
    at           DateTime64(3, 'UTC')   COMMENT 'When it ended',
    version      UInt64                 COMMENT 'at in milliseconds; the last outcome counts'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY (org_id, request_id, recipient, channel)
COMMENT 'What became of each notification request, for each recipient and channel, and why.';
