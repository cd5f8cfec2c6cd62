package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// secret stands in tokens and texts; it must be found nowhere else.
const secret = "hunter2"

// world is a Slack with workspaces of Acme, a Redis with complete views, and one clock for all of them.
type world struct {
	t     *testing.T
	sim   *slacksim.Client
	mini  *miniredis.Miniredis
	rdb   *redis.Client
	url   string
	http  HTTPClient
	app   slacksim.App
	clock *clock

	mu         sync.Mutex
	outcomes   []schemas.Outcome
	publishing error
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// plain opens a token that is sealed as "sealed:<token>".
type plain struct{}

func (plain) Open(_ schemas.TeamID, sealed string) (string, error) {
	token, ok := strings.CutPrefix(sealed, "sealed:")
	if !ok {
		return "", errors.New("the sealed token cannot be opened with the configured key set")
	}
	return token, nil
}

var botScopes = []string{"chat:write", "im:write", "users:read"}

func newWorld(t *testing.T, settings slacksim.Settings) *world {
	t.Helper()
	w := &world{t: t, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	sim, err := slacksim.New(slacksim.Options{Clock: w.clock.Now, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	hc := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	w.mini = miniredis.NewMiniRedis()
	if err := w.mini.Start(); err != nil {
		t.Fatal(err)
	}
	w.mini.SetTime(w.clock.Now())
	w.rdb = redis.NewClient(&redis.Options{Addr: w.mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() {
		_ = w.rdb.Close()
		w.mini.Close()
		hc.CloseIdleConnections()
		server.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	w.url, w.http, w.sim = server.URL, hc, slacksim.NewClient(server.URL, hc)
	w.app, err = w.sim.CreateApp(t.Context(), slacksim.App{Name: "Backchannel"})
	w.must(err)
	w.must(w.rdb.Set(t.Context(), schemas.ViewsCompleteKey, "1", 0).Err())
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// advance moves the clock of all of them.
func (w *world) advance(d time.Duration) {
	w.clock.mu.Lock()
	w.clock.now = w.clock.now.Add(d)
	w.clock.mu.Unlock()
	w.mini.SetTime(w.clock.Now())
	w.mini.FastForward(d)
}

// workspace makes a workspace of the organization with the people U1 to Un and installs the app.
func (w *world) workspace(team schemas.TeamID, org schemas.OrgID, people int) {
	w.t.Helper()
	ctx := w.t.Context()
	_, err := w.sim.CreateTeam(ctx, slacksim.Team{ID: team, Name: string(team)})
	w.must(err)
	for i := range people {
		_, err := w.sim.CreatePerson(ctx, team, slacksim.Person{ID: user(i + 1), Name: strings.ToLower(string(user(i + 1)))})
		w.must(err)
	}
	install, err := w.sim.Install(ctx, team, slacksimInstall(w.app.ID, team))
	w.must(err)
	w.install(schemas.Installation{OrgID: org, TeamID: team, Scopes: botScopes, SealedToken: "sealed:" + install.Token})
}

func slacksimInstall(app slacksim.AppID, team schemas.TeamID) slacksim.InstallRequest {
	return slacksim.InstallRequest{App: app, Scopes: botScopes, Token: "xoxb-" + secret + "-" + string(team)}
}

func (w *world) install(in schemas.Installation) {
	w.t.Helper()
	w.view(schemas.ViewTeamInstall(in.TeamID), schemas.FieldInstallation, in)
}

func (w *world) view(key, field string, v any) {
	w.t.Helper()
	raw, err := json.Marshal(v)
	w.must(err)
	w.must(w.rdb.HSet(w.t.Context(), key, field, schemas.ViewValue(1, raw)).Err())
}

func user(n int) schemas.SlackUserID { return schemas.SlackUserID(fmt.Sprintf("U%06d", n)) }

// delivery is the n-th to a person of a workspace of Acme.
func delivery(team schemas.TeamID, to schemas.SlackUserID, n int) schemas.Delivery {
	request := schemas.RequestID(fmt.Sprintf("%s-%s-%d", team, to, n))
	return schemas.Delivery{
		DeliveryID: schemas.NewDeliveryID("acme", request, "", string(to), schemas.BySlack), RequestID: request, OrgID: "acme",
		Type: "meeting_summary", Recipient: schemas.Recipient{UserID: schemas.UserID(to)}, TeamID: team, SlackUserID: to,
		Content: schemas.Content{Title: string(request), Body: secret}, OnAmbiguous: schemas.Repeat,
	}
}

var offsets struct {
	sync.Mutex
	n int64
}

func rec(t testing.TB, d schemas.Delivery) *kgo.Record {
	t.Helper()
	value, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	offsets.Lock()
	defer offsets.Unlock()
	offsets.n++
	return &kgo.Record{Topic: schemas.DeliveriesSlack.Name, Key: []byte(schemas.OrgKey(d.OrgID, d.Recipient.KeyPart())), Value: value, Offset: offsets.n}
}

// replica is one process' sink on the shared Redis and Slack.
func (w *world) replica(change ...func(*Options)) (*Sink, *prometheus.Registry) {
	w.t.Helper()
	reg := prometheus.NewRegistry()
	opts := Options{
		Redis: w.rdb, Tokens: plain{}, APIURL: w.url + "/api/", HTTP: w.http, Limits: Limits{MessagesPerMinute: 240, OpensPerMinute: 50},
		Publish: w.publish, Now: w.clock.Now, Metrics: reg,
	}
	for _, c := range change {
		c(&opts)
	}
	s, ok := Definition(opts).Sink.(*Sink)
	if !ok {
		w.t.Fatal("the definition holds another sink")
	}
	return s, reg
}

func (w *world) publish(_ context.Context, o schemas.Outcome) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.publishing != nil {
		return w.publishing
	}
	w.outcomes = append(w.outcomes, o)
	return nil
}

func (w *world) failPublishing(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.publishing = err
}

// take empties the list of outcomes.
func (w *world) take() []schemas.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.outcomes
	w.outcomes = nil
	return got
}

func (w *world) write(s *Sink, records ...*kgo.Record) sinks.Result {
	w.t.Helper()
	result, err := s.Write(w.t.Context(), records)
	w.must(err)
	return result
}

// shown lists what people saw: the titles of accepted posts, in order.
func (w *world) shown() []string {
	w.t.Helper()
	posts, err := w.sim.Posts(w.t.Context(), slacksim.PostQuery{})
	w.must(err)
	var titles []string
	for _, p := range posts.Posts {
		title, _, _ := strings.Cut(p.Text, "\n")
		titles = append(titles, title)
	}
	return titles
}

func (w *world) fault(f slacksim.Fault) {
	w.t.Helper()
	_, err := w.sim.AddFault(w.t.Context(), f)
	w.must(err)
}

func (w *world) ambiguous(reg *prometheus.Registry, policy schemas.AmbiguousPolicy) float64 {
	return sinkstest.Value(w.t, reg, "backchannel_sinks_slack_ambiguous_total", map[string]string{"sink": "slack", "policy": string(policy)})
}

// noLeak fails when the token or the text is in what leaves the sink.
func noLeak(t *testing.T, what string, v any) {
	t.Helper()
	if text := fmt.Sprintf("%+v", v); strings.Contains(text, secret) {
		t.Errorf("%s holds a token or text: %s", what, text)
	}
}

func statuses(outcomes []schemas.Outcome) []string {
	var list []string
	for _, o := range outcomes {
		list = append(list, strings.TrimSuffix(string(o.Status)+" "+string(o.Reason), " "))
	}
	slices.Sort(list)
	return list
}
