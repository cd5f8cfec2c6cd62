package slacksim_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// event is the only event that came, as fields.
func (w *world) event() map[string]any {
	w.t.Helper()
	w.settle()
	got := w.inbox.take()
	if len(got) != 1 {
		w.t.Fatalf("%d events, want one", len(got))
	}
	inner, _ := got[0].envelope["event"].(map[string]any)
	return inner
}

func has(t *testing.T, event map[string]any, want map[string]any) {
	t.Helper()
	got := map[string]any{}
	for k := range want {
		got[k] = event[k]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the event, want, got:\n%s", diff)
	}
}

// TestFilesHuddlesAndWhatElseComes: 'file_share is said to be gone and still comes'; 'huddles: user USLACKBOT, huddle_thread,
// room{}'; modern bots 'without a subtype'; 'unknown subtypes appear without notice'.
func TestFilesHuddlesAndWhatElseComes(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	files := json.RawMessage(`{"files":[{"id":"F1","name":"plan.pdf"}],"upload":false}`)
	huddle := json.RawMessage(`{"room":{"id":"R1","has_ended":false},"channel":"` + string(w.channel.ID) + `","no_notifications":true}`)
	for name, tt := range map[string]struct {
		say  slacksim.Say
		want map[string]any
	}{
		"file_share":           {slacksim.Say{User: w.ada.ID, Subtype: "file_share", Text: "the plan", Extra: files}, map[string]any{"subtype": "file_share", "upload": false, "user": string(w.ada.ID)}},
		"files, no subtype":    {slacksim.Say{User: w.ada.ID, Extra: files}, map[string]any{"subtype": nil, "user": string(w.ada.ID)}},
		"huddle":               {slacksim.Say{User: "USLACKBOT", Subtype: "huddle_thread", Text: "A huddle started", Extra: huddle}, map[string]any{"subtype": "huddle_thread", "user": "USLACKBOT", "room": map[string]any{"id": "R1", "has_ended": false}}},
		"modern bot":           {slacksim.Say{Extra: json.RawMessage(`{"user":"U0BOT","bot_id":"B0MODERN","bot_profile":{"id":"B0MODERN","name":"Deals"}}`), Text: "won"}, map[string]any{"subtype": nil, "bot_id": "B0MODERN", "bot_profile": map[string]any{"id": "B0MODERN", "name": "Deals"}}},
		"workflow":             {slacksim.Say{Subtype: "bot_message", Text: "step", Extra: json.RawMessage(`{"bot_id":"B0FLOW","username":"Onboarding","trigger_id":"x"}`)}, map[string]any{"subtype": "bot_message", "bot_id": "B0FLOW", "username": "Onboarding"}},
		"assistant":            {slacksim.Say{User: w.ada.ID, Subtype: "assistant_app_thread", Text: "New thread", Extra: json.RawMessage(`{"assistant_app_thread":{"title":"x"}}`)}, map[string]any{"subtype": "assistant_app_thread", "assistant_app_thread": map[string]any{"title": "x"}}},
		"something unheard of": {slacksim.Say{User: w.ada.ID, Subtype: "hologram", Text: "hi"}, map[string]any{"subtype": "hologram", "text": "hi"}},
	} {
		t.Run(name, func(t *testing.T) {
			must(w.Speak(t.Context(), w.team.ID, w.channel.ID, tt.say))(t)
			has(t, w.event(), tt.want)
		})
	}
}

// TestChangesThatAreNoEdits: message_changed is 'also sent for … language detection, … huddle ends; and an edit of a bot message may
// lack edited or user'; previous_message comes 'sometimes as an empty array'.
func TestChangesThatAreNoEdits(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	m := must(w.Say(t.Context(), w.team.ID, w.channel.ID, w.ada.ID, "bonjour"))(t)
	w.event()
	must(w.Change(t.Context(), w.team.ID, w.channel.ID, m.TS, slacksim.Edit{Extra: json.RawMessage(`{"language":{"locale":"fr"}}`), Unmarked: true}))(t)
	e := w.event()
	inner, _ := e["message"].(map[string]any)
	has(t, e, map[string]any{"subtype": "message_changed", "hidden": true})
	has(t, inner, map[string]any{"text": "bonjour", "edited": nil, "language": map[string]any{"locale": "fr"}})
	must(w.Change(t.Context(), w.team.ID, w.channel.ID, m.TS, slacksim.Edit{Text: "bonsoir", EmptyPrevious: true}))(t)
	has(t, w.event(), map[string]any{"previous_message": []any{}})
}

// TestRepliesArriveWithoutTheirSubtype: 'message_replied arrives without its subtype (a known fault)'.
func TestRepliesArriveWithoutTheirSubtype(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{ReplyEvents: true}})
	m := must(w.Say(t.Context(), w.team.ID, w.channel.ID, w.ada.ID, "who?"))(t)
	w.event()
	must(w.Reply(t.Context(), w.team.ID, w.channel.ID, m.TS, w.bob.ID, "me"))(t)
	w.settle()
	for _, got := range w.inbox.take() {
		inner, _ := got.envelope["event"].(map[string]any)
		if root, _ := inner["message"].(map[string]any); root != nil {
			has(t, inner, map[string]any{"type": "message", "subtype": nil, "hidden": true})
			has(t, root, map[string]any{"reply_count": 1.0, "ts": string(m.TS)})
			return
		}
	}
	t.Error("no message_replied came")
}
