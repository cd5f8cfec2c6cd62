package slacksim_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// connected is a second company, whose Cleo shares a channel with the first, and which has the app too.
type connected struct {
	*world
	other   slacksim.Team
	cleo    slacksim.Person
	theirs  slacksim.Install
	between slacksim.Channel
}

var connectEvents = []string{"channel_shared", "channel_unshared", "channel_id_changed", "channel_deleted", "group_deleted"}

func newConnected(t *testing.T, id slacksim.ChannelID) *connected {
	t.Helper()
	c := &connected{world: newWorld(t, slacksim.Options{})}
	ctx := t.Context()
	events := append(slices.Clone(allEvents), connectEvents...)
	must(c.UpdateApp(ctx, c.app.ID, slacksim.AppPatch{Events: &events}))(t)
	c.other = must(c.CreateTeam(ctx, slacksim.Team{Name: "Globex"}))(t)
	c.cleo = must(c.CreatePerson(ctx, c.other.ID, slacksim.Person{RealName: "Cleo Duarte", Email: "cleo@globex.example"}))(t)
	c.theirs = must(c.Install(ctx, c.other.ID, slacksim.InstallRequest{App: c.app.ID, Scopes: allScopes}))(t)
	c.between = must(c.CreateChannel(ctx, c.team.ID, slacksim.Channel{ID: id, Name: "acme-globex", IsPrivate: id != "", Members: []slacksim.UserID{c.ada.ID, c.install.BotUserID}}))(t)
	c.settle()
	c.inbox.take()
	return c
}

func (c *connected) share(t *testing.T) {
	t.Helper()
	c.between = must(c.Share(t.Context(), c.team.ID, c.between.ID, slacksim.Sharing{With: c.other.ID}))(t)
	for _, u := range []slacksim.UserID{c.cleo.ID, c.theirs.BotUserID} {
		if err := c.Invite(t.Context(), c.other.ID, c.between.ID, "", u); err != nil {
			t.Fatal(err)
		}
	}
	c.settle()
}

