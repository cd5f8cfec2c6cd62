package history

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

type metrics struct {
	calls      *prometheus.CounterVec
	waits      *prometheus.CounterVec
	records    prometheus.Counter
	unreadable prometheus.Counter
	cut        *prometheus.CounterVec

	installations *prometheus.GaugeVec

	mu       sync.Mutex
	channels *prometheus.GaugeVec
	waiting  prometheus.Gauge
	by       map[schemas.TeamID]map[string]int
	threads  map[schemas.TeamID]int
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_history_calls_total",
			Help: "Calls of `conversations.history` and `.replies` by what came of them: `ok`, `limited` (429), `refused` (`ok: false`), `failed` (tried again).",
		}, []string{"method", "result"}),
		records: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "backchannel_ingest_history_records_total", Help: "Records written to `slack.history`: messages and windows.",
		}),
		unreadable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "backchannel_ingest_history_unreadable_total", Help: "Messages in Slack's answers without a ts; they are left out.",
		}),
		cut: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_history_too_large_total",
			Help: "Messages that are larger than Kafka takes, by what became of them: `cut` (kept without blocks, attachments and files), `dead_letter`.",
		}, []string{"result"}),
		channels: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "backchannel_ingest_history_channels",
			Help: "Channels that this process syncs, by status: `backfilling`; `complete`; `behind`, complete and overdue to be read again; `stopped`. Counted at least every 5 minutes.",
		}, []string{"status"}),
		installations: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "backchannel_ingest_installations",
			Help: "Workspaces by the status of their installation: `active`, or why it has ended. Every replica exports the same: take the maximum.",
		}, []string{"status"}),
		waits: ingest.BudgetWaits(reg, methodHistory, methodReplies),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "backchannel_ingest_history_threads_pending", Help: "Threads of these channels that have moved and were not read yet.",
		}),
		by: map[schemas.TeamID]map[string]int{}, threads: map[schemas.TeamID]int{},
	}
	reg.MustRegister(m.calls, m.records, m.unreadable, m.cut, m.channels, m.waiting, m.installations)
	for _, method := range []string{methodHistory, methodReplies} {
		m.calls.WithLabelValues(method, "ok") // so that none is seen to come where none ever did
	}
	return m
}

func (m *metrics) called(method, result string) { m.calls.WithLabelValues(method, result).Inc() }

// statusBehind is counted of a channel in place of complete.
const statusBehind = "behind"

// count replaces what is counted of a workspace. Callers hold the workspace's mu.
func (m *metrics) count(team schemas.TeamID, channels map[schemas.ChannelID]*channel, behind func(*channel) bool) {
	now, threads := map[string]int{}, 0
	for _, c := range channels {
		status := string(c.Status)
		if c.Status == schemas.SyncComplete && behind(c) {
			status = statusBehind
		}
		now[status]++
		threads += c.ThreadsPending
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, status := range []string{string(schemas.SyncBackfilling), string(schemas.SyncComplete), statusBehind, string(schemas.SyncStopped)} {
		m.channels.WithLabelValues(status).Add(float64(now[status] - m.by[team][status]))
	}
	m.waiting.Add(float64(threads - m.threads[team]))
	m.by[team], m.threads[team] = now, threads
}

func (m *metrics) forget(team schemas.TeamID) {
	m.count(team, nil, nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.by, team)
	delete(m.threads, team)
}
