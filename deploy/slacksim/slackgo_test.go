package slacksim_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// Each test of this file is a round by slack-go's client, which knows nothing of the simulator.

func TestSlackGoAuthTest(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	who, err := w.api.AuthTestContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if who.TeamID != string(w.team.ID) || who.UserID != string(w.install.BotUserID) || who.BotID != string(w.install.BotID) {
		t.Errorf("auth.test says %+v, want the bot of %+v", who, w.install)
	}
	for token, want := range map[string]string{"": "not_authed", "xoxb-no": "invalid_auth"} {
		if _, err := w.as(token).AuthTestContext(t.Context()); err == nil || err.Error() != want {
			t.Errorf("token %q: %v, want %s", token, err, want)
		}
	}
}

func TestSlackGoPagesThroughUsers(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	for range 7 {
		must(w.CreatePerson(t.Context(), w.team.ID, slacksim.Person{RealName: "One Of Many"}))(t)
	}
	users, err := w.api.GetUsersContext(t.Context(), slack.GetUsersOptionLimit(3))
	if err != nil {
		t.Fatal(err)
	}
	if len(users) != 11 { // Slackbot, Ada, Bob, the bot, and seven
		t.Errorf("%d users in pages of 3, want 11", len(users))
	}
	i := slices.IndexFunc(users, func(u slack.User) bool { return u.ID == string(w.ada.ID) })
	if i < 0 || users[i].Profile.Email != "ada@acme.example" || users[i].RealName != "Ada Lovelace" {
		t.Errorf("Ada is %d of %+v", i, users)
	}
}

func TestSlackGoSeesADeactivatedUser(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	if err := w.Deactivate(t.Context(), w.team.ID, w.bob.ID); err != nil {
		t.Fatal(err)
	}
	bob, err := w.api.GetUserInfoContext(t.Context(), string(w.bob.ID))
	if err != nil || !bob.Deleted {
		t.Errorf("users.info of Bob: %+v, %v; want deleted", bob, err)
	}
	if _, err := w.api.GetUserInfoContext(t.Context(), "U0NOBODY00"); err == nil || err.Error() != "user_not_found" {
		t.Errorf("users.info of nobody: %v, want user_not_found", err)
	}
}

func TestSlackGoPostsADirectMessage(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	dm, _, already, err := w.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{string(w.ada.ID)}, ReturnIM: true})
	if err != nil || already || dm.User != string(w.ada.ID) {
		t.Fatalf("conversations.open: %+v, already open %v, %v", dm, already, err)
	}
	if _, _, already, err = w.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{string(w.ada.ID)}}); err != nil || !already {
		t.Errorf("opened again: already open %v, %v", already, err)
	}
	blocks := slack.NewSectionBlock(slack.NewTextBlockObject("mrkdwn", "*hello*", false, false), nil,
		slack.NewAccessory(slack.NewButtonBlockElement("open", "1", slack.NewTextBlockObject("plain_text", "Open", false, false))))
	meta := slack.SlackMetadata{EventType: "delivery", EventPayload: map[string]any{"id": "d-1"}}
	channel, ts, err := w.api.PostMessageContext(ctx, dm.ID, slack.MsgOptionText("hello", false), slack.MsgOptionBlocks(blocks), slack.MsgOptionMetadata(meta))
	if err != nil {
		t.Fatal(err)
	}
	posts := must(w.Posts(ctx, slacksim.PostQuery{App: w.app.ID}))(t).Posts
	if len(posts) != 1 || posts[0].Recipient != w.ada.ID || string(posts[0].TS) != ts || string(posts[0].Channel) != channel {
		t.Fatalf("posts recorded: %+v", posts)
	}
	var kept slack.SlackMetadata
	if err := json.Unmarshal(posts[0].Metadata, &kept); err != nil || kept.EventPayload["id"] != "d-1" {
		t.Errorf("metadata recorded: %s, %v", posts[0].Metadata, err)
	}
	w.settle()
	if got := w.inbox.take(); len(got) != 0 {
		t.Errorf("without im:history the bot heard of its own DM: %v", got)
	}
}

func TestSlackGoUpdatesItsOwnMessageOnly(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	channel := string(w.channel.ID)
	_, ts, err := w.api.PostMessageContext(ctx, channel, slack.MsgOptionText("first", false))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, text, err := w.api.UpdateMessageContext(ctx, channel, ts, slack.MsgOptionText("second", false)); err != nil || text != "second" {
		t.Errorf("chat.update: %q, %v", text, err)
	}
	list := must(w.Messages(ctx, w.team.ID, w.channel.ID, slacksim.MessageQuery{}))(t).Messages
	if len(list) != 1 || list[0].Text != "second" || list[0].EditedTS == "" {
		t.Errorf("the record says %+v", list)
	}
	said := must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "mine"))(t)
	if _, _, _, err := w.api.UpdateMessageContext(ctx, channel, string(said.TS), slack.MsgOptionText("no", false)); err == nil || err.Error() != "cant_update_message" {
		t.Errorf("an update of Ada's message: %v, want cant_update_message", err)
	}
	if _, _, _, err := w.api.UpdateMessageContext(ctx, channel, "1.000001", slack.MsgOptionText("no", false)); err == nil || err.Error() != "message_not_found" {
		t.Errorf("an update of nothing: %v, want message_not_found", err)
	}
}

