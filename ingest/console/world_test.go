package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest/console/signin"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/ingest/diagnose"
	decides "github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/views"
)

// world is the console over views as the sink writes them, with a publisher whose records the sink applies at once.
type world struct {
	t       testing.TB
	mini    *miniredis.Miniredis
	redis   *redis.Client
	signIn  *signin.SignIn
	mux     *http.ServeMux
	now     time.Time
	log     *deliveries
	offset  int64
	ended   []schemas.TeamID // workspaces that were disconnected
	mu      sync.Mutex
	records []*kgo.Record
	down    bool // Kafka is away
	lags    bool // the views do not show what is published
}

const (
	org     schemas.OrgID     = "acme"
	team    schemas.TeamID    = "T1"
	room    schemas.ChannelID = "C0ROOM1"
	private schemas.ChannelID = "C0ROOM2"
	linked  schemas.ChannelID = "C0ROOM3"
)

// deliveries is a log that knows what it was asked.
type deliveries struct {
	org   []schemas.OrgID
	asked []deliverylog.Query
	rows  []deliverylog.Entry
}

func (d *deliveries) Find(_ context.Context, org schemas.OrgID, q deliverylog.Query) ([]deliverylog.Entry, error) {
	d.org, d.asked = append(d.org, org), append(d.asked, q)
	return d.rows[:min(len(d.rows), q.Limit)], nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := bareWorld(t, nil, place{})
	for user, role := range map[string]string{"olga": "owner", "adam": "admin", "mia": "member", "rex": "root"} {
		w.person(org, user, role)
	}
	w.person("globex", "gina", "owner")
	w.apply(schemas.DirectoryUsers.Spec, "acme/dora", schemas.DirectoryUser{OrgID: org, UserID: "dora", Email: "dora@acme.example", Role: "owner", Disabled: true})
	w.install(team, org, append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)...)
	w.install("T9", "globex", append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)...)
	w.apply(schemas.SlackUsers.Spec, "T1/U1", schemas.SlackUser{OrgID: org, TeamID: team, UserID: "U1", Name: "Olga Orlova", Email: "OLGA@acme.example"})
	w.channel(schemas.SlackChannel{ChannelID: room, Name: "globex-rollout", IsMember: true})
	w.channel(schemas.SlackChannel{ChannelID: private, Name: "board", IsMember: true, IsPrivate: true})
	w.channel(schemas.SlackChannel{ChannelID: linked, Name: "initech-help", IsMember: true, IsExtShared: true, ExternalTeamIDs: []schemas.TeamID{"T0EXT"}})
	w.account("a1", "Globex", "globex.example")
	w.account("a2", "Initech", "initech.example")
	w.apply(schemas.CRMDeals.Spec, "acme/d1", schemas.Deal{OrgID: org, DealID: "d1", AccountID: "a1", Name: "Pilot"})
	w.apply(schemas.CRMDeals.Spec, "acme/d2", schemas.Deal{OrgID: org, DealID: "d2", AccountID: "a2", Name: "Renewal"})
	w.apply(schemas.ChannelAssociations.Spec, "T1/C0ROOM3", schemas.ChannelAssociation{OrgID: org, TeamID: team, ChannelID: linked, AccountID: "a2", By: "olga", Source: "console", UpdatedAt: w.now})
	return w
}

// place is where the console is reached, and who signs people in.
type place struct{ public, issuer, id, secret string }

