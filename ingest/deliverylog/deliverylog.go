// Package deliverylog says what became of notifications: what the console's page and the API ask, and what they are told. The answers are in
// ClickHouse, which ingest does not ask; cmd passes in what does.
package deliverylog

import (
	"context"
	"time"

	"github.com/bigmind/backchannel/ingest/cursor"
	"github.com/bigmind/backchannel/schemas"
)

// Query chooses entries. What is empty chooses nothing out.
type Query struct {
	Recipients []string // directory user ids or emails: any of them
	Request    schemas.RequestID
	Type       schemas.NotificationType
	Status     schemas.OutcomeStatus
	Reason     schemas.Reason
	Channel    schemas.DeliveryChannel
	From, To   time.Time // of At; From is within, To is not
	After      *Cursor   // go on behind this entry
	Limit      int
}

// Log finds entries of an organization, the newest first, at most Limit of them.
type Log interface {
	Find(ctx context.Context, org schemas.OrgID, q Query) ([]Entry, error)
}

// Entry is what became of a request for one recipient by one channel, and how that was decided. It holds nothing of what the notification says.
type Entry struct {
	RequestID  schemas.RequestID        `json:"request_id"`
	Recipient  string                   `json:"recipient" doc:"Directory user id, else email or role, as it was found or named."`
	Channel    schemas.DeliveryChannel  `json:"channel,omitempty" doc:"slack or email. Absent: it ended before a channel was chosen."`
	DeliveryID schemas.DeliveryID       `json:"delivery_id,omitempty"`
	MergedInto schemas.DeliveryID       `json:"merged_into,omitempty" doc:"The delivery whose message says this too."`
	Type       schemas.NotificationType `json:"type"`
	Status     schemas.OutcomeStatus    `json:"status" enum:"delivered,suppressed,expired,failed"`
	Reason     schemas.Reason           `json:"reason,omitempty" doc:"Why not delivered."`
	Means      string                   `json:"means,omitempty" doc:"What the reason means."`
	Next       string                   `json:"next,omitempty" doc:"What to do about it."`
	Detail     string                   `json:"detail,omitempty"`

	Rule       schemas.Rule              `json:"rule,omitempty" doc:"Which preference decided."`
	Choice     schemas.ChannelPreference `json:"choice,omitempty" doc:"email, message, both or off."`
	Considered []string                  `json:"considered,omitempty" doc:"Every rule that says something, as rule=choice, in their order."`
	Mandatory  bool                      `json:"mandatory,omitempty" doc:"The type cannot be turned off, and an off was passed over."`
	Fallback   bool                      `json:"fallback,omitempty" doc:"The other channel took the place of one that cannot work."`
	Held       schemas.Reason            `json:"held,omitempty" doc:"Why it waited."`
	HeldUntil  time.Time                 `json:"held_until,omitzero"`
	TimeZone   string                    `json:"tz,omitempty" doc:"Whose clock the quiet hours were read by."`
	Named      string                    `json:"named,omitempty" doc:"How the request named the recipient, when otherwise."`
	Attempts   uint32                    `json:"attempts,omitempty" doc:"How many times the message was handed over."`
	Reply      string                    `json:"reply,omitempty" doc:"What the mail server said."`
	Ambiguous  bool                      `json:"ambiguous,omitempty" doc:"A crash left it unknown whether an earlier attempt arrived."`

	TeamID    schemas.TeamID    `json:"team_id,omitempty"`
	ChannelID schemas.ChannelID `json:"channel_id,omitempty" doc:"The direct-message channel."`
	TS        schemas.TS        `json:"ts,omitempty" doc:"Of the posted message."`

	RequestedAt time.Time `json:"requested_at,omitzero"`
	RoutedAt    time.Time `json:"routed_at,omitzero"`
	ReleasedAt  time.Time `json:"released_at,omitzero"`
	At          time.Time `json:"at" doc:"When it ended."`
}

// Explain fills in what the reason means, and what to do.
func (e *Entry) Explain() {
	info := e.Reason.Info()
	e.Means, e.Next = info.Means, info.Mend
}

// Cursor is where a page ends: the order of entries.
type Cursor struct {
	At        int64                   `json:"a"` // milliseconds
	Request   schemas.RequestID       `json:"r"`
	Recipient string                  `json:"p"`
	Channel   schemas.DeliveryChannel `json:"c"`
}

// Cursor is the entry's place.
func (e *Entry) Cursor() Cursor {
	return Cursor{e.At.UnixMilli(), e.RequestID, e.Recipient, e.Channel}
}

// String is the cursor as it goes into a URL.
func (c Cursor) String() string { return cursor.Text(c) }

// ParseCursor undoes String; nil for an empty text.
func ParseCursor(text string) (*Cursor, error) { return cursor.Parse[Cursor](text) }