// names lists the events that came, with the workspace through which each did.
func (c *connected) names() []string {
	c.settle()
	var out []string
	for _, got := range c.inbox.take() {
		inner, _ := got.envelope["event"].(map[string]any)
		auth, _ := got.envelope["authorizations"].([]any)[0].(map[string]any)
		name, _ := inner["type"].(string)
		if auth["team_id"] == string(c.other.ID) {
			name += " (other)"
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// TestASharedChannelIsHeardTwice: 'the install is found by authorizations[0], not by team_id'; 'cross-workspace duplicates in shared
// channels'; a person's user_team and source_team tell the company.
func TestASharedChannelIsHeardTwice(t *testing.T) {
	c := newConnected(t, "")
	c.share(t)
	c.inbox.take()
	said := must(c.Say(t.Context(), c.other.ID, c.between.ID, c.cleo.ID, "hello from Globex"))(t)
	c.settle()
	got := c.inbox.take()
	if len(got) != 2 {
		t.Fatalf("%d events, want one for each workspace", len(got))
	}
	through := map[any]bool{}
	for _, g := range got {
		auth, _ := g.envelope["authorizations"].([]any)[0].(map[string]any)
		inner, _ := g.envelope["event"].(map[string]any)
		has(t, g.envelope, map[string]any{"team_id": string(c.other.ID), "context_team_id": auth["team_id"], "is_ext_shared_channel": true})
		has(t, inner, map[string]any{
			"ts": string(said.TS), "channel": string(c.between.ID), "user": string(c.cleo.ID), "team": string(c.other.ID),
			"user_team": string(c.other.ID), "source_team": string(c.other.ID),
		})
		through[auth["team_id"]] = true
	}
	if !through[string(c.team.ID)] || !through[string(c.other.ID)] || got[0].envelope["event_id"] == got[1].envelope["event_id"] {
		t.Errorf("the events came through %v", through)
	}
}

// TestAStranger: external people 'are absent from users.list: users.info … No email usually'.
func TestAStranger(t *testing.T) {
	c := newConnected(t, "")
	c.share(t)
	u, err := c.api.GetUserInfoContext(t.Context(), string(c.cleo.ID))
	if err != nil || u.TeamID != string(c.other.ID) || u.IsStranger || u.Profile.Email != "" || u.RealName != "Cleo Duarte" {
		t.Errorf("users.info: %+v, %v", u, err)
	}
	users, err := c.api.GetUsersContext(t.Context())
	if err != nil || slices.ContainsFunc(users, func(u slack.User) bool { return u.ID == string(c.cleo.ID) }) {
		t.Errorf("users.list has the stranger: %v", err)
	}
	ch, err := c.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: string(c.between.ID)})
	if err != nil || !ch.IsExtShared || !ch.IsShared || ch.IsOrgShared || !slices.Equal(ch.ConnectedTeamIDs, []string{string(c.other.ID)}) {
		t.Errorf("conversations.info: %+v, %v", ch, err)
	}
}

// TestDisconnecting 'gives the invited side a new channel id (frozen_reason), then channel_not_found on the old one'.
func TestDisconnecting(t *testing.T) {
	c := newConnected(t, "")
	c.share(t)
	must(c.Say(t.Context(), c.team.ID, c.between.ID, c.ada.ID, "before"))(t)
	c.settle()
	c.inbox.take()
	kept := must(c.Unshare(t.Context(), c.team.ID, c.between.ID, c.other.ID))(t)
	if diff := cmp.Diff([]string{"channel_unshared", "channel_unshared (other)"}, c.names()); diff != "" {
		t.Errorf("the events, want, got:\n%s", diff)
	}
	theirs := c.as(c.theirs.Token)
	read := func(api *slack.Client, id slacksim.ChannelID) string {
		page, err := api.GetConversationHistoryContext(t.Context(), &slack.GetConversationHistoryParameters{ChannelID: string(id)})
		if err != nil {
			return err.Error()
		}
		return page.Messages[0].Text
	}
	got := []string{read(theirs, c.between.ID), read(theirs, kept.ID), read(c.api, c.between.ID)}
	if diff := cmp.Diff([]string{"channel_not_found", "before", "before"}, got); diff != "" || kept.ID == c.between.ID || kept.FrozenReason == "" {
		t.Errorf("%s is kept; theirs by the old id, by the new, ours; want, got:\n%s", kept.ID, diff)
	}
}

// TestAPrivateChannelChangesItsID: 'a private channel's G may become C when a share is merely begun: channel_id_changed'.
func TestAPrivateChannelChangesItsID(t *testing.T) {
	c := newConnected(t, "G0PRIVATE01")
	begun := must(c.Share(t.Context(), c.team.ID, c.between.ID, slacksim.Sharing{With: c.other.ID, Pending: true}))(t)
	c.settle()
	got := c.inbox.take()
	if len(got) != 1 || begun.ID[0] != 'C' || !begun.Pending || len(begun.Connected) != 0 {
		t.Fatalf("%d events, and the channel is %+v", len(got), begun)
	}
	inner, _ := got[0].envelope["event"].(map[string]any)
	has(t, inner, map[string]any{"type": "channel_id_changed", "old_channel_id": "G0PRIVATE01", "new_channel_id": string(begun.ID)})
	if _, err := c.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: "G0PRIVATE01"}); err == nil || err.Error() != "channel_not_found" {
		t.Errorf("by its old id: %v", err)
	}
	c.between = begun
	c.share(t)
	if len(c.between.Connected) != 1 || c.between.Pending {
		t.Errorf("once it is shared it is %+v", c.between)
	}
}

// TestChannelsGoAndAreConverted: channel_deleted; 'convert_to_private/public' is a service message alone.
func TestChannelsGoAndAreConverted(t *testing.T) {
	c := newConnected(t, "")
	private := true
	got := must(c.UpdateChannel(t.Context(), c.team.ID, c.between.ID, slacksim.ChannelPatch{Private: &private}))(t)
	if !got.IsPrivate {
		t.Error("it is still public")
	}
	if diff := cmp.Diff([]string{"message"}, c.names()); diff != "" {
		t.Errorf("the events of the conversion, want, got:\n%s", diff)
	}
	if err := c.DeleteChannel(t.Context(), c.team.ID, c.between.ID); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"group_deleted"}, c.names()); diff != "" {
		t.Errorf("the events of the deletion, want, got:\n%s", diff)
	}
}

