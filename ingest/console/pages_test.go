package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

func TestOverview(t *testing.T) {
	w := newWorld(t)
	w.mini.Set(schemas.HeardKey(team), "2026-11-23T08:59:00Z")
	w.wants(w.page(Home), "Northwind", "Connected", "Olga Orlova, 23 Nov 2026", "23 Nov 2026, 08:59 UTC", "channels:history", "/console/workspaces/T1/disconnect", ">Channels</a>")
	w.wants(w.ask(w.as(org, "mia"), Home, nil).Body.String(), "Northwind", "!disconnect", "!>Channels</a>", "!>People</a>")
	w.install(team, org, schemas.NotificationScopes()...)
	w.wants(w.page(Home), "Connect channel sync", "/slack/install/channel-sync?team=T1", "!>Channels</a>")
	w.wants(w.ask(w.as(org, "adam"), Home, nil).Body.String(), "An owner of your organization can connect channel sync", "!/slack/install/channel-sync")
	w.apply(schemas.SlackInstallations.Spec, "T1", schemas.Installation{OrgID: org, TeamID: team, TeamName: "Northwind", Status: schemas.InstallRevoked, Reason: "token_revoked"})
	w.wants(w.page(Home), "Revoked", "token_revoked", "Connect Slack again")
}

func TestDisconnecting(t *testing.T) {
	w := newWorld(t)
	w.wants(w.page(Home+"workspaces/T1/disconnect"), "uninstalled from Northwind", "1 channels of your organization are linked")
	res := w.ask(w.as(org, "adam"), Home+"workspaces/T1/disconnect", url.Values{})
	if len(w.ended) != 1 || res.Header().Get("Location") != Home+"?done=disconnected" {
		t.Errorf("%d %s, ended %v", res.Code, res.Header(), w.ended)
	}
	w.wants(w.page(Home+"?done=disconnected"), "Disconnected. Nothing is sent", "None: the app was uninstalled")
}

func TestChannels(t *testing.T) {
	w := newWorld(t)
	all := w.page(Home + "channels")
	w.wants(all, "2 without an account, 1 linked", "globex-rollout", "Suggested: <strong>Globex</strong>", "Initech", "by Olga", "T0EXT")
	if strings.Index(all, "globex-rollout") > strings.Index(all, "initech-help") {
		t.Error("what has no account does not come first")
	}
	w.apply(schemas.SlackUsers.Spec, "T1/U9", schemas.SlackUser{OrgID: org, TeamID: team, UserID: "U9", IsExternal: true, HomeTeamID: "T0EXT", CompanyName: "Initech Inc"})
	for query, want := range map[string][]string{
		"state=open":                 {"globex-rollout", "!initech-help"},
		"state=linked":               {"initech-help", "shared with Initech Inc", "!globex-rollout"},
		"kind=private":               {"board", "!globex-rollout"},
		"kind=shared":                {"initech-help", "!board"},
		"company=T0EXT":              {"initech-help", "!board"},
		"account=a2":                 {"initech-help", "Only those of <strong>Initech</strong>", "!board"},
		"q=ROLL":                     {"globex-rollout", "!board"},
		"q=help&state=open":          {"No channel fits"},
		"q=board&kind=private":       {"board"},
		"q=globex&kind=private":      {"No channel fits"},
		"q=initech&account=a2":       {"initech-help"},
		"q=%00&after=!!&from=-1":     {"No channel fits"},
		"after=" + "_____&state=odd": {"globex-rollout"},
	} {
		w.wants(w.page(Home+"channels?"+query), want...)
	}
}

// Pages of 50 follow each other without a gap, in lists and in searches.
func TestChannelsInPages(t *testing.T) {
	w := newWorld(t)
	for i := range 120 {
		w.channel(schemas.SlackChannel{ChannelID: schemas.ChannelID("C1" + string(rune('A'+i/26)) + string(rune('A'+i%26))), Name: "room-" + string(rune('a'+i/26)) + string(rune('a'+i%26)), IsMember: true})
	}
	for _, query := range []string{"state=open", "q=room"} {
		seen, path := map[string]bool{}, Home+"channels?"+query
		for pages := 0; path != "" && pages < 9; pages++ {
			page := w.page(path)
			for _, part := range strings.Split(page, `href="/console/channels/T1/`)[1:] {
				seen[part[:strings.IndexByte(part, '"')]] = true
			}
			path = ""
			if before, _, more := strings.Cut(page, `" rel="next"`); more {
				path = strings.ReplaceAll(before[strings.LastIndex(before, `"`)+1:], "&amp;", "&")
			}
		}
		if want := map[string]int{"state=open": 122, "q=room": 120}[query]; len(seen) != want {
			t.Errorf("%s: %d channels, want %d", query, len(seen), want)
		}
	}
}

