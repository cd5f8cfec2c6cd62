package schemas

import "time"

// ChannelAssociation makes a channel the context of an account and, optionally, of one of its deals. Without one, no
// message of the channel passes beyond slack.events.
type ChannelAssociation struct {
	OrgID     OrgID     `json:"org_id" jsonschema:"required"`
	TeamID    TeamID    `json:"team_id" jsonschema:"required"`
	ChannelID ChannelID `json:"channel_id" jsonschema:"required"`
	AccountID AccountID `json:"account_id" jsonschema:"required"`
	DealID    DealID    `json:"deal_id,omitempty"`
	// By is who associated the channel, and Source where: slack (setup modal), console, api, or upstream.
	By        string    `json:"by,omitempty"`
	Source    string    `json:"source,omitempty"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// HeaderSource is of a tombstone of an association, as HeaderBy is: where the channel was dissociated, and by whom. A tombstone has no value that could say so.
// Both are optional.
const HeaderSource = "backchannel-source"

// Validate says what is missing.
func (a *ChannelAssociation) Validate() error {
	return require("org_id", string(a.OrgID), "team_id", string(a.TeamID), "channel_id", string(a.ChannelID), "account_id", string(a.AccountID))
}
