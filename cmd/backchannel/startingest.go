package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/conversation"
	"github.com/bigmind/backchannel/cmd/backchannel/deliverylog"
	"github.com/bigmind/backchannel/cmd/backchannel/verdict"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/api"
	"github.com/bigmind/backchannel/ingest/directory"
	"github.com/bigmind/backchannel/ingest/events"
	"github.com/bigmind/backchannel/ingest/history"
	"github.com/bigmind/backchannel/ingest/install"
	"github.com/bigmind/backchannel/ingest/interactions"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/ingest/socketmode"
	"github.com/bigmind/backchannel/schemas"
)

func startEvents(w *wiring) (runner, error) {
	if overSocketMode(w.config) {
		w.log.Info("events are not taken over HTTP, but over Socket Mode: slack-signing-secret is not set, and slack-app-token is")
		return waiter{}, nil
	}
	heard := w.heard()
	handler, err := events.New(events.Options{
		Secrets: w.config.List("slack-signing-secret"), Publisher: heard,
		Now: time.Now, Metrics: w.metrics, Log: w.log,
	})
	if err != nil {
		return nil, noSecret(err)
	}
	w.mux.Handle(slackapp.EventsPath, handler)
	w.health.Set("events", nil)
	return heard, nil
}

// startSocketMode takes what comes over WebSockets, where that is how the Slack app is set up.
func startSocketMode(w *wiring) (runner, error) {
	if w.config.String("slack-app-token") == "" {
		w.log.Info("Socket Mode is off: slack-app-token is not set")
		return waiter{}, nil
	}
	heard := w.heard()
	opts := socketmode.Options{
		AppToken: w.config.String("slack-app-token"), APIURL: withSlash(w.config.String("slack-api-url")), HTTP: w.slackCalls.Client(slackTimeout),
		Connections: w.config.Int("slack-socket-connections"), Publisher: heard,
		Health: w.health.Of("socketmode"), Metrics: w.metrics, Log: w.log,
	}
	handle, err := w.setupModal()
	if err != nil {
		return nil, err
	}
	if handle != nil {
		opts.Interactions = handle
	}
	return both{socketmode.New(opts), heard}, nil
}

// heard takes events to Kafka, and notes when each workspace was last heard of.
func (w *wiring) heard() *ingest.Heard {
	return &ingest.Heard{Publisher: ingest.Kafka{Client: w.producer}, Redis: w.redis, Now: time.Now, Log: w.log}
}

// both run beside each other.
type both [2]runner

func (b both) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, r := range b {
		group.Go(func() error { return r.Run(ctx) })
	}
	return group.Wait()
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
		HTTP: w.slackCalls.Client(slackTimeout), Now: time.Now, Metrics: w.metrics, Log: w.log,
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
		Visitors: install.Tickets{Seals: tokens, Now: time.Now}, HTTP: w.slackCalls.Client(slackTimeout),
		Now: time.Now, Metrics: w.metrics, Log: w.log,
	}
	if err := w.throughConsole(&opts); err != nil {
		return nil, err
	}
	handler, err := install.New(opts)
	if err != nil {
		return nil, err
	}
	handler.Register(w.mux)
	w.disconnect = func(ctx context.Context, org schemas.OrgID, team schemas.TeamID, by schemas.UserID) error {
		return handler.Disconnect(ctx, tokens, org, team, by)
	}
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
		HTTP: w.slackCalls.Client(slackTimeout), Every: w.config.Duration("directory-every"), PerMinute: w.config.Int("slack-lists-per-minute"),
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
		HTTP: w.slackCalls.Client(historyTimeout), Class: schemas.AppClass(w.config.String("slack-app-class")), Window: w.config.Duration("backfill-window"),
		Every: w.config.Duration("reconcile-every"), Quiet: w.config.Duration("reconcile-quiet"), Metrics: w.metrics, Log: w.log,
	}), nil
}

// startAPI serves the JSON API. It answers 503 while Redis, or for the log ClickHouse, is away, which is no reason to turn events down.
func startAPI(w *wiring) (runner, error) {
	api.New(api.Options{
		Redis: w.redis, Publisher: ingest.Kafka{Client: w.producer}, Deliveries: deliverylog.ClickHouse{Conn: w.ch}, Verdicts: verdict.By(w.redis, time.Now),
		Conversations: conversation.ClickHouse{Conn: w.ch},
		PerMinute:     w.config.Int("api-requests-per-minute"), Patience: viewsPatience, Now: time.Now, Metrics: w.metrics, Log: w.log,
	}).Register(w.mux)
	return waiter{}, nil
}

// viewsPatience is how long a write waits until the views show it. The views sink takes some tens of milliseconds.
const viewsPatience = 2 * time.Second

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