func TestLinking(t *testing.T) {
	w := newWorld(t)
	path := Home + "channels/T1/C0ROOM1"
	w.wants(w.page(path), "Whose channel is it?", "Likely", "globex.example")
	w.wants(w.page(path+"?account=a1"), "Link to Globex", "Pilot", "becomes context of Globex", "!Renewal")
	w.wants(w.ask(w.as(org, "olga"), path+"/accounts?q=initech.ex", nil).Body.String(), "Initech", "!Globex", "!<html")
	for name, tt := range map[string]struct {
		form url.Values
		says string
	}{
		"an account that is none": {form: url.Values{"account": {"a9"}, "seen": {"none"}}, says: "This account is not in Bigmind"},
		"another account's deal":  {form: url.Values{"account": {"a1"}, "deal": {"d2"}, "seen": {"none"}}, says: "This deal belongs to another account"},
		"a deal that is none":     {form: url.Values{"account": {"a1"}, "deal": {"d9"}, "seen": {"none"}}, says: "This deal is not in Bigmind"},
		"changed meanwhile":       {form: url.Values{"account": {"a1"}, "seen": {"a2//x"}}, says: "Meanwhile somebody else"},
	} {
		res := w.ask(w.as(org, "olga"), path+"/link", tt.form)
		if w.wants(res.Body.String(), tt.says); res.Code != http.StatusUnprocessableEntity || len(w.records) > 0 {
			t.Errorf("%s: %d, %d records", name, res.Code, len(w.records))
		}
	}
	res := w.ask(w.as(org, "adam"), path+"/link", url.Values{"account": {"a1"}, "deal": {"d1"}, "seen": {"none"}})
	if to := res.Header().Get("Location"); to != path+"?done=linked" {
		t.Fatalf("%d %s\n%s", res.Code, to, res.Body)
	}
	if a := published(w, schemas.ChannelAssociations); a.OrgID != org || a.AccountID != "a1" || a.DealID != "d1" || a.By != "adam" || a.Source != "console" || !a.UpdatedAt.Equal(w.now) {
		t.Errorf("wrote %+v", a)
	}
	w.wants(w.page(path), "Linked to Globex", "Pilot", "Adam", "Unlink")
	res = w.ask(w.as(org, "olga"), path+"/unlink", url.Values{"seen": {"a1/d1/2026-11-23T09:00:00Z"}})
	if to := res.Header().Get("Location"); to != path+"?done=unlinked" || w.records[len(w.records)-1].Value != nil {
		t.Errorf("%d %s\n%s", res.Code, to, res.Body)
	}
	if diff := cmp.Diff(ingest.Dissociated("olga", "console"), w.records[len(w.records)-1].Headers); diff != "" {
		t.Errorf("the tombstone does not say who made it (-want +got):\n%s", diff)
	}
	w.wants(w.page(path), "Whose channel is it?")
}

// Why a channel cannot be linked is said, and holds against a form too.
func TestWhatCannotBeLinked(t *testing.T) {
	for want, c := range map[string]schemas.SlackChannel{
		"The channel is archived":     {ChannelID: room, Name: "globex", IsMember: true, IsArchived: true},
		"not authorised for channels": {ChannelID: room, Name: "globex", IsMember: true, IsPrivate: true},
		"The app is not in this":      {ChannelID: room, Name: "globex"},
	} {
		w := newWorld(t)
		w.install(team, org, schemas.ScopeChannelsRead, schemas.ScopeChannelsHistory)
		w.channel(c)
		w.wants(w.page(Home+"channels/T1/C0ROOM1"), want)
		if res := w.ask(w.as(org, "olga"), Home+"channels/T1/C0ROOM1/link", url.Values{"account": {"a1"}, "seen": {"none"}}); res.Code != http.StatusUnprocessableEntity || len(w.records) > 0 {
			t.Errorf("%s: %d", want, res.Code)
		}
	}
}

