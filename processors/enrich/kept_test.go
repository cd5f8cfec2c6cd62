package enrich

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

const (
	saidTS    = "1790000000.000100"
	saidAt    = 1790000000000100
	changedTS = "1790000060.000200"
	changedAt = 1790000060000200
	asC1      = `"channel":"C1","ts":"` + saidTS + `","event_ts":"` + saidTS + `",`
	change1   = `"subtype":"message_changed","hidden":true,"channel":"C1","ts":"` + changedTS + `","event_ts":"` + changedTS + `",`
	delete1   = `"subtype":"message_deleted","hidden":true,"channel":"C1","ts":"` + changedTS + `","event_ts":"` + changedTS + `","deleted_ts":"` + saidTS + `"`
	said      = `"type":"message","user":"U1","ts":"` + saidTS + `",`
	edited    = `"edited":{"user":"U1","ts":"1790000060.000000"},`
)

// base is a message of Ann's in C1; change makes another of it.
func base(change func(*schemas.ContextMessage)) *schemas.ContextMessage {
	m := &schemas.ContextMessage{
		OrgID: "acme", TeamID: "T1", ChannelID: "C1", TS: saidTS, Version: saidAt, UserID: "U1", AuthorName: "Ann",
		AuthorEmail: "ann@acme.example", Text: "hello", AccountID: "acc1", DealID: "deal1", Source: "live", ReceivedAt: receivedAt,
	}
	if change != nil {
		change(m)
	}
	return m
}

func unsaid(m *schemas.ContextMessage) {
	m.UserID, m.AuthorName, m.AuthorEmail, m.Text, m.Version, m.Deleted = "", "", "", "", changedAt, true
}

func bot(m *schemas.ContextMessage) {
	m.UserID, m.AuthorName, m.AuthorEmail, m.BotID = "", "", "", "B7"
}

