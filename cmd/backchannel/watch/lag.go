package watch

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"
)

// lag asks the brokers. It grows also while the consumers stand still, which is when it matters; a figure from the consumers' own polls would not.
func (w *Watch) lag(ctx context.Context, now time.Time) error {
	if len(w.opts.Groups) == 0 {
		return nil
	}
	described, err := w.opts.Admin.Lag(ctx, slices.Clone(w.opts.Groups)...) // kadm writes into the slice that it is given
	if err != nil {
		return fmt.Errorf("ask for the lag of consumer groups: %w", err)
	}
	seen := map[part]bool{}
	for name, group := range described {
		if group.Error() != nil {
			continue // not there yet, or its coordinator is moving
		}
		records, oldest := map[string]int64{}, map[string]time.Duration{}
		for _, l := range group.Lag.Sorted() {
			if l.Err != nil {
				continue
			}
			at := part{l.Topic, l.Partition}
			if !seen[at] {
				seen[at] = true
				w.passage(at).note(now, l.End.Offset)
			}
			records[l.Topic] += l.Lag
			oldest[l.Topic] = max(oldest[l.Topic], w.passage(at).since(now, l.End.Offset-l.Lag))
		}
		for topic, n := range records {
			w.records.WithLabelValues(name, topic).Set(float64(n))
			w.seconds.WithLabelValues(name, topic).Set(oldest[topic].Seconds())
		}
	}
	return nil
}

type part struct {
	topic     string
	partition int32
}

func (w *Watch) passage(at part) *passage {
	p := w.history[at]
	if p == nil {
		p = &passage{}
		w.history[at] = p
	}
	return p
}

// passage is when the end of a partition was where: what an offset's age is read from, without reading the record.
type passage struct{ seen []mark }

type mark struct {
	at  time.Time
	end int64
}

// maxMarks bounds what is remembered of a partition: beyond it every second mark goes, so that what is long ago is known more coarsely.
const maxMarks = 512

func (p *passage) note(at time.Time, end int64) {
	if n := len(p.seen); n > 0 && p.seen[n-1].end >= end {
		if p.seen[n-1].end > end {
			p.seen = nil // the topic was made anew
		} else {
			return // since then nothing was written
		}
	}
	p.seen = append(p.seen, mark{at, end})
	if len(p.seen) > maxMarks {
		kept := p.seen[:0]
		for i, m := range p.seen {
			if i%2 == 0 || i == len(p.seen)-1 {
				kept = append(kept, m)
			}
		}
		p.seen = kept
	}
}

// since is how long ago the record at an offset was written, at least: it was there at the first mark whose end is beyond it.
func (p *passage) since(now time.Time, offset int64) time.Duration {
	i := sort.Search(len(p.seen), func(i int) bool { return p.seen[i].end > offset })
	if i == len(p.seen) {
		return 0
	}
	return now.Sub(p.seen[i].at)
}
