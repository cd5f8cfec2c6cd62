package slacksim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// TestOrgWideInstall: oauth.v2.access gives 'team: null, is_enterprise_install: true'; 'team_id becomes a required argument of
// users.list, conversations.list, users.conversations'; team_access_granted and _revoked.
func TestOrgWideInstall(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	grid := &slacksim.Enterprise{ID: "E0GRID", Name: "Grid"}
	events := append([]string{"team_access_granted", "team_access_revoked"}, allEvents...)
	redirects := []string{redirectURL}
	app := must(w.UpdateApp(ctx, w.app.ID, slacksim.AppPatch{Events: &events, RedirectURLs: &redirects}))(t)
	first := must(w.CreateTeam(ctx, slacksim.Team{Name: "First", Enterprise: grid}))(t)
	wera := must(w.CreatePerson(ctx, first.ID, slacksim.Person{ID: "W0WERA", RealName: "Wera"}))(t)
	s := &signUp{Client: w.Client, t: t, base: w.url, team: first, ada: wera, app: app}
	ask := s.ask("chat:write,users:read,channels:read,channels:history")
	ask.Org = true
	got := must(s.exchange(s.allow(ask)))(t)
	if got.Team.ID != "" || !got.IsEnterpriseInstall || got.Enterprise.ID != grid.ID {
		t.Errorf("oauth.v2.access: %+v", got)
	}
	second := must(w.CreateTeam(ctx, slacksim.Team{Name: "Second", Enterprise: grid}))(t)
	api := w.as(got.AccessToken)
	list := func(team slacksim.TeamID) string {
		_, _, err := api.GetConversationsContext(ctx, &slack.GetConversationsParameters{TeamID: string(team)})
		if err != nil {
			return err.Error()
		}
		return "ok"
	}
	before := []string{list(""), list(first.ID), list(second.ID)}
	if diff := cmp.Diff([]string{"missing_argument", "ok", "team_access_not_granted"}, before); diff != "" {
		t.Errorf("no team, the granted, the other; want, got:\n%s", diff)
	}
	w.settle()
	w.inbox.take()
	must(w.GrantAccess(ctx, second.ID, app.ID, "chat:write"))(t)
	has(t, w.event(), map[string]any{"type": "team_access_granted", "team_ids": []any{string(second.ID)}})
	if got := list(second.ID); got != "ok" {
		t.Errorf("once it is granted: %s", got)
	}
	wim := must(w.CreatePerson(ctx, second.ID, slacksim.Person{RealName: "Wim"}))(t)
	if wim.ID[0] != 'W' {
		t.Errorf("user ids begin U or W: an organization's person is %s", wim.ID)
	}
	room := must(w.CreateChannel(ctx, second.ID, slacksim.Channel{Name: "room", Members: []slacksim.UserID{slacksim.UserID(got.BotUserID)}}))(t)
	if _, _, err := api.PostMessageContext(ctx, string(room.ID), slack.MsgOptionText("found by its channel", false)); err != nil {
		t.Errorf("a post to the second workspace: %v", err)
	}
	w.settle()
	w.inbox.take()
	if err := w.RevokeAccess(ctx, second.ID, app.ID); err != nil {
		t.Fatal(err)
	}
	has(t, w.event(), map[string]any{"type": "team_access_revoked", "team_ids": []any{string(second.ID)}})
	if got := list(second.ID); got != "team_access_not_granted" {
		t.Errorf("once it is revoked: %s", got)
	}
}

// TestAnOrganizationsEvents: 'context_team_id null while context_enterprise_id is set'; the install is found by authorizations[0].
func TestAnOrganizationsEvents(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	team := must(w.CreateTeam(t.Context(), slacksim.Team{Name: "First", Enterprise: &slacksim.Enterprise{ID: "E0GRID", Name: "Grid"}}))(t)
	wim := must(w.CreatePerson(t.Context(), team.ID, slacksim.Person{RealName: "Wim"}))(t)
	in := must(w.GrantAccess(t.Context(), team.ID, w.app.ID, allScopes...))(t)
	room := must(w.CreateChannel(t.Context(), team.ID, slacksim.Channel{Name: "room", Members: []slacksim.UserID{wim.ID, in.BotUserID}}))(t)
	w.settle()
	w.inbox.take()
	must(w.Say(t.Context(), team.ID, room.ID, wim.ID, "hi"))(t)
	w.settle()
	got := w.inbox.take()[0].envelope
	has(t, got, map[string]any{"team_id": string(team.ID), "context_team_id": nil, "context_enterprise_id": "E0GRID"})
	auth, _ := got["authorizations"].([]any)[0].(map[string]any)
	has(t, auth, map[string]any{"team_id": string(team.ID), "enterprise_id": "E0GRID", "is_enterprise_install": true, "user_id": string(in.BotUserID)})
}

// TestAnOrganizationsTokenRotates in all its workspaces at once.
func TestAnOrganizationsTokenRotates(t *testing.T) {
	s := newSignUp(t, slacksim.App{TokenRotation: true})
	grid := &slacksim.Enterprise{ID: "E0GRID", Name: "Grid"}
	var teams []slacksim.Team
	for _, name := range []string{"First", "Second"} {
		teams = append(teams, must(s.CreateTeam(t.Context(), slacksim.Team{Name: name, Enterprise: grid}))(t))
	}
	s.team = teams[0]
	s.ada = must(s.CreatePerson(t.Context(), s.team.ID, slacksim.Person{RealName: "Wera"}))(t)
	ask := s.ask("chat:write,users:read")
	ask.Org = true
	first := must(s.exchange(s.allow(ask)))(t)
	s.now = s.now.Add(11 * time.Hour)
	second := must(s.refresh(first.RefreshToken))(t)
	third := must(s.refresh(second.RefreshToken))(t)
	works := func(token string) (got []string) {
		api := slack.New(token, slack.OptionAPIURL(s.base+"/api/"))
		for _, team := range teams {
			_, err := api.GetUsersContext(t.Context(), slack.GetUsersOptionTeamID(string(team.ID)))
			got = append(got, fmt.Sprint(err))
		}
		return got
	}
	if diff := cmp.Diff([][]string{{"token_expired", "token_expired"}, {"<nil>", "<nil>"}, {"<nil>", "<nil>"}}, [][]string{works(first.AccessToken), works(second.AccessToken), works(third.AccessToken)}); diff != "" {
		t.Errorf("in the first and second workspace by the first, second and third token, want, got:\n%s", diff)
	}
}
