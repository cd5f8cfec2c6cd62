package schemas

import "time"

// ChannelPreference says by which channels somebody wants a kind of notification.
type ChannelPreference string

// The four choices of the product's Notification Settings.
const (
	PreferEmail   ChannelPreference = "email"
	PreferMessage ChannelPreference = "message" // Slack direct message
	PreferBoth    ChannelPreference = "both"
	PreferOff     ChannelPreference = "off"
)

// Valid reports whether p is one of the four choices.
func (p ChannelPreference) Valid() bool {
	return p == PreferEmail || p == PreferMessage || p == PreferBoth || p == PreferOff
}

// Message reports whether the choice includes Slack.
func (p ChannelPreference) Message() bool { return p == PreferMessage || p == PreferBoth }

// Email reports whether the choice includes email.
func (p ChannelPreference) Email() bool { return p == PreferEmail || p == PreferBoth }

// Category groups notification types as the product page does.
type Category string

// NotificationType names a kind of notification.
type NotificationType string

// Audience says for whom a type is meant.
type Audience string

// The audiences.
const (
	ForUsers    Audience = "user"
	ForManagers Audience = "manager"
)

// AmbiguousPolicy says what to do with a delivery of which nobody knows whether Slack took it before a crash.
type AmbiguousPolicy string

// Repeat may post twice; Silence may post not at all.
const (
	Repeat  AmbiguousPolicy = "repeat"
	Silence AmbiguousPolicy = "silence"
)

// QuietPolicy says what becomes of a notification that comes in its person's quiet hours.
type QuietPolicy string

// Hold keeps it until they end; Drop is for what is of no use later.
const (
	Hold QuietPolicy = "hold"
	Drop QuietPolicy = "drop"
)

// Priority says what a notification need not wait for.
type Priority string

// Urgent notifications travel in a lane of their own, past whatever waits in the other.
const (
	Normal Priority = "normal"
	Urgent Priority = "urgent"
)

// CategoryInfo describes a category.
type CategoryInfo struct {
	ID   Category `json:"id"`
	Name string   `json:"name"`
}

// TypeInfo describes a notification type.
type TypeInfo struct {
	ID       NotificationType  `json:"id" jsonschema:"required"`
	Category Category          `json:"category" jsonschema:"required"`
	Name     string            `json:"name" jsonschema:"required"`
	Audience Audience          `json:"audience" jsonschema:"enum=user,enum=manager"`
	Default  ChannelPreference `json:"default" jsonschema:"enum=email,enum=message,enum=both"`
	// Mandatory types cannot be turned off: a preference of off counts as none.
	Mandatory bool `json:"mandatory,omitempty"`
	// ExpiryMinutes bounds how long after the request it may still be delivered. 0: for ever.
	ExpiryMinutes int         `json:"expires_after_minutes,omitempty" jsonschema:"minimum=0"`
	Quiet         QuietPolicy `json:"in_quiet_hours" jsonschema:"enum=hold,enum=drop"`
	// OnAmbiguous applies when the request does not say.
	OnAmbiguous AmbiguousPolicy `json:"on_ambiguous" jsonschema:"enum=repeat,enum=silence"`
	Priority    Priority        `json:"priority" jsonschema:"enum=normal,enum=urgent"`
}

// Expiry is how long a request of this type may still be delivered. 0: for ever.
func (t *TypeInfo) Expiry() time.Duration { return time.Duration(t.ExpiryMinutes) * time.Minute }

// Categories of the product page ('Common use cases'), in its order.
var Categories = []CategoryInfo{
	{"meeting_analysis", "Meeting analysis"},
	{"coaching", "Coaching insights"},
	{"meeting_digest", "Meeting digests"},
	{"pipeline", "Pipeline and productivity updates"},
	{"channel_context", "Slack channel context"},
	{"alert", "Other important alerts"},
}

const (
	anHour = 60 // minutes
	aDay   = 24 * anHour
	aWeek  = 7 * aDay
)

// NotificationTypes of the product page, and the one that nobody can turn off. An organization can have more: see OrgType.
var NotificationTypes = []TypeInfo{
	{"meeting_analysis.ready", "meeting_analysis", "Meeting summary or analysis is ready", ForUsers, PreferBoth, false, 3 * aDay, Hold, Repeat, Normal},
	{"coaching.insight", "coaching", "New coaching insight", ForUsers, PreferMessage, false, aWeek, Hold, Repeat, Normal},
	{"coaching.opportunity", "coaching", "New coaching opportunity in the team", ForManagers, PreferMessage, false, aWeek, Hold, Repeat, Normal},
	{"meeting_digest.daily", "meeting_digest", "Daily meeting digest", ForUsers, PreferBoth, false, 18 * anHour, Hold, Silence, Normal},
	{"meeting_digest.weekly", "meeting_digest", "Weekly meeting digest", ForUsers, PreferBoth, false, 3 * aDay, Hold, Silence, Normal},
	{"meeting_digest.team_weekly", "meeting_digest", "Weekly meeting digest of the team", ForManagers, PreferBoth, false, 3 * aDay, Hold, Silence, Normal},
	{"pipeline.weekly_account_updates", "pipeline", "Weekly account updates", ForUsers, PreferBoth, false, 3 * aDay, Hold, Silence, Normal},
	{"pipeline.daily_todos", "pipeline", "Daily suggested to-dos", ForUsers, PreferMessage, false, 18 * anHour, Drop, Silence, Normal},
	{"channel_context.updated", "channel_context", "News in a synced customer channel", ForUsers, PreferMessage, false, aDay, Drop, Repeat, Normal},
	{"alert.important", "alert", "Important product alert", ForUsers, PreferBoth, false, aDay, Hold, Repeat, Urgent},
	{"alert.account", "alert", "Security or service notice about your account", ForUsers, PreferBoth, true, aWeek, Hold, Repeat, Urgent},
}

// LookupType finds a type by its id.
func LookupType(id NotificationType) (TypeInfo, bool) {
	for i := range NotificationTypes {
		if NotificationTypes[i].ID == id {
			return NotificationTypes[i], true
		}
	}
	return TypeInfo{}, false
}