// Suggestions are accepted as they still stand, in one go.
func TestAcceptingSuggestions(t *testing.T) {
	w := newWorld(t)
	w.channel(schemas.SlackChannel{ChannelID: "C0ROOM4", Name: "initech-sales", IsMember: true})
	res := w.ask(w.as(org, "olga"), Home+"channels/accept", url.Values{"accept": {"T1/C0ROOM1/a1", "T1/C0ROOM4/a2", "T1/C0ROOM2/a1", "T1/C0ROOM3/a1", "T9/C1/a1"}, "state": {"open"}})
	if to := res.Header().Get("Location"); to != Home+"channels?state=open&done=linked" || len(w.records) != 2 {
		t.Errorf("%s, %d records", to, len(w.records))
	}
	if res := w.ask(w.as(org, "olga"), Home+"channels/accept", url.Values{"accept": {"x"}}); res.Code != http.StatusUnprocessableEntity {
		t.Errorf("a form that is not ours: %d", res.Code)
	}
}

// What takes long is said to, and what Kafka does not take is not said to be done.
func TestChangesThatTakeLong(t *testing.T) {
	w := newWorld(t)
	w.lags = true
	form := url.Values{"account": {"a1"}, "seen": {"none"}}
	res := w.ask(w.as(org, "olga"), Home+"channels/T1/C0ROOM1/link", form)
	to := res.Header().Get("Location")
	if !strings.HasPrefix(to, Home+"channels/T1/C0ROOM1?done=linked&since=") || !strings.HasSuffix(to, "&wait=link%3A1795424400000000%3AT1%2FC0ROOM1") {
		t.Errorf("led to %s", to)
	}
	_, query, _ := strings.Cut(to, "?")
	part := func(user string) *httptest.ResponseRecorder {
		return w.ask(w.as(org, user), Home+"waiting?"+query, nil)
	}
	w.wants(w.page(to), "Linked.", "shows here in a moment", `hx-trigger="every 1s"`, "Whose channel is it?")
	w.now = w.now.Add(time.Minute)
	w.wants(part("olga").Body.String(), "takes longer than usual", `hx-trigger="every 5s"`)
	w.now = w.now.Add(time.Hour)
	w.wants(part("olga").Body.String(), "after ten minutes", "!hx-get")
	if got := part("mia").Header().Get("HX-Refresh"); got != "true" { // nothing that she may know of
		t.Errorf("a member is told of a link: HX-Refresh %q", got)
	}
	w.lags = false
	if err := w.Publish(t.Context(), w.records...); err != nil {
		t.Fatal(err)
	}
	if res := part("olga"); res.Header().Get("HX-Refresh") != "true" || strings.TrimSpace(res.Body.String()) != "" {
		t.Errorf("shown at last: %v %s", res.Header(), res.Body)
	}
	w.wants(w.page(to), "Linked.", "Linked to Globex", "!in a moment")
	w.lags = true
	w.down = true
	if res = w.ask(w.as(org, "olga"), Home+"channels/T1/C0ROOM2/link", form); res.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", res.Code)
	}
	w.mini.Del(schemas.ViewsCompleteKey)
	if res = w.ask(w.as(org, "olga"), Home, nil); res.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", res.Code)
	}
}

