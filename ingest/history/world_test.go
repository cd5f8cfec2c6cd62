package history

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/events"
	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
)

const testSecret = "a-signing-secret"

// world is a workspace with the app in it, in virtual time: Slack's limits are those of real minutes. Kafka is there for the control topics that the
// component follows; what is published is kept in memory, where the control records become views at once.
type world struct {
	t       testing.TB
	slack   *slacksim.Client
	sim     *slacksim.Simulator
	redis   *redis.Client
	mini    *miniredis.Miniredis
	kafka   []kgo.Opt
	client  *kgo.Client
	tokens  *seal.Sealer
	team    slacksim.Team
	app     slacksim.App
	install slacksim.Install
	person  slacksim.Person
	handler http.Handler
	opts    Options

	past time.Time // the simulator's clock, while the past is made

	clock clock
	calm  bool // replicas that are not killed need not say all the time that they live

	mu      sync.Mutex
	log     []*kgo.Record // of slack.events and slack.history, in order, as far as enrich has not seen them
	records int           // that were published to both
	offset  int64
	letters []*kgo.Record
	limit   int // of a record, unless 0
	metrics map[string]*prometheus.Registry
	enrich  processors.Processor
	stored  store                       // what a store has that applies what enrich emits
	emitted func(records []*kgo.Record) // is shown them too, unless nil
	dead    map[string]bool             // replicas that were killed
	killAt  int                         // how many more steps, of any replica, until the one that makes it dies; 0: none
}

// inWorld makes a workspace whose app is of a class.
func inWorld(t *testing.T, settings slacksim.Settings, unlisted bool, test func(w *world)) {
	t.Helper()
	mini := miniredis.RunT(t) // outside the bubble, whose time would not pass while it listens
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(400 * 24 * time.Hour) // so that there is a past
		w := &world{t: t, mini: mini, clock: clock{mini: mini}, dead: map[string]bool{}, stored: store{}, metrics: map[string]*prometheus.Registry{}}
		var network kfake.VirtualNetwork
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(1,
			schemas.SlackInstallations.Name, schemas.ChannelAssociations.Name, schemas.SlackChannels.Name, schemas.SyncRequests.Name, schemas.SlackEvents.Name))
		w.must(err)
		defer cluster.Close()
		w.kafka = []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext), kgo.FetchMaxWait(10 * time.Minute)}
		w.client, err = kgo.NewClient(w.kafka...)
		w.must(err)
		defer w.client.Close()
		w.redis = w.newRedis()
		defer w.redis.Close()
		w.enrich = enrich.Definition(w.redis).Processor
		keys, err := seal.NewKeySet()
		w.must(err)
		w.tokens, err = seal.New(keys)
		w.must(err)
		mini.Set(schemas.ViewsCompleteKey, "1")
		w.handler, err = events.New(events.Options{
			Secrets: []string{testSecret}, Publisher: recorder{w, "events"}, Now: time.Now, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
		})
		w.must(err)
		w.sim, err = slacksim.New(slacksim.Options{
			Settings: settings, Client: &http.Client{Transport: inProcess{w.handler}}, Clock: func() time.Time {
				if !w.past.IsZero() {
					return w.past
				}
				return time.Now()
			},
		})
		w.must(err)
		defer func() { w.must(w.sim.Close()) }()
		w.slack = slacksim.NewClient("http://slack.test", &http.Client{Transport: inProcess{w.sim.Handler()}})
		ctx := t.Context()
		w.team, err = w.slack.CreateTeam(ctx, slacksim.Team{Name: "Acme"})
		w.must(err)
		w.app, err = w.slack.CreateApp(ctx, slacksim.App{
			Name: "Bigmind", Unlisted: unlisted, SigningSecret: testSecret, Events: []string{"message.channels", "message.groups"},
		})
		w.must(err)
		w.install, err = w.slack.Install(ctx, w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)})
		w.must(err)
		w.person, err = w.slack.CreatePerson(ctx, w.team.ID, slacksim.Person{RealName: "Ada", Email: "ada@acme.example"})
		w.must(err)
		w.opts = Options{
			Kafka: func(string) []kgo.Opt { return w.kafka }, Tokens: w.tokens, APIURL: "http://slack.test/api/", HTTP: &http.Client{Transport: inProcess{w.sim.Handler()}},
			Class: schemas.ClassInternal, Window: 90 * 24 * time.Hour, Every: 5 * time.Minute, Quiet: 6 * time.Hour, Log: slog.New(slog.DiscardHandler),
		}
		if unlisted {
			w.opts.Class = schemas.ClassCommercial
		}
		test(w)
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// newRedis is a client at whose every command Redis's clock is set: it would stand still otherwise.
func (w *world) newRedis() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: w.mini.Addr(), PoolSize: 4})
	c.AddHook(&w.clock)
	return c
}

