package main

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/missed"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	chsink "github.com/bigmind/backchannel/sinks/clickhouse"
	"github.com/bigmind/backchannel/sinks/email"
	"github.com/bigmind/backchannel/sinks/retention"
	slacksink "github.com/bigmind/backchannel/sinks/slack"
	"github.com/bigmind/backchannel/sinks/views"
)

func (w *wiring) sink(def sinks.Definition) (runner, error) {
	opts := sinks.Options{
		Kafka: slices.Concat(w.kafka, w.traces.Kafka()), Consumer: w.named(def.Name), Metrics: w.sinkMetrics, Health: w.health.Of(def.Name), Log: w.log, Drain: w.config.Duration("drain"),
		Missed: missed.New(def.Name, w.kafka, w.log).Count,
	}
	if w.traces != nil {
		opts.Trace = func(name string, written []*kgo.Record, started time.Time) {
			w.traces.Batch(name, written, started).End(true)
		}
	}
	return sinks.NewRunner(def, opts)
}

func startViews(w *wiring) (runner, error) {
	return w.sink(views.Definition(w.redis, kadm.NewClient(w.producer), w.log))
}

func startClickHouse(w *wiring) (runner, error) {
	return w.sink(chsink.Definition(w.ch, w.config.Int("clickhouse-batch"), w.config.Duration("clickhouse-wait")))
}

func startRetain(w *wiring) (runner, error) {
	return retention.NewKeeper(retention.Options{ClickHouse: w.ch, Cluster: w.config.String("clickhouse-cluster"), Now: time.Now}, w.config.Duration("retain-every"), w.metrics, w.log), nil
}

func startSlack(w *wiring) (runner, error) { return w.slack(false) }

func startSlackUrgent(w *wiring) (runner, error) { return w.slack(true) }

func (w *wiring) slack(urgent bool) (runner, error) {
	tokens, err := sealer(w.config)
	if err != nil {
		return nil, err
	}
	return w.sink(slacksink.Definition(slacksink.Options{
		Redis: w.redis, Tokens: tokens, APIURL: withSlash(w.config.String("slack-api-url")),
		HTTP:        w.slackCalls.Client(slackTimeout),
		Limits:      slacksink.Limits{MessagesPerMinute: w.config.Int("slack-messages-per-minute"), OpensPerMinute: w.config.Int("slack-opens-per-minute")},
		SettingsURL: w.config.String("settings-url"),
		Publish:     w.publishOutcome, Now: time.Now, Metrics: w.metrics, Urgent: urgent,
	}))
}

// slackTimeout ends an attempt well before the ledger would call it ambiguous (settle in sinks/slack).
const slackTimeout = 10 * time.Second

func startEmail(w *wiring) (runner, error) { return w.email(false) }

func startEmailUrgent(w *wiring) (runner, error) { return w.email(true) }

func (w *wiring) email(urgent bool) (runner, error) {
	transport, err := mailTransport(w.config)
	if err != nil {
		return nil, err
	}
	return w.sink(email.Definition(email.Options{
		Redis: w.redis, Transport: transport, PerMinute: w.config.Int("emails-per-minute"), Publish: w.publishOutcome, Now: time.Now, Urgent: urgent,
	}))
}

// publishOutcome hands an outcome to Kafka, under the name of every request that shared the message.
func (w *wiring) publishOutcome(ctx context.Context, o schemas.Outcome) error {
	var records []*kgo.Record
	for _, one := range o.Each() {
		value, err := schemas.NotificationOutcomes.Encode(one)
		if err != nil {
			return err
		}
		records = append(records, &kgo.Record{
			Topic: schemas.NotificationOutcomes.Name, Key: []byte(schemas.OrgKey(one.OrgID, one.RequestID)), Value: value,
		})
	}
	if err := (ingest.Kafka{Client: w.producer}).Publish(ctx, records...); err != nil {
		return err
	}
	w.sinkMetrics.Concluded(&o)
	return nil
}
