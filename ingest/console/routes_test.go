package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// samples are a request for each route: its path with the ids of the world's organization, and a form that would do something.
var samples = map[string]struct {
	path string
	form url.Values
	ours bool // it names something of the organization, which is nothing to another one
	does bool // the form changes something
}{
	"GET " + Home + "assets/{version}/{file}":            {path: Home + "assets/" + version + "/console.css"},
	"GET " + Home + "signin":                             {path: Home + "signin"},
	"GET " + Home + "signin/start":                       {path: Home + "signin/start"},
	"GET " + CallbackPath:                                {path: CallbackPath + "?code=c&state=forged"},
	"POST " + Home + "signout":                           {path: Home + "signout", form: url.Values{}},
	"GET " + Home + "account":                            {path: Home + "account"},
	"POST " + Home + "switch":                            {path: Home + "switch", form: url.Values{"org": {"acme"}}, ours: true},
	"GET " + Home + "{$}":                                {path: Home},
	"GET " + Home + "workspaces/{team}/disconnect":       {path: Home + "workspaces/T1/disconnect", ours: true},
	"POST " + Home + "workspaces/{team}/disconnect":      {path: Home + "workspaces/T1/disconnect", form: url.Values{}, ours: true, does: true},
	"GET " + Home + "channels":                           {path: Home + "channels"},
	"POST " + Home + "channels/accept":                   {path: Home + "channels/accept", form: url.Values{"accept": {"T1/C0ROOM1/a1"}}, does: true},
	"GET " + Home + "channels/{team}/{channel}":          {path: Home + "channels/T1/C0ROOM1", ours: true},
	"GET " + Home + "channels/{team}/{channel}/accounts": {path: Home + "channels/T1/C0ROOM1/accounts?q=globex", ours: true},
	"GET " + Home + "channels/{team}/{channel}/sync":     {path: Home + "channels/T1/C0ROOM3/sync", ours: true},
	"POST " + Home + "channels/{team}/{channel}/link":    {path: Home + "channels/T1/C0ROOM1/link", form: url.Values{"account": {"a1"}, "seen": {"none"}}, ours: true, does: true},
	"POST " + Home + "channels/{team}/{channel}/unlink":  {path: Home + "channels/T1/C0ROOM3/unlink", form: url.Values{"seen": {"a2//2026-11-23T09:00:00Z"}}, ours: true, does: true},
	"GET " + Home + "people":                             {path: Home + "people"},
	"GET " + Home + "notifications":                      {path: Home + "notifications"},
	"POST " + Home + "notifications":                     {path: Home + "notifications", form: url.Values{"seen": {"none"}, "type.coaching.insight": {"off"}}, does: true},
	"POST " + Home + "notifications/quiet-hours":         {path: Home + "notifications/quiet-hours", form: url.Values{"seen": {"none"}, "mode": {"off"}}, does: true},
	"GET " + Home + "defaults":                           {path: Home + "defaults"},
	"POST " + Home + "defaults":                          {path: Home + "defaults", form: url.Values{"seen": {"none"}, "type.coaching.insight": {"email"}}, does: true},
	"POST " + Home + "defaults/quiet-hours":              {path: Home + "defaults/quiet-hours", form: url.Values{"seen": {"none"}, "mode": {"hours"}, "from": {"19:00"}, "to": {"08:00"}, "day": {"mon"}}, does: true},
	"GET " + Home + "waiting":                            {path: Home + "waiting?wait=link:1:T1/C0ROOM1"},
	"GET " + Home + "log":                                {path: Home + "log"},
	"GET " + Home + "diagnose":                           {path: Home + "diagnose?user=olga"},
}

