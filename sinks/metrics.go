package sinks

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/schemas"
)

// Metrics of the tier. Labels are bounded: sink names and schemas.Reasons.
type Metrics struct {
	records  *prometheus.CounterVec
	batches  *prometheus.HistogramVec
	duration *prometheus.HistogramVec
	stalls   *prometheus.CounterVec
	waits    *prometheus.GaugeVec
	lost     *prometheus.CounterVec

	freshness *prometheus.HistogramVec
	arrival   *prometheus.HistogramVec
	outcomes  *prometheus.CounterVec
	doubts    *prometheus.CounterVec
	delivery  *prometheus.HistogramVec
}

// promised are the bounds of what people wait for. Among them are those of the objectives: 10 s until a message is a row, 60 s until a notification
// is delivered (deploy/prometheus).
var promised = []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400}

// NewMetrics registers the tier's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_sinks_records_total", Help: "Records by what became of them: `written`, `deferred` (each time) or `rejected` (dead letter), and why.",
		}, []string{"sink", "fate", "reason"}),
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_sinks_batch_records", Help: "Records that were written at once.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 9), NativeHistogramBucketFactor: 1.1,
		}, []string{"sink"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_sinks_write_seconds", Help: "From the end of the poll to the end of the commit.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16), NativeHistogramBucketFactor: 1.1,
		}, []string{"sink"}),
		stalls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_sinks_stalls_total", Help: "Attempts that ended with 'not now': the store or Kafka away.",
		}, []string{"sink"}),
	}
	m.waits = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "backchannel_sinks_waiting_records", Help: "Records that were put off and wait, in order, without delaying others: a workspace that Slack told to wait, a mail server that is busy.",
	}, []string{"sink"})
	m.lost = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "backchannel_sinks_lost_records_total", Help: "Records that waited, or whose sink was away, for longer than their topic keeps them. At most: of what is gone some may have been written.",
	}, []string{"sink"})
	m.freshness = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "backchannel_sinks_freshness_seconds",
		Help:    "From when something happened in Slack, by Slack's clock, until it was written: live messages, edits and deletions that are rows of ClickHouse.",
		Buckets: promised, NativeHistogramBucketFactor: 1.1,
	}, []string{"sink"})
	m.arrival = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "backchannel_sinks_arrival_seconds",
		Help: "From when something was said, changed or deleted in Slack, by Slack's clock, until it was written, by how it came: `live` by an event, `late` by an event after more than a minute, " +
			"`polled` in the channel's history. The view freshness tells what polling repaired from what was said before the sync began.",
		Buckets: promised, NativeHistogramBucketFactor: 1.1,
	}, []string{"sink", "how"})
	reg.MustRegister(m.records, m.batches, m.duration, m.stalls, m.waits, m.lost, m.freshness, m.arrival)
	m.registerOutcomes(reg)
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
	m.fresh(sink, result.Happened)
}

// fresh looks for its series once for each run of the same way, and not once a record: that costs more than to observe.
func (m *Metrics) fresh(sink string, happened []Happening) {
	var how Arrival
	var arrival, freshness prometheus.Observer
	now := time.Now()
	for _, h := range happened {
		if h.How != how {
			how, arrival = h.How, m.arrival.WithLabelValues(sink, string(h.How))
			if how != Polled && freshness == nil {
				freshness = m.freshness.WithLabelValues(sink)
			}
		}
		age := max(0, now.Sub(h.At).Seconds()) // Slack's clock may be ahead of ours
		arrival.Observe(age)
		if how != Polled {
			freshness.Observe(age)
		}
	}
}

// expect makes the series of what ought not to happen, so that the first time is an increase.
func (m *Metrics) expect(sink string) {
	for _, r := range schemas.Reasons {
		if r.DeadLetter() {
			m.records.WithLabelValues(sink, "rejected", string(r.Reason))
		}
	}
	m.stalls.WithLabelValues(sink)
	m.lost.WithLabelValues(sink)
}

func (m *Metrics) waiting(sink string, n int) { m.waits.WithLabelValues(sink).Set(float64(n)) }

func (m *Metrics) gone(sink string, n int) { m.lost.WithLabelValues(sink).Add(float64(n)) }

func (m *Metrics) stalled(sink string) { m.stalls.WithLabelValues(sink).Inc() }
