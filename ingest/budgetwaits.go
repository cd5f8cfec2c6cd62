package ingest

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// BudgetWaits counts how long the components of the tier had to wait for Slack's budget, by method: those of methods from 0 on. They share it.
func BudgetWaits(reg prometheus.Registerer, methods ...string) *prometheus.CounterVec {
	waits := sharedWaits(reg)
	for _, method := range methods {
		waits.WithLabelValues(method)
	}
	return waits
}

func sharedWaits(reg prometheus.Registerer) *prometheus.CounterVec {
	waits := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "backchannel_ingest_slack_wait_seconds_total",
		Help: "How long calls that were due had to wait for a workspace's budget, by Slack's method. That history waits during a backfill is the ordinary course.",
	}, []string{"method"})
	if err := reg.Register(waits); err != nil {
		if was, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
			if shared, ok := was.ExistingCollector.(*prometheus.CounterVec); ok {
				return shared
			}
		}
		panic(err) // a wrong declaration, as with MustRegister
	}
	return waits
}
