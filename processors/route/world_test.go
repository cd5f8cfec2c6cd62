package route_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/schemas"
)

var now = time.Date(2026, 9, 21, 15, 0, 0, 0, time.UTC)

func define(r *processorstest.Redis) processors.Definition { return defineAt(r, &now) }

// defineAt is a processor to which each record has come where it belongs.
func defineAt(r *processorstest.Redis, at *time.Time) processors.Definition {
	def := route.Definition(r.Client, func() time.Time { return *at })
	def.Repartition.Know(1, 1)
	return def
}

// The world of these tests: acme has T1 and T2 connected and T3 uninstalled. ann is in T1 and T2; bea's Slack account is
// deactivated; bot, ext and gone share an email with a bot, an external person and a person of T3; off is disabled;
// mute has no email. globex has Slack and a user ann too, who wants nothing.
func newWorld(t testing.TB) *processorstest.Redis {
	t.Helper()
	r := processorstest.NewRedis(t)
	for team, status := range map[schemas.TeamID]schemas.InstallStatus{"T1": schemas.InstallActive, "T2": "", "T3": schemas.InstallUninstalled} {
		r.Put(t, schemas.ViewOrgInstalls("acme"), string(team), schemas.Installation{OrgID: "acme", TeamID: team, Status: status, SealedToken: "sealed"})
	}
	r.Put(t, schemas.ViewOrgInstalls("globex"), "T7", schemas.Installation{OrgID: "globex", TeamID: "T7", SealedToken: "sealed"})
	for _, u := range []schemas.DirectoryUser{
		{OrgID: "acme", UserID: "ann", Email: " Ann@Acme.example"},
		{OrgID: "acme", UserID: "bea", Email: "bea@acme.example"},
		{OrgID: "acme", UserID: "bot", Email: "bot@acme.example"},
		{OrgID: "acme", UserID: "ext", Email: "ext@acme.example"},
		{OrgID: "acme", UserID: "gone", Email: "gone@acme.example"},
		{OrgID: "acme", UserID: "off", Email: "off@acme.example", Disabled: true},
		{OrgID: "acme", UserID: "mute"},
		{OrgID: "globex", UserID: "ann", Email: "ann@globex.example"},
	} {
		putUser(t, r, u)
	}
	for _, u := range []schemas.SlackUser{
		{OrgID: "acme", TeamID: "T2", UserID: "U0", Email: "ann@acme.example"},
		{OrgID: "acme", TeamID: "T1", UserID: "U2", Email: "ann@acme.example"},
		{OrgID: "acme", TeamID: "T1", UserID: "U1", Email: "ANN@acme.example "},
		{OrgID: "acme", TeamID: "T1", UserID: "U3", Email: "bea@acme.example", Deleted: true},
		{OrgID: "acme", TeamID: "T1", UserID: "U4", Email: "bot@acme.example", IsBot: true},
		{OrgID: "acme", TeamID: "T1", UserID: "U5", Email: "ext@acme.example", IsExternal: true},
		{OrgID: "acme", TeamID: "T3", UserID: "U6", Email: "gone@acme.example"},
		{OrgID: "acme", TeamID: "T1", UserID: "U7", Email: "off@acme.example"},
		{OrgID: "acme", TeamID: "T1", UserID: "U8", Email: "stranger@acme.example"},
		{OrgID: "globex", TeamID: "T7", UserID: "U9", Email: "ann@globex.example"},
	} {
		putSlackUser(t, r, u)
	}
	r.Put(t, schemas.ViewOrgPreferences("globex"), "ann", schemas.Preferences{OrgID: "globex", UserID: "ann", Types: choices{important: schemas.PreferOff}})
	r.Put(t, schemas.ViewOrgPreferences("globex"), "", schemas.Preferences{OrgID: "globex", Types: choices{important: schemas.PreferOff}})
	return r
}

type choices = map[schemas.NotificationType]schemas.ChannelPreference

