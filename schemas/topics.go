package schemas

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// Cleanup is Kafka's cleanup.policy.
type Cleanup string

// The two policies in use.
const (
	Delete  Cleanup = "delete"
	Compact Cleanup = "compact"
)

// Spec is what a topic declaration says apart from its record type. Creating, checking, documenting and dead-lettering read it.
type Spec struct {
	Name       string        // as on the broker
	Key        string        // parts of the key, for people: "team/channel"
	Partitions int32         // changing it on a compacted topic moves keys; see deploy/apply
	Cleanup    Cleanup       // delete or compact
	Retention  time.Duration // for delete; zero with compact
	WrittenBy  string        // who produces it
	ReadBy     string        // who consumes it
	About      string        // one sentence
	// Private topics hold message content that nobody may have opted in to. A dead letter of one carries
	// coordinates only, never the value: the value stays where its short retention ends it.
	Private bool
	Type    reflect.Type // of the value
}

// Check says why a value is none that the topic takes, as its readers would.
func (s Spec) Check(value []byte) error {
	v := reflect.New(s.Type).Interface()
	if err := json.Unmarshal(value, v); err != nil {
		return fmt.Errorf("it is no record of %s: %w", s.Name, err)
	}
	if c, ok := v.(interface{ Validate() error }); ok {
		return c.Validate()
	}
	return nil
}

// DeadLetter names the topic to which records of this topic go that can never succeed.
func (s Spec) DeadLetter() string { return s.Name + deadLetterSuffix }

const deadLetterSuffix = ".dlq"

// AtOnce is, in milliseconds, what 'backchannel forget' sets HastyConfigs of compacted topics to while it runs, so that a broker closes segments and compacts at once
// (kafka.apache.org, topic configs). A run that was killed leaves it, and 'backchannel apply' takes it back.
const AtOnce = "1"

// HastyConfigs are those settings of a topic.
func HastyConfigs() []string { return []string{"segment.ms", "max.compaction.lag.ms"} }

// Topic is a topic together with the type of its values.
type Topic[T any] struct{ Spec }

func declare[T any](s Spec) Topic[T] {
	s.Type = reflect.TypeFor[T]()
	return Topic[T]{Spec: s}
}

// Encode returns v as a record value.
func (t Topic[T]) Encode(v T) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode a record for %s: %w", t.Name, err)
	}
	return b, nil
}

// Decode parses a record value and validates it where its type says how. Unknown fields are ignored, so that a
// writer may be newer than a reader. An error here is permanent: the same bytes fail again.
func (t Topic[T]) Decode(value []byte) (T, error) {
	var v T
	if err := json.Unmarshal(value, &v); err != nil {
		return v, fmt.Errorf("decode a record of %s: %w", t.Name, plainly(err, value, &v))
	}
	if c, ok := any(&v).(interface{ Validate() error }); ok {
		if err := c.Validate(); err != nil {
			return v, fmt.Errorf("a record of %s: %w", t.Name, err)
		}
	}
	return v, nil
}

// MaxRecordBytes bounds key and value of a record. Kafka's default max.message.bytes is 1,048,588 for a whole batch,
// franz-go's producer stops at 1,000,012; the rest is room for headers and framing.
const MaxRecordBytes = 960_000

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// idempotentFor is for how long a request that is sent again is recognised: a week, and a day so that the last hour of it is not
// lost to how Kafka's retention and the ledger's expiry are rounded. Both have it, since the one is rebuilt from the other.
const idempotentFor = 8 * day

