package schemas

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

// CategoryInfo describes a category.
type CategoryInfo struct {
	ID   Category `json:"id"`
	Name string   `json:"name"`
}

// TypeInfo describes a notification type.
type TypeInfo struct {
	ID       NotificationType  `json:"id"`
	Category Category          `json:"category"`
	Name     string            `json:"name"`
	Audience Audience          `json:"audience"`
	Default  ChannelPreference `json:"default"`
	// OnAmbiguous applies when the request does not say.
	OnAmbiguous AmbiguousPolicy `json:"on_ambiguous"`
}

// Categories of the product page ('Common use cases'), in its order.
var Categories = []CategoryInfo{
	{"meeting_analysis", "Meeting analysis"},
	{"coaching", "Coaching insights"},
	{"meeting_digest", "Meeting digests"},
	{"pipeline", "Pipeline and productivity updates"},
	{"channel_context", "Slack channel context"},
	{"alert", "Other important alerts"},
}

// NotificationTypes of the product page.
var NotificationTypes = []TypeInfo{
	{"meeting_analysis.ready", "meeting_analysis", "Meeting summary or analysis is ready", ForUsers, PreferBoth, Repeat},
	{"coaching.insight", "coaching", "New coaching insight", ForUsers, PreferMessage, Repeat},
	{"coaching.opportunity", "coaching", "New coaching opportunity in the team", ForManagers, PreferMessage, Repeat},
	{"meeting_digest.daily", "meeting_digest", "Daily meeting digest", ForUsers, PreferBoth, Silence},
	{"meeting_digest.weekly", "meeting_digest", "Weekly meeting digest", ForUsers, PreferBoth, Silence},
	{"meeting_digest.team_weekly", "meeting_digest", "Weekly meeting digest of the team", ForManagers, PreferBoth, Silence},
	{"pipeline.weekly_account_updates", "pipeline", "Weekly account updates", ForUsers, PreferBoth, Silence},
	{"pipeline.daily_todos", "pipeline", "Daily suggested to-dos", ForUsers, PreferMessage, Silence},
	{"channel_context.updated", "channel_context", "News in a synced customer channel", ForUsers, PreferMessage, Repeat},
	{"alert.important", "alert", "Important product alert", ForUsers, PreferBoth, Repeat},
}

// LookupType finds a type by its id.
func LookupType(id NotificationType) (TypeInfo, bool) {
	for _, t := range NotificationTypes {
		if t.ID == id {
			return t, true
		}
	}
	return TypeInfo{}, false
}
