package processors

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/schemas"
)

// Metrics of the tier. Labels are bounded: processor names and schemas.Reasons.
type Metrics struct {
	records  *prometheus.CounterVec
	batches  *prometheus.HistogramVec
	duration *prometheus.HistogramVec
	aborts   *prometheus.CounterVec
	stalls   *prometheus.CounterVec
	due      *prometheus.CounterVec
	lost     *prometheus.CounterVec
}

// NewMetrics registers the tier's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_processors_records_total",
			Help: "Input records by what became of them: `emitted`, `dropped` or `rejected` (dead letter), and why.",
		}, []string{"processor", "fate", "reason"}),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_processors_batch_records", Help: "Records per transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8), NativeHistogramBucketFactor: 1.1,
		}, []string{"processor"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_processors_transaction_seconds", Help: "From the end of the poll to the end of the commit.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 15), NativeHistogramBucketFactor: 1.1,
		}, []string{"processor"}),
		aborts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_processors_aborts_total", Help: "Transactions aborted by a rebalance or an error; their batches are processed again.",
		}, []string{"processor"}),
		stalls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_processors_stalls_total", Help: "Attempts that ended with 'not now': Redis away, or views not rebuilt.",
		}, []string{"processor"}),
		due: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_processors_due_records_total", Help: "Records emitted because their time had come (`release`), tombstones included.",
		}, []string{"processor"}),
	}
	m.lost = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "backchannel_processors_lost_records_total", Help: "Records that their topic's retention deleted while the processor was away, before it had read them. At most: what is gone may have been markers of transactions.",
	}, []string{"processor"})
	reg.MustRegister(m.due, m.lost, m.records, m.batches, m.duration, m.aborts, m.stalls)
	return m
}

func (m *Metrics) committed(processor string, r *Result, took time.Duration) {
	type fate struct {
		name   string
		reason schemas.Reason
	}
	counts, emitted := map[fate]int{}, 0
	for _, f := range r.fates {
		switch {
		case f.Rejected != "":
			counts[fate{"rejected", f.Rejected}]++
		case f.Dropped != "":
			counts[fate{"dropped", f.Dropped}]++
		default:
			emitted++
		}
	}
	if emitted > 0 {
		counts[fate{"emitted", ""}] = emitted
	}
	for f, n := range counts {
		m.records.WithLabelValues(processor, f.name, string(f.reason)).Add(float64(n))
	}
	m.batches.WithLabelValues(processor).Observe(float64(len(r.fates)))
	m.duration.WithLabelValues(processor).Observe(took.Seconds())
}

// expect makes the series of what ought not to happen, so that the first time is an increase.
func (m *Metrics) expect(processor string) {
	for _, r := range schemas.Reasons {
		if r.DeadLetter() {
			m.records.WithLabelValues(processor, "rejected", string(r.Reason))
		}
	}
	m.aborts.WithLabelValues(processor)
	m.stalls.WithLabelValues(processor)
	m.lost.WithLabelValues(processor)
}

func (m *Metrics) missed(processor string, n int64) {
	m.lost.WithLabelValues(processor).Add(float64(n))
}

func (m *Metrics) ticked(processor string, n int) { m.due.WithLabelValues(processor).Add(float64(n)) }
func (m *Metrics) aborted(processor string)       { m.aborts.WithLabelValues(processor).Inc() }
func (m *Metrics) stalled(processor string)       { m.stalls.WithLabelValues(processor).Inc() }
