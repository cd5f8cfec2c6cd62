package sinks

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/schemas"
)

func (m *Metrics) registerOutcomes(reg prometheus.Registerer) {
	m.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "backchannel_sinks_outcomes_total",
		Help: "Outcomes of deliveries by channel (`slack`, `email`), status (`delivered`, `expired`, `failed`) and reason.",
	}, []string{"channel", "status", "reason"})
	m.doubts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "backchannel_sinks_ambiguous_outcomes_total",
		Help: "Outcomes of deliveries of which it is not known whether an earlier attempt had arrived: the person may have the message twice, or with `silence` not at all.",
	}, []string{"channel"})
	m.delivery = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "backchannel_sinks_delivery_seconds",
		Help:    "From a notification request, or from the end of its quiet hours, group or cap, or since a workspace that Slack had refused is connected again, until the message was delivered.",
		Buckets: promised, NativeHistogramBucketFactor: 1.1,
	}, []string{"channel"})
	reg.MustRegister(m.outcomes, m.doubts, m.delivery)
	for _, channel := range []schemas.DeliveryChannel{schemas.BySlack, schemas.ByEmail} {
		m.doubts.WithLabelValues(string(channel)) // so that the first are an increase
	}
}

// Concluded counts an outcome that has been published.
func (m *Metrics) Concluded(o *schemas.Outcome) {
	m.outcomes.WithLabelValues(string(o.Channel), string(o.Status), string(o.Reason)).Inc()
	if o.Ambiguous {
		m.doubts.WithLabelValues(string(o.Channel)).Inc()
	}
	due := o.RequestedAt
	if !o.ReleasedAt.IsZero() {
		due = o.ReleasedAt
	}
	if o.ReachableAt.After(due) && !due.IsZero() {
		due = o.ReachableAt
	}
	if o.Status == schemas.Delivered && o.MergedInto == "" && !due.IsZero() {
		m.delivery.WithLabelValues(string(o.Channel)).Observe(max(0, o.At.Sub(due).Seconds()))
	}
}
