-- A message is found by its id, of whatever month it is: without, its channel costs a granule of each month. Merges make the index, as they do that of words.
ALTER TABLE messages ADD INDEX IF NOT EXISTS ids ts TYPE bloom_filter(0.0001) GRANULARITY 1;

ALTER TABLE messages MATERIALIZE INDEX ids;

-- Words end at what is neither letter nor digit in any script: at the quotes and dashes that phones type, at emoji, at spaces that do not break. 'STRASSE' finds
-- 'Straße', and an umlaut is one character, however it was typed. Of scripts without spaces a whole run of characters is a word. The blocks of Unicode that have neither
-- letters nor digits are listed: a class of all letters (\p{L}) takes longer to compile, for each part, than a search may take.
ALTER TABLE messages DROP INDEX IF EXISTS words;

ALTER TABLE messages ADD INDEX IF NOT EXISTS words text TYPE text(tokenizer = 'splitByNonAlpha', preprocessor = replaceRegexpAll(normalizeUTF8NFKCCasefold(text), '[\\x{80}-\\x{BF}\\x{D7}\\x{F7}\\x{2000}-\\x{2BFF}\\x{2E00}-\\x{2E7F}\\x{3000}-\\x{3004}\\x{3008}-\\x{3030}\\x{FE00}-\\x{FE6F}\\x{FF00}-\\x{FF0F}\\x{1F000}-\\x{1FAFF}]+', ' '));

ALTER TABLE messages MATERIALIZE INDEX words;

-- Words are found first, in all versions of messages; then the messages that have them are read with FINAL, by their keys, and looked at again. With FINAL the
-- engine reads, beside each granule that an index chose, all that overlap it by the key, of every month, since one of those may have a later version
-- (use_skip_indexes_if_final_exact_mode). It need not where indexes are of the key alone, as said and ids are: all versions of a message have one key. The index of
-- words is not used there: text is concat(text, ''), which it does not know, also for whoever asks the view.
--
-- What was found is joined with what the organization alone has. On a cluster a subselect of messages is the shard's own (distributed_product_mode).
CREATE OR REPLACE VIEW account_search
(
    org_id         LowCardinality(String) COMMENT 'Bigmind organization (tenant)',
    team_id        LowCardinality(String) COMMENT 'Slack workspace through which the channel is synced',
    channel_id     LowCardinality(String) COMMENT 'Slack channel',
    channel_name   String                 COMMENT 'Its name today',
    ts             String                 COMMENT 'Slack message timestamp: with team and channel the id of the message',
    ts_time        DateTime64(6, 'UTC')   COMMENT 'ts as a time: when it was said',
    thread_ts      String                 COMMENT 'ts of the thread''s first message; empty outside threads, and may be empty on the first one',
    user_id        String                 COMMENT 'Slack user id of the author',
    author_name    String                 COMMENT 'Name of the author when the row was written',
    author_email   String                 COMMENT 'Email of the author when the row was written, lower case',
    author_user_id String                 COMMENT 'The author among Bigmind''s users, by email, as of today; empty: none',
    is_external    UInt8                  COMMENT '1: a person of another company (Slack Connect)',
    bot_id         LowCardinality(String) COMMENT 'Slack bot id, where an app wrote it',
    subtype        LowCardinality(String) COMMENT 'Slack message subtype, empty for ordinary messages',
    text           String                 COMMENT 'What it says now, in Slack mrkdwn',
    file_names     Array(String)          COMMENT 'Names of attached files',
    edited_ts      String                 COMMENT 'When it was last edited, empty if never',
    account_id     String                 COMMENT 'Account of the channel, today',
    account_name   String                 COMMENT 'Its name; of an account that is gone its id',
    account_gone   UInt8                  COMMENT '1: the account is not in accounts (any more)',
    deal_id        String                 COMMENT 'Deal of the channel, today; may be empty',
    deal_name      String                 COMMENT 'Its name; of a deal that is gone its id',
    version        UInt64                 COMMENT 'Slack clock in microseconds, as of which the message reads so',
    received_at    DateTime64(3, 'UTC')   COMMENT 'When Backchannel heard last that the message reads so: by an event, or reading the channel again',
    root_ts        String                 COMMENT 'ts of the thread''s first message; of a message outside threads its own ts',
    is_reply       UInt8                  COMMENT '1: a reply in a thread',
    author_company String                 COMMENT 'Company of an author of another company, where Slack says it',
    source         LowCardinality(String) COMMENT 'How it heard that: live, by an event; history, by reading the channel again, as it does with all messages. How a message came is in freshness'
)
AS SELECT
    m.org_id         AS org_id,
    m.team_id        AS team_id,
    m.channel_id     AS channel_id,
    c.name           AS channel_name,
    m.ts             AS ts,
    m.ts_time        AS ts_time,
    m.thread_ts      AS thread_ts,
    m.user_id        AS user_id,
    m.author_name    AS author_name,
    m.author_email   AS author_email,
    p.user_id        AS author_user_id,
    m.is_external    AS is_external,
    m.bot_id         AS bot_id,
    m.subtype        AS subtype,
    m.text           AS text,
    m.file_names     AS file_names,
    m.edited_ts      AS edited_ts,
    a.account_id     AS account_id,
    if(acc.account_id = '', a.account_id, acc.name) AS account_name,
    acc.account_id = '' AS account_gone,
    a.deal_id        AS deal_id,
    if(d.deal_id = '', a.deal_id, d.name) AS deal_name,
    m.version        AS version,
    m.received_at    AS received_at,
    if(m.thread_ts = '', m.ts, m.thread_ts) AS root_ts,
    m.thread_ts != '' AND m.thread_ts != m.ts AS is_reply,
    s.company_name   AS author_company,
    m.source         AS source
