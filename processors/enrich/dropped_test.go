package enrich

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// What goes no further, and why.
func TestDropped(t *testing.T) {
	def := Definition(newWorld(t).Client)
	hello := `"user":"U1","text":"hello"`
	in := func(channel string) string {
		return `"channel":"` + channel + `","ts":"` + saidTS + `","event_ts":"` + saidTS + `",`
	}
	for name, tt := range map[string]struct {
		rec  *kgo.Record
		want schemas.Reason
	}{
		"unassociated":                        {event("T1", in("CNEW")+hello), schemas.NotAssociated},
		"dissociated":                         {event("T1", in("COLD")+hello), schemas.NotAssociated},
		"delete where never associated":       {event("T1", `"subtype":"message_deleted","channel":"CNEW","event_ts":"1.1","deleted_ts":"1.0"`), schemas.NotAssociated},
		"uninstalled":                         {event("T2", in("C1")+hello), schemas.NotInstalled},
		"direct message":                      {event("T1", in("C1")+`"channel_type":"im",`+hello), schemas.NotAuthorised},
		"group message":                       {event("T1", in("C1")+`"channel_type":"mpim",`+hello), schemas.NotAuthorised},
		"private channel, public scope":       {event("T3", in("C1")+`"channel_type":"group",`+hello), schemas.NotAuthorised},
		"associated by another organization":  {event("T1", in("CFAR")+hello), schemas.TenantMismatch},
		"delete, of another organization":     {event("T1", `"subtype":"message_deleted","channel":"CFAR","event_ts":"1.1","deleted_ts":"1.0"`), schemas.TenantMismatch},
		"own, by bot user":                    {event("T1", asC1+`"user":"U0BOT","text":"hello"`), schemas.OwnMessage},
		"own, by bot id":                      {event("T1", asC1+`"bot_id":"B0BOT","text":"hello"`), schemas.OwnMessage},
		"own, by bot id, old style":           {event("T1", asC1+`"subtype":"bot_message","bot_id":"B0BOT","text":"hello"`), schemas.OwnMessage},
		"own, by app id":                      {event("T1", asC1+`"bot_id":"BNEW","app_id":"A1","text":"hello"`), schemas.OwnMessage},
		"own, polled":                         {polled(`"ts":"1.1","user":"U0BOT","bot_id":"B0BOT","text":"hello"`), schemas.OwnMessage},
		"own, edited":                         {event("T1", change1+`"message":{"user":"U0BOT","ts":"1.1","text":"b"},"previous_message":{"user":"U0BOT","ts":"1.1","text":"a"}`), schemas.OwnMessage},
		"own, deleted":                        {event("T1", delete1+`,"previous_message":{"bot_id":"B0BOT","ts":"`+saidTS+`","text":"a"}`), schemas.OwnMessage},
		"unfurl":                              {event("T1", change1+`"message":{`+said+`"text":"hello","attachments":[{"is_msg_unfurl":true}]},"previous_message":{`+said+`"text":"hello"}`), schemas.NotAnEdit},
		"unfurl of an edited message":         {event("T1", change1+`"message":{`+said+edited+`"text":"hello","attachments":[{"id":1}]},"previous_message":{`+said+edited+`"text":"hello"}`), schemas.NotAnEdit},
		"reply count":                         {event("T1", change1+`"message":{`+said+`"text":"hello","reply_count":2,"latest_reply":"1.1"},"previous_message":{`+said+`"text":"hello","reply_count":1}`), schemas.NotAnEdit},
		"language":                            {event("T1", change1+`"message":{`+said+`"text":"hello","language":{"locale":"de"}},"previous_message":{`+said+`"text":"hello"}`), schemas.NotAnEdit},
		"message_replied":                     {event("T1", `"subtype":"message_replied","channel":"C1","ts":"1.1","event_ts":"1.1","message":{`+said+`"text":"hello"}`), schemas.ServiceMessage},
		"message_replied without its subtype": {event("T1", `"channel":"C1","ts":"1.1","event_ts":"1.1","message":{`+said+`"text":"hello","reply_count":1}`), schemas.NotConversation},
		"slackbot":                            {event("T1", asC1+`"user":"USLACKBOT","text":"hello"`), schemas.ServiceMessage},
		"huddle ended":                        {event("T1", change1+`"message":{"subtype":"huddle_thread","user":"USLACKBOT","ts":"1.1","text":"A huddle","room":{"has_ended":true}}`), schemas.ServiceMessage},
		"unknown subtype without a person":    {event("T1", asC1+`"subtype":"brand_new","text":"hello"`), schemas.NotConversation},
		"unknown subtype without text":        {event("T1", asC1+`"subtype":"brand_new","user":"U1","text":""`), schemas.NotConversation},
		"empty message":                       {event("T1", asC1+`"user":"U1","text":""`), schemas.NotConversation},
	} {
		t.Run(name, func(t *testing.T) { wantDropped(t, def, tt.rec, tt.want) })
	}
}

// Every subtype that slack.md names as no conversation, live and polled.
func TestServiceMessagesAreDropped(t *testing.T) {
	def := Definition(newWorld(t).Client)
	names := []string{"pinned_item", "unpinned_item", "reminder_add", "ekm_access_denied", "huddle_thread", "assistant_app_thread"}
	for _, of := range []string{"channel", "group"} {
		for _, what := range []string{"join", "leave", "topic", "purpose", "name", "archive", "unarchive", "convert_to_private", "convert_to_public", "posting_permissions"} {
			names = append(names, of+"_"+what)
		}
	}
	for _, name := range names {
		fields := fmt.Sprintf(`"channel":"C1","subtype":%q,"ts":%q,"user":"U1","text":"did something"`, name, saidTS)
		wantDropped(t, def, event("T1", fields), schemas.ServiceMessage)
		wantDropped(t, def, polled(fields), schemas.ServiceMessage)
	}
}

// Other events share the topic. They are told apart by their type, whatever else is in them.
func TestOtherEventsAreNoMessages(t *testing.T) {
	def := Definition(newWorld(t).Client)
	for _, kind := range []string{"app_mention", "channel_rename", "user_change", "tokens_revoked", "app_rate_limited", "something_new"} {
		e := schemas.SlackEvent{EventType: kind, ReceivedAt: receivedAt, Envelope: []byte(`{"event":{"type":"` + kind + `","channel":{"id":"C1"},"user":{"id":"U1"}}}`)}
		wantDropped(t, def, &kgo.Record{Topic: schemas.SlackEvents.Name, Value: e.AppendJSON(nil)}, schemas.NotAMessage)
	}
}

func wantDropped(t *testing.T, def processors.Definition, rec *kgo.Record, want schemas.Reason) {
	t.Helper()
	got, fate := one(t, def, rec)
	if got != nil || fate.Dropped != want || fate.Rejected != "" {
		t.Errorf("%s: got message %v and fate %+v, want it dropped as %s", rec.Value, got != nil, fate, want)
	}
}
