package people

import (
	"testing"

	"github.com/bigmind/backchannel/schemas"
)

func TestWhoIsWho(t *testing.T) {
	ada := schemas.DirectoryUser{UserID: "ada", Email: "Ada@acme.example"}
	slack := func(change func(*schemas.SlackUser)) []schemas.SlackUser {
		u := schemas.SlackUser{TeamID: "T1", UserID: "U1", Email: "ada@acme.example"}
		change(&u)
		return []schemas.SlackUser{u}
	}
	same := func(*schemas.SlackUser) {}
	active := map[schemas.TeamID]bool{"T1": true, "T2": true}
	for name, tt := range map[string]struct {
		user       schemas.DirectoryUser
		candidates []schemas.SlackUser
		active     map[schemas.TeamID]bool
		want       Match
	}{
		"matched":       {ada, slack(same), active, Match{Team: "T1", User: "U1"}},
		"of several":    {ada, append(slack(func(u *schemas.SlackUser) { u.TeamID = "T2" }), slack(same)...), active, Match{Team: "T1", User: "U1"}},
		"beside a bot":  {ada, append(slack(func(u *schemas.SlackUser) { u.IsBot, u.UserID = true, "U0" }), slack(same)...), active, Match{Team: "T1", User: "U1"}},
		"once":          {ada, slack(func(u *schemas.SlackUser) { u.Email = "other@acme.example" }), active, Match{Reason: "nobody in the connected workspaces has this email"}},
		"nobody":        {ada, nil, active, Match{Reason: "nobody in the connected workspaces has this email"}},
		"a bot":         {ada, slack(func(u *schemas.SlackUser) { u.IsBot = true }), active, Match{Reason: "the Slack account with this email is a bot"}},
		"deactivated":   {ada, slack(func(u *schemas.SlackUser) { u.Deleted = true }), active, Match{Reason: "the Slack account with this email is deactivated"}},
		"a stranger":    {ada, slack(func(u *schemas.SlackUser) { u.IsExternal = true }), active, Match{Reason: "the Slack account with this email is another company's"}},
		"elsewhere":     {ada, slack(func(u *schemas.SlackUser) { u.TeamID = "T9" }), active, Match{Reason: "only in a workspace that is no longer connected"}},
		"not connected": {ada, slack(same), nil, Match{Reason: "Slack is not connected"}},
		"disabled":      {schemas.DirectoryUser{UserID: "x", Email: "ada@acme.example", Disabled: true}, slack(same), active, Match{Reason: "disabled in the directory"}},
		"no email":      {schemas.DirectoryUser{UserID: "x"}, nil, active, Match{Reason: "no email in the directory"}},
	} {
		if got := Of(&tt.user, tt.candidates, tt.active); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}