FROM
(
    SELECT * REPLACE (concat(text, '') AS text) FROM messages FINAL
    WHERE org_id = {org:String} AND (team_id, channel_id, ts) IN (
            SELECT team_id, channel_id, ts FROM messages
            WHERE org_id = {org:String} AND hasAllTokens(text, {words:String})
                AND (team_id, channel_id) IN (SELECT team_id, channel_id FROM channel_associations WHERE org_id = {org:String} AND account_id = {account:String}))
        AND hasAllTokens(replaceRegexpAll(normalizeUTF8NFKCCasefold(concat(messages.text, '')), '[\\x{80}-\\x{BF}\\x{D7}\\x{F7}\\x{2000}-\\x{2BFF}\\x{2E00}-\\x{2E7F}\\x{3000}-\\x{3004}\\x{3008}-\\x{3030}\\x{FE00}-\\x{FE6F}\\x{FF00}-\\x{FF0F}\\x{1F000}-\\x{1FAFF}]+', ' '),
            replaceRegexpAll(normalizeUTF8NFKCCasefold({words:String}), '[\\x{80}-\\x{BF}\\x{D7}\\x{F7}\\x{2000}-\\x{2BFF}\\x{2E00}-\\x{2E7F}\\x{3000}-\\x{3004}\\x{3008}-\\x{3030}\\x{FE00}-\\x{FE6F}\\x{FF00}-\\x{FF0F}\\x{1F000}-\\x{1FAFF}]+', ' '))
        AND ts_time >= (SELECT if(max(message_days) = 0, toDateTime64(0, 6, 'UTC'), now64(6, 'UTC') - toIntervalDay(max(message_days))) FROM retention_policies FINAL WHERE org_id = {org:String})
) AS m
INNER JOIN
(
    SELECT team_id, channel_id, argMax(channel_associations.org_id, version) AS org, argMax(channel_associations.account_id, version) AS account_id, argMax(channel_associations.deal_id, version) AS deal_id
    FROM channel_associations
    WHERE (team_id, channel_id) IN (SELECT team_id, channel_id FROM channel_associations WHERE org_id = {org:String} AND account_id = {account:String})
    GROUP BY team_id, channel_id
    HAVING org = {org:String} AND account_id = {account:String}
) AS a ON a.team_id = m.team_id AND a.channel_id = m.channel_id
LEFT JOIN (SELECT account_id, name FROM accounts FINAL WHERE org_id = {org:String}) AS acc ON acc.account_id = a.account_id
LEFT JOIN (SELECT deal_id, name FROM deals FINAL WHERE org_id = {org:String}) AS d ON d.deal_id = a.deal_id
LEFT JOIN (SELECT team_id, channel_id, name FROM slack_channels FINAL WHERE team_id IN (SELECT team_id FROM channel_associations WHERE org_id = {org:String})) AS c ON c.team_id = m.team_id AND c.channel_id = m.channel_id
LEFT JOIN (SELECT team_id, user_id, company_name FROM slack_users FINAL WHERE company_name != '' AND team_id IN (SELECT team_id FROM channel_associations WHERE org_id = {org:String})) AS s
    ON s.team_id = m.team_id AND s.user_id = m.user_id
