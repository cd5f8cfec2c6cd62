// Package deliverylog answers from ClickHouse what became of notifications.
package deliverylog

import (
	"context"
	"fmt"
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

// Find implements deliverylog.Log.
func (c ClickHouse) Find(ctx context.Context, org schemas.OrgID, q deliverylog.Query) ([]deliverylog.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	where, args := conditions(org, q)
	rows, err := c.Conn.Query(ctx, `SELECT request_id, recipient, channel, delivery_id, merged_into, type, status, reason, detail, rule, choice, considered, mandatory, fallback,
	held, held_until, tz, named, attempts, reply, ambiguous, team_id, channel_id, ts, requested_at, routed_at, released_at, at
FROM notification_log FINAL WHERE `+where+` ORDER BY at DESC, request_id, recipient, channel LIMIT ?`, append(args, q.Limit)...)
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

// conditions are the query's, each with its argument.
func conditions(org schemas.OrgID, q deliverylog.Query) (string, []any) {
	all, args := []string{"org_id = ?"}, []any{string(org)}
	and := func(condition string, values ...any) {
		all, args = append(all, condition), append(args, values...)
	}
	is := func(column, value string) {
		if value != "" {
			and(column+" = ?", value)
		}
	}
	is("request_id", string(q.Request))
	is("type", string(q.Type))
	is("status", string(q.Status))
	is("reason", string(q.Reason))
	is("channel", string(q.Channel))
	if len(q.Recipients) > 0 {
		and("recipient IN (?)", q.Recipients)
	}
	if !q.From.IsZero() {
		and("at >= fromUnixTimestamp64Milli(?, 'UTC')", q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		and("at < fromUnixTimestamp64Milli(?, 'UTC')", q.To.UnixMilli())
	}
	if a := q.After; a != nil {
		and("at <= fromUnixTimestamp64Milli(?, 'UTC')", a.At)
		and("(at < fromUnixTimestamp64Milli(?, 'UTC') OR (request_id, recipient, channel) > (?, ?, ?))", a.At, string(a.Request), a.Recipient, string(a.Channel))
	}
	return strings.Join(all, " AND "), args
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
