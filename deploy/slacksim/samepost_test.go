package slacksim_test

import (
	"testing"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// TestOnePostIsSeveralEvents: 'the same post can arrive as several events (message and app_mention; two apps): identity
// is (channel, ts), not event_id'.
func TestOnePostIsSeveralEvents(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	w.inbox.setSecret("") // two apps with a secret each
	other := must(w.CreateApp(ctx, slacksim.App{Name: "Other", EventsURL: w.inbox.url, Events: allEvents}))(t)
	in := must(w.Install(ctx, w.team.ID, slacksim.InstallRequest{App: other.ID, Scopes: allScopes}))(t)
	if err := w.Invite(ctx, w.team.ID, w.channel.ID, w.ada.ID, in.BotUserID); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.inbox.take()
	said := must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "hi <@"+string(w.install.BotUserID)+">"))(t)
	w.settle()
	ids, kinds := map[any]bool{}, map[[2]any]int{}
	for _, got := range w.inbox.take() {
		check(t, got.event, map[string]any{"ts": string(said.TS), "channel": string(w.channel.ID)})
		ids[got.envelope["event_id"]] = true
		kinds[[2]any{got.envelope["api_app_id"], got.event["type"]}]++
	}
	mine, others := string(w.app.ID), string(other.ID)
	if len(ids) != 3 || kinds[[2]any{mine, "message"}] != 1 || kinds[[2]any{mine, "app_mention"}] != 1 || kinds[[2]any{others, "message"}] != 1 {
		t.Errorf("events: %v with ids %v; want message and app_mention for one app, message for the other, each with its own id", kinds, ids)
	}
}

// TestEveryServiceSubtype: the 'Not conversation' list of channel_* and group_* can be said, arrives, and is no conversation.
func TestEveryServiceSubtype(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	subtypes := []string{"pinned_item", "unpinned_item", "reminder_add", "ekm_access_denied"}
	for _, what := range []string{
		"join", "leave", "topic", "purpose", "name", "archive", "unarchive", "convert_to_private", "convert_to_public", "posting_permissions",
	} {
		subtypes = append(subtypes, "channel_"+what, "group_"+what)
	}
	for _, subtype := range subtypes {
		must(w.ServiceMessage(t.Context(), w.team.ID, w.channel.ID, subtype, w.ada.ID, "said"))(t)
		check(t, w.one().event, map[string]any{"type": "message", "subtype": subtype})
	}
	if list := must(w.Messages(t.Context(), w.team.ID, w.channel.ID, slacksim.MessageQuery{}))(t).Messages; len(list) != 0 {
		t.Errorf("conversation: %+v, want none", list)
	}
}

// TestTheDefaultCap: '30,000 deliveries per workspace, app and hour', when no setting says otherwise.
func TestTheDefaultCap(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	if got := must(w.Settings(t.Context()))(t).EventsPerHour; got != 30_000 {
		t.Errorf("events per hour: %d, want 30000", got)
	}
}

// TestTheAppTokenIsChanged by the control API, so that a test can give an app the token that a client is configured with.
func TestTheAppTokenIsChanged(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	token := "xapp-1-" + string(w.app.ID) + "-chosen"
	if got := must(w.UpdateApp(t.Context(), w.app.ID, slacksim.AppPatch{AppToken: &token}))(t).AppToken; got != token {
		t.Errorf("app_token was not changed")
	}
}
