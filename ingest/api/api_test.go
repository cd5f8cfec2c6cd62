package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

const link = "/api/v1/channels/T1/C1/association"

func TestLinkAndUnlink(t *testing.T) {
	w := newWorld(t)
	if got := w.ask("owner", "GET", link, ""); got.status != http.StatusNotFound {
		t.Errorf("before: %+v", got)
	}
	made := w.ask("ada", "PUT", link, `{"account_id":"a1","deal_id":"d1"}`)
	if l := last(w, schemas.ChannelAssociations); made.status != http.StatusOK || l.AccountID != "a1" || l.DealID != "d1" || l.By != "ada" || l.Source != FromAPI || l.OrgID != org {
		t.Errorf("%+v %+v", made, l)
	}
	if again := w.ask("admin", "PUT", link, `{"account_id":"a1","deal_id":"d1"}`); again.status != http.StatusOK || len(w.sent) != 1 || again.header.Get("Etag") != made.header.Get("Etag") {
		t.Errorf("the same again: %+v, %d records", again, len(w.sent))
	}
	if stale := w.ask("admin", "PUT", link, `{"account_id":"a1"}`, "If-Match", `"7"`); stale.status != http.StatusPreconditionFailed || len(w.sent) != 1 {
		t.Errorf("a stale ETag: %+v", stale)
	}
	if changed := w.ask("admin", "PUT", link, `{"account_id":"a1"}`, "If-Match", made.header.Get("Etag")); changed.status != http.StatusOK || last(w, schemas.ChannelAssociations).DealID != "" {
		t.Errorf("%+v", changed)
	}
	for range 2 {
		if gone := w.ask("ada", "DELETE", link, ""); gone.status != http.StatusNoContent || len(w.sent) != 3 || w.sent[2].Value != nil {
			t.Errorf("%+v, %d records", gone, len(w.sent))
		}
	}
	if diff := cmp.Diff(ingest.Dissociated("ada", FromAPI), w.sent[2].Headers); diff != "" {
		t.Errorf("the tombstone does not say who made it (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeLinked(t *testing.T) {
	for name, tt := range map[string]struct {
		path, body string
		breaks     func(*world)
		status     int
		says       string
	}{
		"no account":        {link, `{"account_id":"a2"}`, nil, 422, "no such account"},
		"another's account": {link, `{"account_id":"a9"}`, nil, 422, "no such account"},
		"no deal":           {link, `{"account_id":"a1","deal_id":"d2"}`, nil, 422, "no such deal"},
		"another's deal":    {link, `{"account_id":"a1","deal_id":"elsewhere"}`, nil, 422, "belongs to another account"},
		"nothing":           {link, `{}`, nil, 422, `"detail":"The request is not as documented: body: expected required property account_id to be present."`},
		"no JSON":           {link, `{`, nil, 400, ""},
		"an unknown field":  {link, `{"account_id":"a1","acount":1}`, nil, 422, `"detail":"The request is not as documented: body.acount: unexpected property."`},
		"no workspace":      {"/api/v1/channels/T2/C1/association", `{"account_id":"a1"}`, nil, 404, "no such workspace"},
		"another's":         {"/api/v1/channels/T9/C1/association", `{"account_id":"a1"}`, nil, 404, "no such workspace"},
		"not a member":      {"/api/v1/channels/T1/C2/association", `{"account_id":"a1"}`, nil, 409, "Add the app to the channel"},
		"not known":         {"/api/v1/channels/T1/C3/association", `{"account_id":"a1"}`, nil, 409, "Add the app to the channel"},
		"archived": {link, `{"account_id":"a1"}`, func(w *world) {
			w.put(schemas.ViewTeamChannels(team), "C1", schemas.SlackChannel{OrgID: org, TeamID: team, ChannelID: "C1", IsMember: true, IsArchived: true})
		}, 409, "archived"},
		"not authorised": {link, `{"account_id":"a1"}`, func(w *world) {
			w.put(schemas.ViewTeamInstall(team), schemas.FieldInstallation, schemas.Installation{OrgID: org, TeamID: team, Scopes: schemas.NotificationScopes()})
		}, 409, "not authorized"},
		"uninstalled": {link, `{"account_id":"a1"}`, func(w *world) {
			w.put(schemas.ViewTeamInstall(team), schemas.FieldInstallation, schemas.Installation{OrgID: org, TeamID: team, Status: schemas.InstallUninstalled})
		}, 409, "no longer connected"},
		"views incomplete": {link, `{"account_id":"a1"}`, func(w *world) { w.must(w.mini.Set(schemas.ViewsCompleteKey, "")) }, 503, "read anew"},
		"Kafka away":       {link, `{"account_id":"a1"}`, func(w *world) { w.kafka = errors.New("away") }, 503, "does not answer"},
		"Redis away":       {link, `{"account_id":"a1"}`, func(w *world) { w.mini.SetError("LOADING") }, 503, "does not answer"},
		"slow views":       {link, `{"account_id":"a1"}`, func(w *world) { w.slow = true }, 202, "a1"},
	} {
		w := newWorld(t)
		if tt.breaks != nil {
			tt.breaks(w)
		}
		got := w.ask("owner", "PUT", tt.path, tt.body)
		if got.status != tt.status || !strings.Contains(got.body, tt.says) || tt.status != 202 && len(w.sent) > 0 {
			t.Errorf("%s: %d %s, want %d %q", name, got.status, got.body, tt.status, tt.says)
		}
		if got.status == 503 && got.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", name)
		}
	}
}

func TestPreferences(t *testing.T) {
	w := newWorld(t)
	w.put(schemas.ViewOrgTypes(org), "own.type", schemas.OrgType{OrgID: org, TypeInfo: schemas.TypeInfo{ID: "own.type", Category: "ours", Name: "Ours"}})
	const defaults, mine = "/api/v1/preferences", "/api/v1/people/meg/preferences"
	for body, says := range map[string]string{
		`{"types":{"no.type":"off"}}`: "no such notification type", `{"types":{"alert.account":"off"}}`: "cannot be turned off", `{"categories":{"none":"off"}}`: "no such category",
		`{"quiet_hours":null}`: "leave the field out", `{"types":{"own.type":"loud"}}`: "types.own.type must be email, message, both or off", `{"quiet_hours":{"from":"22:00","to":"07:00"}}`: "org.settings",
	} {
		if got := w.ask("admin", "PUT", defaults, body); got.status != 422 || !strings.Contains(got.body, says) {
			t.Errorf("%s: %+v", body, got)
		}
	}
	if got := w.ask("admin", "PUT", defaults, `{"types":{"own.type":"email"},"categories":{"coaching":"off"}}`); got.status != 200 {
		t.Fatalf("%+v", got)
	}
	got := w.ask("member", "PUT", mine, `{"types":{"coaching.insight":"message"},"quiet_hours":{"from":"22:00","to":"07:00","working_days":["mon"],"tz":"Europe/London"}}`)
	if p := last(w, schemas.NotificationPreferences); got.status != 200 || p.UserID != "meg" || p.QuietHours.TimeZone != "Europe/London" || string(w.sent[1].Key) != "acme/meg" {
		t.Errorf("%+v %+v", got, p)
	}
	if got := w.ask("member", "PUT", mine, `{"quiet_hours":{"tz":"Mars/Phobos"}}`); got.status != 422 || !strings.Contains(got.body, "no such time zone") {
		t.Errorf("%+v", got)
	}
	all := into[struct{ Items []Effective }](w, w.ask("member", "GET", mine+"/effective", ""))
	said := map[schemas.NotificationType]string{}
	for _, e := range all.Items {
		said[e.Type] = string(e.Choice) + " " + string(e.Rule)
	}
	if said["coaching.insight"] != "message user_type" || said["coaching.opportunity"] != "off org_category" || said["own.type"] != "email org_type" || said["alert.important"] != "both type_default" {
		t.Errorf("%v", said)
	}
	if got := w.ask("member", "DELETE", mine, ""); got.status != 200 || w.sent[2].Value != nil {
		t.Errorf("%+v", got)
	}
	if got := into[Preferences](w, w.ask("admin", "GET", mine, "")); got.Types != nil {
		t.Errorf("after removal: %+v", got)
	}
}

func TestSettings(t *testing.T) {
	w := newWorld(t)
	const path = "/api/v1/settings"
	body := `{"associate_by":"admins","backfill_days":30,"fallback":"other_channel","quiet_hours":{"from":"19:00","to":"08:00"},"caps":{"*":{"per_recipient":5}}}`
	for range 2 {
		if got := w.ask("owner", "PUT", path, body); got.status != 200 || len(w.sent) != 1 {
			t.Errorf("%+v, %d records", got, len(w.sent))
		}
	}
	got := into[Settings](w, w.ask("member", "GET", path, ""))
	if got.AssociateBy != schemas.OnlyAdmins || got.BackfillDays != 30 || got.QuietHours.To != "08:00" || got.Caps["*"].PerRecipient != 5 {
		t.Errorf("%+v", got)
	}
	for body, says := range map[string]string{`{"backfill_days":0}`: "backfill_days", `{"quiet_hours":{"from":"25:00","to":"08:00"}}`: "pattern", `{"quiet_hours":{"from":"20:00"}}`: "need both from and to"} {
		if got := w.ask("owner", "PUT", path, body); got.status != 422 || !strings.Contains(got.body, says) {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

func TestDeliveries(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.log = append(w.log, deliverylog.Entry{RequestID: schemas.RequestID("r" + string(rune('0'+i))), Recipient: "meg", At: w.now.Add(-time.Duration(i) * time.Minute)})
	}
	type page struct {
		Items []deliverylog.Entry
		Next  string
	}
	one := into[page](w, w.ask("admin", "GET", "/api/v1/deliveries?limit=2&status=failed&user=meg", ""))
	if len(one.Items) != 2 || one.Next == "" {
		t.Errorf("%+v", one)
	}
	into[page](w, w.ask("admin", "GET", "/api/v1/deliveries?cursor="+one.Next, ""))
	if q := w.asked[1]; q.After == nil || q.After.Request != "r1" || q.Limit != 51 {
		t.Errorf("%+v", q)
	}
	if q := w.asked[0]; strings.Join(q.Recipients, " ") != "meg meg@acme.example" || q.Status != schemas.Failed || !q.From.Equal(w.now.Add(-logWindow)) {
		t.Errorf("%+v", q)
	}
	into[page](w, w.ask("member", "GET", "/api/v1/deliveries", ""))
	if q := w.asked[2]; strings.Join(q.Recipients, " ") != "meg meg@acme.example" {
		t.Errorf("a member asks of %v", q.Recipients)
	}
	for _, query := range []string{"user=ada", "email=ada@acme.example", "user=meg&email=ada@acme.example"} {
		if got := w.ask("member", "GET", "/api/v1/deliveries?"+query, ""); got.status != 403 {
			t.Errorf("%s: %+v", query, got)
		}
	}
	if got := w.ask("nobody", "GET", "/api/v1/deliveries", ""); got.status != 403 {
		t.Errorf("%+v", got)
	}
	for _, query := range []string{"limit=0", "limit=501", "cursor=!", "cursor=e30x", "from=yesterday", "status=lost", "colour=red"} {
		if got := w.ask("admin", "GET", "/api/v1/deliveries?"+query, ""); got.status != 422 {
			t.Errorf("%s: %+v", query, got)
		}
	}
}

func TestReads(t *testing.T) {
	w := newWorld(t)
	if m := into[Me](w, w.ask("meg as owner", "GET", "/api/v1/me", "")); m.Role != "member" || m.UserID != "meg" || m.OrgID != org || len(m.Token) != 16 {
		t.Errorf("a token never is more than its person: %+v", m)
	}
	if got := into[struct{ Items []Account }](w, w.ask("admin", "GET", "/api/v1/accounts?q=init", "")); len(got.Items) != 1 || got.Items[0].AccountID != "a1" {
		t.Errorf("%+v", got)
	}
	for _, path := range []string{"/api/v1/people/ada/diagnosis", "/api/v1/people/ada/diagnosis?type=alert.important", "/api/v1/channels/T1/C1/diagnosis", "/api/v1/accounts/a1/deals"} {
		if got := w.ask("admin", "GET", path, ""); got.status != 200 {
			t.Errorf("%s: %+v", path, got)
		}
	}
	if got := w.ask("admin", "GET", "/api/v1/people/nobody/diagnosis", ""); got.status != 404 {
		t.Errorf("%+v", got)
	}
}
