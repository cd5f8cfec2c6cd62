package enrich

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/bytedance/sonic"
	gojson "github.com/goccy/go-json"
	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/schemas"
)

// envelope is what Slack sends for a plain message, 613 bytes.
const envelope = `{"token":"XXYYZZ","team_id":"T000000001","context_team_id":"T000000001","api_app_id":"A00000001","event":{"type":"message","user":"U000000001","ts":"1790000000.000100","client_msg_id":"9e3779b9-1c1c-4b0f-9b1a-000000000001","text":"the import did finish overnight yes million rows rejects we need sso before mon.","team":"T000000001","channel":"C000000001","event_ts":"1790000000.000100","channel_type":"channel"},"type":"event_callback","event_id":"Ev000000001","event_time":1790000000,"authorizations":[{"enterprise_id":null,"team_id":"T000000001","user_id":"U0BOT","is_bot":true,"is_enterprise_install":false}]}`

// reflectedEvent holds what enrich reads of a record, for libraries that decode into structs.
type reflectedEvent struct {
	TeamID     schemas.TeamID    `json:"team_id"`
	ChannelID  schemas.ChannelID `json:"channel_id"`
	AppID      string            `json:"app_id"`
	EventType  string            `json:"event_type"`
	ReceivedAt time.Time         `json:"received_at"`
	Envelope   struct {
		Event struct {
			reflectedMessage
			Channel     schemas.ChannelID `json:"channel"`
			ChannelType string            `json:"channel_type"`
			EventTS     schemas.TS        `json:"event_ts"`
			DeletedTS   schemas.TS        `json:"deleted_ts"`
			Message     *reflectedMessage `json:"message"`
			Previous    *reflectedMessage `json:"previous_message"`
		} `json:"event"`
	} `json:"envelope"`
}

type reflectedMessage struct {
	Subtype    string              `json:"subtype"`
	User       schemas.SlackUserID `json:"user"`
	BotID      string              `json:"bot_id"`
	AppID      string              `json:"app_id"`
	UserTeam   schemas.TeamID      `json:"user_team"`
	SourceTeam schemas.TeamID      `json:"source_team"`
	TS         schemas.TS          `json:"ts"`
	ThreadTS   schemas.TS          `json:"thread_ts"`
	Edited     struct {
		TS schemas.TS `json:"ts"`
	} `json:"edited"`
	Text   json.RawMessage `json:"text"`
	Blocks json.RawMessage `json:"blocks"`
	Files  json.RawMessage `json:"files"`
}

func benchRecord() []byte {
	e := schemas.SlackEvent{
		TeamID: "T000000001", ChannelID: "C000000001", AppID: "A00000001", EventID: "Ev000000001", EventType: "message",
		ReceivedAt: time.Unix(1790000000, 0).UTC(), Envelope: []byte(envelope),
	}
	return e.AppendJSON(nil)
}

// BenchmarkDecodeEvent compares the ways to read from a record of slack.events what enrich needs. Each reads the same.
func BenchmarkDecodeEvent(b *testing.B) {
	if len(envelope) != 613 {
		b.Fatalf("the envelope has %d bytes", len(envelope))
	}
	record := benchRecord()
	var p parser
	var in input
	if err := p.event(record, &in); err != nil {
		b.Fatal(err)
	}
	want := read(&in)
	b.Run("jx", func(b *testing.B) {
		measure(b, len(record), func() error { return p.event(record, &in) })
	})
	for _, lib := range []struct {
		name      string
		unmarshal func([]byte, any) error
	}{{"goccy", gojson.Unmarshal}, {"sonic", sonic.ConfigDefault.Unmarshal}, {"encoding-json", json.Unmarshal}} {
		b.Run(lib.name, func(b *testing.B) {
			var e reflectedEvent
			if err := lib.unmarshal(record, &e); err != nil {
				b.Fatal(err)
			}
			m := &e.Envelope.Event
			got := fmt.Sprint(e.TeamID, m.Channel, m.ChannelType, e.AppID, e.EventType, e.ReceivedAt, m.EventTS, m.User, m.TS, string(m.Text))
			if diff := cmp.Diff(want, got); diff != "" {
				b.Fatalf("jx, %s:\n%s", lib.name, diff)
			}
			measure(b, len(record), func() error { e = reflectedEvent{}; return lib.unmarshal(record, &e) })
		})
	}
}

func read(in *input) string {
	return fmt.Sprint(in.team, in.channel, in.channelType, in.appID, in.eventType, in.receivedAt, in.eventTS, in.user, in.ts, string(in.text))
}

func measure(b *testing.B, bytes int, step func() error) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(bytes))
	for b.Loop() {
		if err := step(); err != nil {
			b.Fatal(err)
		}
	}
}
