package slackapp

import "github.com/bigmind/backchannel/schemas"

// Event is a bot event that the app subscribes to.
type Event struct {
	Name string
	// Scopes are those of which any one lets Slack send it; empty: it needs none.
	Scopes []string
}

// Events are all subscriptions, as docs.slack.dev/reference/events names them and their scopes. There is no group_shared:
// channel_shared and channel_unshared speak of private channels too. app_rate_limited comes unasked.
func Events() []Event {
	either := []string{schemas.ScopeChannelsRead, schemas.ScopeGroupsRead}
	public, private := []string{schemas.ScopeChannelsRead}, []string{schemas.ScopeGroupsRead}
	return []Event{
		{"message.channels", []string{schemas.ScopeChannelsHistory}},
		{"message.groups", []string{schemas.ScopeGroupsHistory}},
		{"member_joined_channel", either},
		{"member_left_channel", either},
		{"channel_left", public},
		{"group_left", private},
		{"channel_rename", public},
		{"channel_archive", public},
		{"channel_unarchive", public},
		{"channel_deleted", public},
		{"channel_shared", either},
		{"channel_unshared", either},
		{"group_rename", private},
		{"group_archive", private},
		{"group_unarchive", private},
		{"group_deleted", private},
		{"channel_id_changed", nil},
		{"app_uninstalled", nil},
		{"tokens_revoked", nil},
		{"team_access_granted", nil},
		{"team_access_revoked", nil},
		{"team_join", []string{schemas.ScopeUsersRead}},
		{"user_change", []string{schemas.ScopeUsersRead}},
	}
}
