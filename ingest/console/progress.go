package console

import (
	"fmt"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// progress is how far a channel's past has been read.
type progress struct {
	Status  schemas.SyncStatus
	Percent int
	Text    string
	Reason  schemas.Reason
	Moves   bool // it is looked at again by itself
	Since   time.Time
}

// progressOf reads a checkpoint: the part of its window that the stretches cover which were read completely.
func progressOf(c *schemas.SyncCheckpoint, now time.Time) *progress {
	p := &progress{Status: c.Status, Reason: c.Reason, Since: timeOf(c.WindowStart)}
	switch {
	case c.Status == schemas.SyncStopped:
		p.Percent, p.Text = covered(c, now), "Stopped"
	case c.Complete:
		p.Percent, p.Text = 100, "Complete since "+day(p.Since)
	case c.Status == schemas.SyncComplete: // some threads have moved since it was
		p.Percent, p.Text, p.Moves = 100, fmt.Sprintf("Complete since %s; %s", day(p.Since), againOf(c.ThreadsPending)), true
	default:
		p.Percent, p.Moves = min(covered(c, now), 99), true
		p.Text = fmt.Sprintf("Reading its past: %d%%", p.Percent)
		if c.EndsAt.After(now) {
			p.Text += ", about " + soon(c.EndsAt.Sub(now)) + " to go"
		}
	}
	return p
}

// againOf says how many threads are read again.
func againOf(threads int) string {
	switch threads {
	case 0:
		return "what was said before is being read again"
	case 1:
		return "a thread that has moved is being read again"
	}
	return fmt.Sprintf("%d threads that have moved are being read again", threads)
}

// covered is in percent. A window without a beginning has nothing covered.
func covered(c *schemas.SyncCheckpoint, now time.Time) int {
	start, err := c.WindowStart.Micros()
	end := uint64(now.UnixMicro())
	if err != nil || end <= start {
		return 0
	}
	var sum uint64
	for _, i := range c.Intervals {
		from, err1 := i.From.Micros()
		to, err2 := i.To.Micros()
		if from = max(from, start); err1 == nil && err2 == nil && to > from {
			sum += min(to, end) - from
		}
	}
	return int(min(sum*100/(end-start), 100))
}

func timeOf(ts schemas.TS) time.Time {
	micros, err := ts.Micros()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(int64(micros)).UTC()
}

// soon says how long in words.
func soon(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return "a minute"
	case d < 90*time.Minute:
		return fmt.Sprintf("%d minutes", int(d.Round(time.Minute).Minutes()))
	case d < 36*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Round(time.Hour).Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24+0.5))
}
