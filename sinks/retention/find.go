package retention

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// doom is which rows of a table go. onNode is the same where each node of a cluster decides of its own rows: everything of an organization is on one shard.
type doom struct {
	Purged
	where, onNode string
}

// local are the tables of which a node has its part beside the whole.
var local = regexp.MustCompile(`\bFROM (messages|message_texts)\b`)

func doomed(p Purged, where string) doom {
	return doom{p, where, local.ReplaceAllString(where, "FROM ${1}_local")}
}

// find says what is not kept, in the order in which it is deleted.
func find(ctx context.Context, o Options) ([]doom, error) {
	rows, err := o.ClickHouse.Query(ctx, "SELECT org_id, message_days, version_days, dissociated_days FROM retention_policies FINAL ORDER BY org_id")
	if err != nil {
		return nil, fmt.Errorf("read how long organizations keep messages: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	now := o.Now().UTC()
	var all []doom
	channels := map[schemas.OrgID]time.Time{}
	for rows.Next() {
		var org string
		var messages, versions, dissociated uint32
		if err := rows.Scan(&org, &messages, &versions, &dissociated); err != nil {
			return nil, fmt.Errorf("read how long organizations keep messages: %w", err)
		}
		id := schemas.OrgID(org)
		if messages > 0 {
			all = append(all, old(id, now.AddDate(0, 0, -int(messages)))...)
		}
		if versions > 0 {
			all = append(all, replaced(id, now.AddDate(0, 0, -int(versions))))
		}
		if dissociated > 0 {
			channels[id] = now.AddDate(0, 0, -int(dissociated))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read how long organizations keep messages: %w", err)
	}
	for org, before := range channels {
		gone, err := o.dissociated(ctx, org, before)
		if err != nil {
			return nil, err
		}
		all = append(all, gone...)
	}
	return append(all, doomed(Purged{Policy: Deleted, Table: "message_texts"}, deleted)), nil
}

func of(org schemas.OrgID) string { return "org_id = " + schemas.SQLString(string(org)) }

func micros(t time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Micro(toInt64(%d), 'UTC')", t.UnixMicro())
}

// old are messages that were said before.
func old(org schemas.OrgID, before time.Time) (all []doom) {
	for _, table := range ofMessages {
		all = append(all, doomed(Purged{Org: org, Policy: Messages, Table: table, KeptFrom: before}, of(org)+" AND ts_time < "+micros(before)))
	}
	return all
}

// replaced are wordings that were replaced before. What a message says now is none, however old. The view message_versions counts the same way.
func replaced(org schemas.OrgID, before time.Time) doom {
	const wordings = `%[1]s AND (team_id, channel_id, ts, wording) IN
(
    SELECT team_id, channel_id, ts, wording
    FROM
    (
        SELECT team_id, channel_id, ts, wording, last_version < max(last_version) OVER (PARTITION BY team_id, channel_id, ts) AS former,
            leadInFrame(worded_at, 1, toDateTime64(0, 6, 'UTC')) OVER (PARTITION BY team_id, channel_id, ts ORDER BY edited_ts, last_version ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS replaced_at
        FROM (SELECT *, if(edited_ts = '', ts_time, toDateTime64(toDecimal64(edited_ts, 6), 6, 'UTC')) AS worded_at FROM message_texts FINAL WHERE %[1]s)
    )
    WHERE former AND replaced_at > toDateTime64(0, 6, 'UTC') AND replaced_at < %[2]s
)`
	return doomed(Purged{Org: org, Policy: Versions, Table: "message_texts", KeptFrom: before}, fmt.Sprintf(wordings, of(org), micros(before)))
}

// dissociated are the messages of channels that were dissociated before, and are still.
func (o Options) dissociated(ctx context.Context, org schemas.OrgID, before time.Time) ([]doom, error) {
	rows, err := o.ClickHouse.Query(ctx, `SELECT team_id, channel_id FROM channel_associations WHERE `+of(org)+`
GROUP BY team_id, channel_id HAVING argMax(account_id, version) = '' AND argMax(changed_at, version) < `+micros(before)+` ORDER BY 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("find channels that were dissociated: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	var channels []string
	for rows.Next() {
		var team, channel string
		if err := rows.Scan(&team, &channel); err != nil {
			return nil, fmt.Errorf("find channels that were dissociated: %w", err)
		}
		channels = append(channels, "("+schemas.SQLString(team)+", "+schemas.SQLString(channel)+")")
	}
	if err := rows.Err(); err != nil || len(channels) == 0 {
		return nil, err
	}
	var all []doom
	for _, table := range ofMessages {
		all = append(all, doomed(Purged{Org: org, Policy: Dissociated, Table: table, KeptFrom: before}, of(org)+" AND (team_id, channel_id) IN ("+strings.Join(channels, ", ")+")"))
	}
	return all, nil
}

// deleted are wordings of messages whose last version is a tombstone.
const deleted = `(org_id, team_id, channel_id, ts) IN
(
    SELECT org_id, team_id, channel_id, ts
    FROM messages
    WHERE (org_id, team_id, channel_id, ts) IN (SELECT org_id, team_id, channel_id, ts FROM messages WHERE is_deleted = 1)
    GROUP BY org_id, team_id, channel_id, ts
    HAVING argMax(is_deleted, version) = 1
)`
