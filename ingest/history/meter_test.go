package history

import (
	"fmt"
	"sync"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// perMinute is what Slack allows of a method (docs.slack.dev/changelog 2025-05-29, docs.slack.dev/apis/web-api/rate-limits).
var perMinute = map[schemas.AppClass]float64{schemas.ClassMarketplace: 50, schemas.ClassInternal: 50, schemas.ClassCommercial: 1}

// meter looks again and again how the backfill of a simulation goes.
type meter struct {
	s       *simulation
	allowed float64 // calls of a method in a minute
	began   time.Time
	end     chan struct{}
	ended   sync.WaitGroup

	mu         sync.Mutex
	from, to   reading // from when each channel has its first page to when nine of ten threads were read
	associated bool
	waiting    map[slacksim.ChannelID]time.Time // for their first page, since when
	firstPage  time.Duration                    // of whom it took longest
}

// reading is how many calls of conversations.replies there were at a time.
type reading struct {
	at    time.Time
	calls int
}

func (s *simulation) measure(allowed float64) *meter {
	m := &meter{s: s, allowed: allowed, began: time.Now(), end: make(chan struct{}), waiting: map[slacksim.ChannelID]time.Time{}}
	m.ended.Go(func() {
		ticker := time.NewTicker(time.Duration(10 / allowed * float64(time.Minute)))
		defer ticker.Stop()
		for {
			select {
			case <-m.end:
				return
			case <-ticker.C:
				m.look()
			}
		}
	})
	return m
}

// stop ends the looking; what was seen stays.
func (m *meter) stop() {
	close(m.end)
	m.ended.Wait()
}

// firstPages waits for the first page of each of these channels, from now on.
func (m *meter) firstPages(channels []slacksim.ChannelID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.associated = true
	for _, c := range channels {
		m.waiting[c] = time.Now()
	}
}

// look sees how far it is. Nearly all threads are read at full speed; for the last ones there are not always calls under way.
func (m *meter) look() {
	calls, err := m.s.slack.Calls(m.s.t.Context())
	if err != nil {
		m.s.t.Errorf("ask for the calls: %v", err)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.associated {
		return
	}
	m.lookForFirstPages()
	switch now := calls[methodReplies]; {
	case now.OK > 0 && len(m.waiting) == 0 && m.from.at.IsZero():
		m.from = reading{time.Now(), now.Calls}
	case now.OK >= m.s.threads()*9/10 && m.to.at.IsZero():
		m.to = reading{time.Now(), now.Calls}
	}
}

// lookForFirstPages sees whose came. The caller holds mu.
func (m *meter) lookForFirstPages() {
	for c, since := range m.waiting {
		cp, err := ingest.Viewed[schemas.SyncCheckpoint](m.s.mini.HGet(schemas.ViewTeamCheckpoints(m.s.team.ID), string(c)))
		if err != nil {
			m.s.t.Errorf("read a checkpoint: %v", err)
		}
		if cp != nil && cp.Newest != "" {
			m.firstPage = max(m.firstPage, time.Since(since))
			delete(m.waiting, c)
		}
	}
}

// used is the part that was used of what Slack allows.
func (m *meter) used() float64 {
	return float64(m.to.calls-m.from.calls) / (m.to.at.Sub(m.from.at).Minutes() * m.allowed)
}

func (m *meter) String() string {
	return fmt.Sprintf("%.1f%% of what Slack allows was used, for %s; the last first page came after %s", 100*m.used(), m.to.at.Sub(m.from.at), m.firstPage)
}

// check asserts what the meter saw: of channels that were associated beside a huge one each had its first page within its turn. Calls that failed are made
// again, and what was under way is let through.
func (m *meter) check(channels int) {
	m.s.t.Helper()
	if m.used() < 0.95 {
		m.s.t.Errorf("%.1f%% of the calls that Slack allows were made", 100*m.used())
	}
	turns := 1.05*float64(channels) + 5 + 10 // and as the meter looks only now and then
	if fair := time.Duration(turns / (used * m.allowed) * float64(time.Minute)); m.firstPage > fair || len(m.waiting) > 0 {
		m.s.t.Errorf("a first page came after %s, and of %d channels none; their turns are over after %s", m.firstPage, len(m.waiting), fair)
	}
}