type clock struct {
	mini *miniredis.Miniredis
	mu   sync.Mutex
	last time.Time
}

func (c *clock) set() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.mini.SetTime(now)
	if !c.last.IsZero() && now.After(c.last) {
		c.mini.FastForward(now.Sub(c.last))
	}
	c.last = now
}

func (c *clock) DialHook(next redis.DialHook) redis.DialHook { return next }
func (c *clock) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { c.set(); return next(ctx, cmd) }
}
func (c *clock) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.set(); return next(ctx, cmds) }
}

type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	done := make(chan struct{})
	go func() { defer close(done); p.ServeHTTP(rec, r) }()
	select {
	case <-done:
		return rec.Result(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// recorder is the Publisher of a replica. After its death nothing of it arrives.
type recorder struct {
	w       *world
	replica string
}

func (r recorder) Publish(ctx context.Context, records ...*kgo.Record) error {
	w := r.w
	if w.dies(r.replica) {
		return context.Canceled
	}
	w.mu.Lock()
	for _, rec := range records {
		if w.limit > 0 && len(rec.Key)+len(rec.Value) > w.limit {
			w.mu.Unlock()
			return kerr.MessageTooLarge
		}
	}
	for _, rec := range records {
		w.put(rec)
	}
	if len(w.log) >= enrichAtOnce {
		w.enrichAll()
	}
	w.mu.Unlock()
	if w.dies(r.replica) {
		return context.Canceled // the brokers have it, and nobody was told
	}
	return nil
}

// dies says whether a replica is dead, as it may be from this step on.
func (w *world) dies(replica string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.killAt > 0 && !w.dead[replica] && replica != "events" {
		if w.killAt--; w.killAt == 0 {
			w.dead[replica] = true
		}
	}
	return w.dead[replica]
}

// pulse makes a replica's commands to Redis steps at which it may die, before they arrive or after.
type pulse struct {
	w       *world
	replica string
}

func (p pulse) DialHook(next redis.DialHook) redis.DialHook { return next }
func (p pulse) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if p.w.dies(p.replica) {
			return context.Canceled
		}
		err := next(ctx, cmd)
		if p.w.dies(p.replica) {
			return context.Canceled
		}
		return err
	}
}
func (p pulse) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if p.w.dies(p.replica) {
			return context.Canceled
		}
		err := next(ctx, cmds)
		if p.w.dies(p.replica) {
			return context.Canceled
		}
		return err
	}
}

// put keeps a record, or makes it a view. The caller holds mu.
func (w *world) put(rec *kgo.Record) {
	w.offset++
	team, second := schemas.Key(rec.Key).Split()
	view := map[string]string{
		schemas.SyncCheckpoints.Name: schemas.ViewTeamCheckpoints(schemas.TeamID(team)), schemas.ChannelAssociations.Name: schemas.ViewTeamAssociations(schemas.TeamID(team)),
		schemas.SlackChannels.Name: schemas.ViewTeamChannels(schemas.TeamID(team)), schemas.SyncRequests.Name: schemas.ViewTeamSyncRequests(schemas.TeamID(team)),
		schemas.SlackInstallations.Name: schemas.ViewTeamInstall(schemas.TeamID(team)), schemas.OrgsSettings.Name: schemas.ViewOrgSettings(schemas.OrgID(team)),
	}[rec.Topic]
	if rec.Topic == schemas.SlackInstallations.Name {
		second = schemas.FieldInstallation
	}
	if rec.Topic == schemas.SlackHistory.DeadLetter() {
		w.letters = append(w.letters, rec)
		return
	}
	if view == "" {
		w.log = append(w.log, rec)
		w.records++
		return
	}
	if rec.Topic != schemas.SyncCheckpoints.Name {
		w.enrichAll() // what was published before is seen by what held before
	}
	w.mini.HSet(view, second, schemas.ViewValue(w.offset, rec.Value))
}