// The topics. Names and keys are the contract with upstream systems and with every deployed version.
//
// The control topics have one partition each. Clients differ in how they map a key to one of several (librdkafka's default
// is CRC32, that of Java and franz-go murmur2); a key that two of them wrote would have two truths, and the tombstone of
// one would not reach the other. One partition takes far more than a directory or a CRM changes. notification.held is
// written by processors alone, which agree on how a key is hashed.
var (
	SlackEvents = declare[SlackEvent](Spec{
		Name: "slack.events", Key: "team/channel", Partitions: 12, Cleanup: Delete, Retention: 3 * day, Private: true,
		WrittenBy: "ingest", ReadBy: "processors",
		About: "One record per event that Slack sent: where it came from, and the envelope as it was.",
	})
	SlackHistory = declare[SlackHistoryMessage](Spec{
		Name: "slack.history", Key: "team/channel", Partitions: 12, Cleanup: Delete, Retention: 3 * day, Private: true,
		WrittenBy: "ingest (polling)", ReadBy: "processors",
		About: "What polling found: a message in Slack's shape, or which messages a stretch of a channel has. Apart from slack.events so that a month of backfill never delays a live message.",
	})
	SlackInstallations = declare[Installation](Spec{
		Name: "slack.installations", Key: "team", Partitions: 1, Cleanup: Compact,
		WrittenBy: "ingest (OAuth), lifecycle", ReadBy: "Redis views",
		About: "Which organization a workspace belongs to, what it granted, and its sealed bot token.",
	})
	SlackUsers = declare[SlackUser](Spec{
		Name: "slack.users", Key: "team/user", Partitions: 1, Cleanup: Compact,
		WrittenBy: "ingest (directory), lifecycle", ReadBy: "Redis views, ClickHouse",
		About: "People and bots of the connected workspaces.",
	})
	SlackChannels = declare[SlackChannel](Spec{
		Name: "slack.channels", Key: "team/channel", Partitions: 1, Cleanup: Compact,
		WrittenBy: "ingest (directory), lifecycle", ReadBy: "Redis views, ClickHouse",
		About: "Channels that the app can see.",
	})
	ChannelAssociations = declare[ChannelAssociation](Spec{
		Name: "channel.associations", Key: "team/channel", Partitions: 1, Cleanup: Compact,
		WrittenBy: "ingest (setup modal, console, API), lifecycle", ReadBy: "setup, Redis views, ClickHouse",
		About: "Which account, and optionally which deal, a channel is the context of. A tombstone dissociates; its headers backchannel-by and backchannel-source may say who did, and where.",
	})
	SetupPrompts = declare[SetupPrompt](Spec{
		Name: "setup.prompts", Key: "team/channel", Partitions: 1, Cleanup: Compact,
		WrittenBy: "setup, lifecycle", ReadBy: "Redis views",
		About: "Where the setup prompt of a channel stands in Slack, so that it can be updated when the channel is associated.",
	})
	SyncCheckpoints = declare[SyncCheckpoint](Spec{
		Name: "sync.checkpoints", Key: "team/channel", Partitions: 1, Cleanup: Compact,
		WrittenBy: "ingest (history)", ReadBy: "Redis views, ClickHouse",
		About: "The coverage of a channel: from when to when its history has been read, and how it goes on.",
	})
	SyncRequests = declare[SyncRequest](Spec{
		Name: "sync.requests", Key: "team/channel", Partitions: 1, Cleanup: Compact,
		WrittenBy: "backchannel sync backfill, upstream, lifecycle", ReadBy: "Redis views",
		About: "Somebody wants more of a channel's past than its window has.",
	})
	CRMAccounts = declare[Account](Spec{
		Name: "crm.accounts", Key: "org/account", Partitions: 1, Cleanup: Compact,
		WrittenBy: "upstream", ReadBy: "Redis views, ClickHouse",
		About: "The organization's CRM accounts.",
	})
	CRMDeals = declare[Deal](Spec{
		Name: "crm.deals", Key: "org/deal", Partitions: 1, Cleanup: Compact,
		WrittenBy: "upstream", ReadBy: "Redis views, ClickHouse",
		About: "The organization's CRM deals.",
	})
	DirectoryUsers = declare[DirectoryUser](Spec{
		Name: "directory.users", Key: "org/user", Partitions: 1, Cleanup: Compact,
		WrittenBy: "upstream", ReadBy: "Redis views, ClickHouse",
		About: "Bigmind's users. Matched to Slack users by email.",
	})
	NotificationPreferences = declare[Preferences](Spec{
		Name: "notification.preferences", Key: "org, or org/user", Partitions: 1, Cleanup: Compact,
		WrittenBy: "ingest (console), upstream", ReadBy: "Redis views",
		About: "Organization defaults (key org) and user overrides (key org/user).",
	})
	OrgTypes = declare[OrgType](Spec{
		Name: "notification.types", Key: "org/type", Partitions: 1, Cleanup: Compact,
		WrittenBy: "upstream", ReadBy: "Redis views",
		About: "Notification types that an organization has beside the catalogue.",
	})
	OrgsSettings = declare[OrgSettings](Spec{
		Name: "org.settings", Key: "org", Partitions: 1, Cleanup: Compact,
		WrittenBy: "ingest (console), upstream", ReadBy: "Redis views, ClickHouse",
		About: "An organization's choices: who may associate channels, how far back history is read, how long messages are kept, quiet hours, caps, what a channel that cannot work falls back to.",
	})
	APITokens = declare[APIToken](Spec{
		Name: "api.tokens", Key: "org/token", Partitions: 1, Cleanup: Compact,
		WrittenBy: "backchannel token", ReadBy: "Redis views",
		About: "Who may use the API for an organization: for each token its hash, its role and until when it is good. Never the token.",
	})
	NotificationRequests = declare[NotificationRequest](Spec{
		Name: "notification.requests", Key: "org", Partitions: 6, Cleanup: Delete, Retention: 3 * day,
		WrittenBy: "upstream", ReadBy: "route",
		About: "Somebody should be told something. Every request ends in at least one outcome for each of its recipients. Any key will do; with the organization's it is decided soonest.",
	})
	NotificationAddressed = declare[NotificationRequest](Spec{
		Name: "notification.addressed", Key: "org", Partitions: 6, Cleanup: Delete, Retention: 3 * day,
		WrittenBy: "route", ReadBy: "route",
		About: "A request for one person, found in the directory, that was in another partition than its organization's: so that one owner counts what an organization and its people get.",
	})
	DeliveriesSlack = declare[Delivery](Spec{
		Name: "notification.deliveries.slack", Key: "org/recipient", Partitions: 6, Cleanup: Delete, Retention: 3 * day,
		WrittenBy: "route, release, lifecycle, setup", ReadBy: "Slack sink",
		About: "One direct message to post; or the setup prompt of a channel, or an update of it (key org/request).",
	})
	DeliveriesSlackUrgent = declare[Delivery](Spec{
		Name: "notification.deliveries.slack.urgent", Key: "org/recipient", Partitions: 6, Cleanup: Delete, Retention: 3 * day,
		WrittenBy: "route, release", ReadBy: "Slack sink",
		About: "The same, past whatever waits in the other.",
	})
	DeliveriesEmail = declare[Delivery](Spec{
		Name: "notification.deliveries.email", Key: "org/recipient", Partitions: 6, Cleanup: Delete, Retention: 3 * day,
		WrittenBy: "route, release", ReadBy: "email sink",
		About: "One email to send.",
	})
	DeliveriesEmailUrgent = declare[Delivery](Spec{
		Name: "notification.deliveries.email.urgent", Key: "org/recipient", Partitions: 6, Cleanup: Delete, Retention: 3 * day,
		WrittenBy: "route, release", ReadBy: "email sink",
		About: "The same, past whatever waits in the other.",
	})
	NotificationHeld = declare[HeldNotification](Spec{
		Name: "notification.held", Key: "org/recipient/group/delivery", Partitions: 6, Cleanup: Compact,
		WrittenBy: "route, release", ReadBy: "release, Redis views",
		About: "What waits for quiet hours, a group's window or an hour's cap to end. Partitioned by org/recipient.",
	})
	NotificationOutcomes = declare[Outcome](Spec{
		Name: "notification.outcomes", Key: "org/request", Partitions: 6, Cleanup: Delete, Retention: idempotentFor,
		WrittenBy: "route, release (suppressed), sinks (delivered, failed)", ReadBy: "ClickHouse, Redis views, setup, upstream",
		About: "What became of a request.",
	})
	ContextMessages = declare[ContextMessage](Spec{
		Name: "context.messages", Key: "team/channel", Partitions: 12, Cleanup: Delete, Retention: 3 * day,
		WrittenBy: "enrich", ReadBy: "ClickHouse",
		About: "A message version of an associated channel with author, account and deal; or its deletion.",
	})
)

