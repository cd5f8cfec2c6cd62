package schemas

import "time"

// OutcomeStatus is what became of a request or of one of its deliveries.
type OutcomeStatus string

// The statuses.
const (
	Delivered  OutcomeStatus = "delivered"
	Suppressed OutcomeStatus = "suppressed" // by preference, or because nobody could be reached
	Expired    OutcomeStatus = "expired"
	Failed     OutcomeStatus = "failed"
)

// Outcome tells the upstream, the admin and the analyst what became of a request for one of its recipients, by one channel.
type Outcome struct {
	OrgID      OrgID            `json:"org_id" jsonschema:"required"`
	RequestID  RequestID        `json:"request_id" jsonschema:"required"`
	DeliveryID DeliveryID       `json:"delivery_id,omitempty" jsonschema_description:"Absent when the request ended before it was routed to a channel."`
	Type       NotificationType `json:"type,omitempty"`
	Recipient  Recipient        `json:"recipient"`
	Channel    DeliveryChannel  `json:"channel,omitempty" jsonschema:"enum=slack,enum=email"`
	Status     OutcomeStatus    `json:"status" jsonschema:"required,enum=delivered,enum=suppressed,enum=expired,enum=failed"`
	Reason     Reason           `json:"reason,omitempty"`
	Detail     string           `json:"detail,omitempty" jsonschema_description:"A sentence for a person. Never message text."`
	// Decision is how route chose the channels.
	Decision *Decision `json:"decision,omitempty"`
	// Merged are the other requests of a message; each has an outcome of its own, which names this one's delivery in merged_into.
	Merged     []MergedRequest `json:"merged,omitempty"`
	MergedInto DeliveryID      `json:"merged_into,omitempty"`
	Attempts   int             `json:"attempts,omitempty" jsonschema_description:"How many times the message was handed over, as far as is known."`
	Reply      string          `json:"reply,omitempty" jsonschema_description:"What the mail server said."`
	// The stages: asked for, routed, waited for; At is the end.
	RequestedAt time.Time `json:"requested_at,omitzero"`
	RoutedAt    time.Time `json:"routed_at,omitzero"`
	ReleasedAt  time.Time `json:"released_at,omitzero"`
	// Ambiguous: a crash left it unknown whether an earlier attempt reached Slack, so the person may have it twice (or, with silence, not at all).
	Ambiguous bool      `json:"ambiguous,omitempty"`
	TeamID    TeamID    `json:"team_id,omitempty"`
	ChannelID ChannelID `json:"channel_id,omitempty"` // the DM
	TS        TS        `json:"ts,omitempty"`         // of the posted message, or of the one that was updated
	Thread    string    `json:"thread,omitempty"`
	ThreadTS  TS        `json:"thread_ts,omitempty"` // of the message that this one answers
	Setup     *Setup    `json:"setup,omitempty" jsonschema_description:"Of a setup prompt, or an update of one."`
	At        time.Time `json:"at"`
	// ReachableAt is since when its workspace, which Slack had refused, is connected again. It is for the process that measures, and not in the record.
	ReachableAt time.Time `json:"-"`
}

// Validate says what is missing.
func (o *Outcome) Validate() error {
	return require("org_id", string(o.OrgID), "request_id", string(o.RequestID), "status", string(o.Status))
}
