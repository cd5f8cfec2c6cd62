package install

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
)

// world is a handler between a fake Slack, a Redis with views, and a publisher that keeps what it is given.
type world struct {
	t       *testing.T
	redis   *miniredis.Miniredis
	tokens  *seal.Sealer
	handler *Handler
	mux     *http.ServeMux
	now     time.Time
	slack   map[string]any // the answer of oauth.v2.access
	scopes  string         // x-oauth-scopes of auth.test
	asked   url.Values     // what the exchange was asked with
	records []*kgo.Record
	down    bool // Kafka is away
	jar     []*http.Cookie
}

func (w *world) Publish(_ context.Context, records ...*kgo.Record) error {
	if w.down {
		return errors.New("Kafka is away")
	}
	w.records = append(w.records, records...)
	return nil
}

const bothScopes = "channels:history,channels:read,chat:write,groups:history,groups:read,im:write,users:read,users:read.email"

func newWorld(t *testing.T) *world {
	t.Helper()
	keys, err := seal.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, redis: miniredis.RunT(t), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), mux: http.NewServeMux(), scopes: "chat:write,im:write,users:read,users:read.email"}
	if w.tokens, err = seal.New(keys); err != nil {
		t.Fatal(err)
	}
	w.slack = map[string]any{
		"ok": true, "access_token": "xoxb-1", "token_type": "bot", "scope": "chat:write,im:write,users:read,users:read.email", "bot_user_id": "U0BOT", "app_id": "A1",
		"team": map[string]any{"id": "T1", "name": "Northwind"}, "authed_user": map[string]any{"id": "U1"},
	}
	api := http.NewServeMux()
	api.HandleFunc("/api/oauth.v2.access", func(rw http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		w.asked = r.PostForm
		_ = json.NewEncoder(rw).Encode(w.slack)
	})
	api.HandleFunc("/api/auth.test", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("X-OAuth-Scopes", w.scopes)
		team, _ := w.slack["team"].(map[string]any)
		_ = json.NewEncoder(rw).Encode(map[string]any{"ok": true, "team_id": team["id"], "user_id": "U0BOT", "bot_id": "B0BOT"})
	})
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	rdb := redis.NewClient(&redis.Options{Addr: w.redis.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	w.handler, err = New(Options{
		ClientID: "1.2", ClientSecret: "s3cr3t", PublicURL: "https://bigmind.example", APIURL: server.URL + "/api/", Redis: rdb, Publisher: w, Tokens: w.tokens,
		Visitors: Tickets{Seals: w.tokens, Now: w.clock}, HTTP: server.Client(), Now: w.clock, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.handler.Register(w.mux)
	w.redis.Set(schemas.ViewsCompleteKey, "1")
	for user, role := range map[string]string{"olga": "owner", "adam": "admin", "mia": "member"} {
		w.view(schemas.ViewOrgUsers("acme"), user, map[string]any{"org_id": "acme", "user_id": user, "email": user + "@acme.example", "role": role})
	}
	return w
}

func (w *world) clock() time.Time { return w.now }

func (w *world) view(key, field string, v any) {
	w.t.Helper()
	value, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	w.redis.HSet(key, field, schemas.ViewValue(1, value))
}

func (w *world) installed(team, org, status string) {
	v := map[string]any{"org_id": org, "team_id": team, "scopes": []string{"chat:write"}, "status": status}
	w.view(schemas.ViewTeamInstall(schemas.TeamID(team)), schemas.FieldInstallation, v)
	w.view(schemas.ViewOrgInstalls(schemas.OrgID(org)), team, v)
}

// get opens a path as the browser does, with its cookies.
func (w *world) get(path string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, path, nil)
	for _, c := range w.jar {
		r.AddCookie(c)
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	for _, line := range rec.Header().Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err != nil {
			w.t.Fatal(err)
		} else if c.MaxAge > 0 {
			w.jar = append(w.jar, c)
		}
	}
	return rec
}

// begin opens a flow as somebody and returns where Slack is asked.
func (w *world) begin(path, user string) url.Values {
	w.t.Helper()
	res := w.get(w.link(path, user))
	to, err := url.Parse(res.Header().Get("Location"))
	if res.Code != http.StatusFound || err != nil || !strings.HasSuffix(to.Path, "/oauth/v2/authorize") {
		w.t.Fatalf("%s led to %d %s", path, res.Code, res.Header().Get("Location"))
	}
	return to.Query()
}

func (w *world) link(path, user string) string {
	w.t.Helper()
	link, err := Tickets{Seals: w.tokens, Now: w.clock}.Link(path, Visitor{"acme", schemas.UserID(user)}, w.now.Add(time.Hour))
	if err != nil {
		w.t.Fatal(err)
	}
	return link
}

// ended checks how a flow ended: its status, its result in the metric, and what was recorded.
func (w *world) ended(res *httptest.ResponseRecorder, status int, result string, records int) {
	w.t.Helper()
	body := res.Body.String()
	if res.Code != status || testutil.ToFloat64(w.handler.results.WithLabelValues(result)) != 1 || len(w.records) != records {
		w.t.Errorf("want %d %s and %d records, got %d records and\n%s", status, result, records, len(w.records), body)
	}
	if strings.Contains(body, "xoxb") || strings.Contains(body, "s3cr3t") {
		w.t.Error("the page shows a secret")
	}
}

func callbackOf(q url.Values) string { return CallbackPath + "?code=c1&state=" + q.Get("state") }

// The two scope sets are exactly the product page's.
func TestTheTwoStepsAskForExactlyThis(t *testing.T) {
	w := newWorld(t)
	w.installed("T1", "acme", "active")
	for path, want := range map[string]string{
		ConnectPath: "chat:write,im:write,users:read,users:read.email", ChannelSyncPath: "channels:read,channels:history,groups:read,groups:history",
	} {
		q := w.begin(path, "olga")
		got := map[string]string{}
		for k := range q {
			got[k] = q.Get(k)
		}
		wantQuery := map[string]string{"client_id": "1.2", "scope": want, "redirect_uri": "https://bigmind.example/slack/callback", "state": q.Get("state")}
		if path == ChannelSyncPath {
			wantQuery["team"] = "T1"
		}
		if diff := cmp.Diff(wantQuery, got); diff != "" || len(q.Get("state")) < 40 {
			t.Errorf("%s: want, got:\n%s", path, diff)
		}
	}
}

func TestConnect(t *testing.T) {
	w := newWorld(t)
	w.ended(w.get(callbackOf(w.begin(ConnectPath, "adam"))), http.StatusOK, "connected", 1)
	if diff := cmp.Diff(url.Values{"code": {"c1"}, "client_id": {"1.2"}, "client_secret": {"s3cr3t"}, "redirect_uri": {"https://bigmind.example/slack/callback"}}, w.asked); diff != "" {
		t.Errorf("the exchange, want, got:\n%s", diff)
	}
	in, err := schemas.SlackInstallations.Decode(w.records[0].Value)
	if err != nil || string(w.records[0].Key) != "T1" {
		t.Fatalf("%s: %v", w.records[0].Key, err)
	}
	if token, err := w.tokens.Open("T1", in.SealedToken); err != nil || token != "xoxb-1" || strings.Contains(string(w.records[0].Value), "xoxb") {
		t.Errorf("the token is %q, %v", token, err)
	}
	in.SealedToken = ""
	want := schemas.Installation{
		OrgID: "acme", TeamID: "T1", TeamName: "Northwind", AppID: "A1", BotUserID: "U0BOT", BotID: "B0BOT", Scopes: scopes(w.scopes),
		Status: schemas.InstallActive, InstalledBy: "U1", InstalledAt: w.now, UpdatedAt: w.now,
	}
	if diff := cmp.Diff(want, in); diff != "" {
		t.Errorf("the record, want, got:\n%s", diff)
	}
}

func TestChannelSyncIsAuthorised(t *testing.T) {
	w := newWorld(t)
	w.installed("T1", "acme", "active")
	w.scopes = bothScopes
	w.ended(w.get(callbackOf(w.begin(ChannelSyncPath, "olga"))), http.StatusOK, "connected", 1)
	in, err := schemas.SlackInstallations.Decode(w.records[0].Value)
	if err != nil || strings.Join(in.Scopes, ",") != bothScopes || !in.MayKeep("group") {
		t.Errorf("granted %v, %v", in.Scopes, err)
	}
}

// With token rotation on, Slack gives a refresh token and says when the token ends.
func TestATokenThatRotates(t *testing.T) {
	w := newWorld(t)
	w.slack["refresh_token"], w.slack["expires_in"] = "xoxe-1-r", 43200
	w.ended(w.get(callbackOf(w.begin(ConnectPath, "olga"))), http.StatusOK, "connected", 1)
	in, _ := schemas.SlackInstallations.Decode(w.records[0].Value)
	if refresh, err := w.tokens.Open("T1", in.SealedRefreshToken); err != nil || refresh != "xoxe-1-r" || !in.TokenExpiresAt.Equal(w.now.Add(12*time.Hour)) {
		t.Errorf("refresh token %q until %s, %v", refresh, in.TokenExpiresAt, err)
	}
}

// Who may not begin is told why, and Slack is not asked.
func TestWhoMayNotBegin(t *testing.T) {
	tests := []struct {
		name, path, user, result string
		before                   func(*world)
		status                   int
	}{
		{name: "a member connects", path: ConnectPath, user: "mia", status: 403, result: "not_allowed"},
		{name: "an admin authorises channel sync", path: ChannelSyncPath, user: "adam", status: 403, result: "not_allowed"},
		{name: "somebody who left", path: ConnectPath, user: "nobody", status: 403, result: "not_allowed"},
		{name: "channel sync before Slack", path: ChannelSyncPath, user: "olga", status: 409, result: "no_workspace"},
		{name: "channel sync after uninstalling", path: ChannelSyncPath, user: "olga", status: 409, result: "no_workspace", before: func(w *world) { w.installed("T1", "acme", "uninstalled") }},
		{name: "channel sync of which workspace", path: ChannelSyncPath, user: "olga", status: 409, result: "no_workspace", before: func(w *world) {
			w.installed("T1", "acme", "active")
			w.installed("T2", "acme", "active")
		}},
		{name: "the views are away", path: ConnectPath, user: "olga", status: 503, result: "unavailable", before: func(w *world) { w.redis.Del(schemas.ViewsCompleteKey) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			if tt.before != nil {
				tt.before(w)
			}
			w.ended(w.get(w.link(tt.path, tt.user)), tt.status, tt.result, 0)
		})
	}
	w := newWorld(t)
	late := w.link(ConnectPath, "olga")
	w.now = w.now.Add(2 * time.Hour)
	for _, path := range []string{ConnectPath, ConnectPath + "?ticket=x", late} {
		if res := w.get(path); res.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, res.Code)
		}
	}
}

