package schemas

import (
	"encoding/json"
	"strconv"
	"time"
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
		o.buf = strconv.AppendInt(o.buf, int64(e.RetryNum), 10)
	}
	o.optional("retry_reason", e.RetryReason)
	o.raw("envelope", e.Envelope)
	return o.end()
}
