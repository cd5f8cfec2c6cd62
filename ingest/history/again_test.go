package history

import (
	"fmt"
	"testing"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// Where Slack allows a page a minute, and a channel has most of the messages: the newest of every channel are read again as often as their share of the budget
// allows, also while all of it is, and all of every channel is read before long.
func TestReadingAgainAtAPageAMinute(t *testing.T) {
	const channels, pages, largest = 40, 20, 800
	const all = channels*pages + largest
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	began := now
	h := &History{opts: Options{Every: time.Hour, Quiet: time.Hour}}
	w := &workspace{History: h, class: classes[schemas.ClassCommercial], budget: NewBudget(nil, "T1", schemas.ClassCommercial), channels: map[schemas.ChannelID]*channel{}}
	size := map[*channel]uint64{}
	for n := range channels + 1 {
		c := newChannel(schemas.SyncCheckpoint{ChannelID: schemas.ChannelID(fmt.Sprintf("C%02d", n)), StartedAt: now, ReconciledAt: now})
		c.windowStart, c.newest = micros(now.Add(-90*24*time.Hour)), micros(now.Add(-48*time.Hour))
		c.covered = spans{{c.windowStart, micros(now)}}
		size[c] = pages
		if n == 0 {
			size[c] = largest
		}
		c.Messages = size[c] * uint64(w.class.history)
		w.channels[c.ChannelID] = c
	}
	read := func(r request) {
		c := r.channel
		upper, length := r.upper, (micros(now)-c.windowStart)/size[c]
		if r.newest {
			upper = micros(now)
		}
		reached := max(c.windowStart, upper-min(length, upper))
		w.turn++
		c.served[r.method] = w.turn
		if r.lane == laneDeep {
			w.deep++
		}
		c.took(r, span{reached, upper}, reached, reached == c.windowStart, now, w.sweep())
		if r.newest {
			c.pollAt = now.Add(w.interval(c, now))
		}
	}
	for ; now.Sub(began) < 25*all*time.Minute; now = now.Add(time.Minute) {
		if r, due, _ := w.pick(methodHistory, now); due {
			read(r)
		}
		for _, c := range w.channels {
			if late, most := now.Sub(c.ReconciledAt), w.interval(c, now)+2*channels*time.Minute; late > most {
				t.Fatalf("after %s: the newest messages of %s were not read for %s, more than %s", now.Sub(began), c.ChannelID, late, most)
			}
			if late := now.Sub(later(c.SweptAt, c.StartedAt)); late > 8*all*time.Minute { // due after twice a reading of all; then a quarter of all pages are of sweeps
				t.Fatalf("after %s: not all of %s was read for %s", now.Sub(began), c.ChannelID, late)
			}
		}
	}
}
