-- With which other companies a channel is shared.
ALTER TABLE slack_channels ADD COLUMN IF NOT EXISTS external_team_ids Array(String) COMMENT 'Workspaces or enterprises of the companies that it is shared with';

-- A channel whose account is gone stays associated, and says so: account_gone is 1, and the account and a deal that is gone are named by their ids.
CREATE OR REPLACE VIEW conversations AS
SELECT
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
    m.received_at    AS received_at
FROM messages AS m FINAL
INNER JOIN current_associations AS a ON a.team_id = m.team_id AND a.channel_id = m.channel_id AND a.org_id = m.org_id
LEFT JOIN (SELECT org_id, account_id, name FROM accounts FINAL) AS acc ON acc.org_id = m.org_id AND acc.account_id = a.account_id
LEFT JOIN (SELECT org_id, deal_id, name FROM deals FINAL) AS d ON d.org_id = m.org_id AND d.deal_id = a.deal_id
LEFT JOIN (SELECT team_id, channel_id, name FROM slack_channels FINAL) AS c ON c.team_id = m.team_id AND c.channel_id = m.channel_id
LEFT JOIN (SELECT org_id, email, min(user_id) AS user_id FROM (SELECT org_id, email, user_id FROM directory_users FINAL WHERE disabled = 0 AND email != '') GROUP BY org_id, email) AS p
    ON p.org_id = m.org_id AND p.email = m.author_email
-- ts fixes the month, so that a message is never in two: FINAL need not look across months, and a time filter skips them.
SETTINGS do_not_merge_across_partitions_select_final = 1;
