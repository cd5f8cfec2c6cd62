package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/health"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/directory"
	"github.com/bigmind/backchannel/ingest/events"
	"github.com/bigmind/backchannel/ingest/history"
	"github.com/bigmind/backchannel/ingest/install"
	"github.com/bigmind/backchannel/ingest/interactions"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/ingest/socketmode"
	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/address"
	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/processors/lifecycle"
	releasing "github.com/bigmind/backchannel/processors/release"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/processors/setup"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
	"github.com/bigmind/backchannel/sinks"
	chsink "github.com/bigmind/backchannel/sinks/clickhouse"
	"github.com/bigmind/backchannel/sinks/email"
	slacksink "github.com/bigmind/backchannel/sinks/slack"
	"github.com/bigmind/backchannel/sinks/views"
)

// The whole graph: three tiers, each a short list. A component runs alone under its name.
//
//	ingest      events       Slack            -> slack.events
//	            socketmode   Slack, by WebSocket -> slack.events
//	            interactions the setup modal  -> channel.associations
//	            install      Slack's OAuth    -> slack.installations
//	            directory    Slack's lists    -> slack.users, slack.channels
//	            history      Slack's history  -> slack.history, sync.checkpoints
//	processors  enrich       slack.events, slack.history -> context.messages
//	            lifecycle    slack.events     -> slack.installations, slack.users, slack.channels, channel.associations, setup.prompts, deliveries
//	            setup        associations, outcomes -> setup.prompts, deliveries
//	            address      notification.requests -> notification.addressed, outcomes
//	            route        notification.addressed -> deliveries, notification.held, outcomes
//	            release      notification.held -> deliveries, outcomes
//	sinks       views        control topics   -> Redis
//	            clickhouse   context, control, outcomes -> ClickHouse
//	            slack        deliveries.slack -> Slack; slack-urgent the same past it, of deliveries.slack.urgent
//	            email        deliveries.email -> mail; email-urgent as with Slack
var tiers = []tier{
	{"ingest", nil, []component{
		{"events", startEvents, nil}, {"socketmode", startSocketMode, nil}, {"interactions", startInteractions, nil}, {"install", startInstall, nil}, {"directory", startDirectory, nil},
		{"history", startHistory, nil},
	}},
	{"processors", processors.Group, []component{
		{"enrich", startEnrich, onRedis}, {"lifecycle", startLifecycle, onRedis}, {"setup", startSetup, onRedis},
		{"address", startAddress, onRedis}, {"route", startRoute, onRedis}, {"release", startRelease, onRedis},
	}},
	{"sinks", sinks.Group, []component{
		{"views", startViews, onRedis}, {"clickhouse", startClickHouse, onClickHouse}, {"slack", startSlack, onRedis}, {"email", startEmail, onRedis},
		{"slack-urgent", startSlackUrgent, onRedis}, {"email-urgent", startEmailUrgent, onRedis},
	}},
}

type tier struct {
	name       string
	group      func(component string) string // the consumer group of a component; nil where none consumes
	components []component
}

// component makes something that runs until its context is done.
type component struct {
	name  string
	start func(*wiring) (runner, error)
	// needs are the engines without which it waits, beside Kafka, which all need. A process is ready when those of its own
	// components answer: an ingest that was not ready while ClickHouse is away would turn Slack's events down for nothing.
	needs []string
}

// The engines, as /readyz names them.
const (
	engineKafka      = "Kafka"
	engineRedis      = "Redis"
	engineClickHouse = "ClickHouse"
)

var onRedis, onClickHouse = []string{engineRedis}, []string{engineClickHouse}

type runner interface {
	Run(ctx context.Context) error
}

// wiring is what components are made from. Clients are made when the first component asks for them.
type wiring struct {
	config   *config.Config
	log      *slog.Logger
	metrics  *prometheus.Registry
	health   *health.Tracker
	mux      *http.ServeMux
	kafka    []kgo.Opt
	producer *kgo.Client
	redis    redis.UniversalClient
	ch       driver.Conn

	interactions *interactions.Interactions // see setupModal

	processorMetrics *processors.Metrics
	sinkMetrics      *sinks.Metrics
}