// important is delivered by both channels unless somebody chose otherwise.
const important schemas.NotificationType = "alert.important"

func putUser(t testing.TB, r *processorstest.Redis, u schemas.DirectoryUser) {
	t.Helper()
	r.Put(t, schemas.ViewOrgUsers(u.OrgID), string(u.UserID), u)
	if u.Email != "" {
		if _, err := r.Mini.SAdd(schemas.ViewOrgEmail(u.OrgID, u.Email), string(u.UserID)); err != nil {
			t.Fatal(err)
		}
	}
}

func putSlackUser(t testing.TB, r *processorstest.Redis, u schemas.SlackUser) {
	t.Helper()
	id := string(u.TeamID) + "/" + string(u.UserID)
	r.Put(t, schemas.ViewOrgSlackUsers(u.OrgID), id, u)
	if _, err := r.Mini.SAdd(schemas.ViewOrgSlackEmail(u.OrgID, u.Email), id); err != nil {
		t.Fatal(err)
	}
}

// ask makes a valid request for ann of acme; change makes another of it.
func ask(change func(*schemas.NotificationRequest)) schemas.NotificationRequest {
	r := schemas.NotificationRequest{
		OrgID: "acme", RequestID: "r1", Type: important, Recipient: schemas.Recipient{UserID: "ann"},
		Content: schemas.Content{Title: "hush"}, CreatedAt: now.Add(-time.Minute),
	}
	if change != nil {
		change(&r)
	}
	return r
}

func to(id schemas.UserID) schemas.NotificationRequest {
	return ask(func(r *schemas.NotificationRequest) { r.Recipient = schemas.Recipient{UserID: id} })
}

func toEmail(email string) schemas.NotificationRequest {
	return ask(func(r *schemas.NotificationRequest) { r.Recipient = schemas.Recipient{Email: email} })
}

func record(t testing.TB, r schemas.NotificationRequest) *kgo.Record {
	t.Helper()
	value, err := schemas.NotificationRequests.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{Topic: schemas.NotificationRequests.Name, Key: []byte(schemas.OrgKey(r.OrgID, r.Recipient.KeyPart())), Value: value}
}

// routed is what became of one request.
type routed struct {
	slack, email *schemas.Delivery
	outcomes     []schemas.Outcome
	fate         processors.Fate
}

func decided(t testing.TB, def processors.Definition, rec *kgo.Record) routed {
	t.Helper()
	result, err := def.Processor.Process(t.Context(), []*kgo.Record{rec})
	if err != nil {
		t.Fatalf("process: %v", err)
	}
	all := routed{fate: result.Fate(0)}
	for _, out := range result.Emitted() {
		switch out.Topic {
		case schemas.DeliveriesSlack.Name, schemas.DeliveriesSlackUrgent.Name:
			all.slack = delivered(t, schemas.DeliveriesSlack, out)
		case schemas.DeliveriesEmail.Name, schemas.DeliveriesEmailUrgent.Name:
			all.email = delivered(t, schemas.DeliveriesEmail, out)
		case schemas.NotificationOutcomes.Name:
			o, err := schemas.NotificationOutcomes.Decode(out.Value)
			if err != nil {
				t.Fatal(err)
			}
			all.outcomes = append(all.outcomes, o)
			if want := string(schemas.OrgKey(o.OrgID, o.RequestID)); string(out.Key) != want {
				t.Errorf("the outcome's key is %q, want %q", out.Key, want)
			}
		}
	}
	return all
}

func delivered(t testing.TB, topic schemas.Topic[schemas.Delivery], out *kgo.Record) *schemas.Delivery {
	t.Helper()
	d, err := topic.Decode(out.Value)
	if err != nil {
		t.Fatal(err)
	}
	if want := schemas.OrgKey(d.OrgID, d.Recipient.KeyPart()); string(out.Key) != string(want) {
		t.Errorf("the delivery's key is %q, want the person's, %q: their notifications would lose their order", out.Key, want)
	}
	return &d
}
