package diagnose_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
)

// One thing is broken at a time, and the check that it breaks says so, with the button that mends it.
func TestPerson(t *testing.T) {
	for name, tt := range map[string]struct {
		breaks func(*world)
		signs  string // connected, matched, type, channel, now
		fact   string
		action diagnose.Action
	}{
		"all is well":     {func(*world) {}, "+++++", "", ""},
		"never connected": {func(w *world) { w.gone(schemas.ViewOrgInstalls(org), "T1") }, "-?++?", "No workspace was ever connected", diagnose.ConnectSlack},
		"revoked": {func(w *world) {
			w.install(func(in *schemas.Installation) { in.Status, in.Reason = schemas.InstallRevoked, "token_revoked" })
		}, "-?++?", "Acme (T1) is no longer connected: its token was revoked (token_revoked)", diagnose.ConnectSlack},
		"no token": {func(w *world) {
			w.install(func(in *schemas.Installation) { in.SealedToken = "" })
		}, "-?++?", "Acme (T1) has no token", diagnose.ConnectSlack},
		"a scope is missing": {func(w *world) {
			w.install(func(in *schemas.Installation) { in.Scopes = schemas.NotificationScopes()[1:] })
		}, "-++++", "did not grant chat:write", diagnose.ConnectSlack},
		"refused by Slack":     {func(w *world) { w.must(w.mini.Set(schemas.SuspendKey(team), "0011 invalid_auth")) }, "-++++", "is refused by Slack (invalid_auth)", diagnose.ConnectSlack},
		"not in the directory": {func(w *world) { w.gone(schemas.ViewOrgUsers(org), "ada") }, "+++++", "", ""},
		"nowhere": {func(w *world) {
			w.gone(schemas.ViewOrgUsers(org), "ada")
			w.gone(schemas.ViewOrgSlackUsers(org), "T1/U1")
		}, "+-++?", "Bigmind has no user Ada@acme.example", diagnose.OpenPeople},
		"disabled": {func(w *world) { w.person(func(u *schemas.DirectoryUser) { u.Disabled = true }) }, "+-???", "Ada Okafor is disabled", diagnose.OpenPeople},
		"another email in Slack": {func(w *world) { w.slack(func(u *schemas.SlackUser) { u.Email = "okafor@acme.example" }) }, "+-++?",
			"Bigmind has Ada Okafor as ada@acme.example, and Slack has Ada Okafor (U1) as okafor@acme.example", diagnose.OpenPeople},
		"another domain in Slack": {func(w *world) {
			w.slack(func(u *schemas.SlackUser) { u.Name, u.Email = "A. Okafor", "ada@acme.co.example" })
		}, "+-++?", "Slack has A. Okafor (U1) as ada@acme.co.example", diagnose.OpenPeople},
		"nobody alike": {func(w *world) {
			w.slack(func(u *schemas.SlackUser) { u.Name, u.Email = "Bea", "bea@acme.example" })
		}, "+-++?", "Nobody in the connected workspaces has the email ada@acme.example", diagnose.OpenPeople},
		"deactivated":       {func(w *world) { w.slack(func(u *schemas.SlackUser) { u.Deleted = true }) }, "+-++?", "(U1) is deactivated", diagnose.OpenPreferences},
		"a bot":             {func(w *world) { w.slack(func(u *schemas.SlackUser) { u.IsBot = true }) }, "+-++?", "is a bot", diagnose.OpenPeople},
		"another company's": {func(w *world) { w.slack(func(u *schemas.SlackUser) { u.IsExternal = true }) }, "+-++?", "is another company's", diagnose.OpenPeople},
		"in another workspace": {func(w *world) {
			w.put(schemas.ViewOrgInstalls(org), "T0", schemas.Installation{OrgID: org, TeamID: "T0", Status: schemas.InstallUninstalled})
			w.slack(func(u *schemas.SlackUser) { u.TeamID = "T0" })
		}, "+-++?", "is in T0, which is no longer connected", diagnose.ConnectSlack},
		"people are being read": {func(w *world) {
			w.gone(schemas.ViewOrgSlackUsers(org), "T1/U1")
			w.mini.HSet(schemas.DirectoryKey(team), "users:cursor", "x")
			w.mini.HSet(schemas.DirectoryKey(team), "users:read", "200")
		}, "+?++?", "200 so far", ""},
		"turned off by the person": {func(w *world) {
			w.put(schemas.ViewOrgPreferences(org), "ada", schemas.Preferences{OrgID: org, UserID: "ada", Types: map[schemas.NotificationType]schemas.ChannelPreference{ready: schemas.PreferOff}})
		}, "++-??", "is turned off, by the person's own choice for the type", diagnose.OpenPreferences},
		"by email, as the organization has it": {func(w *world) {
			w.put(schemas.ViewOrgPreferences(org), "", schemas.Preferences{OrgID: org, Categories: map[schemas.Category]schemas.ChannelPreference{"meeting_analysis": schemas.PreferEmail}})
		}, "+++-?", "The channel is email, by the organization's default for the category", diagnose.OpenPreferences},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.breaks(w)
			checks, err := w.Person(t.Context(), org, schemas.Recipient{Email: "Ada@acme.example"}, ready)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.signs(checks); got != tt.signs || !says(checks, tt.fact, tt.action) {
				t.Errorf("%s, want %s with %q: %+v", got, tt.signs, tt.fact, checks)
			}
		})
	}
}