LEFT JOIN (SELECT email, min(user_id) AS user_id FROM (SELECT email, user_id FROM directory_users FINAL WHERE org_id = {org:String} AND disabled = 0 AND email != '') GROUP BY email) AS p
    ON p.email = m.author_email
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1, do_not_merge_across_partitions_select_final = 1, use_skip_indexes_if_final_exact_mode = 0, distributed_product_mode = 'local', join_use_nulls = 0
COMMENT 'conversations of one account that have all of some words, found fast: account_search(org = ''…'', account = ''…'', words = ''sso invoice'').';

CREATE OR REPLACE VIEW org_search
(
    org_id         LowCardinality(String) COMMENT 'Bigmind organization (tenant)',
    team_id        LowCardinality(String) COMMENT 'Slack workspace through which the channel is synced',
    channel_id     LowCardinality(String) COMMENT 'Slack channel',
    channel_name   String                 COMMENT 'Its name today',
    ts             String                 COMMENT 'Slack message timestamp: with team and channel the id of the message',
    ts_time        DateTime64(6, 'UTC')   COMMENT 'ts as a time: when it was said',
    thread_ts      String                 COMMENT 'ts of the thread''s first message; empty outside threads, and may be empty on the first one',
    user_id        String                 COMMENT 'Slack user id of the author',
    author_name    String                 COMMENT 'Name of the author when the row was written',
    author_email   String                 COMMENT 'Email of the author when the row was written, lower case',
    author_user_id String                 COMMENT 'The author among Bigmind''s users, by email, as of today; empty: none',
    is_external    UInt8                  COMMENT '1: a person of another company (Slack Connect)',
    bot_id         LowCardinality(String) COMMENT 'Slack bot id, where an app wrote it',
    subtype        LowCardinality(String) COMMENT 'Slack message subtype, empty for ordinary messages',
    text           String                 COMMENT 'What it says now, in Slack mrkdwn',
    file_names     Array(String)          COMMENT 'Names of attached files',
    edited_ts      String                 COMMENT 'When it was last edited, empty if never',
    account_id     String                 COMMENT 'Account of the channel, today',
    account_name   String                 COMMENT 'Its name; of an account that is gone its id',
    account_gone   UInt8                  COMMENT '1: the account is not in accounts (any more)',
    deal_id        String                 COMMENT 'Deal of the channel, today; may be empty',
    deal_name      String                 COMMENT 'Its name; of a deal that is gone its id',
    version        UInt64                 COMMENT 'Slack clock in microseconds, as of which the message reads so',
    received_at    DateTime64(3, 'UTC')   COMMENT 'When Backchannel heard last that the message reads so: by an event, or reading the channel again',
    root_ts        String                 COMMENT 'ts of the thread''s first message; of a message outside threads its own ts',
    is_reply       UInt8                  COMMENT '1: a reply in a thread',
    author_company String                 COMMENT 'Company of an author of another company, where Slack says it',
    source         LowCardinality(String) COMMENT 'How it heard that: live, by an event; history, by reading the channel again, as it does with all messages. How a message came is in freshness'
)
AS SELECT
    m.org_id         AS org_id,
    m.team_id        AS team_id,
    m.channel_id     AS channel_id,
    c.name           AS channel_name,
    m.ts             AS ts,
    m.ts_time        AS ts_time,
    m.thread_ts      AS thread_ts,
    m.user_id        AS user_id,
    m.author_name    AS author_name,
    m.author_email   AS author_email,
    p.user_id        AS author_user_id,
    m.is_external    AS is_external,
    m.bot_id         AS bot_id,
    m.subtype        AS subtype,
    m.text           AS text,
    m.file_names     AS file_names,
    m.edited_ts      AS edited_ts,
    a.account_id     AS account_id,
    if(acc.account_id = '', a.account_id, acc.name) AS account_name,
    acc.account_id = '' AS account_gone,
    a.deal_id        AS deal_id,
    if(d.deal_id = '', a.deal_id, d.name) AS deal_name,
    m.version        AS version,
    m.received_at    AS received_at,
    if(m.thread_ts = '', m.ts, m.thread_ts) AS root_ts,
    m.thread_ts != '' AND m.thread_ts != m.ts AS is_reply,
    s.company_name   AS author_company,
    m.source         AS source
