package schemas

import (
	"encoding/json"
	"time"

	"github.com/go-faster/jx"
)

// SlackEvent is one delivery of Slack's Events API, whatever its type: where it came from, and the envelope exactly as
// Slack sent it, so that no field is lost that a later version wants.
type SlackEvent struct {
	// TeamID is the installation through which the event came: authorizations[0], else context_team_id, else team_id.
	TeamID      TeamID          `json:"team_id" jsonschema:"required" jsonschema_description:"Empty for the rare event that names no workspace."`
	ChannelID   ChannelID       `json:"channel_id,omitempty"`
	AppID       string          `json:"app_id,omitempty"`
	EventID     string          `json:"event_id,omitempty"`
	EventType   string          `json:"event_type" jsonschema:"required" jsonschema_description:"The inner event's type, such as message."`
	ReceivedAt  time.Time       `json:"received_at"`
	RetryNum    int             `json:"retry_num,omitempty" jsonschema_description:"X-Slack-Retry-Num"`
	RetryReason string          `json:"retry_reason,omitempty"`
	Envelope    json.RawMessage `json:"envelope" jsonschema:"required"`
}

// Validate says what is missing.
func (e *SlackEvent) Validate() error {
	return require("event_type", e.EventType, "envelope", string(e.Envelope))
}

// MarshalJSON writes the envelope through untouched. It must be valid JSON.
func (e SlackEvent) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// AppendJSON appends the record to buf. The envelope comes last, so that the rest can be read without it.
func (e *SlackEvent) AppendJSON(buf []byte) []byte {
	o := newObject(buf)
	o.str("team_id", string(e.TeamID))
	o.optional("channel_id", string(e.ChannelID))
	o.optional("app_id", e.AppID)
	o.optional("event_id", e.EventID)
	o.str("event_type", e.EventType)
	o.time("received_at", e.ReceivedAt)
	if e.RetryNum != 0 {
		o.field("retry_num")
		o.w.Int(e.RetryNum)
	}
	o.optional("retry_reason", e.RetryReason)
	o.field("envelope")
	o.w.Raw(e.Envelope)
	return o.end()
}

// SlackHistoryMessage is one message that polling found, in Slack's message shape.
type SlackHistoryMessage struct {
	TeamID      TeamID          `json:"team_id" jsonschema:"required"`
	ChannelID   ChannelID       `json:"channel_id" jsonschema:"required"`
	ChannelType string          `json:"channel_type,omitempty" jsonschema:"enum=channel,enum=group"`
	PolledAt    time.Time       `json:"polled_at"`
	Message     json.RawMessage `json:"message" jsonschema:"required"`
}

// Validate says what is missing.
func (m *SlackHistoryMessage) Validate() error {
	return require("team_id", string(m.TeamID), "channel_id", string(m.ChannelID), "message", string(m.Message))
}

// object writes one JSON object field by field. The hot records use it instead of reflection; see cmd/backchannel/bench for the figures.
type object struct {
	w     jx.Writer
	first bool
}

func newObject(buf []byte) *object {
	o := &object{w: jx.Writer{Buf: buf}, first: true}
	o.w.ObjStart()
	return o
}

func (o *object) field(name string) {
	if !o.first {
		o.w.Comma()
	}
	o.first = false
	o.w.FieldStart(name)
}

func (o *object) str(name, v string) {
	o.field(name)
	o.w.Str(v)
}

func (o *object) optional(name, v string) {
	if v != "" {
		o.str(name, v)
	}
}

func (o *object) flag(name string, v bool) {
	if v {
		o.field(name)
		o.w.True()
	}
}

func (o *object) time(name string, t time.Time) {
	o.field(name)
	o.w.Buf = append(o.w.Buf, '"')
	o.w.Buf = t.UTC().AppendFormat(o.w.Buf, time.RFC3339Nano)
	o.w.Buf = append(o.w.Buf, '"')
}

func (o *object) end() []byte {
	o.w.ObjEnd()
	return o.w.Buf
}
