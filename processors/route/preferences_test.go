package route_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

type categories = map[schemas.Category]schemas.ChannelPreference

// The order of precedence: the user's for the type, for the category, the organization's for the type, for the category,
// the type's own default. Each case has everything that comes after in it, and says otherwise.
func TestPreferences(t *testing.T) {
	const off, email, message, both = schemas.PreferOff, schemas.PreferEmail, schemas.PreferMessage, schemas.PreferBoth
	bySlack, byEmail, none := "slack T1/U1", "email ann@acme.example", "suppressed type_off"
	for name, tt := range map[string]struct {
		user, org *schemas.Preferences
		want      []string
	}{
		"default":                       {nil, nil, []string{bySlack, byEmail}},
		"org category":                  {nil, &schemas.Preferences{Categories: categories{"alert": email}}, []string{byEmail}},
		"org type":                      {nil, &schemas.Preferences{Types: choices{important: message}, Categories: categories{"alert": off}}, []string{bySlack}},
		"user category":                 {&schemas.Preferences{Categories: categories{"alert": email}}, &schemas.Preferences{Types: choices{important: off}}, []string{byEmail}},
		"user type":                     {&schemas.Preferences{Types: choices{important: both}, Categories: categories{"alert": off}}, &schemas.Preferences{Types: choices{important: off}}, []string{bySlack, byEmail}},
		"user off":                      {&schemas.Preferences{Types: choices{important: off}}, &schemas.Preferences{Types: choices{important: both}}, []string{none}},
		"org off":                       {nil, &schemas.Preferences{Categories: categories{"alert": off}}, []string{none}},
		"user says nothing of this":     {&schemas.Preferences{Types: choices{"coaching.insight": off}, Categories: categories{"coaching": off}}, &schemas.Preferences{Types: choices{important: email}}, []string{byEmail}},
		"neither says anything of this": {&schemas.Preferences{Categories: categories{"coaching": off}}, &schemas.Preferences{Types: choices{"coaching.insight": off}}, []string{bySlack, byEmail}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newWorld(t)
			if tt.org != nil {
				tt.org.OrgID = "acme"
				r.Put(t, schemas.ViewOrgPreferences("acme"), "", tt.org)
			}
			if tt.user != nil {
				tt.user.OrgID, tt.user.UserID = "acme", "ann"
				r.Put(t, schemas.ViewOrgPreferences("acme"), "ann", tt.user)
			}
			for _, how := range []schemas.NotificationRequest{to("ann"), toEmail("Ann@acme.example")} {
				if diff := cmp.Diff(tt.want, said(decided(t, define(r), record(t, how)))); diff != "" {
					t.Errorf("to %+v (-want +got):\n%s", how.Recipient, diff)
				}
			}
		})
	}
}

// Preferences that were taken back count no more.
func TestATombstoneIsNoPreference(t *testing.T) {
	r := newWorld(t)
	r.Put(t, schemas.ViewOrgPreferences("acme"), "ann", nil)
	r.Put(t, schemas.ViewOrgPreferences("acme"), "", nil)
	if diff := cmp.Diff([]string{"slack T1/U1", "email ann@acme.example"}, said(decided(t, define(r), record(t, to("ann"))))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The indexes by email only grow. Somebody whose email has changed is no longer found by the former one, and found by the new.
func TestAChangedEmailMovesTheMatch(t *testing.T) {
	r := newWorld(t)
	putUser(t, r, schemas.DirectoryUser{OrgID: "acme", UserID: "ann", Email: "new@acme.example"})
	putSlackUser(t, r, schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Email: "new@acme.example"})
	if diff := cmp.Diff([]string{"slack T1/U1", "email new@acme.example"}, said(decided(t, define(r), record(t, to("ann"))))); diff != "" {
		t.Errorf("by id (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"slack T1/U2", "email ann@acme.example"}, said(decided(t, define(r), record(t, toEmail("ann@acme.example"))))); diff != "" {
		t.Errorf("by the former email (-want +got):\n%s", diff)
	}
}

// Of two directory users with one email, the enabled one is meant.
func TestOfTwoWithOneEmailTheEnabledOneIsMeant(t *testing.T) {
	r := newWorld(t)
	putUser(t, r, schemas.DirectoryUser{OrgID: "acme", UserID: "aaa", Email: "ann@acme.example", Disabled: true})
	if diff := cmp.Diff([]string{"slack T1/U1", "email ann@acme.example"}, said(decided(t, define(r), record(t, toEmail("ann@acme.example"))))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnOrganizationWithoutSlack(t *testing.T) {
	r := newWorld(t)
	putUser(t, r, schemas.DirectoryUser{OrgID: "quiet", UserID: "ann", Email: "ann@quiet.example"})
	request := ask(func(r *schemas.NotificationRequest) { r.OrgID = "quiet" })
	if diff := cmp.Diff([]string{"email ann@quiet.example", "slack suppressed slack_not_connected"}, said(decided(t, define(r), record(t, request)))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A batch asks Redis once, and once more only where the Redis has not seen the script yet.
func TestOneRoundTripABatch(t *testing.T) {
	r := newWorld(t)
	def := define(r)
	batch := []*kgo.Record{record(t, to("ann")), record(t, to("bea")), record(t, toEmail("x@acme.example")), record(t, to("off"))}
	for i, want := range []int64{2, 1, 1} {
		before := r.Trips()
		if _, err := def.Processor.Process(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if got := r.Trips() - before; got != want {
			t.Errorf("batch %d asked Redis %d times, want %d", i, got, want)
		}
	}
}
