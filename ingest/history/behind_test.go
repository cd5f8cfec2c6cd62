package history

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/bigmind/backchannel/schemas"
)

func TestAChannelThatWasNotReadAgainIsBehind(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	h := &History{opts: Options{Every: time.Minute, Quiet: time.Hour}, metrics: newMetrics(prometheus.NewRegistry())}
	w := &workspace{History: h, class: classes[schemas.ClassInternal], budget: NewBudget(nil, "T1", schemas.ClassInternal), channels: map[schemas.ChannelID]*channel{}}
	add := func(id schemas.ChannelID, status schemas.SyncStatus, read time.Duration) {
		c := newChannel(schemas.SyncCheckpoint{ChannelID: id, Status: status, ReconciledAt: now.Add(-read)})
		c.newest = micros(now) // somebody talks there now: it is read again after a minute
		w.channels[id] = c
	}
	add("C1", schemas.SyncComplete, 5*time.Minute)
	add("C2", schemas.SyncComplete, 13*time.Minute)
	add("C3", schemas.SyncBackfilling, 13*time.Minute)
	w.metrics.count("T1", w.channels, func(c *channel) bool { return w.behind(c, now) })
	for status, want := range map[string]float64{"complete": 1, statusBehind: 1, "backfilling": 1, "stopped": 0} {
		if got := testutil.ToFloat64(w.metrics.channels.WithLabelValues(status)); got != want {
			t.Errorf("%s: %v channels, want %v", status, got, want)
		}
	}
	w.metrics.forget("T1")
	if got := testutil.ToFloat64(w.metrics.channels.WithLabelValues(statusBehind)); got != 0 {
		t.Errorf("once the workspace is somebody else's, %v channels are behind", got)
	}
}
