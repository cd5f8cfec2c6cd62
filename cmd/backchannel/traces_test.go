package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"golang.org/x/sync/errgroup"

	"github.com/bigmind/backchannel/cmd/backchannel/health"
	"github.com/bigmind/backchannel/cmd/backchannel/tracing"
	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
	"github.com/bigmind/backchannel/sinks"
)

// secretText stands in what is said and asked for; it must be in no span.
const secretText = "hunter2"

// An event has one trace from the HTTP request to the insert, and a notification request from Kafka to the post; spans hold no content.
func TestTracesGoThroughThePipeline(t *testing.T) {
	w := newTracedWorld(t)
	message, err := w.slack.Say(t.Context(), w.team, w.channel, w.person, secretText)
	if err != nil {
		t.Fatal(err)
	}
	w.produce(t, schemas.NotificationRequests.Name, "acme", encoded(t, schemas.NotificationRequests, schemas.NotificationRequest{
		OrgID: "acme", RequestID: "r1", Type: "meeting_analysis.ready", Recipient: schemas.Recipient{UserID: "usr-ada"}, CreatedAt: time.Now(),
		Content: schemas.Content{Title: secretText, Body: secretText},
	}))
	want := map[string][]string{
		"POST " + slackapp.EventsPath:   {"slack.events publish", "slack.events receive", "enrich", "context.messages publish", "context.messages receive", "rows"},
		"notification.requests receive": {"route", "notification.deliveries.slack publish", "slack", "chat.postMessage", "notification.outcomes publish"},
	}
	deadline := time.Now().Add(30 * time.Second)
	for begins, names := range want {
		for missing := names; len(missing) > 0; time.Sleep(20 * time.Millisecond) {
			if missing = w.without(begins, names); time.Now().After(deadline) {
				t.Fatalf("no trace that begins with %q has %v; there are %v", begins, missing, w.names())
			}
		}
	}
	if !slices.Contains(w.rows.seen(), string(message.TS)) {
		t.Errorf("the rows are of %v, not of the message %s", w.rows.seen(), message.TS)
	}
	for _, s := range w.spans.GetSpans() {
		for _, a := range s.Attributes {
			if text := a.Value.String(); strings.Contains(text, secretText) || strings.Contains(text, "@") || strings.Contains(text, "usr-ada") {
				t.Errorf("the span %q has content: %s=%s", s.Name, a.Key, text)
			}
		}
	}
}

// tracedWorld is the tiers in this process, on a broker, a Redis and a Slack of its own. Rows end in memory.
type tracedWorld struct {
	spans    *tracetest.InMemoryExporter
	producer *kgo.Client
	slack    *slacksim.Client
	team     schemas.TeamID
	channel  schemas.ChannelID
	person   schemas.SlackUserID
	rows     *rowsSink
}