// choose finds the components that the arguments name: all, a tier, or a component. No argument means all.
func choose(args []string) ([]component, error) {
	if len(args) == 0 {
		args = []string{"all"}
	}
	wanted := map[string]bool{}
	for _, a := range args {
		wanted[a] = true
	}
	var chosen []component
	for _, t := range tiers {
		for _, c := range t.components {
			if wanted["all"] || wanted[t.name] || wanted[c.name] {
				chosen = append(chosen, c)
			}
		}
	}
	for _, a := range args {
		if !known(a) {
			return nil, fmt.Errorf("there is no tier or component %q; want all, %s", a, strings.Join(names(), ", "))
		}
	}
	return chosen, nil
}

func known(name string) bool {
	if name == "all" {
		return true
	}
	for _, n := range names() {
		if n == name {
			return true
		}
	}
	return false
}

func names() []string {
	var all []string
	for _, t := range tiers {
		all = append(all, t.name)
		for _, c := range t.components {
			all = append(all, c.name)
		}
	}
	return all
}

func startEvents(w *wiring) (runner, error) {
	if overSocketMode(w.config) {
		w.log.Info("events are not taken over HTTP, but over Socket Mode: slack-signing-secret is not set, and slack-app-token is")
		return waiter{}, nil
	}
	handler, err := events.New(events.Options{
		Secrets: w.config.List("slack-signing-secret"), Publisher: ingest.Kafka{Client: w.producer},
		Now: time.Now, Metrics: w.metrics, Log: w.log,
	})
	if err != nil {
		return nil, noSecret(err)
	}
	w.mux.Handle(slackapp.EventsPath, handler)
	w.health.Set("events", nil)
	return waiter{}, nil
}

// startSocketMode takes what comes over WebSockets, where that is how the Slack app is set up.
func startSocketMode(w *wiring) (runner, error) {
	if w.config.String("slack-app-token") == "" {
		w.log.Info("Socket Mode is off: slack-app-token is not set")
		return waiter{}, nil
	}
	opts := socketmode.Options{
		AppToken: w.config.String("slack-app-token"), APIURL: withSlash(w.config.String("slack-api-url")), HTTP: &http.Client{Timeout: slackTimeout},
		Connections: w.config.Int("slack-socket-connections"), Publisher: ingest.Kafka{Client: w.producer},
		Health: w.health.Of("socketmode"), Metrics: w.metrics, Log: w.log,
	}
	handle, err := w.setupModal()
	if err != nil {
		return nil, err
	}
	if handle != nil {
		opts.Interactions = handle
	}
	return socketmode.New(opts), nil
}

// startInteractions serves the setup modal over HTTP.
func startInteractions(w *wiring) (runner, error) {
	if overSocketMode(w.config) {
		w.log.Info("interactions are not taken over HTTP, but over Socket Mode: slack-signing-secret is not set, and slack-app-token is")
		return waiter{}, nil
	}
	handle, err := w.setupModal()
	if err != nil || handle == nil {
		return waiter{}, err
	}
	handler, err := interactions.NewHandler(handle, w.config.List("slack-signing-secret"))
	if err != nil {
		return nil, noSecret(err)
	}
	w.mux.Handle(slackapp.InteractionsPath, handler)
	return waiter{}, nil
}

// setupModal answers interactions, whichever way they come: nil without the keys of the workspaces' tokens, with which it opens modals.
func (w *wiring) setupModal() (*interactions.Interactions, error) {
	if w.interactions != nil {
		return w.interactions, nil
	}
	if w.config.String("token-keys") == "" {
		w.log.Info("the setup modal is off: token-keys is not set")
		return nil, nil
	}
	tokens, err := sealer(w.config)
	if err != nil {
		return nil, err
	}
	w.interactions, err = interactions.New(interactions.Options{
		APIURL: withSlash(w.config.String("slack-api-url")), Redis: w.redis, Publisher: ingest.Kafka{Client: w.producer}, Tokens: tokens,
		HTTP: &http.Client{Timeout: slackTimeout}, Now: time.Now, Metrics: w.metrics, Log: w.log,
	})
	return w.interactions, err
}

// overSocketMode says that nothing comes over HTTP from Slack.
func overSocketMode(c *config.Config) bool {
	return c.String("slack-signing-secret") == "" && c.String("slack-app-token") != ""
}

func noSecret(err error) error {
	return fmt.Errorf("%w: set BACKCHANNEL_SLACK_SIGNING_SECRET (Slack app settings, Basic Information, Signing Secret), or BACKCHANNEL_SLACK_APP_TOKEN for Socket Mode", err)
}

