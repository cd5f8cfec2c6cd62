package schemas

import "slices"

// Reason says why something went another way than straight through. The set is bounded: it becomes a metric label, a
// dead-letter header, an outcome and a line of documentation.
type Reason string

// Why enrich lets a record go no further. Nothing of such a record is kept beyond slack.events.
const (
	NotAssociated   Reason = "not_associated"
	NotAuthorised   Reason = "not_authorised"
	NotInstalled    Reason = "not_installed"
	OwnMessage      Reason = "own_message"
	ServiceMessage  Reason = "service_message"
	NotConversation Reason = "not_conversation"
	NotAMessage     Reason = "not_a_message"
	NotAnEdit       Reason = "not_an_edit"
	TenantMismatch  Reason = "tenant_mismatch"
)

// Why the sync of a channel has stopped, beside NotAssociated, NotAuthorised and NotInstalled.
const (
	AppNotInChannel Reason = "app_not_in_channel"
	ChannelArchived Reason = "channel_archived"
	ChannelGone     Reason = "channel_gone"
	TokenRefused    Reason = "token_refused"
	HistoryRefused  Reason = "history_refused"
)

// Why lifecycle leaves an event alone.
const (
	NotLifecycle Reason = "not_lifecycle"
	NotOurs      Reason = "not_ours"
	AlreadyEnded Reason = "already_ended"
	BeforeGrant  Reason = "before_grant"
	Superseded   Reason = "superseded"
)

// Why setup leaves a record alone, and why a prompt is not posted or updated.
const (
	NotSetup          Reason = "not_setup"
	NotPrompted       Reason = "not_prompted"
	AlreadyAssociated Reason = "already_associated"
	PromptReplaced    Reason = "prompt_replaced"
	ChannelRefused    Reason = "channel_refused"
)

// Why a record became a dead letter.
const (
	Malformed    Reason = "malformed"
	UnknownOrg   Reason = "unknown_org"
	RefusedStore Reason = "refused_by_store"
	TooLarge     Reason = "too_large"
)

// Why a notification was not delivered.
const (
	InvalidRequest    Reason = "invalid_request"
	UnknownType       Reason = "unknown_type"
	TypeOff           Reason = "type_off"
	UnknownRecipient  Reason = "unknown_recipient"
	RecipientDisabled Reason = "recipient_disabled"
	NoSlackMatch      Reason = "no_slack_match"
	SlackNotConnected Reason = "slack_not_connected"
	NoEmail           Reason = "no_email"
	PastExpiry        Reason = "past_expiry"
	AccountInactive   Reason = "account_inactive"
	InstallUnusable   Reason = "installation_unusable"
	RecipientRefused  Reason = "recipient_refused"
	ContentRefused    Reason = "content_refused"
	Duplicate         Reason = "duplicate"
	AmbiguousSilenced Reason = "ambiguous_silenced"
	EmailRefused      Reason = "email_refused"
	TokenUnreadable   Reason = "token_unreadable"
	UnknownAccount    Reason = "unknown_account"
	UnknownDeal       Reason = "unknown_deal"
	NoOwner           Reason = "no_owner"
	NoManager         Reason = "no_manager"
	InQuietHours      Reason = "in_quiet_hours"
)

// Why a notification waits.
const (
	QuietTime   Reason = "quiet_hours"
	GroupWindow Reason = "group_window"
	OverCap     Reason = "over_cap"
)

// Why route and release let a record go no further.
const (
	AlreadyHeld Reason = "already_held"
	IsHeld      Reason = "held"
)

// ReasonInfo explains a reason to the person who meets it.
type ReasonInfo struct {
	Reason Reason `json:"reason"`
	Where  string `json:"where"` // dropped, dead letter, outcome or held
	Means  string `json:"means"`
	Mend   string `json:"mend"`
}

