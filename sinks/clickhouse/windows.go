package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/schemas"
)

// A window lists all messages that Slack has in a stretch of a channel, as of its version. Rows of the stretch that it does not list, and whose version is
// lower, were deleted, although no event has said so: each gets a tombstone with the window's version. So do replies, wherever they stand, to what of the
// stretch has none, of windows that say what has replies. Windows are applied after the rows of their batch,
// and so after all rows that come before them on the channel's partition. Applied again, a window finds nothing to delete; what has been seen
// since, as of a later time, has a higher version.

// What bounds one query: windows, of which each costs it the granules of one channel, and the messages that they list, which stand in its text. A window that
// lists more has a query of its own, which schemas.MaxQuerySize allows.
const (
	windowsAtOnce = 32
	listedAtOnce  = 10_000
)

// doomed selects, for one window, the rows that it deletes. What stands in the channel itself includes replies that were broadcast.
const doomed = `SELECT toUInt32(?) AS w, ts, thread_ts FROM messages FINAL
WHERE org_id = ? AND team_id = ? AND channel_id = ? AND version < ? AND NOT has(?, ts) AND ts_time >= fromUnixTimestamp64Micro(?, 'UTC') AND `

const (
	ofChannel = "ts_time <= fromUnixTimestamp64Micro(?, 'UTC') AND (thread_ts IN ('', ts) OR subtype = 'thread_broadcast')"
	ofThread  = "ts_time <= fromUnixTimestamp64Micro(?, 'UTC') AND thread_ts = ? AND ts != thread_ts"
	// A reply is never older than its root.
	ofNoThread = "thread_ts NOT IN ('', ts) AND NOT has(?, thread_ts) AND toDecimal64OrZero(thread_ts, 6) BETWEEN toDecimal64(?, 6) AND toDecimal64(?, 6)"
)

// applyWindows deletes what the batch's windows do not list.
func (s *Sink) applyWindows(ctx context.Context) error {
	for windows := widest(s.messages.windows); len(windows) > 0; {
		n := askable(windows)
		s.messages.reset()
		if err := s.condemn(ctx, windows[:n]); err != nil {
			return fmt.Errorf("find messages that Slack no longer has: %w", err)
		}
		if err := s.messages.insert(ctx, s.conn); err != nil {
			return err
		}
		windows = windows[n:]
	}
	return nil
}

// askable is how many of the windows one query asks of, at least one.
func askable(windows []schemas.ContextMessage) (n int) {
	for listed := 0; n < min(len(windows), windowsAtOnce); n++ {
		if listed += 2*len(windows[n].Window.Present) + len(windows[n].Window.Threads); listed > listedAtOnce {
			break
		}
	}
	return max(n, 1)
}

// widest leaves out windows that a later one of the batch makes needless: of the same channel or thread, as of no earlier time, and of a stretch that holds theirs. All
// rows of the batch are there before the first is applied; so what an earlier one alone would delete is there again by the later one's time, and stands.
func widest(windows []schemas.ContextMessage) []schemas.ContextMessage {
	type of struct {
		org    schemas.OrgID
		key    schemas.Key
		thread schemas.TS
	}
	kept, all := map[of][]schemas.ContextMessage{}, make([]schemas.ContextMessage, 0, len(windows))
	for _, w := range slices.Backward(windows) {
		k := of{w.OrgID, schemas.TeamChannelKey(w.TeamID, w.ChannelID), w.Window.ThreadTS}
		if slices.ContainsFunc(kept[k], func(o schemas.ContextMessage) bool { return o.Version >= w.Version && holds(o.Window, w.Window) }) {
			continue
		}
		kept[k] = append(kept[k], w)
		all = append(all, w)
	}
	slices.Reverse(all)
	return all
}

// holds says that the first stretch has all of the second, and knows as much of it.
func holds(a, b *schemas.SyncWindow) bool {
	if a.Threads == nil && b.Threads != nil {
		return false
	}
	from, err1 := a.From.Micros()
	to, err2 := a.To.Micros()
	inner, err3 := b.From.Micros()
	outer, err4 := b.To.Micros()
	return errors.Join(err1, err2, err3, err4) == nil && from <= inner && outer <= to
}

// condemn adds a tombstone for each row that the windows delete.
func (s *Sink) condemn(ctx context.Context, windows []schemas.ContextMessage) error {
	query, args := make([]string, 0, 2*len(windows)), []any{}
	for i, m := range windows {
		from, err1 := m.Window.From.Micros()
		to, err2 := m.Window.To.Micros()
		if err1 != nil || err2 != nil {
			continue // it was validated
		}
		present := texts(m.Window.Present)
		ask := func(which string, more ...any) {
			query = append(query, doomed+which)
			args = append(append(args, i, string(m.OrgID), string(m.TeamID), string(m.ChannelID), m.Version, present, int64(from)), more...)
		}
		if m.Window.ThreadTS != "" {
			ask(ofThread, int64(to), string(m.Window.ThreadTS))
			continue
		}
		ask(ofChannel, int64(to))
		if m.Window.Threads != nil {
			ask(ofNoThread, texts(m.Window.Threads), string(m.Window.From), string(m.Window.To))
		}
	}
	// A message's month is fixed by its ts: FINAL need not look across months.
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"do_not_merge_across_partitions_select_final": 1}))
	rows, err := s.conn.Query(ctx, strings.Join(query, "\nUNION ALL\n"), args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var n uint32
		var ts, thread string
		if err := rows.Scan(&n, &ts, &thread); err != nil {
			return err
		}
		m := windows[n]
		err := s.messages.put(&schemas.ContextMessage{
			OrgID: m.OrgID, TeamID: m.TeamID, ChannelID: m.ChannelID, TS: schemas.TS(ts), Version: m.Version, Deleted: true, ThreadTS: schemas.TS(thread),
			AccountID: m.AccountID, DealID: m.DealID, Source: m.Source, ReceivedAt: m.ReceivedAt,
		})
		if err != nil {
			return err
		}
		s.messages.rows++
	}
	return rows.Err()
}

func texts(all []schemas.TS) []string {
	out := make([]string, len(all))
	for i, ts := range all {
		out[i] = string(ts)
	}
	return out
}