// say puts a control record on its topic and into the views.
func say[T any](w *world, topic schemas.Topic[T], key schemas.Key, value *T) {
	w.t.Helper()
	rec := &kgo.Record{Topic: topic.Name, Key: []byte(key)}
	if value != nil {
		var err error
		rec.Value, err = topic.Encode(*value)
		w.must(err)
	}
	w.mu.Lock()
	w.put(rec)
	w.mu.Unlock()
	if topic.Name != schemas.OrgsSettings.Name {
		w.must(w.client.ProduceSync(w.t.Context(), rec).FirstErr())
	}
}

// installed says that the app is in the workspace, as somebody may have changed it.
func (w *world) installed(change func(*schemas.Installation)) {
	w.t.Helper()
	sealed, err := w.tokens.Seal(w.team.ID, w.install.Token)
	w.must(err)
	in := schemas.Installation{
		OrgID: "acme", TeamID: w.team.ID, Scopes: w.install.Scopes, SealedToken: sealed, Status: schemas.InstallActive, InstalledAt: time.Now(), BotUserID: w.install.BotUserID,
	}
	if change != nil {
		change(&in)
	}
	say(w, schemas.SlackInstallations, schemas.TeamKey(w.team.ID), &in)
}

func (w *world) channel(name string) slacksim.ChannelID {
	w.t.Helper()
	c, err := w.slack.CreateChannel(w.t.Context(), w.team.ID, slacksim.Channel{Name: name, Members: []slacksim.UserID{w.person.ID, w.install.BotUserID}})
	w.must(err)
	return c.ID
}

func (w *world) associate(channels ...slacksim.ChannelID) {
	w.t.Helper()
	for _, c := range channels {
		say(w, schemas.ChannelAssociations, schemas.TeamChannelKey(w.team.ID, c), &schemas.ChannelAssociation{
			OrgID: "acme", TeamID: w.team.ID, ChannelID: c, AccountID: "acc-1", UpdatedAt: time.Now().UTC(),
		})
	}
}

// ago says something in the past. It must not be before what was said already in the channel.
func (w *world) ago(d time.Duration, c slacksim.ChannelID, what slacksim.Say) slacksim.Message {
	w.t.Helper()
	w.past = time.Now().Add(-d)
	defer func() { w.past = time.Time{} }()
	if what.User == "" && what.Bot == "" {
		what.User = w.person.ID
	}
	m, err := w.slack.Speak(w.t.Context(), w.team.ID, c, what)
	w.must(err)
	return m
}

// listen begins to deliver events.
func (w *world) listen() {
	w.t.Helper()
	address := "http://ingest.test/slack/events"
	_, err := w.slack.UpdateApp(w.t.Context(), w.app.ID, slacksim.AppPatch{EventsURL: &address})
	w.must(err)
}

