package schemas

import (
	"errors"
	"time"
)

// What the setup prompt says to the interactions that answer it.
const (
	// SetupAction is the action id of the prompt's button. Its value is the id of the channel, which need not be the one that the prompt is in.
	SetupAction = "setup_channel"
	// SetupBlock is the block id of the actions block that holds it.
	SetupBlock = "setup"
	// FromSlack is the Source of an association that was made in the setup modal.
	FromSlack = "slack"
)

// SetupPromptType is the type of the deliveries and outcomes of setup prompts. It is not in the catalogue: nobody requests it, and no
// preference turns it off.
const SetupPromptType NotificationType = "channel_context.setup"

// Setup makes a delivery the setup prompt of a channel or, with a PromptID, an update of one. Its outcome repeats it.
type Setup struct {
	ChannelID ChannelID `json:"channel_id" jsonschema:"required" jsonschema_description:"The channel to be associated, which need not be the one that the prompt is in."`
	AddedAt   time.Time `json:"added_at" jsonschema_description:"When the app was added: each addition has a prompt of its own."`
	InChannel bool      `json:"in_channel,omitempty" jsonschema_description:"The prompt is posted in the channel, not to a person."`
	// PromptID is the delivery that posted the prompt; the update says what the channel is associated with when it is made.
	PromptID DeliveryID `json:"prompt_id,omitempty" jsonschema_description:"Of an update: the delivery that posted the prompt."`
	// Association makes the update wait until the views show this record, and with it whatever it says.
	Association *int64 `json:"association_offset,omitempty" jsonschema_description:"Of an update: the offset on channel.associations of the record that it follows."`
	IfLinked    bool   `json:"if_linked,omitempty" jsonschema_description:"Of an update: not made while the channel is not associated."`
}

func (s *Setup) validate() error {
	switch {
	case s.ChannelID == "":
		return errors.New("setup.channel_id is missing")
	case s.AddedAt.IsZero():
		return errors.New("setup.added_at is missing")
	}
	return nil
}

// SetupPrompt says where the setup prompt of a channel stands, for as long as the channel may be associated anew.
type SetupPrompt struct {
	OrgID      OrgID      `json:"org_id" jsonschema:"required"`
	TeamID     TeamID     `json:"team_id" jsonschema:"required"`
	ChannelID  ChannelID  `json:"channel_id" jsonschema:"required" jsonschema_description:"The channel to be associated."`
	RequestID  RequestID  `json:"request_id" jsonschema:"required"`
	DeliveryID DeliveryID `json:"delivery_id" jsonschema:"required"`
	AddedAt    time.Time  `json:"added_at" jsonschema_description:"When the app was added to the channel."`
	PostedIn   ChannelID  `json:"posted_in" jsonschema:"required" jsonschema_description:"The DM or the channel that the message is in."`
	TS         TS         `json:"ts" jsonschema:"required" jsonschema_description:"Of the message."`
	InChannel  bool       `json:"in_channel,omitempty" jsonschema_description:"It was posted in the channel, not to a person."`
}

// Validate says what is missing.
func (p *SetupPrompt) Validate() error {
	return require("org_id", string(p.OrgID), "team_id", string(p.TeamID), "channel_id", string(p.ChannelID), "request_id", string(p.RequestID),
		"delivery_id", string(p.DeliveryID), "posted_in", string(p.PostedIn), "ts", string(p.TS))
}

// SetupRequestID names an addition of the app to a channel: the same for each of its prompts, updates and outcomes. The stamp is what
// Slack's event says of itself, however often Slack sends it: its event_ts.
func SetupRequestID(team TeamID, channel ChannelID, stamp string) RequestID {
	return RequestID("setup/" + string(team) + "/" + string(channel) + "/" + stamp)
}

// NewSetupDelivery is the prompt of an addition (step empty), or a later step of it, such as an update. The id is the same for the same
// step, so that the ledger knows it.
func NewSetupDelivery(org OrgID, team TeamID, request RequestID, step string, setup Setup) Delivery {
	return Delivery{
		DeliveryID: NewDeliveryID(org, request, "", step, BySlack), RequestID: request, OrgID: org, Type: SetupPromptType, TeamID: team,
		Content: Content{Title: "Link a channel to an account"}, OnAmbiguous: Repeat, RequestedAt: setup.AddedAt, Setup: &setup,
	}
}

// SetupKey is the key of all deliveries of an addition, so that a prompt and its updates stay in order.
func SetupKey(org OrgID, request RequestID) Key { return OrgKey(org, request) }