func TestProgress(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	at := func(hours int) schemas.TS {
		return schemas.TSOf(uint64(now.Add(time.Duration(hours) * time.Hour).UnixMicro()))
	}
	for want, c := range map[string]schemas.SyncCheckpoint{
		"Reading its past: 25%, about 2 hours to go": {WindowStart: at(-100), Intervals: []schemas.SyncInterval{{From: at(-25), To: at(0)}}, EndsAt: now.Add(2 * time.Hour)},
		"Reading its past: 0%":                       {WindowStart: at(-100)},
		"Reading its past: 99%":                      {WindowStart: at(-100), Intervals: []schemas.SyncInterval{{From: at(-200), To: at(1)}}},
		"Complete since 19 November 2026":            {WindowStart: at(-100), Complete: true},
		"Complete since 19 November 2026; 390 threads that have moved are being read again": {
			WindowStart: at(-100), Status: schemas.SyncComplete, ThreadsPending: 390, EndsAt: now.Add(time.Hour)},
		"Stopped": {WindowStart: at(-100), Status: schemas.SyncStopped, Reason: schemas.TokenRefused},
	} {
		if p := progressOf(&c, now); p.Text != want {
			t.Errorf("%q, want %q", p.Text, want)
		}
	}
}

func TestPeople(t *testing.T) {
	w := newWorld(t)
	w.apply(schemas.SlackUsers.Spec, "T1/U2", schemas.SlackUser{OrgID: org, TeamID: team, UserID: "U2", Name: "Mia", Email: "mia@other.example"})
	w.apply(schemas.SlackUsers.Spec, "T1/U3", schemas.SlackUser{OrgID: org, TeamID: team, UserID: "U3", Name: "A.", Email: "adam@acme.example", Deleted: true})
	w.wants(w.page(Home+"people"), "3 not matched, 1 matched, 1 disabled", "The emails do not match: Mia is in Slack with mia@other.example", "Their Slack account is deactivated", "Nobody in the connected workspaces has this email")
	w.wants(w.page(Home+"people?state=matched"), "Olga", "!mia@acme")
	w.wants(w.page(Home+"people?q=mia@ac"), "Mia", "!Olga Orlova")
	w.wants(w.page(Home+"people?q=nobody"), "Nobody fits")
}

// Defaults and overrides are written as records that route reads, and the page says what is got now, and why.
func TestNotificationSettings(t *testing.T) {
	w := newWorld(t)
	w.apply(schemas.OrgTypes.Spec, "acme/own.type", map[string]any{"org_id": org, "id": "own.type", "category": "own", "name": "Our own kind"})
	w.wants(w.page(Home+"defaults"), "Our own kind", "New coaching insight", "always on")
	res := w.ask(w.as(org, "adam"), Home+"defaults", url.Values{"seen": {"none"}, "type.coaching.insight": {"email"}, "type.own.type": {"off"}})
	if p := published(w, schemas.NotificationPreferences); res.Code != http.StatusSeeOther || p.UserID != "" || p.Types["coaching.insight"] != "email" || p.Types["own.type"] != "off" {
		t.Fatalf("%d %+v\n%s", res.Code, p, res.Body)
	}
	w.wants(w.ask(w.as(org, "mia"), Home+"notifications", nil).Body.String(), "<strong>Email</strong><span class=\"sub\">your organization&#39;s default</span>", "Slack messages do not reach you.", "Nobody in the connected workspaces")
	res = w.ask(w.as(org, "mia"), Home+"notifications", url.Values{"seen": {"none"}, "type.coaching.insight": {"both"}})
	if p := published(w, schemas.NotificationPreferences); res.Code != http.StatusSeeOther || p.UserID != "mia" || len(p.Types) != 1 {
		t.Fatalf("%d %+v", res.Code, p)
	}
	w.wants(w.ask(w.as(org, "mia"), Home+"notifications", nil).Body.String(), "<strong>Slack and email</strong><span class=\"sub\">your choice</span>", "Forget my choices")
	for says, form := range map[string]url.Values{
		"cannot be turned off":    {"seen": {"2026-11-23T09:00:00Z"}, "type.alert.account": {"off"}},
		"Choose Email, Slack":     {"seen": {"2026-11-23T09:00:00Z"}, "type.coaching.insight": {"pigeon"}},
		"Meanwhile somebody else": {"seen": {"none"}, "type.coaching.insight": {"off"}},
	} {
		w.wants(w.ask(w.as(org, "mia"), Home+"notifications", form).Body.String(), says)
	}
	_ = w.ask(w.as(org, "mia"), Home+"notifications", url.Values{"seen": {"2026-11-23T09:00:00Z"}, "reset": {"1"}})
	if p := published(w, schemas.NotificationPreferences); len(p.Types) != 0 {
		t.Errorf("kept %+v", p)
	}
}