// TestSharesSurviveARestart, also the second time, when what is read is a snapshot.
func TestSharesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	var host, other slacksim.TeamID
	var channel slacksim.ChannelID
	for start := range 3 {
		sim := must(slacksim.New(slacksim.Options{DataDir: dir}))(t)
		c := slacksim.NewClient("http://slack.test", &http.Client{Transport: direct{sim.Handler()}})
		if start == 0 {
			host, other = must(c.CreateTeam(t.Context(), slacksim.Team{Name: "Acme"}))(t).ID, must(c.CreateTeam(t.Context(), slacksim.Team{Name: "Globex"}))(t).ID
			cleo := must(c.CreatePerson(t.Context(), other, slacksim.Person{RealName: "Cleo"}))(t)
			channel = must(c.CreateChannel(t.Context(), host, slacksim.Channel{Name: "between"}))(t).ID
			must(c.Share(t.Context(), host, channel, slacksim.Sharing{With: other}))(t)
			if err := c.Invite(t.Context(), other, channel, "", cleo.ID); err != nil {
				t.Fatal(err)
			}
			must(c.Say(t.Context(), other, channel, cleo.ID, "kept"))(t)
		}
		for _, team := range []slacksim.TeamID{host, other} {
			if got := must(c.Messages(t.Context(), team, channel, slacksim.MessageQuery{}))(t).Messages; len(got) != 1 || got[0].Text != "kept" {
				t.Errorf("start %d: workspace %s has %+v", start, team, got)
			}
		}
		if err := sim.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestABotWritesToAStranger: 'A bot can DM external people who share a channel: don't, unless asked'. Slack does not stop who does.
func TestABotWritesToAStranger(t *testing.T) {
	c := newConnected(t, "")
	must(c.SetSettings(t.Context(), slacksim.Settings{NoRateLimits: true}))(t)
	if _, _, err := c.api.PostMessageContext(t.Context(), string(c.cleo.ID), slack.MsgOptionText("too early", false)); err == nil || err.Error() != "channel_not_found" {
		t.Errorf("before a channel is shared: %v", err)
	}
	c.share(t)
	dm, _, already, err := c.api.OpenConversationContext(t.Context(), &slack.OpenConversationParameters{Users: []string{string(c.cleo.ID)}})
	if err != nil || already {
		t.Fatalf("conversations.open: %v", err)
	}
	if _, _, err := c.api.PostMessageContext(t.Context(), string(c.cleo.ID), slack.MsgOptionText("hello, stranger", false)); err != nil {
		t.Fatal(err)
	}
	posts := must(c.Posts(t.Context(), slacksim.PostQuery{}))(t).Posts
	if len(posts) != 1 || posts[0].Recipient != c.cleo.ID || string(posts[0].Channel) != dm.ID || posts[0].Unseen {
		t.Errorf("posts: %+v", posts)
	}
	theirs := must(c.Messages(t.Context(), c.other.ID, slacksim.ChannelID(dm.ID), slacksim.MessageQuery{}))(t).Messages
	if len(theirs) != 1 || theirs[0].Text != "hello, stranger" {
		t.Errorf("in her own workspace she reads %+v", theirs)
	}
	if err := c.Deactivate(t.Context(), c.other.ID, c.cleo.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.api.PostMessageContext(t.Context(), dm.ID, slack.MsgOptionText("gone?", false)); err != nil {
		t.Errorf("to a deactivated stranger: %v", err)
	}
	if posts := must(c.Posts(t.Context(), slacksim.PostQuery{}))(t).Posts; !posts[1].Unseen {
		t.Errorf("she is gone, and has seen %+v", posts[1])
	}
}
