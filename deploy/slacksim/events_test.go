package slacksim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// one takes the only event there is.
func (w *world) one() received {
	w.t.Helper()
	w.settle()
	got := w.inbox.take()
	if len(got) != 1 {
		w.t.Fatalf("%d events, want 1: %v", len(got), got)
	}
	return got[0]
}

// at reads a path such as message.text from decoded JSON.
func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = o[name]
	}
	return v
}

func check(t *testing.T, event map[string]any, want map[string]any) {
	t.Helper()
	for path, v := range want {
		if got := at(event, path); !cmp.Equal(got, v) {
			t.Errorf("%s is %v, want %v\nin %v", path, got, v, event)
		}
	}
}

func TestEnvelope(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	said := must(w.Say(t.Context(), w.team.ID, w.channel.ID, w.ada.ID, "hi"))(t)
	got := w.one()
	check(t, got.envelope, map[string]any{
		"type": "event_callback", "team_id": string(w.team.ID), "api_app_id": string(w.app.ID), "context_team_id": string(w.team.ID),
		"context_enterprise_id": nil, "is_ext_shared_channel": false, "token": w.app.VerificationToken,
	})
	auths, _ := got.envelope["authorizations"].([]any)
	if len(auths) != 1 {
		t.Fatalf("authorizations: %v, want one", auths)
	}
	want := map[string]any{
		"enterprise_id": nil, "team_id": string(w.team.ID), "user_id": string(w.install.BotUserID), "is_bot": true, "is_enterprise_install": false,
	}
	if diff := cmp.Diff(want, auths[0]); diff != "" {
		t.Error(diff)
	}
	check(t, got.event, map[string]any{
		"type": "message", "ts": string(said.TS), "event_ts": string(said.TS), "channel": string(w.channel.ID), "channel_type": "channel",
		"user": string(w.ada.ID), "text": "hi", "subtype": nil, "thread_ts": nil,
	})
	if got.event["client_msg_id"] == nil || got.event["blocks"] == nil {
		t.Errorf("a person's message has a client_msg_id and rich text: %v", got.event)
	}
}

func TestThreads(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	root := must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "root"))(t)
	w.one()
	reply := must(w.Reply(ctx, w.team.ID, w.channel.ID, root.TS, w.bob.ID, "reply"))(t)
	check(t, w.one().event, map[string]any{"ts": string(reply.TS), "thread_ts": string(root.TS), "parent_user_id": string(w.ada.ID), "subtype": nil})
	must(w.Broadcast(ctx, w.team.ID, w.channel.ID, reply.TS, w.bob.ID, "for all"))(t)
	check(t, w.one().event, map[string]any{
		"subtype": "thread_broadcast", "thread_ts": string(root.TS), "root.text": "root", "root.reply_count": 2.0,
	})
}

func TestEditsAndUnfurls(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	said := must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "see <https://acme.example>"))(t)
	w.one()
	must(w.Unfurl(ctx, w.team.ID, w.channel.ID, said.TS, slacksim.Unfurl{URL: "https://acme.example", Title: "Acme"}))(t)
	unfurl := w.one().event
	check(t, unfurl, map[string]any{"subtype": "message_changed", "hidden": true, "message.edited": nil, "message.text": said.Text, "message.ts": string(said.TS)})
	list, _ := at(unfurl, "message.attachments").([]any)
	if len(list) != 1 || at(list[0], "is_msg_unfurl") != true {
		t.Errorf("attachments %v, want an unfurl", list)
	}
	must(w.Edit(ctx, w.team.ID, w.channel.ID, said.TS, "never mind"))(t)
	edit := w.one().event
	check(t, edit, map[string]any{
		"subtype": "message_changed", "message.text": "never mind", "message.edited.user": string(w.ada.ID), "previous_message.text": said.Text,
	})
	if ts, _ := at(edit, "message.edited.ts").(string); !strings.HasSuffix(ts, ".000000") {
		t.Errorf("edited.ts is %s; Slack's has whole seconds", ts)
	}
	if edit["ts"] == string(said.TS) || edit["ts"] != edit["event_ts"] {
		t.Errorf("the event's own ts is %v, the message's %s", edit["ts"], said.TS)
	}
}