FROM
(
    SELECT * REPLACE (concat(text, '') AS text) FROM messages FINAL
    WHERE org_id = {org:String} AND (team_id, channel_id, ts) IN (
            SELECT team_id, channel_id, ts FROM messages
            WHERE org_id = {org:String} AND hasAllTokens(text, {words:String}))
        AND hasAllTokens(replaceRegexpAll(normalizeUTF8NFKCCasefold(concat(messages.text, '')), '[\\x{80}-\\x{BF}\\x{D7}\\x{F7}\\x{2000}-\\x{2BFF}\\x{2E00}-\\x{2E7F}\\x{3000}-\\x{3004}\\x{3008}-\\x{3030}\\x{FE00}-\\x{FE6F}\\x{FF00}-\\x{FF0F}\\x{1F000}-\\x{1FAFF}]+', ' '),
            replaceRegexpAll(normalizeUTF8NFKCCasefold({words:String}), '[\\x{80}-\\x{BF}\\x{D7}\\x{F7}\\x{2000}-\\x{2BFF}\\x{2E00}-\\x{2E7F}\\x{3000}-\\x{3004}\\x{3008}-\\x{3030}\\x{FE00}-\\x{FE6F}\\x{FF00}-\\x{FF0F}\\x{1F000}-\\x{1FAFF}]+', ' '))
        AND ts_time >= (SELECT if(max(message_days) = 0, toDateTime64(0, 6, 'UTC'), now64(6, 'UTC') - toIntervalDay(max(message_days))) FROM retention_policies FINAL WHERE org_id = {org:String})
) AS m
INNER JOIN
(
    SELECT team_id, channel_id, argMax(channel_associations.org_id, version) AS org, argMax(channel_associations.account_id, version) AS account_id, argMax(channel_associations.deal_id, version) AS deal_id
    FROM channel_associations
    WHERE team_id IN (SELECT team_id FROM channel_associations WHERE org_id = {org:String})
    GROUP BY team_id, channel_id
    HAVING org = {org:String} AND account_id != ''
) AS a ON a.team_id = m.team_id AND a.channel_id = m.channel_id
LEFT JOIN (SELECT account_id, name FROM accounts FINAL WHERE org_id = {org:String}) AS acc ON acc.account_id = a.account_id
LEFT JOIN (SELECT deal_id, name FROM deals FINAL WHERE org_id = {org:String}) AS d ON d.deal_id = a.deal_id
LEFT JOIN (SELECT team_id, channel_id, name FROM slack_channels FINAL WHERE team_id IN (SELECT team_id FROM channel_associations WHERE org_id = {org:String})) AS c ON c.team_id = m.team_id AND c.channel_id = m.channel_id
LEFT JOIN (SELECT team_id, user_id, company_name FROM slack_users FINAL WHERE company_name != '' AND team_id IN (SELECT team_id FROM channel_associations WHERE org_id = {org:String})) AS s
    ON s.team_id = m.team_id AND s.user_id = m.user_id
LEFT JOIN (SELECT email, min(user_id) AS user_id FROM (SELECT email, user_id FROM directory_users FINAL WHERE org_id = {org:String} AND disabled = 0 AND email != '') GROUP BY email) AS p
    ON p.email = m.author_email
SETTINGS join_algorithm = 'hash', optimize_move_to_prewhere_if_final = 1, do_not_merge_across_partitions_select_final = 1, use_skip_indexes_if_final_exact_mode = 0, distributed_product_mode = 'local', join_use_nulls = 0
COMMENT 'conversations of one organization that have all of some words, found fast: org_search(org = ''…'', words = ''renewal'').';

