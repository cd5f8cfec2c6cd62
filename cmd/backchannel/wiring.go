package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kprom"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/health"
	"github.com/bigmind/backchannel/cmd/backchannel/tracing"
	"github.com/bigmind/backchannel/cmd/backchannel/watch"
	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/email"
)

// newWiring makes the clients. None of them connects yet: an engine that is away is waited for, not an error.
func newWiring(c *config.Config, log *slog.Logger, tracker *health.Tracker, mux *http.ServeMux, traces *tracing.Tracing) (*wiring, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	w := &wiring{
		config: c, log: log, metrics: reg, health: tracker, mux: mux, traces: traces,
		processorMetrics: processors.NewMetrics(reg), sinkMetrics: sinks.NewMetrics(reg),
	}
	w.slackCalls = newSlackCalls(c, reg)
	w.slackCalls.Via = traces.Call
	reg.MustRegister(buildInfo(), tracker, certificates(c))
	if c.Bool("embedded") {
		reg.MustRegister(dataFolder(c.String("data"))...)
	}
	var err error
	if w.kafka, err = kafkaOptions(c); err != nil {
		return nil, err
	}
	w.producer, err = kgo.NewClient(append(w.client("producer"), kgo.ProducerLinger(2*time.Millisecond))...)
	if err != nil {
		return nil, fmt.Errorf("make the Kafka client: %w", err)
	}
	if w.redis, err = redisClient(c); err != nil {
		return nil, err
	}
	if w.ch, err = clickhouseConn(c); err != nil {
		return nil, err
	}
	return w, nil
}

// client is how a Kafka client of this process is made: its metrics carry its name, and its records their traces.
func (w *wiring) client(name string) []kgo.Opt {
	return slices.Concat(w.kafka, w.named(name), w.traces.Kafka())
}

// named is what of a client only one at a time can have.
func (w *wiring) named(name string) []kgo.Opt {
	metrics := kprom.NewMetrics("backchannel_kafka", kprom.Registerer(w.metrics), kprom.Gatherer(w.metrics), kprom.WithClientLabel())
	return []kgo.Opt{kgo.ClientID("backchannel-" + name), kgo.WithHooks(metrics)}
}

func (w *wiring) close() {
	w.producer.Close()
	if err := errors.Join(w.redis.Close(), w.ch.Close()); err != nil {
		w.log.Warn("closing clients", "error", err)
	}
}

// probe tells every two seconds whether the engines that the components need answer, so that /readyz names the one that is away.
func (w *wiring) probe(ctx context.Context, chosen []component) {
	admin := kadm.NewClient(w.producer)
	ask := map[string]func(context.Context) error{
		engineKafka:      func(ctx context.Context) error { return topicsReady(ctx, admin) },
		engineRedis:      func(ctx context.Context) error { return w.redis.Ping(ctx).Err() },
		engineClickHouse: func(ctx context.Context) error { return w.ch.Exec(ctx, "SELECT 1") },
	}
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		for _, name := range needed(chosen) {
			bounded, cancel := context.WithTimeout(ctx, probeEvery)
			err := ask[name](bounded)
			cancel()
			if ctx.Err() != nil {
				return
			}
			w.health.Set(name, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// watch watches the consumer groups of the components that consume, and the views where they are needed.
func (w *wiring) watch(chosen []component) *watch.Watch {
	groups := consumerGroups(func(c component) bool {
		return slices.ContainsFunc(chosen, func(o component) bool { return o.name == c.name })
	})
	opts := watch.Options{Admin: kadm.NewClient(w.producer), Groups: groups, Metrics: w.metrics}
	if slices.Contains(needed(chosen), engineRedis) {
		opts.Redis = w.redis
	}
	return watch.New(opts)
}

// needed lists the engines of the components, each once.
func needed(chosen []component) []string {
	engines := []string{engineKafka}
	for _, c := range chosen {
		engines = append(engines, c.needs...)
	}
	slices.Sort(engines)
	return slices.Compact(engines)
}

const probeEvery = 2 * time.Second

// topicsReady fails while the brokers are away or topics are missing.
func topicsReady(ctx context.Context, admin *kadm.Client) error {
	specs := schemas.AllTopics()
	topics := make([]string, len(specs))
	for i, s := range specs {
		topics[i] = s.Name
	}
	found, err := admin.ListTopics(ctx, topics...)
	if err != nil {
		return err
	}
	for _, t := range topics {
		if !found.Has(t) {
			return fmt.Errorf("topic %s is missing: run 'backchannel apply'", t)
		}
	}
	return nil
}

// mailTransport is SMTP where a server is configured. The embedded mode writes files instead; elsewhere a missing
// server is an error, since mails would be lost sight of.
func mailTransport(c *config.Config) (email.Transport, error) {
	if address := c.String("smtp-url"); address != "" {
		server, err := email.NewSMTP(address, c.String("email-from"))
		if err != nil {
			return nil, err
		}
		server.SettingsURL = c.String("settings-url")
		return server, nil
	}
	if c.Bool("embedded") {
		return email.Outbox{Dir: filepath.Join(c.String("data"), "outbox"), From: c.String("email-from"), SettingsURL: c.String("settings-url")}, nil
	}
	return nil, errors.New("no mail server is configured: set BACKCHANNEL_SMTP_URL (smtp://user:password@host:port), or leave the component 'email' out")
}