func TestDeletes(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	root := must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "root"))(t)
	reply := must(w.Reply(ctx, w.team.ID, w.channel.ID, root.TS, w.bob.ID, "reply"))(t)
	w.settle()
	w.inbox.take()
	if err := w.Delete(ctx, w.team.ID, w.channel.ID, root.TS); err != nil {
		t.Fatal(err)
	}
	check(t, w.one().event, map[string]any{
		"subtype": "message_changed", "message.subtype": "tombstone", "message.user": "USLACKBOT", "message.text": "This message was deleted.",
		"message.ts": string(root.TS), "previous_message.text": "root", "message.reply_count": 1.0,
	})
	left := must(w.Messages(ctx, w.team.ID, w.channel.ID, slacksim.MessageQuery{}))(t).Messages
	if len(left) != 1 || left[0].TS != reply.TS {
		t.Errorf("the record says %+v, want the reply alone", left)
	}
	if err := w.Delete(ctx, w.team.ID, w.channel.ID, reply.TS); err != nil {
		t.Fatal(err)
	}
	w.settle()
	got := w.inbox.take()
	if len(got) != 2 {
		t.Fatalf("%d events, want the reply's end and the tombstone's", len(got))
	}
	check(t, got[0].event, map[string]any{"subtype": "message_deleted", "deleted_ts": string(reply.TS), "previous_message.text": "reply"})
	check(t, got[1].event, map[string]any{"subtype": "message_deleted", "deleted_ts": string(root.TS), "previous_message.subtype": "tombstone"})
	if err := w.Delete(ctx, w.team.ID, w.channel.ID, reply.TS); err == nil {
		t.Error("deleted twice")
	}
}

func TestBotsAndServiceMessages(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	must(w.BotMessage(ctx, w.team.ID, w.channel.ID, "Jenkins", "build passed"))(t)
	check(t, w.one().event, map[string]any{"subtype": "bot_message", "username": "Jenkins", "user": nil, "text": "build passed"})
	must(w.ServiceMessage(ctx, w.team.ID, w.channel.ID, "pinned_item", w.ada.ID, "pinned"))(t)
	check(t, w.one().event, map[string]any{"subtype": "pinned_item", "user": string(w.ada.ID)})
	topic := "Renewal"
	must(w.UpdateChannel(ctx, w.team.ID, w.channel.ID, slacksim.ChannelPatch{Topic: &topic, Actor: w.ada.ID}))(t)
	check(t, w.one().event, map[string]any{"subtype": "channel_topic", "topic": "Renewal", "user": string(w.ada.ID)})
	list := must(w.Messages(ctx, w.team.ID, w.channel.ID, slacksim.MessageQuery{}))(t).Messages
	if len(list) != 1 || list[0].Text != "build passed" {
		t.Errorf("conversation: %+v", list)
	}
	list = must(w.Messages(ctx, w.team.ID, w.channel.ID, slacksim.MessageQuery{Service: true}))(t).Messages
	if len(list) != 3 {
		t.Errorf("with service messages: %+v", list)
	}
}

func TestMembershipEvents(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	channel := must(w.CreateChannel(ctx, w.team.ID, slacksim.Channel{Name: "private", IsPrivate: true, Members: []slacksim.UserID{w.ada.ID}}))(t)
	must(w.Say(ctx, w.team.ID, channel.ID, w.ada.ID, "before the bot"))(t)
	if err := w.Invite(ctx, w.team.ID, channel.ID, w.ada.ID, w.install.BotUserID); err != nil {
		t.Fatal(err)
	}
	w.settle()
	got := w.inbox.take()
	if len(got) != 2 {
		t.Fatalf("%d events, want the bot's own join and its message", len(got))
	}
	check(t, got[0].event, map[string]any{
		"type": "member_joined_channel", "user": string(w.install.BotUserID), "inviter": string(w.ada.ID), "channel_type": "G", "team": string(w.team.ID),
	})
	check(t, got[1].event, map[string]any{"subtype": "group_join", "inviter": string(w.ada.ID), "channel_type": "group"})
	name := "renamed"
	must(w.UpdateChannel(ctx, w.team.ID, channel.ID, slacksim.ChannelPatch{Name: &name}))(t)
	w.settle()
	check(t, w.inbox.take()[0].event, map[string]any{"type": "group_rename", "channel.name": "renamed", "channel.id": string(channel.ID)})
	if err := w.Remove(ctx, w.team.ID, channel.ID, w.install.BotUserID, w.ada.ID); err != nil {
		t.Fatal(err)
	}
	check(t, w.one().event, map[string]any{"type": "group_left", "actor_id": string(w.ada.ID), "user": nil})
	must(w.Say(ctx, w.team.ID, channel.ID, w.ada.ID, "after the bot"))(t)
	w.settle()
	if got := w.inbox.take(); len(got) != 0 {
		t.Errorf("heard %v after it was removed", got)
	}
}

func TestPeopleEvents(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	eve := must(w.CreatePerson(t.Context(), w.team.ID, slacksim.Person{Name: "eve", Email: "eve@acme.example"}))(t)
	check(t, w.one().event, map[string]any{"type": "team_join", "user.id": string(eve.ID), "user.profile.email": "eve@acme.example"})
	if err := w.Deactivate(t.Context(), w.team.ID, eve.ID); err != nil {
		t.Fatal(err)
	}
	check(t, w.one().event, map[string]any{"type": "user_change", "user.deleted": true})
}