// bareWorld has views that are complete, and nothing in them. at is a Redis; nil: one of its own.
func bareWorld(t testing.TB, at *redis.Client, is place) *world {
	t.Helper()
	if is == (place{}) {
		is = place{"https://bigmind.example", "http://127.0.0.1:1", "1.2", "s"}
	}
	w := &world{t: t, redis: at, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), mux: http.NewServeMux(), log: &deliveries{}}
	if at == nil {
		w.mini = miniredis.NewMiniRedis()
		if err := w.mini.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.mini.Close)
		w.redis = redis.NewClient(&redis.Options{Addr: w.mini.Addr()})
		t.Cleanup(func() { _ = w.redis.Close() })
	}
	if err := w.redis.Set(t.Context(), schemas.ViewsCompleteKey, "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return w.now }
	issuing := clock
	if is.public != "https://bigmind.example" { // the issuer has the time of day
		issuing = time.Now
	}
	var err error
	w.signIn, err = signin.New(signin.Options{
		Issuer: is.issuer, ClientID: is.id, ClientSecret: is.secret, PublicURL: is.public, CallbackPath: CallbackPath, Home: Home,
		Redis: w.redis, HTTP: http.DefaultClient, Now: issuing, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := New(Options{
		PublicURL: is.public, SignIn: w.signIn, Redis: w.redis, Publisher: w, Deliveries: w.log, Patience: 50 * time.Millisecond, Now: clock,
		Examiner: &diagnose.Examiner{Redis: w.redis, Verdicts: w.verdicts, Now: clock}, Disconnect: w.disconnect,
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	pages.Register(w.mux)
	return w
}

// verdicts are as cmd wires them, which a test of this tier may not import.
func (w *world) verdicts(ctx context.Context, org schemas.OrgID, to schemas.Recipient, kinds []schemas.NotificationType) ([]diagnose.Verdict, error) {
	all, err := decides.Explain(ctx, w.redis, org, to, w.now, kinds...)
	out := make([]diagnose.Verdict, len(all))
	for i, x := range all {
		out[i] = diagnose.Verdict{Type: x.Type, Ended: x.Ended, Decision: x.Decision, Team: x.Slack.Team, User: x.Slack.User, Reason: x.Slack.Reason, Now: "A notification comes."}
	}
	return out, err
}

func (w *world) disconnect(_ context.Context, of schemas.OrgID, team schemas.TeamID, _ schemas.UserID) error {
	w.ended = append(w.ended, team)
	w.apply(schemas.SlackInstallations.Spec, schemas.TeamKey(team), schemas.Installation{OrgID: of, TeamID: team, TeamName: "Northwind", Status: schemas.InstallUninstalled, UpdatedAt: w.now})
	return nil
}

// Publish is Kafka and the views sink behind it.
func (w *world) Publish(_ context.Context, records ...*kgo.Record) error {
	if w.down {
		return errors.New("Kafka is away")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = append(w.records, records...)
	if w.lags {
		return nil
	}
	for _, r := range records {
		w.offset++
		r.Offset = w.offset
	}
	return views.Apply(w.t.Context(), w.redis, records)
}

// apply puts a record into the views; a nil value is a tombstone.
func (w *world) apply(topic schemas.Spec, key schemas.Key, value any) {
	w.t.Helper()
	w.offset++
	r := &kgo.Record{Topic: topic.Name, Key: []byte(key), Offset: w.offset}
	if value != nil {
		raw, err := json.Marshal(value)
		if err != nil {
			w.t.Fatal(err)
		}
		r.Value = raw
	}
	if err := views.Apply(w.t.Context(), w.redis, []*kgo.Record{r}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) person(org schemas.OrgID, user, role string) {
	w.t.Helper()
	w.apply(schemas.DirectoryUsers.Spec, schemas.OrgKey(org, schemas.UserID(user)), schemas.DirectoryUser{
		OrgID: org, UserID: schemas.UserID(user), Email: user + "@" + string(org) + ".example", Name: strings.ToUpper(user[:1]) + user[1:], Role: role,
	})
}

func (w *world) install(team schemas.TeamID, org schemas.OrgID, scopes ...string) {
	w.t.Helper()
	w.apply(schemas.SlackInstallations.Spec, schemas.TeamKey(team), schemas.Installation{
		OrgID: org, TeamID: team, TeamName: "Northwind", Scopes: scopes, Status: schemas.InstallActive, SealedToken: "sealed", InstalledBy: "U1", InstalledAt: w.now,
	})
}

func (w *world) channel(c schemas.SlackChannel) {
	w.t.Helper()
	c.OrgID, c.TeamID = org, team
	w.apply(schemas.SlackChannels.Spec, schemas.TeamChannelKey(team, c.ChannelID), c)
}

func (w *world) account(id schemas.AccountID, name string, domains ...string) {
	w.t.Helper()
	w.apply(schemas.CRMAccounts.Spec, schemas.OrgKey(org, id), schemas.Account{OrgID: org, AccountID: id, Name: name, Domains: domains})
}

// as signs somebody in, without an issuer, and returns the cookie.
func (w *world) as(org schemas.OrgID, user string) *http.Cookie {
	w.t.Helper()
	rec := httptest.NewRecorder()
	u := &schemas.DirectoryUser{OrgID: org, UserID: schemas.UserID(user)}
	if err := w.signIn.Start(rec, httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "/", nil), u, user+"@"+string(org)+".example"); err != nil {
		w.t.Fatal(err)
	}
	return rec.Result().Cookies()[0]
}

// ask sends a request as a browser does; form is nil for a GET.
func (w *world) ask(cookie *http.Cookie, path string, form url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	var r *http.Request
	if form == nil {
		r = httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil)
	} else {
		r = httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if cookie != nil {
		r.AddCookie(cookie)
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	return rec
}

// page asks for a page as an owner, and expects it to be there.
func (w *world) page(path string) string {
	w.t.Helper()
	res := w.ask(w.as(org, "olga"), path, nil)
	body, _ := io.ReadAll(res.Body)
	if res.Code != http.StatusOK {
		w.t.Fatalf("%s: %d\n%s", path, res.Code, body)
	}
	return string(body)
}

func (w *world) wants(text string, wanted ...string) {
	w.t.Helper()
	for _, want := range wanted {
		if not, is := strings.CutPrefix(want, "!"); is {
			if strings.Contains(text, not) {
				w.t.Errorf("the page has %q", not)
			}
		} else if !strings.Contains(text, want) {
			w.t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

// published decodes the last record of a topic.
func published[T any](w *world, topic schemas.Topic[T]) (v T) {
	w.t.Helper()
	for i := len(w.records) - 1; i >= 0; i-- {
		if w.records[i].Topic == topic.Name {
			v, err := topic.Decode(w.records[i].Value)
			if err != nil {
				w.t.Fatal(err)
			}
			return v
		}
	}
	w.t.Fatalf("nothing was written to %s", topic.Name)
	return v
}