func TestPersonOfAllTypes(t *testing.T) {
	all := schemas.Recipient{UserID: "ada"}
	choices := func(choice schemas.ChannelPreference) map[schemas.Category]schemas.ChannelPreference {
		m := map[schemas.Category]schemas.ChannelPreference{}
		for _, c := range schemas.Categories {
			m[c.ID] = choice
		}
		return m
	}
	for name, tt := range map[string]struct {
		categories map[schemas.Category]schemas.ChannelPreference
		signs      string
		fact       string
		action     diagnose.Action
	}{
		"defaults":    {nil, "++++", "", ""},
		"one is off":  {map[schemas.Category]schemas.ChannelPreference{"coaching": schemas.PreferOff}, "++++", "", ""},
		"email alone": {choices(schemas.PreferEmail), "+++-", "Nothing comes by Slack", diagnose.OpenPreferences},
	} {
		w := newWorld(t)
		w.put(schemas.ViewOrgPreferences(org), "ada", schemas.Preferences{OrgID: org, UserID: "ada", Categories: tt.categories})
		w.put(schemas.ViewOrgTypes(org), "own.type", schemas.OrgType{OrgID: org, TypeInfo: schemas.TypeInfo{ID: "own.type", Category: "coaching", Name: "Ours"}})
		checks, err := w.Person(t.Context(), org, all, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := w.signs(checks); got != tt.signs || !says(checks, tt.fact, tt.action) {
			t.Errorf("%s: %s %+v", name, got, checks)
		}
	}
}

func TestPersonFacts(t *testing.T) {
	w := newWorld(t)
	w.must(w.mini.Set(schemas.ViewsCompleteKey, ""))
	if _, err := w.Person(t.Context(), org, schemas.Recipient{UserID: "ada"}, ready); !errors.Is(err, ingest.ErrViewsIncomplete) {
		t.Errorf("views that are incomplete: %v", err)
	}
	w.must(w.mini.Set(schemas.ViewsCompleteKey, "1"))
	checks, err := w.Person(t.Context(), "globex", schemas.Recipient{UserID: "ada"}, ready)
	if err != nil || w.signs(checks) != "--???" {
		t.Errorf("another organization's person: %+v, %v", checks, err)
	}
	for i := range 5000 { // a large workspace, read in several rounds
		n := strconv.Itoa(i)
		w.put(schemas.ViewOrgSlackUsers(org), "T1/V"+n, schemas.SlackUser{OrgID: org, TeamID: team, UserID: schemas.SlackUserID("V" + n), Name: "Person " + n, Email: "p" + n + "@acme.example"})
	}
	w.person(func(u *schemas.DirectoryUser) { u.Name, u.Email = "Person 4321", "somebody@acme.example" })
	checks, err = w.Person(t.Context(), org, schemas.Recipient{UserID: "ada"}, ready)
	if err != nil || !says(checks, "(V4321) as p4321@acme.example", diagnose.OpenPeople) {
		t.Errorf("%+v, %v", checks, err)
	}
}