// Info is what a reason means; of one that is none of Reasons nothing but its name.
func (r Reason) Info() ReasonInfo {
	if i := slices.IndexFunc(Reasons, func(info ReasonInfo) bool { return info.Reason == r }); i >= 0 {
		return Reasons[i]
	}
	return ReasonInfo{Reason: r}
}

// DeadLetter says whether a record becomes a dead letter with the reason. Content that Slack refused does, beside its outcome.
func (r ReasonInfo) DeadLetter() bool { return r.Where == "dead letter" || r.Reason == ContentRefused }

// Reasons lists every reason with its meaning and what to do.
var Reasons = []ReasonInfo{
	{NotAssociated, "dropped", "The channel is not associated with an account.", "Associate the channel, from the setup prompt in Slack or in the Channels tab."},
	{NotAuthorised, "dropped", "Channel sync was not authorised for this kind of channel.", "An organization owner connects channel sync from the Slack integration overview."},
	{NotInstalled, "dropped", "The workspace was uninstalled or its token revoked.", "Connect Slack again."},
	{OwnMessage, "dropped", "The message was posted by our own bot.", "Nothing: notifications are not conversation."},
	{ServiceMessage, "dropped", "A join, leave, topic change or another service message.", "Nothing: service messages are not conversation."},
	{NotConversation, "dropped", "A message without a person or without text, of a kind that Slack may have added since.", "Nothing, unless you miss it: then tell us its subtype."},
	{NotAMessage, "dropped", "An event that is not a message.", "Nothing."},
	{NotAnEdit, "dropped", "Slack announced a change that leaves text, blocks and files as they were (an unfurl, a reply count).", "Nothing."},
	{TenantMismatch, "dropped", "The association belongs to another organization than the workspace.", "Produce the association again with the organization of the installation."},
	{NotLifecycle, "dropped", "An event that changes nothing that we keep of a workspace, such as a message.", "Nothing."},
	{NotOurs, "dropped", "It is about somebody else's tokens or membership, or about a channel that the app is not in.", "Nothing."},
	{AlreadyEnded, "dropped", "The installation had ended before.", "Nothing."},
	{BeforeGrant, "dropped", "The event is older than the installation that stands: Slack sent it late.", "Nothing."},
	{Superseded, "dropped", "What is known of the channel is newer than the event.", "Nothing."},
	{AlreadyHeld, "dropped", "The request is a repeat of one that waits, or has just been sent on its way.", "Nothing: the one that waits has its outcome when it leaves."},
	{IsHeld, "dropped", "A held notification, or the end of one: it is released by time.", "Nothing."},
	{NotSetup, "dropped", "An outcome that calls for nothing: of a notification, or of a prompt that was dealt with.", "Nothing."},
	{NotPrompted, "dropped", "The channel's association changed, and no setup prompt is there to say so: it was associated before the app was added, or from elsewhere.", "Nothing."},
	{AlreadyAssociated, "outcome", "The channel was associated before its setup prompt was posted.", "Nothing."},
	{PromptReplaced, "outcome", "A newer setup prompt of the channel stands, or the channel has another id: this one is not updated.", "Nothing."},
	{ChannelRefused, "outcome", "Slack does not let the bot write in this channel, or change its message there: the app was removed, the channel archived, or the message deleted.", "Add the app to the channel again, or associate the channel in the Channels tab."},
	{AppNotInChannel, "coverage", "The app is not in the channel (any more).", "Add the app to the channel in Slack; sync takes up where it was."},
	{ChannelArchived, "coverage", "The channel is archived.", "Unarchive it in Slack, if it is needed again."},
	{ChannelGone, "coverage", "Slack knows no such channel: it was deleted, got another id, or is private and the app is not in it.", "Nothing, or associate the channel that took its place."},
	{TokenRefused, "coverage", "Slack refuses our token for this workspace.", "Reconnect Slack; sync takes up where it was."},
	{HistoryRefused, "coverage", "Slack refuses to show the channel's history, for a reason that the log names.", "Read the log; it is tried again every hour."},
	{Malformed, "dead letter", "The record does not parse, or a required field is missing.", "Mend the producer; the letter's detail names what is wrong. Then produce the record again."},
	{UnknownOrg, "dead letter", "No installation, user or preference says that this organization (or the workspace's organization) exists.", "Produce the installation or the directory user first, then 'backchannel dlq replay'."},
	{RefusedStore, "dead letter", "The store refused this record alone.", "Read the detail, mend, then 'backchannel dlq replay'."},
	{TooLarge, "dead letter", "The record is larger than the broker takes.", "Raise max.message.bytes of the topic, then 'backchannel dlq replay'."},
	{InvalidRequest, "outcome", "The request lacks a field or breaks a limit; the detail names it.", "Mend the upstream and send it again with a new request_id."},
	{UnknownType, "outcome", "No such notification type.", "Use a type of the catalogue (schemas/REFERENCE.md), or produce yours to notification.types."},
	{TypeOff, "outcome", "The person or the organization turned this type off.", "Notification Settings: choose Message, Email or Both for the type."},
	{UnknownRecipient, "outcome", "No directory user has the id: the request's, or that of the manager or owner whom it means. Or the manager is meant of an email that no directory user has; an email alone needs none.", "Produce the user to directory.users."},
	{RecipientDisabled, "outcome", "The directory user is disabled.", "Nothing, or enable the user."},
	{NoSlackMatch, "outcome", "No Slack user of a connected workspace has the person's email.", "The person must exist in the connected workspace, with the same email as in Bigmind."},
	{SlackNotConnected, "outcome", "The organization has no active Slack installation.", "An admin connects Slack in Settings, Communication data, Messaging."},
	{NoEmail, "outcome", "Email is wanted, and the person has no email address.", "Add the address to the directory."},
	{PastExpiry, "outcome", "The request expired before it could be delivered.", "Nothing, or a later expires_at."},
	{AccountInactive, "outcome", "The person's Slack account is deactivated, or the workspace's is.", "Reactivate the account, or choose Email."},
	{InstallUnusable, "outcome", "Slack refuses our token for this workspace (revoked, missing scope, access limited).", "Reconnect Slack."},
	{RecipientRefused, "outcome", "Slack does not let the bot write to this person.", "Check the person's and the workspace's restrictions in Slack."},
	{ContentRefused, "outcome", "Slack refused the content.", "Our fault: report it with the request id."},
	{Duplicate, "outcome", "Another request with the same dedup_id was decided before; this outcome repeats its status.", "Nothing."},
	{AmbiguousSilenced, "outcome", "A crash left it unknown whether Slack took the message, and the delivery prefers silence to a repeat.", "Nothing, or choose on_ambiguous: repeat."},
	{EmailRefused, "outcome", "The mail server refused the message for good.", "Check the address; the detail has the server's code."},
	{TokenUnreadable, "outcome", "The sealed bot token cannot be opened with the configured key set.", "Add the key it was sealed with to the key set, or reconnect Slack."},
	{UnknownAccount, "outcome", "The recipient is an account's owner, and the CRM records of the organization have no such account.", "Produce the account to crm.accounts."},
	{UnknownDeal, "outcome", "The recipient is a deal's owner, and the CRM records of the organization have no such deal.", "Produce the deal to crm.deals."},
	{NoOwner, "outcome", "The account or deal has no owner.", "Set owner_user_id in crm.accounts or crm.deals."},
	{NoManager, "outcome", "The person has no manager.", "Set manager_id in directory.users."},
	{InQuietHours, "outcome", "The person's quiet hours, and the type is of no use later.", "Nothing, or change the quiet hours."},
	{QuietTime, "held", "It waits for the person's quiet hours to end.", "Nothing, or change the quiet hours."},
	{GroupWindow, "held", "It waits for others of its group.", "Nothing."},
	{OverCap, "held", "The person or the organization has had as many of this type as an hour may have; the rest comes as one summary.", "Nothing, or raise caps in org.settings."},
}
