package api

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bigmind/backchannel/schemas"
)

// operations are all that the document has, by method and path.
func operations(a *API) map[string]*huma.Operation {
	all := map[string]*huma.Operation{}
	for path, item := range a.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPut: item.Put, http.MethodPost: item.Post, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete} {
			if op != nil {
				all[method+" "+path] = op
			}
		}
	}
	return all
}

// who may use each operation: + for the ones that do, in the order owner, admin, a member for themselves (in {user}), a member for another.
// A route that is not here fails the test: whoever adds one says who may use it.
var may = map[string]string{
	"GET /api/v1/me": "++++", "GET /api/v1/notification-types": "++++",
	"GET /api/v1/preferences": "++++", "PUT /api/v1/preferences": "++--", "GET /api/v1/settings": "++++", "PUT /api/v1/settings": "++--",
	"GET /api/v1/people/{user}/preferences": "+++-", "PUT /api/v1/people/{user}/preferences": "+++-", "DELETE /api/v1/people/{user}/preferences": "+++-",
	"GET /api/v1/people/{user}/preferences/effective": "+++-", "GET /api/v1/people/{user}/diagnosis": "+++-",
	"GET /api/v1/workspaces": "++--", "GET /api/v1/channels": "++--", "GET /api/v1/channels/{team}/{channel}": "++--", "GET /api/v1/people": "++--", "GET /api/v1/people/{user}": "+++-",
	"GET /api/v1/channels/{team}/{channel}/association": "++--", "PUT /api/v1/channels/{team}/{channel}/association": "++--", "DELETE /api/v1/channels/{team}/{channel}/association": "++--",
	"GET /api/v1/channels/{team}/{channel}/diagnosis": "++--", "GET /api/v1/accounts": "++--", "GET /api/v1/accounts/{account}/deals": "++--", "GET /api/v1/accounts/{account}/context": "++--",
	"GET /api/v1/deliveries": "++++", // a member's are its own: TestDeliveries
}

// Every route, as every role, as another organization, and without a token that is good.
func TestEveryRouteAsEveryRole(t *testing.T) {
	w := newWorld(t)
	all := operations(w.api)
	for name := range may {
		if all[name] == nil {
			t.Errorf("%s is said to be used, and is no operation", name)
		}
	}
	for name, op := range all {
		want, said := may[name]
		if !said {
			t.Errorf("%s: who may use it is not said in this test", name)
			continue
		}
		if len(op.Security) == 0 {
			t.Errorf("%s: the document does not say that it needs a token", name)
		}
		method, path, _ := strings.Cut(name, " ")
		body := map[string]string{http.MethodPut: "{}"}[method]
		if strings.HasSuffix(path, "/association") && method == http.MethodPut {
			body = `{"account_id":"a1"}`
		}
		at := func(user string) string {
			return strings.NewReplacer("{user}", user, "{team}", "T1", "{channel}", "C1", "{account}", "a1").Replace(path)
		}
		for i, as := range []struct{ who, user string }{{"owner", "meg"}, {"admin", "meg"}, {"member", "meg"}, {"member", "ada"}} {
			got := w.ask(as.who, method, at(as.user), body)
			allowed := got.status != http.StatusForbidden && got.status != http.StatusUnauthorized
			if allowed != (want[i] == '+') || got.status >= 500 {
				t.Errorf("%s as %s for %s: %d %s, want %c", name, as.who, as.user, got.status, got.body, want[i])
			}
		}
		for _, who := range []string{"", "expired", "revoked", "gone", "forged"} {
			if got := w.ask(who, method, at("meg"), body); got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s as %q: %d %s, want 401", name, who, got.status, got.body)
			}
		}
	}
}

// An owner of another organization finds nothing of this one, and changes nothing of it.
func TestAnotherOrganization(t *testing.T) {
	w := newWorld(t)
	w.put(schemas.ViewTeamAssociations(team), "C1", schemas.ChannelAssociation{OrgID: org, TeamID: team, ChannelID: "C1", AccountID: "a1", By: "secret-of-acme"})
	w.put(schemas.ViewOrgPreferences(org), "", schemas.Preferences{OrgID: org, Types: map[schemas.NotificationType]schemas.ChannelPreference{"secret.of_acme": schemas.PreferOff}})
	w.put(schemas.ViewOrgUsers(org), "only-acme", schemas.DirectoryUser{OrgID: org, UserID: "only-acme"})
	for name := range operations(w.api) {
		method, path, _ := strings.Cut(name, " ")
		path = strings.NewReplacer("{user}", "only-acme", "{team}", "T1", "{channel}", "C1", "{account}", "a1").Replace(path)
		body := map[string]string{http.MethodPut: `{"account_id":"a9"}`}[method]
		if !strings.Contains(path, "/association") && method == http.MethodPut {
			body = "{}"
		}
		got := w.ask("globex", method, path, body)
		if strings.Contains(path, "T1") || strings.Contains(path, "only-acme") || strings.HasSuffix(path, "/context") {
			if got.status != http.StatusNotFound {
				t.Errorf("%s: %d %s, want 404", name, got.status, got.body)
			}
		}
		if strings.Contains(strings.ToLower(got.body), "acme") && !strings.Contains(path, "only-acme") || strings.Contains(got.body, "a1") {
			t.Errorf("%s tells of another organization: %s", name, got.body)
		}
	}
	for _, rec := range w.sent {
		if first, _ := schemas.Key(rec.Key).Split(); first != "globex" {
			t.Errorf("a record of %s under %s", rec.Topic, rec.Key)
		}
	}
}

func TestPathsThatAreNone(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]int{"GET /api/": 404, "GET /api/v1/": 404, "GET /api/v2/me": 404, "POST /api/v1/me": 405, "GET /api/v1/openapi.json": 200, "GET /api/v1/docs": 404} {
		method, path, _ := strings.Cut(path, " ")
		got := w.ask("owner", method, path, "")
		if got.status != want || want >= 400 && got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %s %s", method, path, got.status, got.header.Get("Content-Type"), got.body)
		}
	}
	if got := w.ask("owner", "DELETE", "/api/v1/preferences", ""); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, PUT" {
		t.Errorf("%d, Allow: %s", got.status, got.header.Get("Allow"))
	}
}

// A token's requests are bounded; another's are not by it.
func TestRate(t *testing.T) {
	w := newWorld(t)
	w.api.opts.PerMinute = 3
	var statuses []string
	for range 4 {
		statuses = append(statuses, strconv.Itoa(w.ask("owner", "GET", "/api/v1/me", "").status))
	}
	other := w.ask("admin", "GET", "/api/v1/me", "")
	if strings.Join(statuses, " ") != "200 200 200 429" || other.status != http.StatusOK {
		t.Errorf("%v, and another token %d", statuses, other.status)
	}
}
