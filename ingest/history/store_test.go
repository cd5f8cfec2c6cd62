package history

import (
	"slices"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// store is what a store has that applies records as sinks/clickhouse does.
type store map[slacksim.ChannelID]*rows

// rows are a channel's, in order, and its replies by their roots.
type rows struct {
	all     []*row
	replies map[schemas.TS][]*row
}

type row struct {
	ts            schemas.TS
	at            uint64
	text, subtype string
	thread        string
	version       uint64
	deleted       bool
}

func (r *row) reply() bool { return r.thread != "" && r.thread != string(r.ts) }

// apply does what the ClickHouse sink does with a record (sinks/clickhouse/windows.go).
func (s store) apply(m schemas.ContextMessage) {
	of := s[m.ChannelID]
	if of == nil {
		of = &rows{replies: map[schemas.TS][]*row{}}
		s[m.ChannelID] = of
	}
	if m.Window != nil {
		of.window(m.Window, m.Version)
		return
	}
	now := row{m.TS, mustMicros(m.TS), m.Text, m.Subtype, string(m.ThreadTS), m.Version, m.Deleted}
	i := of.position(now.at)
	if i == len(of.all) || of.all[i].at != now.at {
		of.all = slices.Insert(of.all, i, &row{ts: now.ts, at: now.at})
	}
	r := of.all[i]
	if m.Version < r.version {
		return
	}
	if now.reply() && r.thread != now.thread {
		of.replies[m.ThreadTS] = append(of.replies[m.ThreadTS], r)
	}
	*r = now
}

// position is where the first row is from a moment on.
func (of *rows) position(at uint64) int {
	i, _ := slices.BinarySearchFunc(of.all, at, func(r *row, at uint64) int {
		if r.at < at {
			return -1
		}
		return int(min(r.at-at, 1))
	})
	return i
}

func (of *rows) window(w *schemas.SyncWindow, version uint64) {
	from, to := mustMicros(w.From), mustMicros(w.To)
	candidates := of.replies[w.ThreadTS]
	if w.ThreadTS == "" {
		candidates = of.all[of.position(from):of.position(to+1)]
	}
	present := make(map[schemas.TS]bool, len(w.Present))
	for _, ts := range w.Present {
		present[ts] = true
	}
	if w.Threads != nil {
		of.unanswered(w, version)
	}
	for _, r := range candidates {
		inside := r.at >= from && r.at <= to
		if w.ThreadTS == "" {
			inside = inside && (!r.reply() || r.subtype == "thread_broadcast")
		} else {
			inside = inside && r.reply() && r.thread == string(w.ThreadTS)
		}
		if inside && !r.deleted && r.version < version && !present[r.ts] {
			r.version, r.deleted = version, true
		}
	}
}

// unanswered deletes replies to what has none.
func (of *rows) unanswered(w *schemas.SyncWindow, version uint64) {
	from, to := mustMicros(w.From), mustMicros(w.To)
	has := map[schemas.TS]bool{}
	for _, root := range w.Threads {
		has[root] = true
	}
	for root, replies := range of.replies {
		if at := mustMicros(root); at < from || at > to || has[root] {
			continue
		}
		for _, r := range replies {
			if !r.deleted && r.version < version && r.reply() && !slices.Contains(w.Present, r.ts) {
				r.version, r.deleted = version, true
			}
		}
	}
}
