package slacksim_test

import (
	"testing"

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