// Topics lists every topic except dead letters, in the order of the documentation.
func Topics() []Spec {
	return []Spec{
		SlackEvents.Spec, SlackHistory.Spec, SlackInstallations.Spec, SlackUsers.Spec, SlackChannels.Spec,
		ChannelAssociations.Spec, SetupPrompts.Spec, SyncCheckpoints.Spec, SyncRequests.Spec, CRMAccounts.Spec, CRMDeals.Spec, DirectoryUsers.Spec,
		NotificationPreferences.Spec, OrgTypes.Spec, OrgsSettings.Spec, APITokens.Spec, NotificationRequests.Spec, NotificationAddressed.Spec,
		DeliveriesSlack.Spec, DeliveriesSlackUrgent.Spec, DeliveriesEmail.Spec, DeliveriesEmailUrgent.Spec,
		NotificationHeld.Spec, NotificationOutcomes.Spec, ContextMessages.Spec,
	}
}

// AllTopics lists every topic including the dead-letter topic of each.
func AllTopics() []Spec {
	topics := Topics()
	for _, t := range Topics() {
		topics = append(topics, deadLetterSpec(t))
	}
	return topics
}

// deadLetterRetention leaves time to notice, mend and replay. The letters of a private topic carry no value.
const deadLetterRetention = 3 * week

func deadLetterSpec(t Spec) Spec {
	return Spec{
		Name: t.DeadLetter(), Key: t.Key, Partitions: 1, Cleanup: Delete, Retention: deadLetterRetention, Private: t.Private,
		WrittenBy: "whoever could not process a record", ReadBy: "backchannel dlq",
		About: "Records of " + t.Name + " that can never succeed, with reason and coordinates in the headers.",
		Type:  t.Type,
	}
}

// TopicByName finds a declaration, dead-letter topics included.
func TopicByName(name string) (Spec, bool) {
	for _, t := range AllTopics() {
		if t.Name == name {
			return t, true
		}
	}
	return Spec{}, false
}

// ViewTopics are the control topics that the Redis views are made of, and the outcomes that rebuild the delivery ledger.
func ViewTopics() []Spec {
	return []Spec{
		SlackInstallations.Spec, SlackUsers.Spec, SlackChannels.Spec, ChannelAssociations.Spec, SetupPrompts.Spec, SyncCheckpoints.Spec,
		SyncRequests.Spec, CRMAccounts.Spec, CRMDeals.Spec, DirectoryUsers.Spec, NotificationPreferences.Spec, OrgTypes.Spec, OrgsSettings.Spec, APITokens.Spec, NotificationHeld.Spec,
		NotificationOutcomes.Spec,
	}
}
