package slacksim_test

import (
	"testing"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

func TestSlackGoPostsAndHearsOfIt(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	ctx := t.Context()
	_, ts, err := w.api.PostMessageContext(ctx, string(w.channel.ID), slack.MsgOptionText("hello", false))
	if err != nil {
		t.Fatal(err)
	}
	said := must(w.Say(ctx, w.team.ID, w.channel.ID, w.ada.ID, "hi <@"+string(w.install.BotUserID)+">"))(t)
	w.settle()
	got := w.inbox.take()
	if len(got) != 3 {
		t.Fatalf("%d events, want the bot's own post, the message and the mention: %v", len(got), got)
	}
	if got[0].event["ts"] != ts || got[0].event["bot_id"] != string(w.install.BotID) {
		t.Errorf("the bot's own post came as %v", got[0].event)
	}
	if got[1].event["ts"] != string(said.TS) || got[2].event["type"] != "app_mention" {
		t.Errorf("what Ada said came as %v and %v", got[1].event, got[2].event)
	}
}
