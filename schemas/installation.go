package schemas

import (
	"errors"
	"slices"
	"time"
)

// InstallStatus says whether an installation may be used.
type InstallStatus string

// The states of an installation.
const (
	InstallActive      InstallStatus = "active"
	InstallRevoked     InstallStatus = "revoked"     // tokens_revoked, or Slack refused the token
	InstallUninstalled InstallStatus = "uninstalled" // app_uninstalled
)

// Slack's scopes that the product asks for, in the two flows of the product page.
const (
	ScopeChatWrite       = "chat:write"
	ScopeIMWrite         = "im:write"
	ScopeUsersRead       = "users:read"
	ScopeUsersReadEmail  = "users:read.email"
	ScopeChannelsRead    = "channels:read"
	ScopeChannelsHistory = "channels:history"
	ScopeGroupsRead      = "groups:read"
	ScopeGroupsHistory   = "groups:history"
)

// NotificationScopes are what 'Connect Slack' asks for.
func NotificationScopes() []string {
	return []string{ScopeChatWrite, ScopeIMWrite, ScopeUsersRead, ScopeUsersReadEmail}
}

// ChannelSyncScopes are what 'Connect channel sync' asks for in addition.
func ChannelSyncScopes() []string {
	return []string{ScopeChannelsRead, ScopeChannelsHistory, ScopeGroupsRead, ScopeGroupsHistory}
}

// Installation says that a workspace belongs to an organization, and what it granted. A team belongs to one org.
type Installation struct {
	OrgID        OrgID        `json:"org_id" jsonschema:"required"`
	TeamID       TeamID       `json:"team_id" jsonschema:"required"`
	TeamName     string       `json:"team_name,omitempty"`
	EnterpriseID EnterpriseID `json:"enterprise_id,omitempty"`
	AppID        string       `json:"app_id,omitempty"`
	BotUserID    SlackUserID  `json:"bot_user_id,omitempty" jsonschema_description:"Our bot's user id: its own messages are recognised by it."`
	BotID        string       `json:"bot_id,omitempty"`
	// Scopes that Slack granted, which may be fewer than were asked for.
	Scopes []string `json:"scopes"`
	// SealedToken is the bot token, sealed for this team (package schemas/seal; 'backchannel seal' makes one). Never the token itself.
	SealedToken string        `json:"sealed_token,omitempty"`
	Status      InstallStatus `json:"status,omitempty" jsonschema:"enum=active,enum=revoked,enum=uninstalled,default=active"`
	// Reason is why it is no longer active: Slack's event or error code, such as app_uninstalled or token_revoked.
	Reason      string      `json:"reason,omitempty"`
	InstalledBy SlackUserID `json:"installed_by,omitempty"`
	// InstalledAt is when the token was granted: what Slack said of an earlier one does not end this.
	InstalledAt time.Time `json:"installed_at,omitzero"`
	// SealedRefreshToken and TokenExpiresAt are there when the app has token rotation on. The refresh token is sealed as the token is.
	SealedRefreshToken string    `json:"sealed_refresh_token,omitempty"`
	TokenExpiresAt     time.Time `json:"token_expires_at,omitzero"`
	UpdatedAt          time.Time `json:"updated_at,omitzero"`
	// AppClass is how Slack limits the reading of history through this installation; empty: as the setting slack-app-class says.
	AppClass AppClass `json:"app_class,omitempty" jsonschema:"enum=marketplace,enum=internal,enum=commercial"`
}

// AppClass is how Slack limits the reading of history (docs.slack.dev/changelog, 2025-05-29).
type AppClass string

// The classes. The first two are limited alike: tier 3, pages of up to 999.
const (
	ClassMarketplace AppClass = "marketplace" // listed in Slack's Marketplace
	ClassInternal    AppClass = "internal"    // made for one customer's own workspaces
	ClassCommercial  AppClass = "commercial"  // distributed commercially outside the Marketplace: one page of 15 a minute
)

// Validate says what is missing or wrong.
func (i *Installation) Validate() error {
	if i.Status == "" {
		i.Status = InstallActive
	}
	switch {
	case i.OrgID == "":
		return errors.New("org_id is missing")
	case i.TeamID == "":
		return errors.New("team_id is missing")
	case i.AppClass != "" && i.AppClass != ClassMarketplace && i.AppClass != ClassInternal && i.AppClass != ClassCommercial:
		return errors.New("app_class must be marketplace, internal or commercial")
	case i.Status != InstallActive && i.Status != InstallRevoked && i.Status != InstallUninstalled:
		return errors.New("status must be active, revoked or uninstalled")
	}
	return nil
}

// Active reports whether Slack may be called and messages kept.
func (i *Installation) Active() bool { return i.Status == InstallActive }

// Callable reports whether there is a token to call Slack with: a record that another system wrote may be active and have none.
func (i *Installation) Callable() bool { return i.Active() && i.SealedToken != "" }

// MayKeep reports whether channel sync was authorised for a channel of this kind. Slack's channel_type is 'channel'
// for public and 'group' for private channels; when it is not known, either history scope will do, because Slack
// sends and answers only what the app has a scope for.
func (i *Installation) MayKeep(channelType string) bool {
	public, private := slices.Contains(i.Scopes, ScopeChannelsHistory), slices.Contains(i.Scopes, ScopeGroupsHistory)
	switch channelType {
	case "channel":
		return public
	case "group":
		return private
	case "im", "mpim":
		return false
	}
	return public || private
}