-- Columns that were taken for what they are not: whatever was read again says so.
CREATE OR REPLACE VIEW conversations
(
    org_id         LowCardinality(String) COMMENT 'Bigmind organization (tenant)',
    team_id        LowCardinality(String) COMMENT 'Slack workspace through which the channel is synced',
    channel_id     LowCardinality(String) COMMENT 'Slack channel',
    channel_name   String                 COMMENT 'Its name today',
    ts             String                 COMMENT 'Slack message timestamp: with team and channel the id of the message',
    ts_time        DateTime64(6, 'UTC')   COMMENT 'ts as a time: when it was said',
    thread_ts      String                 COMMENT 'ts of the thread''s first message; empty outside threads, and may be empty on the first one',
    user_id        String                 COMMENT 'Slack user id of the author',
    author_name    String                 COMMENT 'Name of the author when the row was written',
    author_email   String                 COMMENT 'Email of the author when the row was written, lower case',
    author_user_id String                 COMMENT 'The author among Bigmind''s users, by email, as of today; empty: none',
    is_external    UInt8                  COMMENT '1: a person of another company (Slack Connect)',
    bot_id         LowCardinality(String) COMMENT 'Slack bot id, where an app wrote it',
    subtype        LowCardinality(String) COMMENT 'Slack message subtype, empty for ordinary messages',
    text           String                 COMMENT 'What it says now, in Slack mrkdwn',
    file_names     Array(String)          COMMENT 'Names of attached files',
    edited_ts      String                 COMMENT 'When it was last edited, empty if never',
    account_id     String                 COMMENT 'Account of the channel, today',
    account_name   String                 COMMENT 'Its name; of an account that is gone its id',
    account_gone   UInt8                  COMMENT '1: the account is not in accounts (any more)',
    deal_id        String                 COMMENT 'Deal of the channel, today; may be empty',
    deal_name      String                 COMMENT 'Its name; of a deal that is gone its id',
    version        UInt64                 COMMENT 'Slack clock in microseconds, as of which the message reads so',
    received_at    DateTime64(3, 'UTC')   COMMENT 'When Backchannel heard last that the message reads so: by an event, or reading the channel again',
    root_ts        String                 COMMENT 'ts of the thread''s first message; of a message outside threads its own ts',
    is_reply       UInt8                  COMMENT '1: a reply in a thread',
    author_company String                 COMMENT 'Company of an author of another company, where Slack says it',
    source         LowCardinality(String) COMMENT 'How it heard that: live, by an event; history, by reading the channel again, as it does with all messages. How a message came is in freshness'
)
AS SELECT
    m.org_id         AS org_id,
    m.team_id        AS team_id,
    m.channel_id     AS channel_id,
    c.name           AS channel_name,
    m.ts             AS ts,
    m.ts_time        AS ts_time,
    m.thread_ts      AS thread_ts,
    m.user_id        AS user_id,
    m.author_name    AS author_name,
    m.author_email   AS author_email,
    p.user_id        AS author_user_id,
    m.is_external    AS is_external,
    m.bot_id         AS bot_id,
    m.subtype        AS subtype,
    m.text           AS text,
    m.file_names     AS file_names,
    m.edited_ts      AS edited_ts,
    a.account_id     AS account_id,
    if(acc.account_id = '', a.account_id, acc.name) AS account_name,
    acc.account_id = '' AS account_gone,
    a.deal_id        AS deal_id,
    if(d.deal_id = '', a.deal_id, d.name) AS deal_name,
    m.version        AS version,
    m.received_at    AS received_at,
    if(m.thread_ts = '', m.ts, m.thread_ts) AS root_ts,
    m.thread_ts != '' AND m.thread_ts != m.ts AS is_reply,
    s.company_name   AS author_company,
    m.source         AS source
FROM messages AS m FINAL
INNER JOIN current_associations AS a ON a.team_id = m.team_id AND a.channel_id = m.channel_id AND a.org_id = m.org_id
LEFT JOIN (SELECT org_id, account_id, name FROM accounts FINAL) AS acc ON acc.org_id = m.org_id AND acc.account_id = a.account_id
LEFT JOIN (SELECT org_id, deal_id, name FROM deals FINAL) AS d ON d.org_id = m.org_id AND d.deal_id = a.deal_id
LEFT JOIN (SELECT team_id, channel_id, name FROM slack_channels FINAL) AS c ON c.team_id = m.team_id AND c.channel_id = m.channel_id
LEFT JOIN (SELECT team_id, user_id, company_name FROM slack_users FINAL WHERE company_name != '') AS s ON s.team_id = m.team_id AND s.user_id = m.user_id
LEFT JOIN (SELECT org_id, email, min(user_id) AS user_id FROM (SELECT org_id, email, user_id FROM directory_users FINAL WHERE disabled = 0 AND email != '') GROUP BY org_id, email) AS p
    ON p.org_id = m.org_id AND p.email = m.author_email
WHERE m.ts_time >= a.kept_from
-- ts fixes the month, so that a message is never in two: FINAL need not look across months, and a time filter skips them.
SETTINGS do_not_merge_across_partitions_select_final = 1, join_use_nulls = 0
COMMENT 'Every message as it reads now, of every channel that is associated with an account now. What was deleted in Slack, and what is older than the organization keeps, is not in it.';

ALTER TABLE messages
    COMMENT COLUMN source 'How Backchannel heard last that the message reads so: live (event) or history (read again, as all are)',
    COMMENT COLUMN received_at 'When it heard so';