// startInstall serves the pages that connect a workspace, and keeps tokens good. The pages answer 503 while Redis is away, which is no reason to turn events down.
func startInstall(w *wiring) (runner, error) {
	if w.config.String("slack-client-id") == "" {
		w.log.Info("the pages that connect Slack are off: slack-client-id is not set")
		return waiter{}, nil
	}
	tokens, err := sealer(w.config)
	if err != nil {
		return nil, err
	}
	opts := install.Options{
		ClientID: w.config.String("slack-client-id"), ClientSecret: w.config.String("slack-client-secret"), PublicURL: publicURL(w.config),
		APIURL: withSlash(w.config.String("slack-api-url")), Redis: w.redis, Publisher: ingest.Kafka{Client: w.producer}, Tokens: tokens,
		Visitors: install.Tickets{Seals: tokens, Now: time.Now}, HTTP: &http.Client{Timeout: slackTimeout},
		Now: time.Now, Metrics: w.metrics, Log: w.log,
	}
	handler, err := install.New(opts)
	if err != nil {
		return nil, err
	}
	handler.Register(w.mux)
	return install.NewKeeper(opts, w.client("install"), tokens), nil
}

// startDirectory reads people and channels of the workspaces that are installed. It waits for Redis by itself: events need not.
func startDirectory(w *wiring) (runner, error) {
	if w.config.String("token-keys") == "" {
		w.log.Info("people and channels are not read from Slack: token-keys is not set")
		return waiter{}, nil
	}
	tokens, err := sealer(w.config)
	if err != nil {
		return nil, err
	}
	return directory.New(directory.Options{
		Kafka: w.client("directory"), Publisher: ingest.Kafka{Client: w.producer}, Redis: w.redis, Tokens: tokens, APIURL: withSlash(w.config.String("slack-api-url")),
		HTTP: &http.Client{Timeout: slackTimeout}, Every: w.config.Duration("directory-every"), PerMinute: w.config.Int("slack-lists-per-minute"),
		Metrics: w.metrics, Log: w.log,
	}), nil
}

// startHistory reads the history of associated channels. It waits for Redis by itself: events need not.
func startHistory(w *wiring) (runner, error) {
	if w.config.String("token-keys") == "" {
		w.log.Info("history is not read from Slack: token-keys is not set")
		return waiter{}, nil
	}
	tokens, err := sealer(w.config)
	if err != nil {
		return nil, err
	}
	return history.New(history.Options{
		Kafka: w.client, Publisher: ingest.Kafka{Client: w.producer}, Redis: w.redis, Tokens: tokens, APIURL: withSlash(w.config.String("slack-api-url")),
		HTTP: &http.Client{Timeout: historyTimeout}, Class: schemas.AppClass(w.config.String("slack-app-class")), Window: w.config.Duration("backfill-window"),
		Every: w.config.Duration("reconcile-every"), Quiet: w.config.Duration("reconcile-quiet"), Metrics: w.metrics, Log: w.log,
	}), nil
}

// historyTimeout is for a page of 999 messages.
const historyTimeout = 30 * time.Second

// publicURL is where browsers reach us: as configured, else where we listen.
func publicURL(c *config.Config) string {
	if u := c.String("public-url"); u != "" {
		return u
	}
	return "http://" + c.String("http-addr")
}

// waiter is a component that only answers HTTP.
type waiter struct{}

func (waiter) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

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

func (w *wiring) sink(def sinks.Definition) (runner, error) {
	return sinks.NewRunner(def, sinks.Options{
		Kafka: w.client(def.Name), Metrics: w.sinkMetrics, Health: w.health.Of(def.Name), Log: w.log, Drain: w.config.Duration("drain"),
	})
}

func startViews(w *wiring) (runner, error) {
	return w.sink(views.Definition(w.redis, kadm.NewClient(w.producer), w.log))
}

func startClickHouse(w *wiring) (runner, error) {
	return w.sink(chsink.Definition(w.ch, w.config.Int("clickhouse-batch"), w.config.Duration("clickhouse-wait")))
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
		HTTP:        &http.Client{Timeout: slackTimeout},
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
	return ingest.Kafka{Client: w.producer}.Publish(ctx, records...)
}

func sealer(c *config.Config) (*seal.Sealer, error) {
	keys := c.String("token-keys")
	if keys == "" {
		return nil, errors.New("no key set for Slack tokens is configured: set BACKCHANNEL_TOKEN_KEYS_FILE to a file made by 'backchannel seal --new-key-set'")
	}
	return seal.New([]byte(keys))
}

func withSlash(u string) string {
	if strings.HasSuffix(u, "/") {
		return u
	}
	return u + "/"
}
