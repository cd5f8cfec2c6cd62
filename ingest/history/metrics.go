package history

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/schemas"
)

type metrics struct {
	calls      *prometheus.CounterVec
	records    prometheus.Counter
	unreadable prometheus.Counter

	mu       sync.Mutex
	channels *prometheus.GaugeVec
	waiting  prometheus.Gauge
	by       map[schemas.TeamID]map[schemas.SyncStatus]int
	threads  map[schemas.TeamID]int
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_history_calls_total",
			Help: "Calls of Slack's history methods by what came of them: ok, limited (429), refused (ok:false), failed (to be tried again).",
		}, []string{"method", "result"}),
		records: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "backchannel_ingest_history_records_total", Help: "Records written to slack.history: messages and windows.",
		}),
		unreadable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "backchannel_ingest_history_unreadable_total", Help: "Messages in Slack's answers without a ts; they are left out.",
		}),
		channels: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "backchannel_ingest_history_channels", Help: "Channels that this process syncs, by status: backfilling, complete, stopped.",
		}, []string{"status"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "backchannel_ingest_history_threads_pending", Help: "Threads of these channels that have moved and were not read yet.",
		}),
		by: map[schemas.TeamID]map[schemas.SyncStatus]int{}, threads: map[schemas.TeamID]int{},
	}
	reg.MustRegister(m.calls, m.records, m.unreadable, m.channels, m.waiting)
	return m
}

func (m *metrics) called(method, result string) { m.calls.WithLabelValues(method, result).Inc() }

// count replaces what is counted of a workspace. Callers hold the workspace's mu.
func (m *metrics) count(team schemas.TeamID, channels map[schemas.ChannelID]*channel) {
	now, threads := map[schemas.SyncStatus]int{}, 0
	for _, c := range channels {
		now[c.Status]++
		threads += c.ThreadsPending
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, status := range []schemas.SyncStatus{schemas.SyncBackfilling, schemas.SyncComplete, schemas.SyncStopped} {
		m.channels.WithLabelValues(string(status)).Add(float64(now[status] - m.by[team][status]))
	}
	m.waiting.Add(float64(threads - m.threads[team]))
	m.by[team], m.threads[team] = now, threads
}

func (m *metrics) forget(team schemas.TeamID) {
	m.count(team, nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, team)
	delete(m.threads, team)
}