// Every way in which a flow does not end well changes nothing, and says so.
func TestCallbacks(t *testing.T) {
	tests := []struct {
		name   string
		path   string // of the flow; empty: connect
		before func(*world)
		open   func(w *world, q url.Values) *httptest.ResponseRecorder // nil: as Slack leads back
		status int
		result string
	}{
		{name: "denied", open: func(w *world, q url.Values) *httptest.ResponseRecorder {
			return w.get(CallbackPath + "?error=access_denied&state=" + q.Get("state"))
		}, status: 200, result: "denied"},
		{name: "another error", open: func(w *world, q url.Values) *httptest.ResponseRecorder {
			return w.get(CallbackPath + "?error=%3Cscript%3Einvalid_scope&state=" + q.Get("state"))
		}, status: 200, result: "refused"},
		{name: "no state", open: func(w *world, _ url.Values) *httptest.ResponseRecorder { return w.get(CallbackPath + "?code=c1") }, status: 400, result: "malformed"},
		{name: "no code", open: func(w *world, q url.Values) *httptest.ResponseRecorder {
			return w.get(CallbackPath + "?state=" + q.Get("state"))
		}, status: 400, result: "malformed"},
		{name: "a forged state", open: func(w *world, _ url.Values) *httptest.ResponseRecorder {
			return w.get(CallbackPath + "?code=c1&state=forged")
		}, status: 410, result: "expired"},
		{name: "expired", before: func(w *world) { w.redis.FastForward(11 * time.Minute) }, status: 410, result: "expired"},
		{name: "another browser", before: func(w *world) { w.jar = nil }, status: 403, result: "other_browser"},
		{name: "the code is spent", before: func(w *world) { w.slack = map[string]any{"ok": false, "error": "code_already_used"} }, status: 410, result: "reused"},
		{name: "the code expired", before: func(w *world) { w.slack = map[string]any{"ok": false, "error": "invalid_code"} }, status: 410, result: "expired"},
		{name: "the secret is wrong", before: func(w *world) { w.slack = map[string]any{"ok": false, "error": "bad_client_secret"} }, status: 502, result: "slack_refused"},
		{name: "a whole Grid organization", before: func(w *world) { w.slack["team"], w.slack["is_enterprise_install"] = nil, true }, status: 409, result: "org_wide"},
		{name: "a user's token", before: func(w *world) { w.slack["token_type"] = "user" }, status: 502, result: "no_bot"},
		{name: "another workspace than meant", path: ChannelSyncPath, before: func(w *world) { w.slack["team"] = map[string]any{"id": "T2", "name": "Elsewhere"} }, status: 409, result: "wrong_workspace"},
		{name: "another organization's", before: func(w *world) { w.installed("T1", "other", "active") }, status: 409, result: "team_taken"},
		{name: "another organization's, a moment ago", before: func(w *world) { w.redis.Set(schemas.TeamClaimKey("T1"), "other") }, status: 409, result: "team_taken"},
		{name: "the role has gone", before: func(w *world) {
			w.view(schemas.ViewOrgUsers("acme"), "olga", map[string]any{"org_id": "acme", "user_id": "olga", "role": "member"})
		}, status: 403, result: "not_allowed"},
		{name: "Kafka is away", before: func(w *world) { w.down = true }, status: 503, result: "unavailable"},
		{name: "the views are away", before: func(w *world) { w.redis.Del(schemas.ViewsCompleteKey) }, status: 503, result: "unavailable"},
		{name: "Redis is away", before: func(w *world) { w.redis.SetError("away") }, status: 503, result: "unavailable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			path := ConnectPath
			if tt.path != "" {
				path = tt.path
				w.installed("T1", "acme", "active")
			}
			q := w.begin(path, "olga")
			if tt.before != nil {
				tt.before(w)
			}
			if tt.open == nil {
				tt.open = func(w *world, q url.Values) *httptest.ResponseRecorder { return w.get(callbackOf(q)) }
			}
			w.ended(tt.open(w, q), tt.status, tt.result, 0)
		})
	}
}

