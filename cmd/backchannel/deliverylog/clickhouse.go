// Package deliverylog answers from ClickHouse what became of notifications.
package deliverylog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

// within bounds a question, for the pages that wait for it.
const within = 20 * time.Second

// ClickHouse finds entries in notification_log.
type ClickHouse struct{ Conn driver.Conn }

// Find implements deliverylog.Log. With FINAL ClickHouse reads every column of all that is in the time before it chooses, unless told of which keys: the
// conditions on the table's key come first (PREWHERE), which is right since versions of a row have the same key. Where none chooses a recipient or a
// request, the keys are those of the newest rows that fit, found without FINAL.
func (c ClickHouse) Find(ctx context.Context, org schemas.OrgID, q deliverylog.Query) ([]deliverylog.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	where := conditions(org, q)
	if q.Request != "" || len(q.Recipients) > 0 {
		return c.read(ctx, where, q.Limit)
	}
	for most := 2 * q.Limit; ; most *= 8 {
		keys, n, oldest, err := c.newest(ctx, where, most)
		if err != nil || n == 0 {
			return nil, err
		}
		narrow := where
		narrow.key = append(slices.Clone(where.key), keys)
		found, err := c.read(ctx, narrow, q.Limit)
		// Some may be former versions of what does not fit, and others may have ended at the same moment as the oldest: then it takes more of them.
		if err != nil || n < most || len(found) == q.Limit && found[q.Limit-1].At.After(oldest) {
			return found, err
		}
	}
}

// newest finds the keys of the newest rows that fit, former versions among them, as a condition; how many rows those are, and when the oldest ended.
func (c ClickHouse) newest(ctx context.Context, where filter, most int) (keys condition, n int, oldest time.Time, err error) {
	text, args := where.all()
	rows, err := c.Conn.Query(ctx, `SELECT request_id, recipient, channel, at FROM notification_log WHERE `+text+` ORDER BY at DESC LIMIT ?`, append(args, most)...)
	if err != nil {
		return keys, 0, oldest, fmt.Errorf("read notification_log: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for ; rows.Next(); n++ {
		var request, recipient, channel string
		if err := rows.Scan(&request, &recipient, &channel, &oldest); err != nil {
			return keys, 0, oldest, fmt.Errorf("read notification_log: %w", err)
		}
		keys.args = append(keys.args, request, recipient, channel)
	}
	if err := rows.Err(); err != nil {
		return keys, 0, oldest, fmt.Errorf("read notification_log: %w", err)
	}
	keys.text = "(request_id, recipient, channel) IN (" + strings.TrimSuffix(strings.Repeat("(?, ?, ?), ", n), ", ") + ")"
	return keys, n, oldest, nil
}

// read reads the rows that fit, as they are now.
func (c ClickHouse) read(ctx context.Context, where filter, limit int) ([]deliverylog.Entry, error) {
	key, args := joined(where.key)
	rest, more := joined(where.rest)
	rows, err := c.Conn.Query(ctx, `SELECT request_id, recipient, channel, delivery_id, merged_into, type, status, reason, detail, rule, choice, considered, mandatory, fallback,
	held, held_until, tz, named, attempts, reply, ambiguous, team_id, channel_id, ts, requested_at, routed_at, released_at, at
FROM notification_log FINAL PREWHERE `+key+` WHERE `+rest+` ORDER BY at DESC, request_id, recipient, channel LIMIT ?`, append(append(args, more...), limit)...)
	if err != nil {
		return nil, fmt.Errorf("read notification_log: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	var all []deliverylog.Entry
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read notification_log: %w", err)
		}
		all = append(all, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read notification_log: %w", err)
	}
	return all, nil
}

// condition is one of a query, with its arguments.
type condition struct {
	text string
	args []any
}

// filter is a query's conditions: on the key of the table, and on the rest.
type filter struct{ key, rest []condition }

func (f filter) all() (string, []any) { return joined(append(slices.Clone(f.key), f.rest...)) }

func joined(all []condition) (string, []any) {
	texts, args := []string{}, []any{}
	for _, c := range all {
		texts, args = append(texts, c.text), append(args, c.args...)
	}
	if len(texts) == 0 {
		return "1", nil
	}
	return strings.Join(texts, " AND "), args
}

// conditions are the query's.
func conditions(org schemas.OrgID, q deliverylog.Query) (f filter) {
	is := func(in *[]condition, column, value string) {
		if value != "" {
			*in = append(*in, condition{column + " = ?", []any{value}})
		}
	}
	is(&f.key, "org_id", string(org))
	is(&f.key, "request_id", string(q.Request))
	is(&f.key, "channel", string(q.Channel))
	if len(q.Recipients) > 0 {
		f.key = append(f.key, condition{"recipient IN (?)", []any{q.Recipients}})
	}
	is(&f.rest, "type", string(q.Type))
	is(&f.rest, "status", string(q.Status))
	is(&f.rest, "reason", string(q.Reason))
	at := func(text string, millis int64, more ...any) {
		f.rest = append(f.rest, condition{text, append([]any{millis}, more...)})
	}
	if !q.From.IsZero() {
		at("at >= fromUnixTimestamp64Milli(?, 'UTC')", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		at("at < fromUnixTimestamp64Milli(?, 'UTC')", q.To.UnixMilli())
	}
	if a := q.After; a != nil {
		at("at <= fromUnixTimestamp64Milli(?, 'UTC')", a.At)
		at("(at < fromUnixTimestamp64Milli(?, 'UTC') OR (request_id, recipient, channel) > (?, ?, ?))", a.At, string(a.Request), a.Recipient, string(a.Channel))
	}
	return f
}

func scan(rows driver.Rows) (deliverylog.Entry, error) {
	var e deliverylog.Entry
	var mandatory, fallback, ambiguous uint8
	err := rows.Scan((*string)(&e.RequestID), &e.Recipient, (*string)(&e.Channel), (*string)(&e.DeliveryID), (*string)(&e.MergedInto), (*string)(&e.Type), (*string)(&e.Status),
		(*string)(&e.Reason), &e.Detail, (*string)(&e.Rule), (*string)(&e.Choice), &e.Considered, &mandatory, &fallback, (*string)(&e.Held), &e.HeldUntil, &e.TimeZone, &e.Named,
		&e.Attempts, &e.Reply, &ambiguous, (*string)(&e.TeamID), (*string)(&e.ChannelID), (*string)(&e.TS), &e.RequestedAt, &e.RoutedAt, &e.ReleasedAt, &e.At)
	e.Mandatory, e.Fallback, e.Ambiguous = mandatory == 1, fallback == 1, ambiguous == 1
	for _, at := range []*time.Time{&e.HeldUntil, &e.RequestedAt, &e.RoutedAt, &e.ReleasedAt} {
		if at.Unix() <= 0 { // 1970 stands for none
			*at = time.Time{}
		}
	}
	e.Explain()
	return e, err
}
