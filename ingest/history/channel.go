package history

import (
	"math"
	"math/bits"
	"sync"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// channel is what a worker knows of a channel while it has its workspace. All but publishing is under the workspace's mu.
type channel struct {
	schemas.SyncCheckpoint
	covered     spans
	windowStart uint64
	held        bool   // the views forbid it
	kind        string // Slack's channel_type, where we know it
	basis       string // what the views say of it: when that changes, a stopped channel is tried again

	windowAt  time.Time // when a window of it was last published
	lookedAt  time.Time // when a window last said which of its messages have replies
	newest    uint64    // of its messages, as far as we saw them
	pollAt    time.Time // when the newest messages are to be read again
	retryAt   time.Time // not before
	failures  int
	resume    *request // a page that was empty and not the last: only its cursor leads on
	empty     int      // such pages in a row
	threadsAt float64
	busy      map[string]bool // by method
	served    map[string]uint64

	publishing sync.Mutex // keeps checkpoints of the channel in order
}

// noThreads is threadsAt of a channel without any.
const noThreads = math.MaxFloat64

func newChannel(cp schemas.SyncCheckpoint) *channel {
	c := &channel{SyncCheckpoint: cp, covered: spansOf(cp.Intervals), threadsAt: noThreads, busy: map[string]bool{}, served: map[string]uint64{}}
	c.windowStart, _ = cp.WindowStart.Micros() // absent: 0, and set by who knows the window
	c.newest, _ = cp.LastMessage.Micros()
	return c
}

// checkpoint is the record of how it stands.
func (c *channel) checkpoint(now time.Time) schemas.SyncCheckpoint {
	cp := &c.SyncCheckpoint
	cp.Intervals, cp.WindowStart = c.covered.intervals(), schemas.TSOf(c.windowStart)
	cp.Oldest, cp.Newest, cp.LastMessage = "", "", ""
	if c.newest > 0 {
		cp.LastMessage = schemas.TSOf(c.newest)
	}
	if len(cp.Intervals) > 0 {
		cp.Oldest, cp.Newest = cp.Intervals[0].From, cp.Intervals[0].To
	}
	cp.Complete = c.backfilled() && cp.ThreadsPending == 0 && (cp.Pass == nil || !cp.Pass.Whole)
	switch {
	case cp.Reason != "":
		cp.Status = schemas.SyncStopped
	case cp.Complete || cp.Status == schemas.SyncComplete && c.backfilled():
		cp.Status = schemas.SyncComplete // threads that move afterwards are the ordinary course
	default:
		cp.Status = schemas.SyncBackfilling
	}
	if cp.Complete || cp.Reason != "" {
		cp.EndsAt = time.Time{}
	}
	cp.UpdatedAt = now.UTC()
	copied := *cp
	if cp.Pass != nil {
		pass := *cp.Pass
		copied.Pass = &pass
	}
	return copied
}

// backfilled: everything in the channel itself has been read, from the start of its window on.
func (c *channel) backfilled() bool {
	return len(c.covered) == 1 && c.covered[0].from <= c.windowStart
}

// passing: there is a pass, and it is not at its end.
func (c *channel) passing() bool {
	return c.Pass != nil && mustMicros(c.Pass.Upper) >= c.covered.oldest()
}

// lane is how urgent a request is. A lower one goes first; within one, channels take turns.
type lane int

const (
	laneGap      lane = iota // what we missed while we were away
	laneFirst                // the newest page of a channel that was just associated
	laneRecent               // the newest page again
	laneMoved                // a thread that has moved
	laneBackfill             // the past
	laneDeep                 // what was read before, again
	laneRevisit              // a thread that stands still, again
)

// request is a page to ask for.
type request struct {
	channel *channel
	method  string
	lane    lane
	newest  bool // of history: from the newest message on
	pass    bool // goes on with the channel's pass
	sweep   bool // which reads everything
	upper   uint64
	lower   uint64
	cursor  string
}

// next is the page of history that the channel wants, if any, and else when it will.
func (c *channel) next(now time.Time) (r request, ok bool, at time.Time) {
	r = request{channel: c, method: methodHistory, lower: c.windowStart}
	switch {
	case c.held || c.busy[methodHistory]:
		return r, false, time.Time{}
	case now.Before(c.retryAt):
		return r, false, c.retryAt
	case c.resume != nil:
		return *c.resume, true, now
	case len(c.covered) == 0:
		r.lane, r.newest = laneFirst, true
		return r, true, now
	}
	var deep *request // what was read before, again: the newest messages do not wait for it, nor does the past
	if c.passing() {
		on := r
		on.lane, on.upper, on.pass, on.sweep = laneDeep, mustMicros(c.Pass.Upper), true, c.Pass.Pages > sweepPages
		switch {
		case on.upper > uint64(now.UnixMicro()):
			on.lane, on.newest = laneRecent, true
			return on, true, now
		case !c.covered.has(on.upper):
			on.lane = laneGap
			return on, true, now
		default:
			deep = &on
		}
	}
	if len(c.covered) > 1 {
		r.lane, r.upper = laneGap, c.covered[0].from-1
		return r, true, now
	}
	if !now.Before(c.pollAt) {
		r.lane, r.newest = laneRecent, true
		if c.pollAt.IsZero() && now.Sub(time.UnixMicro(int64(c.covered[0].to))) > gapAfter {
			r.lane = laneGap
		}
		return r, true, now
	}
	if c.covered[0].from > c.windowStart {
		r.lane, r.upper = laneBackfill, c.covered[0].from-1
		return r, true, now
	}
	if deep != nil {
		return *deep, true, now
	}
	return r, false, c.pollAt
}

// gapAfter is how long nobody may have looked before what was said meanwhile goes before everything else.
const gapAfter = 10 * time.Minute

// sweepPages is more than any channel has: a pass that still has so many to read goes on to the end.
const sweepPages = math.MaxInt64 / 2

// beginPass starts the next visit. The first page is the newest; every second visit reads two pages, every fourth four, and so on: so that a
// message is read again at intervals that grow with its age, a small channel is read whole every time, and a large one costs little more. But after
// sweep everything is read.
func (c *channel) beginPass(now time.Time, sweep time.Duration) {
	c.Passes++
	c.Pass = &schemas.SyncPass{Pages: 1 << bits.TrailingZeros64(c.Passes)}
	if c.unswept(now, sweep) {
		c.Pass.Pages = math.MaxInt64
	}
}

// unswept: it is time to read all of the channel again.
func (c *channel) unswept(now time.Time, sweep time.Duration) bool {
	return c.backfilled() && now.Sub(later(c.SweptAt, c.StartedAt)) > sweep
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// whole makes the next visit one that reads everything and takes nothing for known.
func (c *channel) whole() {
	c.Passes++
	c.Pass = &schemas.SyncPass{Upper: schemas.TSOf(farAhead(time.Now())), Pages: math.MaxInt64, Whole: true}
}

// farAhead is a bound above everything that Slack can have, also when its clock is ahead of ours. Without an upper bound, a page would begin at
// the lower one (docs.slack.dev/reference/methods/conversations.history).
func farAhead(now time.Time) uint64 { return uint64(now.Add(time.Hour).UnixMicro()) }

// took notes a page that was read and is in Kafka: got is what of the channel is now known, lowest the last of its messages.
func (c *channel) took(r request, got span, reached uint64, last bool, now time.Time, sweep time.Duration) {
	c.failures, c.empty, c.resume = 0, 0, nil
	if r.newest {
		c.ReconciledAt = now.UTC()
		if len(c.covered) > 0 && (!c.passing() || c.unswept(now, sweep) && c.Pass.Pages <= sweepPages) {
			c.beginPass(now, sweep)
			r.pass = true
		}
	}
	c.covered = c.covered.add(got)
	if c.Pass == nil || !r.pass {
		return
	}
	if c.Pass.Pages > 0 {
		c.Pass.Pages--
	}
	if last || reached <= c.covered.oldest() {
		if c.backfilled() {
			c.SweptAt = now.UTC()
		}
		c.Pass = nil // what is below is the backfill's
		return
	}
	c.Pass.Upper = schemas.TSOf(reached - 1)
	if c.Pass.Pages == 0 && c.covered.has(reached-1) {
		c.Pass = nil
	}
}

func mustMicros(ts schemas.TS) uint64 {
	micros, _ := ts.Micros() // written by us, or validated
	return micros
}
