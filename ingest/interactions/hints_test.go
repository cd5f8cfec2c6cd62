package interactions_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// The app was added just now: the views have no name of the channel yet. Slack is asked for it.
func TestAChannelWhoseNameIsNotKnownYet(t *testing.T) {
	w := newWorld(t)
	w.view(schemas.ViewTeamChannels(w.team.ID), string(w.room.ID), schemas.SlackChannel{OrgID: "acme", TeamID: w.team.ID, ChannelID: w.room.ID, IsMember: true})
	w.press(w.ada, w.room.ID)
	if got := reads(w.top(w.ada)); !strings.Contains(got, "#globex-rollout") {
		t.Errorf("the modal reads\n%s", got)
	}
	if got := w.types(w.ada, "account", ""); len(got) != 3 || got[0] != "acc-globex" {
		t.Errorf("offered are %v", got)
	}
	w.choose(w.ada, "acc-acme")
	if got := reads(w.top(w.ada)); !strings.Contains(got, "#globex-rollout") {
		t.Errorf("with an account the modal reads\n%s", got)
	}
	_, err := w.slack.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultAPIError, Method: "conversations.info", Error: "internal_error"})
	w.must(err)
	w.press(w.ada, w.room.ID)
	if got := reads(w.top(w.ada)); !strings.Contains(got, "Messages of this channel") {
		t.Errorf("without its name the modal reads\n%s", got)
	}
}

// A channel that is shared with another company is likely that company's, by its people's domain or its name.
func TestASharedChannelIsTheOtherCompanys(t *testing.T) {
	for name, tt := range map[string]struct {
		stranger schemas.SlackUser
		want     []string
	}{
		"by domain":           {schemas.SlackUser{IsExternal: true, Email: "Eve@Initech.example"}, []string{"acc-initech", "acc-globex", "acc-acme"}},
		"by name":             {schemas.SlackUser{IsExternal: true, CompanyName: "Initech GmbH"}, []string{"acc-initech", "acc-globex", "acc-acme"}},
		"at anybody's domain": {schemas.SlackUser{IsExternal: true, Email: "eve@gmail.com"}, []string{"acc-globex", "acc-acme", "acc-initech"}},
		"one of our own":      {schemas.SlackUser{Email: "eve@initech.example"}, []string{"acc-globex", "acc-acme", "acc-initech"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.view(schemas.ViewTeamChannels(w.team.ID), string(w.room.ID), schemas.SlackChannel{
				OrgID: "acme", TeamID: w.team.ID, ChannelID: w.room.ID, Name: w.room.Name, IsMember: true, IsExtShared: true,
			})
			eve, err := w.slack.CreatePerson(t.Context(), w.team.ID, slacksim.Person{RealName: "Eve"})
			w.must(err)
			w.must(w.slack.Invite(t.Context(), w.team.ID, w.room.ID, w.ada.ID, eve.ID))
			tt.stranger.OrgID, tt.stranger.TeamID, tt.stranger.UserID = "acme", w.team.ID, eve.ID
			w.view(schemas.ViewTeamUsers(w.team.ID), string(eve.ID), tt.stranger)
			w.press(w.ada, w.room.ID)
			got := w.types(w.ada, "account", "")
			if tt.want[0] == "acc-initech" && len(got) == 3 && got[0] == "acc-initech" {
				slices.Sort(got[1:]) // the channel's own name is a weaker hint: its place is not what this is about
				slices.Sort(tt.want[1:])
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