func TestWithheldAndDuplicateEvents(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{RetryScale: new(float64)}})
	ctx := t.Context()
	must(w.AddFault(ctx, slacksim.Fault{Kind: slacksim.FaultWithholdEvents, Event: "message", Count: 1}))(t)
	must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "unheard"))(t)
	must(w.AddFault(ctx, slacksim.Fault{Kind: slacksim.FaultDuplicateEvents, Channel: w.channel.ID, Count: 1}))(t)
	must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "heard twice"))(t)
	before := must(w.Deliveries(ctx))(t)
	after := w.settle()
	got := w.inbox.take()
	if len(got) != 2 || got[0].envelope["event_id"] != got[1].envelope["event_id"] || got[1].header.Get("X-Slack-Retry-Num") != "1" {
		t.Fatalf("got %v, want one event twice", got)
	}
	if after.Withheld != 1 || after.Created != before.Created || after.Pending != 0 {
		t.Errorf("counted %+v", after)
	}
}

func TestTheEventsURLIsChallenged(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	_, err := w.UpdateApp(t.Context(), w.app.ID, slacksim.AppPatch{Verify: true})
	if err == nil || !strings.Contains(err.Error(), "challenge") {
		t.Errorf("an URL that does not answer the challenge: %v, want a refusal", err)
	}
	came := ""
	good := newInboxServer(t, func(rw http.ResponseWriter, r *http.Request) {
		came = r.Header.Get("Content-Type")
		body := struct{ Challenge, Type string }{r.FormValue("challenge"), r.FormValue("type")}
		if body.Type == "" {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
		}
		if body.Type != "url_verification" {
			t.Errorf("the challenge: %+v", body)
		}
		_, _ = rw.Write([]byte(body.Challenge))
	})
	for as, want := range map[string]string{"": "application/json", "form": "application/x-www-form-urlencoded", "text": "text/plain; charset=utf-8"} {
		if _, err := w.UpdateApp(t.Context(), w.app.ID, slacksim.AppPatch{EventsURL: &good, Verify: true, VerifyAs: as}); err != nil || came != want {
			t.Errorf("as %q it came as %s: %v", as, came, err)
		}
	}
}

// TestAnAppsOwnRemovalMayBeWithheld: 'channel_left/group_left do (actor_id, no user), and may be withheld': faults know an event by the
// name under which the app hears it.
func TestAnAppsOwnRemovalMayBeWithheld(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	must(w.AddFault(ctx, slacksim.Fault{Kind: slacksim.FaultWithholdEvents, Event: "channel_left", Count: 1}))(t)
	if err := w.Remove(ctx, w.team.ID, w.channel.ID, w.bob.ID, ""); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if got := w.inbox.take(); len(got) == 0 || got[0].event["type"] != "member_left_channel" {
		t.Errorf("another's leaving was withheld: %v", got)
	}
	if err := w.Remove(ctx, w.team.ID, w.channel.ID, w.install.BotUserID, w.ada.ID); err != nil {
		t.Fatal(err)
	}
	if stats := w.settle(); stats.Withheld != 1 || len(w.inbox.take()) != 0 {
		t.Errorf("the app heard of its removal: %+v", stats)
	}
	info := w.post("conversations.info", formType, w.install.Token, "channel="+string(w.channel.ID))
	if at(info.body, "channel.is_member") != false {
		t.Errorf("is_member tells the truth all the same: %v", info.body)
	}
}

// TestAJoinWithoutAnInviter: 'inviter is absent on self-join'.
func TestAJoinWithoutAnInviter(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	room := must(w.CreateChannel(t.Context(), w.team.ID, slacksim.Channel{Name: "open", Members: []slacksim.UserID{w.ada.ID}}))(t)
	if err := w.Invite(t.Context(), w.team.ID, room.ID, "", w.install.BotUserID); err != nil {
		t.Fatal(err)
	}
	w.settle()
	got := w.inbox.take()
	check(t, got[0].event, map[string]any{"type": "member_joined_channel", "user": string(w.install.BotUserID), "inviter": nil})
}

// TestUninstallingComesBeforeTheTokens: tokens_revoked 'names user ids, not tokens, and may come after app_uninstalled'.
func TestUninstallingComesBeforeTheTokens(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	if err := w.Uninstall(t.Context(), w.team.ID, w.app.ID); err != nil {
		t.Fatal(err)
	}
	w.settle()
	got := w.inbox.take()
	if len(got) != 2 || got[0].event["type"] != "app_uninstalled" || got[1].event["type"] != "tokens_revoked" {
		t.Fatalf("got %v, want app_uninstalled, then tokens_revoked", got)
	}
	if diff := cmp.Diff([]any{string(w.install.BotUserID)}, at(got[1].event, "tokens.bot")); diff != "" {
		t.Error(diff)
	}
}