// start runs a replica, until it is stopped or killed.
func (w *world) start(name string) (stop, kill func()) {
	opts := w.opts
	rdb := w.newRedis()
	rdb.AddHook(pulse{w, name})
	w.metrics[name] = prometheus.NewRegistry()
	opts.Publisher, opts.Redis, opts.Metrics = recorder{w, name}, rdb, w.metrics[name]
	opts.HTTP = mortal{w, name, w.opts.HTTP}
	h := New(opts)
	if w.calm {
		h.replicas.every, h.replicas.life = 10*time.Minute, time.Hour
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	stop = func() { cancel(); <-done; _ = opts.Redis.Close() }
	kill = func() {
		w.mu.Lock()
		w.dead[name] = true
		w.mu.Unlock()
		_ = opts.Redis.Close() // nothing that it does from now on arrives anywhere
		cancel()
		<-done
	}
	return stop, kill
}

// mortal carries nothing for a replica that is dead.
type mortal struct {
	w       *world
	replica string
	HTTPClient
}

func (m mortal) Do(r *http.Request) (*http.Response, error) {
	if m.w.dies(m.replica) {
		return nil, context.Canceled
	}
	resp, err := m.HTTPClient.Do(r)
	if m.w.dies(m.replica) {
		return nil, context.Canceled
	}
	return resp, err
}

func (w *world) calls(method string) slacksim.CallStats {
	w.t.Helper()
	calls, err := w.slack.Calls(w.t.Context())
	w.must(err)
	return calls[method]
}

func (w *world) coverage(c slacksim.ChannelID) *schemas.SyncCheckpoint {
	w.t.Helper()
	cp, err := ingest.Viewed[schemas.SyncCheckpoint](w.mini.HGet(schemas.ViewTeamCheckpoints(w.team.ID), string(c)))
	w.must(err)
	if cp == nil {
		return &schemas.SyncCheckpoint{}
	}
	return cp
}

// until waits for something, in virtual time.
func (w *world) until(within time.Duration, what string, f func() bool) time.Duration {
	w.t.Helper()
	began := time.Now()
	for step := time.Second; !f(); step = min(step*5/4, 10*time.Minute) {
		if time.Since(began) > within {
			w.t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(step)
	}
	return time.Since(began)
}

func (w *world) complete(channels ...slacksim.ChannelID) func() bool {
	return func() bool {
		for _, c := range channels {
			if !w.coverage(c).Complete {
				return false
			}
		}
		return true
	}
}

// enrichAtOnce is how many records enrich gets at once.
const enrichAtOnce = 200

// enrichAll runs what was published through enrich, and into the store. The caller holds mu.
func (w *world) enrichAll() {
	for batch := range slices.Chunk(w.log, enrichAtOnce) {
		result, err := w.enrich.Process(context.WithoutCancel(w.t.Context()), batch)
		if err != nil {
			w.t.Errorf("enrich: %v", err)
			return
		}
		records := result.Emitted()
		for _, rec := range records {
			m, err := schemas.ContextMessages.Decode(rec.Value)
			if err != nil {
				w.t.Errorf("what enrich emits: %v", err)
				continue
			}
			w.stored.apply(m)
		}
		if w.emitted != nil {
			w.emitted(records)
		}
	}
	w.log = nil
}

// differences compares what would be in the store with what Slack has, since a moment.
func (w *world) differences(since time.Time, channels ...slacksim.ChannelID) (all []string) {
	w.t.Helper()
	w.mu.Lock()
	w.enrichAll()
	w.mu.Unlock()
	for _, c := range channels {
		have := w.rows(c)
		for after := slacksim.TS(""); ; {
			page, err := w.slack.Messages(w.t.Context(), w.team.ID, c, slacksim.MessageQuery{After: after})
			w.must(err)
			for _, m := range page.Messages {
				after = m.TS
				if micros(since) > mustMicros(m.TS) {
					continue
				}
				got, there := have[m.TS]
				switch {
				case !there:
					all = append(all, fmt.Sprintf("%s/%s is missing: %q", c, m.TS, m.Text))
				case got.deleted:
					all = append(all, fmt.Sprintf("%s/%s is deleted and stands: %q", c, m.TS, m.Text))
				case got.text != m.Text || strings.TrimPrefix(got.thread, string(m.TS)) != string(m.ThreadTS):
					all = append(all, fmt.Sprintf("%s/%s reads %q in thread %q, want %q in %q", c, m.TS, got.text, got.thread, m.Text, m.ThreadTS))
				}
				delete(have, m.TS)
			}
			if !page.More {
				break
			}
		}
		for ts, got := range have {
			if !got.deleted {
				all = append(all, fmt.Sprintf("%s/%s should be deleted: %q", c, ts, got.text))
			}
		}
	}
	return all
}

// rows are those of a channel by ts.
func (w *world) rows(c slacksim.ChannelID) map[schemas.TS]row {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows := map[schemas.TS]row{}
	if of := w.stored[c]; of != nil {
		for _, r := range of.all {
			rows[r.ts] = *r
		}
	}
	return rows
}

func (w *world) same(since time.Time, channels ...slacksim.ChannelID) {
	w.t.Helper()
	if all := w.differences(since, channels...); len(all) > 0 {
		w.t.Fatalf("%d differences:\n%s", len(all), strings.Join(all[:min(len(all), 12)], "\n"))
	}
}

func (w *world) fault(f slacksim.Fault) slacksim.Fault {
	w.t.Helper()
	f, err := w.slack.AddFault(w.t.Context(), f)
	w.must(err)
	return f
}