func TestQuietHours(t *testing.T) {
	w := newWorld(t)
	form := url.Values{"seen": {"none"}, "mode": {"hours"}, "from": {"20:00"}, "to": {"07:00"}, "day": {"mon", "tue"}, "tz": {"Europe/Berlin"}}
	if res := w.ask(w.as(org, "olga"), Home+"defaults/quiet-hours", form); res.Code != http.StatusSeeOther {
		t.Fatalf("%d\n%s", res.Code, res.Body)
	}
	if s := published(w, schemas.OrgsSettings); s.QuietHours == nil || s.QuietHours.From != "20:00" || len(s.QuietHours.WorkingDays) != 2 {
		t.Errorf("wrote %+v", s)
	}
	w.wants(w.page(Home+"notifications"), "Your organization has quiet hours from 20:00 to 07:00, and all day but on Mon Tue.")
	for says, change := range map[string]url.Values{
		"no such time zone":        {"tz": {"Mars/Base"}},
		"at least one day":         {"day": nil},
		"Choose whether there are": {"mode": {"?"}},
		"must be a time of day":    {"from": {"25:00"}},
		"are the same":             {"to": {"20:00"}},
		"need both from and to":    {"to": {""}},
	} {
		bad := url.Values{}
		for k, v := range form {
			bad[k] = v
		}
		for k, v := range change {
			bad[k] = v
		}
		w.wants(w.ask(w.as(org, "olga"), Home+"notifications/quiet-hours", bad).Body.String(), says)
	}
}

// An administrator asks about anybody, a member gets what is their own, whatever they ask for.
func TestTheDeliveryLog(t *testing.T) {
	w := newWorld(t)
	w.log.rows = []deliverylog.Entry{{
		RequestID: "r1", Recipient: "olga", Type: "coaching.insight", Channel: schemas.BySlack, Status: schemas.Suppressed, Reason: schemas.NoSlackMatch,
		Rule: schemas.RuleOrgType, Choice: schemas.PreferMessage, Considered: []string{"org_type=message", "type_default=both"}, At: w.now,
	}}
	w.wants(w.page(Home+"log?who=olga&type=coaching.insight&status=suppressed&days=30"), "New coaching insight", "Olga", "The organization&#39;s default for the type says Slack, and decides.", "What to do:")
	if q := w.log.asked[0]; w.log.org[0] != org || len(q.Recipients) != 1 || q.Recipients[0] != "olga" || q.Type != "coaching.insight" || q.Status != "suppressed" || !q.From.Equal(w.now.AddDate(0, 0, -30)) {
		t.Errorf("asked %+v", q)
	}
	w.wants(w.page(Home+"log?who=zed"), "Nobody is called zed")
	_ = w.ask(w.as(org, "mia"), Home+"log?who=olga", nil)
	if q := w.log.asked[len(w.log.asked)-1]; len(q.Recipients) != 2 || q.Recipients[0] != "mia" || q.Recipients[1] != "mia@acme.example" {
		t.Errorf("a member asked %+v", q)
	}
}

func TestDiagnosing(t *testing.T) {
	w := newWorld(t)
	w.apply(schemas.SlackUsers.Spec, "T1/U2", schemas.SlackUser{OrgID: org, TeamID: team, UserID: "U2", Name: "Mia", Email: "mia@other.example"})
	w.wants(w.page(Home+"diagnose?who=mia&type=coaching.insight"), "The emails do not match: Bigmind has Mia as mia@acme.example, and Slack has Mia (U2) as mia@other.example", "Open People")
	w.wants(w.page(Home+"diagnose?channel=https://northwind.slack.com/archives/C0OTHER1"), "The app is not in channel C0OTHER1 of Northwind")
	w.wants(w.page(Home+"diagnose?channel=globex"), "Sync of #globex-rollout", "is not linked", "/console/channels/T1/C0ROOM1")
	w.wants(w.page(Home+"diagnose?channel=zzz"), "The app is in no channel called zzz")
	w.wants(w.ask(w.as(org, "mia"), Home+"diagnose?user=olga", nil).Body.String(), "Notifications of Mia", "!Notifications of Olga", "!A channel")
}