// What is kept, and as what: each case is a shape of Slack's 'message' reference, or one that users of its SDKs have seen.
func TestKept(t *testing.T) {
	def := Definition(newWorld(t).Client)
	for name, tt := range map[string]struct {
		rec  *kgo.Record
		want *schemas.ContextMessage
	}{
		"message":      {event("T1", asC1+`"user":"U1","text":"hello"`), base(nil)},
		"text escapes": {event("T1", asC1+`"user":"U1","text":"a \"b\"\n\u00e9 \ud83d\ude00"`), base(func(m *schemas.ContextMessage) { m.Text = "a \"b\"\né 😀" })},
		"null fields":  {event("T1", asC1+`"user":"U1","text":"hello","bot_id":null,"subtype":null,"thread_ts":null,"edited":null,"files":null`), base(nil)},
		"no event_ts":  {event("T1", `"channel":"C1","ts":"`+saidTS+`","user":"U1","text":"hello"`), base(nil)},
		"unknown author": {event("T1", asC1+`"user":"U9","text":"hello"`), base(func(m *schemas.ContextMessage) {
			m.UserID, m.AuthorName, m.AuthorEmail = "U9", "", ""
		})},
		"author of another organization's directory": {event("T1", asC1+`"user":"UFAR","text":"hello"`), base(func(m *schemas.ContextMessage) {
			m.UserID, m.AuthorName, m.AuthorEmail = "UFAR", "", ""
		})},
		"thread reply": {event("T1", asC1+`"user":"U1","text":"hello","thread_ts":"1780000000.000100","parent_user_id":"U2"`),
			base(func(m *schemas.ContextMessage) { m.ThreadTS = "1780000000.000100" })},
		"thread_broadcast": {event("T1", asC1+`"subtype":"thread_broadcast","user":"U1","text":"hello","thread_ts":"1780000000.000100","root":{"user":"U2","text":"root"}`),
			base(func(m *schemas.ContextMessage) { m.ThreadTS, m.Subtype = "1780000000.000100", "thread_broadcast" })},
		"me_message": {event("T1", asC1+`"subtype":"me_message","user":"U1","text":"hello"`), base(func(m *schemas.ContextMessage) { m.Subtype = "me_message" })},
		"a file alone": {event("T1", asC1+`"subtype":"file_share","user":"U1","text":"","files":[{"id":"F1","name":"plan.pdf"},{"id":"F2","name":"\u00fcber.txt"},{"id":"F3","name":null},7]`),
			base(func(m *schemas.ContextMessage) {
				m.Subtype, m.Text, m.FileNames = "file_share", "", []string{"plan.pdf", "über.txt"}
			})},
		"a file without a subtype": {event("T1", asC1+`"user":"U1","text":"","files":[{"name":"a.txt"}]`),
			base(func(m *schemas.ContextMessage) { m.Text, m.FileNames = "", []string{"a.txt"} })},
		"subtype nobody knows, with person and text": {event("T1", asC1+`"subtype":"brand_new","user":"U1","text":"hello"`),
			base(func(m *schemas.ContextMessage) { m.Subtype = "brand_new" })},
		"old bot message": {event("T1", asC1+`"subtype":"bot_message","bot_id":"B7","username":"ci","text":"hello"`),
			base(func(m *schemas.ContextMessage) { bot(m); m.Subtype = "bot_message" })},
		"old webhook without an id": {event("T1", asC1+`"subtype":"bot_message","username":"ci","text":"hello"`),
			base(func(m *schemas.ContextMessage) { bot(m); m.BotID, m.Subtype = "", "bot_message" })},
		"modern bot message": {event("T1", asC1+`"bot_id":"B7","app_id":"A7","bot_profile":{"id":"B7"},"text":"hello"`), base(bot)},
		"a person's message posted through another app": {event("T1", asC1+`"user":"U1","app_id":"A7","bot_id":"B7","text":"hello"`),
			base(func(m *schemas.ContextMessage) { m.BotID = "B7" })},
		"edit": {event("T1", change1+`"message":{`+said+edited+`"text":"hello"},"previous_message":{`+said+`"text":"helo"}`),
			base(func(m *schemas.ContextMessage) {
				m.Version, m.EditedTS, m.Former = changedAt, "1790000060.000000", &schemas.Wording{Text: "helo"}
			})},
		"second edit, which takes a file away": {event("T1", change1+`"message":{`+said+edited+`"text":"hello"},"previous_message":{`+said+`"edited":{"ts":"1790000030.000000"},"text":"hello","files":[{"name":"a \"b\".pdf"}]}`),
			base(func(m *schemas.ContextMessage) {
				m.Version, m.EditedTS = changedAt, "1790000060.000000"
				m.Former = &schemas.Wording{Text: "hello", FileNames: []string{`a "b".pdf`}, EditedTS: "1790000030.000000"}
			})},
		"edit that says the same again": {event("T1", change1+`"message":{`+said+edited+`"text":"hello"},"previous_message":{`+said+`"text":"hello"}`),
			base(func(m *schemas.ContextMessage) {
				m.Version, m.EditedTS, m.Former = changedAt, "1790000060.000000", &schemas.Wording{Text: "hello"}
			})},
		"edit of a bot message without edited": {event("T1", change1+`"message":{"bot_id":"B7","ts":"`+saidTS+`","text":"hello"},"previous_message":{"bot_id":"B7","ts":"`+saidTS+`","text":"helo"}`),
			base(func(m *schemas.ContextMessage) {
				bot(m)
				m.Version, m.Former = changedAt, &schemas.Wording{Text: "helo"}
			})},
		"edit of blocks alone": {event("T1", change1+`"message":{"bot_id":"B7","ts":"`+saidTS+`","text":"hello","blocks":[{"a":2}]},"previous_message":{"bot_id":"B7","ts":"`+saidTS+`","text":"hello","blocks":[{"a":1}]}`),
			base(func(m *schemas.ContextMessage) { bot(m); m.Version = changedAt })},
		"edit with an empty array for previous": {event("T1", change1+`"message":{`+said+`"text":"hello"},"previous_message":[]`),
			base(func(m *schemas.ContextMessage) { m.Version = changedAt })},
		"edit without previous": {event("T1", change1+`"message":{`+said+`"text":"hello"}`), base(func(m *schemas.ContextMessage) { m.Version = changedAt })},
		"edit without event_ts": {event("T1", `"subtype":"message_changed","channel":"C1","ts":"`+changedTS+`","message":{`+said+`"text":"hello"}`),
			base(func(m *schemas.ContextMessage) { m.Version = changedAt })},
		"delete":                           {event("T1", delete1), base(unsaid)},
		"delete with previous":             {event("T1", delete1+`,"previous_message":{`+said+`"text":"hello"}`), base(unsaid)},
		"delete with previous in a thread": {event("T1", delete1+`,"previous_message":{`+said+`"text":"hello","thread_ts":"1780000000.000100"}`), base(func(m *schemas.ContextMessage) { unsaid(m); m.ThreadTS = "1780000000.000100" })},
		"delete with an empty array":       {event("T1", delete1+`,"previous_message":[]`), base(unsaid)},
		"root deleted, replies stay": {event("T1", change1+`"message":{"subtype":"tombstone","user":"USLACKBOT","hidden":true,"ts":"`+saidTS+`","thread_ts":"`+saidTS+`","text":"This message was deleted."},"previous_message":{`+said+`"text":"hello"}`),
			base(func(m *schemas.ContextMessage) { unsaid(m); m.ThreadTS = saidTS })},
		"root deleted after its replies": {event("T1", delete1+`,"previous_message":{"subtype":"tombstone","user":"USLACKBOT","ts":"`+saidTS+`","text":"This message was deleted."}`), base(unsaid)},
		"delete where the channel was associated once": {event("T1", `"subtype":"message_deleted","channel":"COLD","ts":"`+changedTS+`","event_ts":"`+changedTS+`","deleted_ts":"`+saidTS+`"`),
			base(func(m *schemas.ContextMessage) { unsaid(m); m.ChannelID, m.AccountID, m.DealID = "COLD", "", "" })},
		"external person, by the event": {event("T1", asC1+`"user":"U9","user_team":"TX","source_team":"TY","text":"hello"`), base(func(m *schemas.ContextMessage) {
			m.UserID, m.AuthorName, m.AuthorEmail, m.IsExternal, m.AuthorTeamID = "U9", "", "", true, "TX"
		})},
		"external person, by source_team alone": {event("T1", asC1+`"user":"U9","source_team":"TY","text":"hello"`), base(func(m *schemas.ContextMessage) {
			m.UserID, m.AuthorName, m.AuthorEmail, m.IsExternal, m.AuthorTeamID = "U9", "", "", true, "TY"
		})},
		"external person, by the directory": {event("T1", asC1+`"user":"UEXT","text":"hello"`), base(func(m *schemas.ContextMessage) {
			m.UserID, m.AuthorName, m.AuthorEmail, m.IsExternal, m.AuthorTeamID = "UEXT", "Xavier", "", true, "TX"
		})},
		"our own person in a shared channel": {event("T1", asC1+`"user":"U1","user_team":"T1","source_team":"T1","text":"hello"`), base(nil)},
		"private channel":                    {event("T1", asC1+`"channel_type":"group","user":"U1","text":"hello"`), base(nil)},
		"public channel, public scope":       {event("T3", asC1+`"user":"U9","text":"hello"`), base(func(m *schemas.ContextMessage) { m.TeamID, m.UserID, m.AuthorName, m.AuthorEmail = "T3", "U9", "", "" })},
		"polled":                             {polled(`"ts":"` + saidTS + `","user":"U1","text":"hello"`), base(func(m *schemas.ContextMessage) { m.Source = "history" })},
		"polled, edited": {polled(`"ts":"` + saidTS + `",` + edited + `"user":"U1","text":"hello"`), base(func(m *schemas.ContextMessage) {
			m.Source, m.Version, m.EditedTS = "history", 1790000060000000, "1790000060.000000"
		})},
		"polled tombstone: as of the poll": {polled(`"subtype":"tombstone","user":"USLACKBOT","ts":"` + saidTS + `","text":"This message was deleted."`),
			base(func(m *schemas.ContextMessage) {
				unsaid(m)
				m.Source, m.Version = "history", uint64(receivedAt.UnixMicro())
			})},
	} {
		t.Run(name, func(t *testing.T) {
			got, fate := one(t, def, tt.rec)
			if got == nil {
				t.Fatalf("it was not kept: %+v", fate)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		})
	}
}
