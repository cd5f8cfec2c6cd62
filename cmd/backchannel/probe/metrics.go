package probe

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics is what rounds have measured.
type Metrics struct {
	took     *prometheus.HistogramVec
	success  *prometheus.GaugeVec
	failures *prometheus.CounterVec
}

// NewMetrics registers them. Until its first round a prober counts as having seen everything work when it began.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_probe_seconds", NativeHistogramBucketFactor: 1.1, Buckets: []float64{0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120},
			Help: "What the prober waited for: row (from its message to the row), gone (from its deletion until the row is gone), dm (from its request to the direct message).",
		}, []string{"stage"}),
		success: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "backchannel_probe_last_success_timestamp_seconds",
			Help: "When the prober last saw a row come (row) and go (gone), and a direct message come (dm).",
		}, []string{"stage"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_probe_failures_total",
			Help: "Rounds of the prober that failed, by stage: post, row, delete, gone, request, outcome, dm.",
		}, []string{"stage"}),
	}
	reg.MustRegister(m.took, m.success, m.failures)
	for _, s := range Stages {
		m.failures.WithLabelValues(string(s))
	}
	for _, s := range Waits {
		m.success.WithLabelValues(string(s)).Set(float64(time.Now().Unix()))
		m.took.WithLabelValues(string(s))
	}
	return m
}

// Observe takes in a round.
func (m *Metrics) Observe(round []Result) {
	for _, r := range round {
		switch {
		case r.Err != nil:
			m.failures.WithLabelValues(string(r.Stage)).Inc()
		case r.Took > 0:
			m.took.WithLabelValues(string(r.Stage)).Observe(r.Took.Seconds())
			m.success.WithLabelValues(string(r.Stage)).Set(float64(time.Now().Unix()))
		}
	}
}
