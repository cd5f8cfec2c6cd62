// Package audit compares what Slack has of a channel with what ClickHouse has, message by message.
package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/schemas"
)

// Kind is how a message differs.
type Kind string

// The kinds of difference.
const (
	Missing       Kind = "missing"           // Slack has it and ClickHouse does not
	Stale         Kind = "stale text"        // ClickHouse has what it said once
	ShouldBeGone  Kind = "should be deleted" // Slack no longer has it
	WrongInThread Kind = "another thread"    // of another root, or of none
)

// Difference is one message that is not as it should be. It holds nothing of what the message says.
type Difference struct {
	Kind Kind       `json:"kind"`
	TS   schemas.TS `json:"ts"`
	At   time.Time  `json:"at"`
}

// Row is what is compared of a message.
type Row struct{ Text, Thread string }

// Expected is what rows there should be: records of slack.history as enrich keeps them, by the same rules that the pipeline has.
func Expected(ctx context.Context, rdb redis.UniversalClient, records []*kgo.Record) (map[schemas.TS]Row, error) {
	processor, rows := enrich.Definition(rdb).Processor, map[schemas.TS]Row{}
	for batch := range slices.Chunk(records, 500) {
		result, err := processor.Process(ctx, batch)
		if err != nil {
			return nil, err
		}
		for _, rec := range result.Emitted() {
			m, err := schemas.ContextMessages.Decode(rec.Value)
			if err != nil {
				return nil, err
			}
			if !m.Deleted {
				rows[m.TS] = rowOf(m.TS, m.Text, m.ThreadTS)
			}
		}
	}
	return rows, nil
}

// rowOf leaves out a root's own ts, which stands in it only once it has replies.
func rowOf(ts schemas.TS, text string, thread schemas.TS) Row {
	return Row{text, strings.TrimPrefix(string(thread), string(ts))}
}

// Stored is what rows there are of a channel since a moment.
func Stored(ctx context.Context, conn driver.Conn, org schemas.OrgID, team schemas.TeamID, channel schemas.ChannelID, since time.Time) (map[schemas.TS]Row, error) {
	found, err := conn.Query(ctx, `SELECT ts, text, thread_ts FROM messages FINAL
WHERE org_id = ? AND team_id = ? AND channel_id = ? AND ts_time >= fromUnixTimestamp64Micro(?, 'UTC')`, string(org), string(team), string(channel), since.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	defer func() { _ = found.Close() }() // Err tells what matters
	rows := map[schemas.TS]Row{}
	for found.Next() {
		var ts, text, thread string
		if err := found.Scan(&ts, &text, &thread); err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		rows[schemas.TS(ts)] = rowOf(schemas.TS(ts), text, schemas.TS(thread))
	}
	return rows, found.Err()
}

// Compare lists the differences, oldest first. Slack answers page after page, for minutes where there is much, while people go on to edit and delete: so ClickHouse is
// asked before and after, and a message is as it should be if Slack's answer is one of the two. Messages from until on are left out: they may be on their way.
func Compare(expected, before, after map[schemas.TS]Row, until time.Time) []Difference {
	var all []Difference
	differs := func(ts schemas.TS, kind Kind) {
		micros, err := ts.Micros()
		if at := time.UnixMicro(int64(micros)).UTC(); err == nil && at.Before(until) {
			all = append(all, Difference{kind, ts, at})
		}
	}
	for ts, want := range expected {
		was, wasThere := before[ts]
		got, there := after[ts]
		switch {
		case there && got == want, wasThere && was == want:
		case !there:
			differs(ts, Missing)
		case got.Text != want.Text:
			differs(ts, Stale)
		default:
			differs(ts, WrongInThread)
		}
	}
	for ts := range after {
		_, wanted := expected[ts]
		if _, wasThere := before[ts]; wasThere && !wanted {
			differs(ts, ShouldBeGone)
		}
	}
	slices.SortFunc(all, func(a, b Difference) int { return a.At.Compare(b.At) })
	return all
}
