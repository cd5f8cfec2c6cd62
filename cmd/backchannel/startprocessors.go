package main

import (
	"time"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/address"
	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/processors/lifecycle"
	releasing "github.com/bigmind/backchannel/processors/release"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/processors/setup"
)

func (w *wiring) processor(def processors.Definition) (runner, error) {
	return processors.NewRunner(def, processors.Options{
		Kafka: w.client(def.Name), Metrics: w.processorMetrics, Health: w.health.Of(def.Name), Log: w.log, Drain: w.config.Duration("drain"),
	})
}

func startEnrich(w *wiring) (runner, error) { return w.processor(enrich.Definition(w.redis)) }

func startLifecycle(w *wiring) (runner, error) { return w.processor(lifecycle.Definition(w.redis)) }

func startSetup(w *wiring) (runner, error) { return w.processor(setup.Definition(w.redis)) }

func startAddress(w *wiring) (runner, error) {
	return w.processor(address.Definition(w.redis, time.Now))
}

func startRelease(w *wiring) (runner, error) {
	return w.processor(releasing.Definition(w.redis, time.Now))
}

func startRoute(w *wiring) (runner, error) { return w.processor(route.Definition(w.redis, time.Now)) }
