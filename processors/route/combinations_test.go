package route_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/processors/route/oracle"
	"github.com/bigmind/backchannel/schemas"
)

// install writes a situation into the views, in an organization of its own.
func install(t *testing.T, s oracle.Situation, r *processorstest.Redis, org schemas.OrgID) {
	email := ""
	if s.Email {
		email = "ann@" + string(org) + ".example"
	}
	status := schemas.InstallUninstalled
	if s.Connected {
		status = schemas.InstallActive
	}
	r.Put(t, schemas.ViewOrgInstalls(org), "T1", schemas.Installation{OrgID: org, TeamID: "T1", Status: status, SealedToken: "sealed"})
	putUser(t, r, schemas.DirectoryUser{OrgID: org, UserID: "ann", Email: email})
	person := schemas.SlackUser{OrgID: org, TeamID: "T1", UserID: "U1", Email: "somebody@else.example", TimeZone: "America/New_York"}
	if s.Matched && s.Email {
		person.Email = email
	}
	putSlackUser(t, r, person)
	r.Put(t, schemas.ViewOrgPreferences(org), "", s.Preferences(org, "", s.Org))
	own := s.Preferences(org, "ann", s.User)
	if s.Quiet {
		own.QuietHours = &schemas.QuietHours{From: "10:00", To: "12:00", TimeZone: "America/New_York"} // now is 11:00 there
	}
	r.Put(t, schemas.ViewOrgPreferences(org), "ann", own)
	if s.Fallback {
		r.Put(t, schemas.ViewOrgSettings(org), "", schemas.OrgSettings{OrgID: org, Fallback: schemas.OtherChannel})
	}
}

// Every combination of organization default, user override, category, match, connection, mandatory type, quiet hours and
// fall-back comes out as the oracle says, each request with its own answer.
func TestEveryCombination(t *testing.T) {
	r := processorstest.NewRedis(t)
	all := oracle.All()
	batch := make([]*kgo.Record, len(all))
	for i, s := range all {
		org := schemas.OrgID(fmt.Sprintf("org%d", i))
		install(t, s, r, org)
		batch[i] = record(t, ask(func(q *schemas.NotificationRequest) { q.OrgID, q.Type = org, schemas.NotificationType(s.Kind) }))
	}
	result, err := define(r).Processor.Process(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	got := map[schemas.OrgID][]string{}
	say := func(org schemas.OrgID, words ...string) {
		got[org] = append(got[org], strings.TrimSpace(strings.Join(words, " ")))
	}
	for _, rec := range result.Emitted() {
		switch rec.Topic {
		case schemas.NotificationHeld.Name:
			h, err := schemas.NotificationHeld.Decode(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			if h.Why != schemas.QuietTime || h.DueAt.UTC().Format("15:04") != "16:00" || string(rec.Key) != string(h.Key()) {
				t.Errorf("held for %s until %v under %s", h.Why, h.DueAt, rec.Key)
			}
			say(h.OrgID, string(h.Channel), "held")
		case schemas.NotificationOutcomes.Name:
			o, err := schemas.NotificationOutcomes.Decode(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			if o.Decision == nil {
				t.Errorf("%s: the outcome does not say how it was decided", o.OrgID)
			}
			say(o.OrgID, string(o.Channel), string(o.Status), string(o.Reason))
		default:
			d, err := schemas.DeliveriesSlack.Decode(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			by := schemas.ByEmail
			if d.TeamID != "" {
				by = schemas.BySlack
			}
			if urgent := strings.HasSuffix(rec.Topic, ".urgent"); urgent != (d.Type == "alert.account") || !strings.Contains(rec.Topic, string(by)) {
				t.Errorf("%s by %s is on %s", d.Type, by, rec.Topic)
			}
			say(d.OrgID, string(by), "sent")
		}
	}
	wrong := 0
	for i, s := range all {
		words := got[schemas.OrgID(fmt.Sprintf("org%d", i))]
		slices.Sort(words)
		if said := strings.Join(words, ", "); said != s.Expected() {
			if wrong++; wrong < 10 {
				t.Errorf("%+v: %s, want %s", s, said, s.Expected())
			}
		}
	}
	t.Logf("%d combinations, %d wrong", len(all), wrong)
}