// A state is good for one callback; a reload says that it was used, and records nothing more.
func TestAStateIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	q := w.begin(ConnectPath, "olga")
	w.ended(w.get(callbackOf(q)), http.StatusOK, "connected", 1)
	w.ended(w.get(callbackOf(q)), http.StatusGone, "reused", 1)
}

// A grant that is narrower than what was asked is recorded as it is, and the page names what is missing.
func TestANarrowerGrant(t *testing.T) {
	w := newWorld(t)
	w.scopes = "chat:write,im:write,users:read"
	res := w.get(callbackOf(w.begin(ConnectPath, "olga")))
	if body := res.Body.String(); !strings.Contains(body, "users:read.email is missing") {
		t.Errorf("the page does not name what is missing:\n%s", body)
	}
	w.ended(res, http.StatusOK, "narrower", 1)
}

// Two tabs of one browser can be in a flow each.
func TestTwoTabs(t *testing.T) {
	w := newWorld(t)
	first, second := w.begin(ConnectPath, "olga"), w.begin(ConnectPath, "olga")
	for _, q := range []url.Values{second, first} {
		if res := w.get(callbackOf(q)); res.Code != http.StatusOK {
			t.Errorf("a tab's callback: %d", res.Code)
		}
	}
}

// Whoever uninstalled the app may leave the workspace to another organization.
func TestAnUninstalledWorkspaceMayMove(t *testing.T) {
	w := newWorld(t)
	w.installed("T1", "other", "uninstalled")
	w.ended(w.get(callbackOf(w.begin(ConnectPath, "olga"))), http.StatusOK, "connected", 1)
}
