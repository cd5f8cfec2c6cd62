package sinks

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics of the tier. Labels are bounded: sink names and schemas.Reasons.
type Metrics struct {
	records  *prometheus.CounterVec
	batches  *prometheus.HistogramVec
	duration *prometheus.HistogramVec
	stalls   *prometheus.CounterVec
	waits    *prometheus.GaugeVec
	lost     *prometheus.CounterVec
}

// NewMetrics registers the tier's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_sinks_records_total", Help: "Records by what became of them: written, deferred (each time) or rejected, and why.",
		}, []string{"sink", "fate", "reason"}),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_sinks_batch_records", Help: "Records per batch.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 9),
		}, []string{"sink"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_sinks_write_seconds", Help: "From the end of the poll to the end of the commit.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16),
		}, []string{"sink"}),
		stalls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_sinks_stalls_total", Help: "Attempts that ended with 'not now': the store or Kafka away.",
		}, []string{"sink"}),
	}
	m.waits = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "backchannel_sinks_waiting_records", Help: "Records that were put off and wait, in order, without delaying others.",
	}, []string{"sink"})
	m.lost = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "backchannel_sinks_lost_records_total", Help: "Records that waited for longer than their topic keeps them.",
	}, []string{"sink"})
	reg.MustRegister(m.records, m.batches, m.duration, m.stalls, m.waits, m.lost)
	return m
}

func (m *Metrics) written(sink string, n int, result Result, took time.Duration) {
	m.records.WithLabelValues(sink, "written", "").Add(float64(n - len(result.Rejected) - len(result.Deferred)))
	m.records.WithLabelValues(sink, "deferred", "").Add(float64(len(result.Deferred)))
	for _, r := range result.Rejected {
		m.records.WithLabelValues(sink, "rejected", string(r.Reason)).Inc()
	}
	m.batches.WithLabelValues(sink).Observe(float64(n))
	m.duration.WithLabelValues(sink).Observe(took.Seconds())
}

func (m *Metrics) waiting(sink string, n int) { m.waits.WithLabelValues(sink).Set(float64(n)) }

func (m *Metrics) gone(sink string, n int) { m.lost.WithLabelValues(sink).Add(float64(n)) }

func (m *Metrics) stalled(sink string) { m.stalls.WithLabelValues(sink).Inc() }