// Every route, as everybody: signed out, of each role, of a role that nobody knows, disabled, and as an owner of another organization. A route
// that is added without a sample fails. Which roles have a permission is the tests' of ingest/actor.
func TestEveryRouteAsEveryRole(t *testing.T) {
	visitors := []struct {
		user string
		org  schemas.OrgID
		role actor.Role
	}{{"", org, ""}, {"dora", org, ""}, {"rex", org, ""}, {"mia", org, actor.Member}, {"adam", org, actor.Admin}, {"olga", org, actor.Owner}, {"gina", "globex", actor.Owner}}
	for _, rt := range routes {
		sample, has := samples[rt.method+" "+rt.path]
		if !has {
			t.Errorf("%s %s has no sample", rt.method, rt.path)
			continue
		}
		reads := newWorld(t) // what only reads leaves it as it is
		for _, v := range visitors {
			t.Run(rt.method+" "+rt.path+" as "+v.user+" of "+string(v.org), func(t *testing.T) {
				w := reads
				if sample.form != nil {
					w = newWorld(t)
				}
				var cookie *http.Cookie
				if v.user != "" {
					cookie = w.as(v.org, v.user)
				}
				before := w.offset
				res := w.ask(cookie, sample.path, sample.form)
				signedOut := v.user == "" || v.user == "dora"
				changed := w.offset > before
				switch {
				case rt.gate == everybody:
					if res.Code == http.StatusForbidden || res.Code == http.StatusUnauthorized {
						t.Errorf("a public route: %d", res.Code)
					}
				case signedOut && sample.form != nil:
					w.refused(t, res.Code, http.StatusUnauthorized, changed)
				case signedOut:
					w.refused(t, res.Code, http.StatusSeeOther, changed)
					if to := res.Header().Get("Location"); !strings.HasPrefix(to, Home+"signin?next=") {
						t.Errorf("led to %s", to)
					}
				case !rt.gate.lets(actor.Actor{Org: v.org, User: schemas.UserID(v.user), Role: v.role}):
					w.refused(t, res.Code, http.StatusForbidden, changed)
				case v.org != org && sample.ours:
					w.refused(t, res.Code, http.StatusNotFound, changed)
				case res.Code >= 400 && rt.path != Home+"diagnose":
					t.Errorf("%d\n%s", res.Code, res.Body)
				case v.org != org:
					w.wants(res.Body.String(), "!globex-rollout", "!olga@acme", "!Initech")
					for _, r := range w.records {
						if !strings.HasPrefix(string(r.Key), "globex") {
							t.Errorf("wrote %s to %s", r.Key, r.Topic)
						}
					}
				case sample.does && !changed:
					t.Error("it did nothing")
				}
				if got := res.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; script-src 'self';") {
					t.Errorf("content policy %q", got)
				}
			})
		}
	}
	if len(samples) != len(routes) {
		t.Errorf("%d samples for %d routes", len(samples), len(routes))
	}
}

func (w *world) refused(t *testing.T, got, want int, changed bool) {
	t.Helper()
	if got != want || changed {
		t.Errorf("%d, want %d; changed: %t", got, want, changed)
	}
}

// A form that a browser does not say comes from here changes nothing.
func TestFormsComeFromHere(t *testing.T) {
	for name, headers := range map[string]map[string]string{
		"another site":        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		"another subdomain":   {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.bigmind.example"},
		"an old browser":      {"Origin": "https://evil.example"},
		"nobody says":         {},
		"an opaque origin":    {"Origin": "null"},
		"another scheme":      {"Origin": "http://bigmind.example.evil.example"},
		"here, by its origin": {"Origin": "https://bigmind.example"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://bigmind.example"+Home+"channels/T1/C0ROOM1/link", strings.NewReader("account=a1&seen=none"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for k, v := range headers {
				r.Header.Set(k, v)
			}
			r.AddCookie(w.as(org, "olga"))
			rec := httptest.NewRecorder()
			w.mux.ServeHTTP(rec, r)
			if here := name == "here, by its origin"; here != (rec.Code == http.StatusSeeOther) || here != (len(w.records) == 1) {
				t.Errorf("%d, %d records", rec.Code, len(w.records))
			}
		})
	}
}
