package history

import (
	"slices"

	"github.com/bigmind/backchannel/schemas"
)

// span is a stretch of a channel in microseconds, both ends within it.
type span struct{ from, to uint64 }

// spans are stretches that do not touch each other, newest first.
type spans []span

// add joins a stretch to those that it overlaps or touches.
func (s spans) add(n span) spans {
	if n.from > n.to {
		return s
	}
	kept := s[:0:0]
	for _, o := range s {
		if o.from > n.to+1 || o.to+1 < n.from {
			kept = append(kept, o)
			continue
		}
		n = span{min(n.from, o.from), max(n.to, o.to)}
	}
	kept = append(kept, n)
	slices.SortFunc(kept, func(a, b span) int {
		if a.from > b.from {
			return -1
		}
		return 1
	})
	return kept
}

// has says whether a moment is within one of them.
func (s spans) has(at uint64) bool {
	return slices.ContainsFunc(s, func(o span) bool { return o.from <= at && at <= o.to })
}

// oldest is the first moment of all, 0 of none.
func (s spans) oldest() uint64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].from
}

// maxSpans bounds what a checkpoint holds. Beyond it the oldest are forgotten, and read again.
const maxSpans = 100

func spansOf(intervals []schemas.SyncInterval) spans {
	var s spans
	for _, i := range intervals {
		from, err1 := i.From.Micros()
		to, err2 := i.To.Micros()
		if err1 == nil && err2 == nil {
			s = s.add(span{from, to})
		}
	}
	return s
}

func (s spans) intervals() []schemas.SyncInterval {
	out := make([]schemas.SyncInterval, 0, len(s))
	for _, o := range s[:min(len(s), maxSpans)] {
		out = append(out, schemas.SyncInterval{From: schemas.TSOf(o.from), To: schemas.TSOf(o.to)})
	}
	return out
}
