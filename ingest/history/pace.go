package history

import (
	"math"
	"time"
)

const (
	// recentShare is the part of the budget that reading the newest pages again may take, and recentShareBackfilling the part while there is a past to read.
	recentShare            = 0.5
	recentShareBackfilling = 0.1
	// quietShare: a channel is visited after an eighth of the time that nobody has talked in it.
	quietShare = 8
)

// interval is how long after a visit a channel is visited again. Callers hold mu.
func (w *workspace) interval(c *channel, now time.Time) time.Duration {
	silent := now.Sub(time.UnixMicro(int64(min(c.newest, micros(now)))))
	every := min(max(silent/quietShare, w.opts.Every), w.opts.Quiet)
	share, reading := recentShare, 0
	for _, o := range w.channels {
		if o.held {
			continue
		}
		reading++
		if !o.backfilled() {
			share = recentShareBackfilling
		}
	}
	fair := time.Duration(float64(w.budget.spacing()) * float64(reading) / share)
	return max(every, fair)
}

// schedule lets channels that were taken over wait for as long as they would have where they were: a replica that comes, goes or dies costs no visit. But what
// was not read since nobody polled is read at once.
func (w *workspace) schedule(taken []*channel) {
	idle := w.replicas.idleTill()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for _, c := range taken {
		if !c.ReconciledAt.IsZero() && c.newest > 0 {
			c.pollAt = c.ReconciledAt.Add(w.interval(c, now))
		}
	}
	for _, c := range w.channels {
		if c.ReconciledAt.Before(idle) {
			c.pollAt = time.Time{}
		}
	}
}

// lateBy is how long after a channel was to be read again it counts as behind: a few failed attempts are no reason to say so.
const lateBy = 10 * time.Minute

// behind: the newest messages of a channel that was complete should have been read again long ago. Callers hold mu.
func (w *workspace) behind(c *channel, now time.Time) bool {
	return now.Sub(c.ReconciledAt) > 2*w.interval(c, now)+lateBy
}

// atLeastDaily: everything is read again once a day where the budget has room for twice that, and else as often as half of it allows.
const atLeastDaily = 24 * time.Hour

// sweep is how long after all of a channel was read it is read again at the latest. Callers hold mu.
func (w *workspace) sweep() time.Duration {
	pages := 0.0
	for _, c := range w.channels {
		pages += math.Ceil(float64(c.Messages) / float64(w.class.history))
	}
	return max(atLeastDaily, time.Duration(2*pages*float64(w.budget.spacing())))
}

// revisit is the same for a thread.
func (w *workspace) revisit() time.Duration {
	threads := uint64(0)
	for _, c := range w.channels {
		threads += c.Threads
	}
	return max(atLeastDaily, time.Duration(2*float64(threads)*float64(w.budget.spacing())))
}

// estimate is when the backfill of a channel ends: its channels take turns, so that one of r pages waits for r turns of each other that has as
// many, and for the pages of those that have fewer. Callers hold mu.
func (w *workspace) estimate(c *channel, now time.Time) time.Time {
	var pages, threads float64
	mine, mineThreads := w.pagesLeft(c, now), float64(c.ThreadsPending)
	for _, o := range w.channels {
		if o.held {
			continue
		}
		pages += math.Min(w.pagesLeft(o, now), mine)
		threads += math.Min(float64(o.ThreadsPending), mineThreads)
	}
	ahead := w.threadsAhead(c, now)
	calls := math.Max(pages, threads+ahead)
	return now.Add(time.Duration(calls * float64(w.budget.spacing()))).UTC().Truncate(time.Second)
}

// pagesLeft is how many pages a channel's past still has, if it was as lively as what is known of it.
func (w *workspace) pagesLeft(c *channel, now time.Time) float64 {
	left := c.unread(now)
	if left == 0 {
		return 0
	}
	return math.Max(1, math.Ceil(left*c.density()/float64(w.class.history)))
}

// threadsAhead is how many threads the unread past may have.
func (w *workspace) threadsAhead(c *channel, now time.Time) float64 {
	seconds := c.known()
	if seconds == 0 {
		return 0
	}
	return c.unread(now) * float64(c.Threads) / seconds
}

// unread is how many seconds of the window are not known.
func (c *channel) unread(now time.Time) float64 {
	return math.Max(0, float64(micros(now)-min(c.windowStart, micros(now)))/1e6-c.known()-guard.Seconds())
}

// known is how many seconds of it are.
func (c *channel) known() (seconds float64) {
	for _, s := range c.covered {
		seconds += float64(s.to-s.from) / 1e6
	}
	return seconds
}

// density is how many messages a second there are in what is known.
func (c *channel) density() float64 {
	if known := c.known(); known > 0 {
		return float64(c.Messages) / known
	}
	return 0
}
