package replay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/schemas"
)

// Difference is what a comparison found.
type Difference struct {
	From, Until time.Time
	Live        uint64 // messages, as they are seen now
	Shadow      uint64
	OnlyLive    uint64
	OnlyShadow  uint64
	Differ      uint64
	// Newer came since the replay ended, and are not counted: a run, and Switch, take them over.
	Newer    uint64
	Examples []Example
}

// Example is a message that is not the same on both sides. It says which columns, not what is in them.
type Example struct {
	Org, Team, Channel, TS string
	Side                   string // live: only there; shadow: only there; both
	Columns                []string
}

// unlike are columns that tell of the writing, not of the message.
var unlike = []string{"inserted_at", "received_at", "source"}

// Compare compares what is seen of the messages. Content stays where it is.
func (r *Replayer) Compare(ctx context.Context, examples int) (d Difference, err error) {
	if d.From, d.Until, err = r.ended(ctx); err != nil {
		return d, err
	}
	columns, err := compared()
	if err != nil {
		return d, err
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"final": 1}),
		clickhouse.WithParameters(clickhouse.Parameters{"until": d.Until.UTC().Format("2006-01-02 15:04:05.000")}))
	hashes := make([]string, len(columns))
	for i, c := range columns {
		hashes[i] = "cityHash64(" + c + ")"
	}
	side := func(database string, n int) string {
		return fmt.Sprintf("SELECT org_id, team_id, channel_id, ts, %d AS side, [%s] AS hashes, received_at >= {until:DateTime64(3, 'UTC')} AS newer FROM %s", n, strings.Join(hashes, ", "), name(database, "messages"))
	}
	pairs := `SELECT org_id, team_id, channel_id, ts, countIf(side = 1) AS l, countIf(side = 2) AS s, anyIf(hashes, side = 1) AS lh, anyIf(hashes, side = 2) AS sh, max(newer) AS came
FROM (` + side(r.Of, 1) + " UNION ALL " + side(r.Into, 2) + ") GROUP BY org_id, team_id, channel_id, ts"
	err = r.Live.QueryRow(ctx, `SELECT countIf(l > 0), countIf(s > 0), countIf(l > 0 AND s = 0 AND NOT came), countIf(s > 0 AND l = 0 AND NOT came), countIf(l > 0 AND s > 0 AND lh != sh AND NOT came),
countIf(came AND (l = 0 OR s = 0 OR lh != sh)) FROM (`+pairs+")").Scan(&d.Live, &d.Shadow, &d.OnlyLive, &d.OnlyShadow, &d.Differ, &d.Newer)
	if err != nil {
		return d, fmt.Errorf("compare: %w", err)
	}
	rows, err := r.Live.Query(ctx, fmt.Sprintf(`SELECT org_id, team_id, channel_id, ts, multiIf(s = 0, 'live', l = 0, 'shadow', 'both'), arrayFilter(i -> lh[i] != sh[i], range(1, length(lh) + 1))
FROM (%s) WHERE NOT came AND (l = 0 OR s = 0 OR lh != sh) ORDER BY ts DESC LIMIT %d`, pairs, examples))
	if err != nil {
		return d, fmt.Errorf("compare: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var e Example
		var at []uint8
		if err := rows.Scan(&e.Org, &e.Team, &e.Channel, &e.TS, &e.Side, &at); err != nil {
			return d, fmt.Errorf("compare: %w", err)
		}
		for _, i := range at {
			if e.Side == "both" {
				e.Columns = append(e.Columns, columns[i-1])
			}
		}
		d.Examples = append(d.Examples, e)
	}
	return d, rows.Err()
}

// compared are the columns of messages that say what a message is.
func compared() (columns []string, err error) {
	all, err := schemas.Tables()
	for _, t := range all {
		if t.Name != "messages" {
			continue
		}
		for _, c := range t.Columns {
			if !slices.Contains(unlike, c.Name) && !slices.Contains(strings.Split(t.Key, ", "), c.Name) {
				columns = append(columns, c.Name)
			}
		}
	}
	return columns, err
}
