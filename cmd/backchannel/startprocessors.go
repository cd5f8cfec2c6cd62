package main

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/missed"
	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/processors/lifecycle"
	releasing "github.com/bigmind/backchannel/processors/release"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/processors/setup"
)

func (w *wiring) processor(def processors.Definition) (runner, error) {
	opts := processors.Options{
		Kafka: slices.Concat(w.kafka, w.traces.Kafka()), Consumer: w.named(def.Name), Metrics: w.processorMetrics, Health: w.health.Of(def.Name), Log: w.log, Drain: w.config.Duration("drain"),
		Missed: missed.New(def.Name, w.kafka, w.log).Count,
	}
	if w.traces != nil {
		opts.Trace = func(name string, batch []*kgo.Record, started time.Time) processors.Spans {
			return w.traces.Batch(name, batch, started)
		}
	}
	return processors.NewRunner(def, opts)
}

func startEnrich(w *wiring) (runner, error) { return w.processor(enrich.Definition(w.redis)) }

func startLifecycle(w *wiring) (runner, error) { return w.processor(lifecycle.Definition(w.redis)) }

func startSetup(w *wiring) (runner, error) { return w.processor(setup.Definition(w.redis)) }

func startRelease(w *wiring) (runner, error) {
	return w.processor(releasing.Definition(w.redis, time.Now))
}

func startRoute(w *wiring) (runner, error) { return w.processor(route.Definition(w.redis, time.Now)) }
