package schemas

import (
	"errors"
	"strings"
	"time"
)

// SlackUser is a person or bot of a connected workspace, or a person of another company met in a shared channel.
type SlackUser struct {
	OrgID       OrgID       `json:"org_id" jsonschema:"required"`
	TeamID      TeamID      `json:"team_id" jsonschema:"required" jsonschema_description:"The installing workspace through which the person is seen."`
	UserID      SlackUserID `json:"user_id" jsonschema:"required"`
	Name        string      `json:"name,omitempty" jsonschema_description:"Real name, else display name."`
	Email       string      `json:"email,omitempty"`
	TimeZone    string      `json:"tz,omitempty" jsonschema_description:"IANA name, from the Slack profile."`
	IsBot       bool        `json:"is_bot,omitempty"`
	IsGuest     bool        `json:"is_guest,omitempty"`
	Deleted     bool        `json:"deleted,omitempty" jsonschema_description:"Deactivated in Slack."`
	IsExternal  bool        `json:"is_external,omitempty" jsonschema_description:"Of another company (Slack Connect)."`
	HomeTeamID  TeamID      `json:"home_team_id,omitempty"`
	CompanyName string      `json:"company_name,omitempty" jsonschema_description:"The other company, for external people."`
	UpdatedAt   time.Time   `json:"updated_at,omitzero"`
}

// Validate says what is missing.
func (u *SlackUser) Validate() error {
	return require("org_id", string(u.OrgID), "team_id", string(u.TeamID), "user_id", string(u.UserID))
}

// Matchable reports whether the user may be matched to a directory user: never bots, deactivated people or people of another company.
func (u *SlackUser) Matchable() bool { return !u.IsBot && !u.Deleted && !u.IsExternal && u.Email != "" }

// SlackChannel is a channel that the app can see.
type SlackChannel struct {
	OrgID       OrgID     `json:"org_id" jsonschema:"required"`
	TeamID      TeamID    `json:"team_id" jsonschema:"required"`
	ChannelID   ChannelID `json:"channel_id" jsonschema:"required"`
	Name        string    `json:"name,omitempty"`
	IsPrivate   bool      `json:"is_private,omitempty"`
	IsArchived  bool      `json:"is_archived,omitempty"`
	IsExtShared bool      `json:"is_ext_shared,omitempty"`
	IsMember    bool      `json:"is_member,omitempty" jsonschema_description:"The app is in the channel."`
	// ExternalTeamIDs are the other companies that a shared channel is shared with. Slack names them only to apps with the scope team:read,
	// which the product page does not ask for.
	ExternalTeamIDs []TeamID  `json:"external_team_ids,omitempty" jsonschema_description:"The other companies' workspaces or enterprises."`
	UpdatedAt       time.Time `json:"updated_at,omitzero"`
}

// Validate says what is missing.
func (c *SlackChannel) Validate() error {
	return require("org_id", string(c.OrgID), "team_id", string(c.TeamID), "channel_id", string(c.ChannelID))
}

// Account is a CRM account.
type Account struct {
	OrgID     OrgID     `json:"org_id" jsonschema:"required"`
	AccountID AccountID `json:"account_id" jsonschema:"required"`
	Name      string    `json:"name"`
	Domains   []string  `json:"domains,omitempty"`
	OwnerID   UserID    `json:"owner_user_id,omitempty" jsonschema_description:"Directory user to whom the account belongs: the recipient {\"role\": \"account_owner\"}."`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Validate says what is missing.
func (a *Account) Validate() error {
	return require("org_id", string(a.OrgID), "account_id", string(a.AccountID))
}

// Deal is a CRM deal of an account.
type Deal struct {
	OrgID     OrgID     `json:"org_id" jsonschema:"required"`
	DealID    DealID    `json:"deal_id" jsonschema:"required"`
	AccountID AccountID `json:"account_id"`
	Name      string    `json:"name"`
	Stage     string    `json:"stage,omitempty"`
	OwnerID   UserID    `json:"owner_user_id,omitempty" jsonschema_description:"Directory user to whom the deal belongs; absent: to the account's owner."`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Validate says what is missing.
func (d *Deal) Validate() error {
	return require("org_id", string(d.OrgID), "deal_id", string(d.DealID))
}

// DirectoryUser is a Bigmind user.
type DirectoryUser struct {
	OrgID     OrgID     `json:"org_id" jsonschema:"required"`
	UserID    UserID    `json:"user_id" jsonschema:"required"`
	Email     string    `json:"email" jsonschema_description:"Matched to Slack case-insensitively and trimmed."`
	Name      string    `json:"name,omitempty"`
	Role      string    `json:"role,omitempty" jsonschema:"enum=owner,enum=admin,enum=member"`
	ManagerID UserID    `json:"manager_id,omitempty" jsonschema_description:"Directory user: the recipient {\"role\": \"manager\"}."`
	Disabled  bool      `json:"disabled,omitempty"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Validate says what is missing.
func (u *DirectoryUser) Validate() error {
	return require("org_id", string(u.OrgID), "user_id", string(u.UserID))
}

// NormalEmail is the form in which emails are compared: trimmed and in lower case.
func NormalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// require takes name, value pairs and names the first empty one.
func require(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return errors.New(pairs[i] + " is missing")
		}
	}
	return nil
}
