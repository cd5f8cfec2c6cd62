package route_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

// situations are all there are.
func situations() (all []situation) {
	bools, choices := []bool{false, true}, []string{"", "email", "message", "both", "off"}
	for _, kind := range []string{"meeting_analysis.ready", "pipeline.daily_todos", "alert.account"} {
		for _, org := range choices {
			for _, user := range choices {
				for n := range 1 << 6 {
					bit := func(i int) bool { return bools[n>>i&1] }
					all = append(all, situation{kind, org, user, bit(0), bit(1), bit(2), bit(3), bit(4), bit(5)})
				}
			}
		}
	}
	return all
}

// install writes a situation into the views, in an organization of its own.
func (s situation) install(t *testing.T, r *processorstest.Redis, org schemas.OrgID) {
	email := ""
	if s.email {
		email = "ann@" + string(org) + ".example"
	}
	status := schemas.InstallUninstalled
	if s.connected {
		status = schemas.InstallActive
	}
	r.Put(t, schemas.ViewOrgInstalls(org), "T1", schemas.Installation{OrgID: org, TeamID: "T1", Status: status})
	putUser(t, r, schemas.DirectoryUser{OrgID: org, UserID: "ann", Email: email})
	person := schemas.SlackUser{OrgID: org, TeamID: "T1", UserID: "U1", Email: "somebody@else.example", TimeZone: "America/New_York"}
	if s.matched && s.email {
		person.Email = email
	}
	putSlackUser(t, r, person)
	r.Put(t, schemas.ViewOrgPreferences(org), "", s.preferences(org, "", s.org))
	own := s.preferences(org, "ann", s.user)
	if s.quiet {
		own.QuietHours = &schemas.QuietHours{From: "10:00", To: "12:00", TimeZone: "America/New_York"} // now is 11:00 there
	}
	r.Put(t, schemas.ViewOrgPreferences(org), "ann", own)
	if s.fallback {
		r.Put(t, schemas.ViewOrgSettings(org), "", schemas.OrgSettings{OrgID: org, Fallback: schemas.OtherChannel})
	}
}

func (s situation) preferences(org schemas.OrgID, user schemas.UserID, choice string) schemas.Preferences {
	p := schemas.Preferences{OrgID: org, UserID: user}
	category, _, _ := strings.Cut(s.kind, ".")
	switch {
	case choice == "":
	case s.byType:
		p.Types = choices{schemas.NotificationType(s.kind): schemas.ChannelPreference(choice)}
	default:
		p.Categories = categories{schemas.Category(category): schemas.ChannelPreference(choice)}
	}
	return p
}

// Every combination of organization default, user override, category, match, connection, mandatory type, quiet hours and
// fall-back comes out as the oracle says, each request with its own answer.
func TestEveryCombination(t *testing.T) {
	r := processorstest.NewRedis(t)
	all := situations()
	batch := make([]*kgo.Record, len(all))
	for i, s := range all {
		org := schemas.OrgID(fmt.Sprintf("org%d", i))
		s.install(t, r, org)
		batch[i] = record(t, ask(func(q *schemas.NotificationRequest) { q.OrgID, q.Type = org, schemas.NotificationType(s.kind) }))
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
		if said := strings.Join(words, ", "); said != s.expected() {
			if wrong++; wrong < 10 {
				t.Errorf("%+v: %s, want %s", s, said, s.expected())
			}
		}
	}
	t.Logf("%d combinations, %d wrong", len(all), wrong)
}
