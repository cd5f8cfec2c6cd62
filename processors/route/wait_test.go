package route_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/schemas"
)

// insight goes by Slack alone, unless somebody chose otherwise.
const insight schemas.NotificationType = "coaching.insight"

func numbered(n int, change func(*schemas.NotificationRequest)) schemas.NotificationRequest {
	return ask(func(r *schemas.NotificationRequest) {
		r.RequestID, r.Type = schemas.RequestID(fmt.Sprint("n", n)), insight
		if change != nil {
			change(r)
		}
	})
}

// waits says of each record of a batch what became of it: "sent", "held WHY GROUP HH:MM", or the outcome's status and reason.
func waits(t *testing.T, result *processors.Result) (all []string) {
	t.Helper()
	for _, rec := range result.Emitted() {
		switch rec.Topic {
		case schemas.NotificationHeld.Name:
			h, err := schemas.NotificationHeld.Decode(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			if h.Delivery.Decision.Held != h.Why || !h.Delivery.Decision.HeldUntil.Equal(h.DueAt) {
				t.Errorf("the decision says %+v", h.Delivery.Decision)
			}
			all = append(all, strings.TrimSpace(fmt.Sprintf("held %s %s", h.Why, h.DueAt.UTC().Format("15:04:05"))))
		case schemas.NotificationOutcomes.Name:
			o, err := schemas.NotificationOutcomes.Decode(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, strings.TrimSpace(string(o.Status)+" "+string(o.Reason)))
		default:
			all = append(all, "sent")
		}
	}
	return all
}

func processed(t *testing.T, def processors.Definition, requests ...schemas.NotificationRequest) *processors.Result {
	t.Helper()
	var batch []*kgo.Record
	for _, r := range requests {
		batch = append(batch, record(t, r))
	}
	result, err := def.Processor.Process(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// What is over an hour's cap waits for the hour to end; the same batch again counts once; the next hour begins anew.
func TestCaps(t *testing.T) {
	r := newWorld(t)
	r.Put(t, schemas.ViewOrgSettings("acme"), "", schemas.OrgSettings{OrgID: "acme", Caps: map[schemas.NotificationType]schemas.Cap{
		insight: {PerRecipient: 2, PerOrg: 3}, schemas.AnyType: {PerRecipient: 100},
	}})
	at := now.Add(20 * time.Minute)
	def := defineAt(r, &at)
	batch := []schemas.NotificationRequest{numbered(1, nil), numbered(2, nil), numbered(3, nil)}
	want := []string{"sent", "sent", "held over_cap 16:00:00"}
	for range 2 {
		if diff := cmp.Diff(want, waits(t, processed(t, def, batch...))); diff != "" {
			t.Errorf("of one person (-want +got):\n%s", diff)
		}
	}
	stranger := func(n int) schemas.NotificationRequest {
		return numbered(n, func(q *schemas.NotificationRequest) { q.Recipient = schemas.Recipient{Email: "stranger@acme.example"} })
	}
	if diff := cmp.Diff([]string{"sent", "held over_cap 16:00:00"}, waits(t, processed(t, def, stranger(4), stranger(5)))); diff != "" {
		t.Errorf("of the organization (-want +got):\n%s", diff)
	}
	other := numbered(6, func(q *schemas.NotificationRequest) { q.OrgID = "globex" })
	if diff := cmp.Diff([]string{"sent"}, waits(t, processed(t, def, other))); diff != "" {
		t.Errorf("of another organization (-want +got):\n%s", diff)
	}
	at = at.Add(time.Hour)
	if diff := cmp.Diff([]string{"sent", "sent"}, waits(t, processed(t, def, numbered(7, nil), numbered(8, nil)))); diff != "" {
		t.Errorf("an hour later (-want +got):\n%s", diff)
	}
}

// However many a person gets, each counts once, in a batch that is processed again and behind others.
func TestCapsCountEachRequestOnce(t *testing.T) {
	r := newWorld(t)
	r.Put(t, schemas.ViewOrgSettings("acme"), "", schemas.OrgSettings{OrgID: "acme", Caps: map[schemas.NotificationType]schemas.Cap{schemas.AnyType: {PerRecipient: 20, PerOrg: 30}}})
	def := define(r)
	var batch []schemas.NotificationRequest
	for n := range 25 {
		batch = append(batch, numbered(n, nil), numbered(100+n, func(q *schemas.NotificationRequest) {
			q.Recipient = schemas.Recipient{UserID: "mute"}
			q.Type = important
		}))
	}
	var want []string
	for i := range 2 {
		got := waits(t, processed(t, def, batch...))
		if i == 0 {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the second time (-first +second):\n%s", diff)
		}
	}
	sent := 0
	for _, what := range want {
		if what == "sent" {
			sent++
		}
	}
	if sent != 20 {
		t.Errorf("%d were sent, and 20 may be", sent)
	}
}

// A process that has just begun knows from the views what its predecessor let through.
func TestCapsAfterARestart(t *testing.T) {
	r := newWorld(t)
	r.Put(t, schemas.ViewOrgSettings("acme"), "", schemas.OrgSettings{OrgID: "acme", Caps: map[schemas.NotificationType]schemas.Cap{insight: {PerRecipient: 2}}})
	hour := now.Unix() / 3600
	for _, id := range []string{"a\x00ann", "b\x00ann"} {
		if _, err := r.Mini.SAdd(schemas.ViewOrgSentTo("acme", hour, insight, "ann"), id); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"held over_cap 16:00:00"}, waits(t, processed(t, define(r), numbered(1, nil)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a predecessor sent and what its successor sends are added up, for a person and for the organization, also while the views do
// not show yet what the successor sent.
func TestCapsAddUpAfterARestart(t *testing.T) {
	for name, limit := range map[string]schemas.Cap{"of a person": {PerRecipient: 4}, "of the organization": {PerOrg: 4}} {
		t.Run(name, func(t *testing.T) {
			r := newWorld(t)
			r.Put(t, schemas.ViewOrgSettings("acme"), "", schemas.OrgSettings{OrgID: "acme", Caps: map[schemas.NotificationType]schemas.Cap{insight: limit}})
			sent := func(ids ...string) {
				for _, key := range []string{schemas.ViewOrgSent("acme", now.Unix()/3600, insight), schemas.ViewOrgSentTo("acme", now.Unix()/3600, insight, "ann")} {
					if _, err := r.Mini.SAdd(key, ids...); err != nil {
						t.Fatal(err)
					}
				}
			}
			sent("a\x00ann", "b\x00ann")
			def := define(r)
			if diff := cmp.Diff([]string{"sent", "sent", "held over_cap 16:00:00"}, waits(t, processed(t, def, numbered(1, nil), numbered(2, nil), numbered(3, nil)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			sent("n1\x00ann", "n2\x00ann") // delivered: that is no more than was counted
			r.Put(t, schemas.ViewOrgSettings("acme"), "", schemas.OrgSettings{OrgID: "acme", Caps: map[schemas.NotificationType]schemas.Cap{insight: {PerRecipient: 5, PerOrg: 5}}})
			if diff := cmp.Diff([]string{"sent", "held over_cap 16:00:00"}, waits(t, processed(t, def, numbered(4, nil), numbered(5, nil)))); diff != "" {
				t.Errorf("with one more allowed (-want +got):\n%s", diff)
			}
		})
	}
}

// Requests of one group wait for its window under one name for each channel; in quiet hours they wait for their end.
func TestGroups(t *testing.T) {
	r := newWorld(t)
	grouped := func(n int) schemas.NotificationRequest {
		return numbered(n, func(q *schemas.NotificationRequest) { q.Group, q.GroupWindow = "acme/1", 90 })
	}
	result := processed(t, define(r), grouped(1), grouped(2))
	if diff := cmp.Diff([]string{"held group_window 15:01:30", "held group_window 15:01:30"}, waits(t, result)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	one, two := string(result.Emitted()[0].Key), string(result.Emitted()[1].Key)
	if one == two || one[:strings.LastIndex(one, "/")] != two[:strings.LastIndex(two, "/")] || !strings.HasPrefix(one, "acme/ann/") {
		t.Errorf("keys %s and %s", one, two)
	}
	r.Put(t, schemas.ViewOrgPreferences("acme"), "ann", schemas.Preferences{OrgID: "acme", UserID: "ann", QuietHours: &schemas.QuietHours{From: "15:01", To: "06:00"}})
	if diff := cmp.Diff([]string{"held quiet_hours 06:00:00"}, waits(t, processed(t, define(r), grouped(3)))); diff != "" {
		t.Errorf("when the window ends in quiet hours (-want +got):\n%s", diff)
	}
}

// The organization's quiet hours are everybody's who has none; a day without work is quiet altogether.
func TestQuietHoursOfTheOrganization(t *testing.T) {
	r := newWorld(t)
	r.Put(t, schemas.ViewOrgSettings("acme"), "", schemas.OrgSettings{OrgID: "acme", QuietHours: &schemas.QuietHours{
		From: "20:00", To: "08:00", WorkingDays: []schemas.Weekday{"tue", "wed"}, // now is a Monday
	}})
	result := processed(t, define(r), numbered(1, nil))
	h, err := schemas.NotificationHeld.Decode(result.Emitted()[0].Value)
	if err != nil || !h.DueAt.Equal(time.Date(2026, 9, 22, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("held until %v, %v", h.DueAt, err)
	}
	r.Put(t, schemas.ViewOrgPreferences("acme"), "ann", schemas.Preferences{OrgID: "acme", UserID: "ann", QuietHours: &schemas.QuietHours{Off: true}})
	if diff := cmp.Diff([]string{"sent"}, waits(t, processed(t, define(r), numbered(2, nil)))); diff != "" {
		t.Errorf("turned off (-want +got):\n%s", diff)
	}
}

// A type that only the organization has is routed by what its record says; another organization does not have it.
func TestATypeOfTheOrganization(t *testing.T) {
	r := newWorld(t)
	r.Put(t, schemas.ViewOrgTypes("acme"), "forecast.weekly", schemas.OrgType{OrgID: "acme", TypeInfo: schemas.TypeInfo{
		ID: "forecast.weekly", Category: "forecast", Name: "Weekly forecast", Default: schemas.PreferEmail, Priority: schemas.Urgent,
	}})
	own := numbered(1, func(q *schemas.NotificationRequest) { q.Type = "forecast.weekly" })
	got := decided(t, define(r), record(t, own))
	if got.slack != nil || got.email == nil || got.email.TypeName != "Weekly forecast" || got.email.Priority != schemas.Urgent {
		t.Errorf("%+v", got)
	}
	own.OrgID = "globex"
	if diff := cmp.Diff([]string{"failed unknown_type"}, waits(t, processed(t, define(r), own))); diff != "" {
		t.Errorf("of another organization (-want +got):\n%s", diff)
	}
}

// A request that is sent again after it was decided has the same outcome, whatever was changed since. One that waits stays as it is.
func TestARepeatIsNotDecidedAnew(t *testing.T) {
	r := newWorld(t)
	over := func(o schemas.Outcome) {
		raw, err := json.Marshal(schemas.LedgerEntry{Done: &o})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Mini.Set(schemas.LedgerKey(o.LedgerID()), string(raw)); err != nil {
			t.Fatal(err)
		}
		note(t, r, o.OrgID, o.RequestID, string(o.LedgerID()))
	}
	off := processed(t, define(r), numbered(1, func(q *schemas.NotificationRequest) { q.Recipient = schemas.Recipient{UserID: "off"} }))
	o, err := schemas.NotificationOutcomes.Decode(off.Emitted()[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	over(o)
	putUser(t, r, schemas.DirectoryUser{OrgID: "acme", UserID: "off", Email: "off@acme.example"}) // enabled since
	again := numbered(1, func(q *schemas.NotificationRequest) { q.Recipient = schemas.Recipient{UserID: "off"} })
	if diff := cmp.Diff([]string{"suppressed recipient_disabled"}, waits(t, processed(t, define(r), again))); diff != "" {
		t.Errorf("suppressed (-want +got):\n%s", diff)
	}
	other := again
	other.RequestID = "n2"
	if diff := cmp.Diff([]string{"sent"}, waits(t, processed(t, define(r), other))); diff != "" {
		t.Errorf("another request (-want +got):\n%s", diff)
	}
	note(t, r, "acme", "n3", schemas.DoneHeld+string(schemas.NewDeliveryID("acme", "n3", "", "ann", schemas.BySlack)))
	result := processed(t, define(r), numbered(3, nil))
	if fate := result.Fate(0); fate.Dropped != schemas.AlreadyHeld || len(result.Emitted()) > 0 {
		t.Errorf("one that waits: %+v", fate)
	}
}

func note(t *testing.T, r *processorstest.Redis, org schemas.OrgID, id schemas.RequestID, member string) {
	t.Helper()
	if _, err := r.Mini.SAdd(schemas.ViewOrgDone(org, id), member); err != nil {
		t.Fatal(err)
	}
}

// Who the person is in Slack, what the preference is, and what would become of a notification now; for several types as for one.
func TestExplain(t *testing.T) {
	r := newWorld(t)
	r.Put(t, schemas.ViewOrgInstalls("initech"), "T9", schemas.Installation{OrgID: "initech", TeamID: "T9", Status: schemas.InstallRevoked})
	putUser(t, r, schemas.DirectoryUser{OrgID: "initech", UserID: "ian", Email: "ian@initech.example"})
	r.Put(t, schemas.ViewOrgInstalls("hooli"), "T8", schemas.Installation{OrgID: "hooli", TeamID: "T8", Status: schemas.InstallActive})
	putUser(t, r, schemas.DirectoryUser{OrgID: "hooli", UserID: "hal", Email: "hal@hooli.example"})
	r.Put(t, schemas.ViewOrgPreferences("acme"), "bea", schemas.Preferences{OrgID: "acme", UserID: "bea", Types: choices{important: schemas.PreferEmail}})
	for name, tt := range map[string]struct {
		org    schemas.OrgID
		to     schemas.Recipient
		slack  string // who they are there, or why nobody
		choice schemas.ChannelPreference
		sent   string
	}{
		"all is well":           {"acme", schemas.Recipient{Email: "ANN@acme.example"}, "T1/U1", schemas.PreferBoth, "slack T1/U1, email ann@acme.example"},
		"not connected":         {"initech", schemas.Recipient{UserID: "ian"}, "slack_not_connected", schemas.PreferBoth, "slack slack_not_connected, email ian@initech.example"},
		"connected, no token":   {"hooli", schemas.Recipient{UserID: "hal"}, "slack_not_connected", schemas.PreferBoth, "slack slack_not_connected, email hal@hooli.example"},
		"not matched":           {"acme", schemas.Recipient{UserID: "gone"}, "no_slack_match", schemas.PreferBoth, "slack no_slack_match, email gone@acme.example"},
		"turned off":            {"globex", schemas.Recipient{UserID: "ann"}, "T7/U9", schemas.PreferOff, ""},
		"by email, deactivated": {"acme", schemas.Recipient{UserID: "bea"}, "account_inactive", schemas.PreferEmail, "email bea@acme.example"},
	} {
		all, err := route.Explain(t.Context(), r.Client, tt.org, tt.to, now, important, "coaching.insight")
		if err != nil || len(all) != 2 || all[1].Type.ID != "coaching.insight" {
			t.Fatal(all, err)
		}
		x, sent := all[0], []string{}
		for _, c := range x.Channels {
			sent = append(sent, strings.TrimSpace(string(c.By)+" "+c.To+string(c.Reason)))
		}
		if slack := x.Slack.To + string(x.Slack.Reason); slack != tt.slack || x.Decision.Choice != tt.choice || strings.Join(sent, ", ") != tt.sent {
			t.Errorf("%s: %s %s %q", name, slack, x.Decision.Choice, sent)
		}
	}
}