func newTracedWorld(t *testing.T) *tracedWorld {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	sim, err := slacksim.New(slacksim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	slack := httptest.NewServer(sim.Handler())
	t.Cleanup(func() { slack.Close(); _ = sim.Close() })
	keys, err := seal.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	c := settings(t, map[string]string{
		"kafka-brokers": strings.Join(cluster.ListenAddrs(), ","), "redis-url": "redis://" + miniredis.RunT(t).Addr() + "/0",
		"slack-signing-secret": "s3cret", "token-keys": string(keys), "slack-api-url": slack.URL + "/api/",
	})
	world := &tracedWorld{spans: tracetest.NewInMemoryExporter(), slack: slacksim.NewClient(slack.URL, nil), rows: &rowsSink{}}
	traces := tracing.New(sdk.NewTracerProvider(sdk.WithSyncer(world.spans)))
	log, mux := slog.New(slog.DiscardHandler), http.NewServeMux()
	w, err := newWiring(c, log, health.New(log), mux, traces)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	world.producer = w.producer
	if _, err := apply.Topics(t.Context(), kadm.NewClient(w.producer), 1, false); err != nil {
		t.Fatal(err)
	}
	chosen, err := choose([]string{"events", "enrich", "route", "views", "slack"})
	if err != nil {
		t.Fatal(err)
	}
	runners, err := w.build(chosen)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := w.sink(sinks.Definition{Name: "rows", In: []schemas.Spec{schemas.ContextMessages.Spec}, Sink: world.rows, MaxBatch: 10, MaxWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ingest := httptest.NewServer(traces.Handler(mux))
	t.Cleanup(ingest.Close)
	world.populate(t, w, ingest.URL+slackapp.EventsPath)
	runAll(t, append(runners, rows))
	world.awaitViews(t, w)
	return world
}

// populate makes a workspace with one person and one channel, and says to Kafka what other parts of the product would.
func (tw *tracedWorld) populate(t *testing.T, w *wiring, eventsURL string) {
	t.Helper()
	ctx, must := t.Context(), func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	team, err := tw.slack.CreateTeam(ctx, slacksim.Team{Name: "Acme"})
	must(err)
	ada, err := tw.slack.CreatePerson(ctx, team.ID, slacksim.Person{Name: "ada", RealName: "Ada", Email: "ada@acme.example"})
	must(err)
	app, err := tw.slack.CreateApp(ctx, slacksim.App{Name: "Bigmind", SigningSecret: "s3cret", EventsURL: eventsURL, Events: []string{"message.channels"}})
	must(err)
	scopes := append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)
	install, err := tw.slack.Install(ctx, team.ID, slacksim.InstallRequest{App: app.ID, Scopes: scopes})
	must(err)
	channel, err := tw.slack.CreateChannel(ctx, team.ID, slacksim.Channel{Name: "rollout", Members: []slacksim.UserID{ada.ID}})
	must(err)
	must(tw.slack.Invite(ctx, team.ID, channel.ID, ada.ID, install.BotUserID))
	tokens, err := sealer(w.config)
	must(err)
	sealed, err := tokens.Seal(team.ID, install.Token)
	must(err)
	tw.team, tw.channel, tw.person = team.ID, channel.ID, ada.ID
	tw.produce(t, schemas.SlackInstallations.Name, schemas.TeamKey(team.ID), encoded(t, schemas.SlackInstallations, schemas.Installation{
		OrgID: "acme", TeamID: team.ID, AppID: string(app.ID), BotUserID: install.BotUserID, BotID: string(install.BotID), Scopes: scopes, SealedToken: sealed, Status: schemas.InstallActive,
	}))
	tw.produce(t, schemas.SlackUsers.Name, schemas.TeamUserKey(team.ID, ada.ID), encoded(t, schemas.SlackUsers, schemas.SlackUser{OrgID: "acme", TeamID: team.ID, UserID: ada.ID, Name: "Ada", Email: ada.Email}))
	tw.produce(t, schemas.DirectoryUsers.Name, schemas.OrgKey("acme", "usr-ada"), encoded(t, schemas.DirectoryUsers, schemas.DirectoryUser{OrgID: "acme", UserID: "usr-ada", Email: ada.Email, Name: "Ada"}))
	tw.produce(t, schemas.ChannelAssociations.Name, schemas.TeamChannelKey(team.ID, channel.ID), encoded(t, schemas.ChannelAssociations, schemas.ChannelAssociation{
		OrgID: "acme", TeamID: team.ID, ChannelID: channel.ID, AccountID: "acc1", By: "usr-ada", Source: "console",
	}))
}

func (tw *tracedWorld) produce(t *testing.T, topic string, key schemas.Key, value []byte) {
	t.Helper()
	if err := tw.producer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte(key), Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func encoded[T any](t *testing.T, topic schemas.Topic[T], v T) []byte {
	t.Helper()
	value, err := topic.Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// awaitViews waits until the views have what populate said, the association last.
func (tw *tracedWorld) awaitViews(t *testing.T, w *wiring) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		ctx, all := t.Context(), true
		for key, field := range map[string]string{
			schemas.ViewTeamAssociations(tw.team): string(tw.channel), schemas.ViewTeamUsers(tw.team): string(tw.person),
			schemas.ViewTeamInstall(tw.team): schemas.FieldInstallation, schemas.ViewOrgUsers("acme"): "usr-ada",
		} {
			found, err := w.redis.HExists(ctx, key, field).Result()
			all = all && err == nil && found
		}
		if all {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the views were not built")
		}
	}
}

// runAll runs components until the test ends.
func runAll(t *testing.T, runners []runner) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var group errgroup.Group
	for _, r := range runners {
		group.Go(func() error { return r.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// without lists which of the names are in no trace whose first span is named begins: the trace that has most of them counts.
func (tw *tracedWorld) without(begins string, names []string) []string {
	spans, best := tw.spans.GetSpans(), names
	for _, first := range spans {
		if first.Name != begins || first.Parent.IsValid() {
			continue
		}
		var missing []string
		for _, name := range names {
			if !slices.ContainsFunc(spans, func(s tracetest.SpanStub) bool {
				return s.Name == name && s.SpanContext.TraceID() == first.SpanContext.TraceID()
			}) {
				missing = append(missing, name)
			}
		}
		if len(missing) < len(best) {
			best = missing
		}
	}
	return best
}

func (tw *tracedWorld) names() (all []string) {
	for _, s := range tw.spans.GetSpans() {
		all = append(all, s.SpanContext.TraceID().String()[:6]+" "+s.Name)
	}
	return all
}

// rowsSink stands for ClickHouse's.
type rowsSink struct {
	mu sync.Mutex
	ts []string
}

func (r *rowsSink) Write(_ context.Context, batch []*kgo.Record) (sinks.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range batch {
		m, err := schemas.ContextMessages.Decode(rec.Value)
		if err != nil {
			return sinks.Result{}, err
		}
		r.ts = append(r.ts, string(m.TS))
	}
	return sinks.Result{}, nil
}

func (r *rowsSink) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ts)
}