func TestSlackGoReadsConversationsInfo(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	info, err := w.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: string(w.channel.ID), IncludeNumMembers: true})
	if err != nil || info.Name != "acme-deal" || !info.IsMember || info.NumMembers != 3 || info.IsPrivate {
		t.Errorf("conversations.info: %+v, %v", info, err)
	}
	secret := must(w.CreateChannel(t.Context(), w.team.ID, slacksim.Channel{Name: "secret", IsPrivate: true, Members: []slacksim.UserID{w.ada.ID}}))(t)
	if _, err := w.api.GetConversationInfoContext(t.Context(), &slack.GetConversationInfoInput{ChannelID: string(secret.ID)}); err == nil || err.Error() != "channel_not_found" {
		t.Errorf("a private channel without the bot: %v, want channel_not_found", err)
	}
}

func TestSlackGoIsRateLimited(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	_, err := w.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultAPIStatus, Status: 429, RetryAfter: 7, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.api.AuthTestContext(t.Context())
	var limited *slack.RateLimitedError
	if !errors.As(err, &limited) || limited.RetryAfter.Seconds() != 7 {
		t.Errorf("got %v, want to be told to wait 7 s", err)
	}
	if _, err := w.api.AuthTestContext(t.Context()); err != nil {
		t.Errorf("the fault struck twice: %v", err)
	}
}

func TestSlackGoMayNotPost(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	yes := true
	public := must(w.CreateChannel(ctx, w.team.ID, slacksim.Channel{Name: "public"}))(t)
	old := must(w.CreateChannel(ctx, w.team.ID, slacksim.Channel{Name: "old", Members: []slacksim.UserID{w.install.BotUserID}}))(t)
	must(w.UpdateChannel(ctx, w.team.ID, old.ID, slacksim.ChannelPatch{Archived: &yes}))(t)
	private := must(w.CreateChannel(ctx, w.team.ID, slacksim.Channel{Name: "private", IsPrivate: true}))(t)
	tests := []struct{ channel, text, want string }{
		{string(public.ID), "x", "not_in_channel"},
		{"#public", "x", "not_in_channel"},
		{string(old.ID), "x", "is_archived"},
		{string(private.ID), "x", "channel_not_found"},
		{"C0NOWHERE0", "x", "channel_not_found"},
		{string(w.channel.ID), "", "no_text"},
		{string(w.install.BotUserID), "x", "cannot_dm_bot"},
	}
	for _, tt := range tests {
		if _, _, err := w.api.PostMessageContext(ctx, tt.channel, slack.MsgOptionText(tt.text, false)); err == nil || err.Error() != tt.want {
			t.Errorf("posting %q to %s: %v, want %s", tt.text, tt.channel, err, tt.want)
		}
	}
}

// TestPostingToTheDeactivated: Slack answers ok (python-slack-sdk#1156), and nobody sees it.
func TestPostingToTheDeactivated(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	if err := w.Deactivate(ctx, w.team.ID, w.bob.ID); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := w.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{string(w.bob.ID)}}); err == nil || err.Error() != "user_disabled" {
		t.Errorf("opening a first DM: %v, want user_disabled", err)
	}
	if _, _, err := w.api.PostMessageContext(ctx, string(w.bob.ID), slack.MsgOptionText("hello?", false)); err != nil {
		t.Errorf("posting to Bob: %v, want ok", err)
	}
	posts := must(w.Posts(ctx, slacksim.PostQuery{}))(t).Posts
	if len(posts) != 1 || !posts[0].Unseen || posts[0].Recipient != w.bob.ID {
		t.Errorf("posts: %+v, want one that nobody saw", posts)
	}
}

func TestATokenRevokedOrItsAppRemoved(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	if err := w.Revoke(ctx, w.team.ID, w.app.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.api.AuthTestContext(ctx); err == nil || err.Error() != "token_revoked" {
		t.Errorf("after revoking: %v, want token_revoked", err)
	}
	if err := w.Uninstall(ctx, w.team.ID, w.app.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.api.AuthTestContext(ctx); err == nil || err.Error() != "account_inactive" {
		t.Errorf("after uninstalling: %v, want account_inactive", err)
	}
	again := must(w.Install(ctx, w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: []string{"chat:write"}}))(t)
	if again.Token == w.install.Token || again.BotUserID != w.install.BotUserID {
		t.Errorf("installed again: %+v, want a new token for the same bot user", again)
	}
	if _, err := w.as(again.Token).AuthTestContext(ctx); err != nil {
		t.Error(err)
	}
	w.settle()
	var heard []any
	for _, got := range w.inbox.take() {
		heard = append(heard, got.event["type"])
	}
	if !slices.Equal(heard, []any{"tokens_revoked", "app_uninstalled"}) {
		t.Errorf("heard %v", heard)
	}
}
