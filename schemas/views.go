package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What Redis holds. Views are written by the views sink alone and can be rebuilt from the control topics. A view is a
// hash; each value is "<offset> <json>": the offset of the control record it comes from, so that an older write never
// replaces a newer one, and the record's value as it was on the topic (nothing after the space: a tombstone).
//
// Keys carry a Redis Cluster hash tag: what one lookup needs together lies in one slot. A team's views serve enrich, an
// organization's serve route. The tag says which of the two it is: an organization that is called what a workspace is
// called would else find the workspace's people among its own.
const (
	viewPrefix      = "bc:view:"
	coordinationTag = "bc:"
	// The number is the views' layout: with another one, all of them are built anew from the control topics.
	ViewsOffsetsKey   = "bc:view:{state}:3:offsets"  // hash: "topic/partition" -> "topicID:next offset"
	ViewsEpochKey     = "bc:view:{state}:3:epoch"    // random, made with the first record of a Redis that is empty: gone with everything else
	ViewsReadyKey     = "bc:view:{state}:3:ready"    // hash: "topic/partition" -> "1" once caught up
	ViewsCompleteKey  = "bc:view:{state}:3:complete" // "1" once every partition was caught up: lookups may be trusted
	ViewsKeyPattern   = viewPrefix + "*"
	LedgerPrefix      = coordinationTag + "ledger:"
	BudgetPrefix      = coordinationTag + "budget:"
	PausePrefix       = coordinationTag + "pause:"
	FieldInstallation = "-" // field of an installation in ViewTeamInstall
)

// ViewTeamInstall is a hash with the one field FieldInstallation: the team's Installation.
func ViewTeamInstall(team TeamID) string { return viewTeam(team) + "install" }

// ViewTeamAssociations is a hash by channel id: ChannelAssociation.
func ViewTeamAssociations(team TeamID) string { return viewTeam(team) + "assoc" }

// ViewTeamUsers is a hash by Slack user id: SlackUser.
func ViewTeamUsers(team TeamID) string { return viewTeam(team) + "users" }

// ViewTeamChannels is a hash by channel id: SlackChannel.
func ViewTeamChannels(team TeamID) string { return viewTeam(team) + "channels" }

// ViewTeamPrompts is a hash by channel id: SetupPrompt.
func ViewTeamPrompts(team TeamID) string { return viewTeam(team) + "prompts" }

// ViewTeamCheckpoints is a hash by channel id: SyncCheckpoint.
func ViewTeamCheckpoints(team TeamID) string {
	return viewTeam(team) + "checkpoints"
}

// ViewTeamSyncRequests is a hash by channel id: SyncRequest.
func ViewTeamSyncRequests(team TeamID) string { return viewTeam(team) + "syncrequests" }

// ViewOrgInstalls is a hash by team id: Installation.
func ViewOrgInstalls(org OrgID) string { return orgKey(org, "installs") }

// ViewOrgUsers is a hash by directory user id: DirectoryUser.
func ViewOrgUsers(org OrgID) string { return orgKey(org, "users") }

// ViewOrgSlackUsers is a hash by "team/user": SlackUser.
func ViewOrgSlackUsers(org OrgID) string { return orgKey(org, "slackusers") }

// ViewOrgEmail is a set of directory user ids that have, or once had, this email. A reader compares the user's email:
// so the index only grows, and a changed email moves the match without a race.
func ViewOrgEmail(org OrgID, email string) string { return orgKey(org, "email:"+NormalEmail(email)) }

// ViewOrgSlackEmail is the same for Slack users, as "team/user".
func ViewOrgSlackEmail(org OrgID, email string) string {
	return orgKey(org, "slack:"+NormalEmail(email))
}

// ViewOrgPreferences is a hash by directory user id, with the empty id for the organization's defaults: Preferences.
func ViewOrgPreferences(org OrgID) string { return orgKey(org, "preferences") }

// ViewOrgSettings is a hash with the one, empty field: OrgSettings.
func ViewOrgSettings(org OrgID) string { return orgKey(org, "settings") }

// ViewOrgTypes is a hash by type id: OrgType.
func ViewOrgTypes(org OrgID) string { return orgKey(org, "types") }

// ViewAPITokens is a hash by token id: APIToken. There are few, and whoever shows one does not say of which organization it is.
func ViewAPITokens() string { return viewPrefix + "{tokens}:all" }

// ViewOrgDone is a set of the ledger ids (Outcome.LedgerID) under which a request is over, for as long as the ledger. It is
// in the organization's slot, so that routing learns in its one look-up what it need not decide again.
func ViewOrgDone(org OrgID, request RequestID) string { return orgKey(org, "done:"+string(request)) }

// DoneHeld precedes, in ViewOrgDone, the id of a delivery that waits or has waited: a repeat of its request is none of our business.
const DoneHeld = "held:"

// ViewOrgSent is a set of the requests (id, NUL, person) of a type that somebody of the organization was sent in a clock hour (hours since the
// epoch): what a cap is counted from by a process that has not counted itself.
func ViewOrgSent(org OrgID, hour int64, t NotificationType) string {
	return orgKey(org, "sent:"+strconv.FormatInt(hour, 10)+":"+string(t))
}

// ViewOrgSentTo is the same for one person.
func ViewOrgSentTo(org OrgID, hour int64, t NotificationType, recipient string) string {
	return ViewOrgSent(org, hour, t) + ":" + recipient
}

// ViewHeld begins the keys of what waits in a partition of notification.held: it is released by who owns the partition.
//   - items: hash by record key: HeldNotification, without an offset
//   - due: sorted set of record keys by due time, in milliseconds
//   - group:…: set of the record keys of a group, under the key without its last part
//   - at: offset of the last record that was applied: an older one changes nothing
func ViewHeld(partition int32) string {
	return viewPrefix + "{held:" + strconv.Itoa(int(partition)) + "}:"
}

// The rest of the keys of ViewHeld.
const (
	HeldItems = "items"
	HeldDue   = "due"
	HeldGroup = "group:"
	HeldAt    = "at"
)

// ViewOrgAccounts is a hash by account id: Account.
func ViewOrgAccounts(org OrgID) string { return orgKey(org, "accounts") }

// ViewOrgDeals is a hash by deal id: Deal.
func ViewOrgDeals(org OrgID) string { return orgKey(org, "deals") }

// ViewOrgAccountIndex is a sorted set of the accounts' entries (search.go), and ViewOrgAccountEntries a hash by account id of the
// entries that are in it.
func ViewOrgAccountIndex(org OrgID) string { return orgKey(org, "accounts:index") }

// ViewOrgAccountEntries is beside ViewOrgAccountIndex.
func ViewOrgAccountEntries(org OrgID) string { return orgKey(org, "accounts:entries") }

// ViewOrgDealIndex and ViewOrgDealEntries are the same for deals.
func ViewOrgDealIndex(org OrgID) string { return orgKey(org, "deals:index") }

// ViewOrgDealEntries is beside ViewOrgDealIndex.
func ViewOrgDealEntries(org OrgID) string { return orgKey(org, "deals:entries") }

// ViewEmail is a set of the keys ("org/user") of directory users who have, or once had, this email, of whichever organization: as somebody
// who signs in has nothing but an email. It only grows, as ViewOrgEmail does.
func ViewEmail(email string) string { return viewPrefix + "{email:" + NormalEmail(email) + "}:users" }

// ViewOrgBase is what an organization's view keys begin with; route's look-up script appends to it.
func ViewOrgBase(org OrgID) string { return viewPrefix + "{org:" + string(org) + "}:" }

func viewTeam(team TeamID) string { return viewPrefix + "{team:" + string(team) + "}:" }

func orgKey(org OrgID, rest string) string { return ViewOrgBase(org) + rest }

// LedgerKey holds the LedgerEntry of a delivery.
func LedgerKey(id DeliveryID) string { return LedgerPrefix + string(id) }

// LedgerID is what a request is known by once it is over: its delivery's id, or when it ended before it had one, what that
// would have been. Empty: the request may be sent again once its sender has mended it.
func (o *Outcome) LedgerID() DeliveryID {
	switch {
	case o.DeliveryID != "":
		return o.DeliveryID
	case o.Status == Suppressed || o.Status == Expired:
		return NewDeliveryID(o.OrgID, o.RequestID, "", o.Recipient.KeyPart(), o.Channel)
	}
	return ""
}

// LedgerEntry is what the delivery ledger holds under LedgerKey, as JSON. It brackets a post: written with BegunAt before,
// with Done after. An entry that was begun and never done is ambiguous: nobody knows whether the other side took it.
type LedgerEntry struct {
	BegunAt time.Time `json:"begun_at,omitzero"`
	// Ambiguous: an attempt is known to have ended without an answer; the next one need not wait for its owner.
	Ambiguous bool `json:"ambiguous,omitempty"`
	// Attempts that were begun, of which any may have arrived: each waits longer than the one before.
	Attempts int      `json:"attempts,omitempty"`
	Done     *Outcome `json:"done,omitempty"`
}

// DMKey is a hash by Slack user id: the direct-message channel that Slack opened for the user. Coordination: it may vanish.
func DMKey(team TeamID) string { return coordinationTag + "dm:{" + string(team) + "}" }

// BudgetKey holds the GCRA state of a limit, such as a method of a workspace or a channel.
func BudgetKey(team TeamID, limit string) string {
	return BudgetPrefix + "{" + string(team) + "}:" + limit
}

// APIBudgetKey holds the GCRA state of a token's requests.
func APIBudgetKey(token string) string { return BudgetPrefix + "api:{" + token + "}" }

// SuspendKey holds which record of a workspace's installation Slack has refused, and with which code. Coordination.
func SuspendKey(team TeamID) string { return PausePrefix + "{" + string(team) + "}:installation" }

// ThreadKey holds the ThreadEntry of a thread for a person: its first message. The Slack sink writes it; the views sink
// fills it in from the outcomes when it is gone.
func ThreadKey(org OrgID, to Recipient, thread string) string {
	sum := sha256.Sum256([]byte(to.KeyPart() + "\x00" + thread))
	return coordinationTag + "thread:{org:" + string(org) + "}:" + hex.EncodeToString(sum[:16])
}

// ThreadEntry is the message that later ones of its thread answer or update, as JSON.
type ThreadEntry struct {
	TeamID    TeamID    `json:"team_id"`
	ChannelID ChannelID `json:"channel_id"`
	TS        TS        `json:"ts"`
}

// ThreadTTL is how long a thread goes on after its latest message. Once Redis was lost, as long as outcomes are kept.
const ThreadTTL = 30 * day

// Threaded is the thread's entry that follows from an outcome, if any does.
func (o *Outcome) Threaded() (ThreadEntry, bool) {
	e := ThreadEntry{TeamID: o.TeamID, ChannelID: o.ChannelID, TS: o.ThreadTS}
	if e.TS == "" {
		e.TS = o.TS
	}
	return e, o.Thread != "" && o.Channel == BySlack && o.Status == Delivered && o.Reason != Duplicate && e.TS != "" && e.ChannelID != ""
}

// PauseKey exists while Slack's Retry-After forbids a method for a workspace.
func PauseKey(team TeamID, method string) string {
	return PausePrefix + "{" + string(team) + "}:" + method
}

// OAuthStateKey holds an OAuth flow that a browser has begun, under a hash of its state; OAuthUsedKey remembers for a while that
// it is over. Coordination: a flow that is lost is begun again.
func OAuthStateKey(hash string) string { return coordinationTag + "oauth:{" + hash + "}" }

// OAuthUsedKey is beside OAuthStateKey.
func OAuthUsedKey(hash string) string { return coordinationTag + "oauth-used:{" + hash + "}" }

// TeamClaimKey names the organization that has just installed the app in a workspace, until the views show it.
func TeamClaimKey(team TeamID) string { return coordinationTag + "claim:{" + string(team) + "}" }

// SignInKey holds a sign-in that a browser has begun, under a hash of its state. Coordination, as are the next two.
func SignInKey(hash string) string { return coordinationTag + "signin:{" + hash + "}" }

// SessionKey holds a session of the console under a hash of its id: whoever loses it signs in again.
func SessionKey(hash string) string { return coordinationTag + "session:{" + hash + "}" }

// SessionsKey is a set of the hashes of a person's sessions, so that all of them can be ended.
func SessionsKey(org OrgID, user UserID) string {
	return coordinationTag + "sessions:{org:" + string(org) + "}:" + string(user)
}

// LeaseKey says which replica works for a workspace. Coordination: it expires by itself.
func LeaseKey(team TeamID, work string) string {
	return coordinationTag + "lease:{" + string(team) + "}:" + work
}

// HeardKey holds when the last event of a workspace came, in RFC 3339, to within some seconds. Coordination: the next event brings it back.
func HeardKey(team TeamID) string { return coordinationTag + "heard:{" + string(team) + "}" }

// DirectoryKey is a hash: how far a workspace's lists have been read. Coordination: what is lost is read again.
func DirectoryKey(team TeamID) string { return coordinationTag + "directory:{" + string(team) + "}" }

// LedgerTTL outlives the deliveries that the ledger guards, and is as long as the outcomes that it is rebuilt from.
const LedgerTTL = idempotentFor

// ViewValue is a view entry: the offset of its control record, a space, the record's value.
func ViewValue(offset int64, value []byte) string {
	return strconv.FormatInt(offset, 10) + " " + string(value)
}

// ParseViewValue undoes ViewValue. The value is empty for a tombstone.
func ParseViewValue(s string) (offset int64, value string, err error) {
	first, value, found := strings.Cut(s, " ")
	if !found {
		return 0, "", errors.New("view value: want an offset, a space and JSON")
	}
	offset, err = strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, "", fmt.Errorf("view value: offset: %w", err)
	}
	return offset, value, nil
}

// DecodeView decodes and validates the record of a view value; nil for a value that is absent, or a tombstone.
func DecodeView[T any](value string) (*T, error) {
	if value == "" {
		return nil, nil
	}
	_, text, err := ParseViewValue(value)
	if err != nil || text == "" {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return nil, fmt.Errorf("decode a view value: %w", err)
	}
	if checked, ok := any(v).(interface{ Validate() error }); ok {
		if err := checked.Validate(); err != nil {
			return nil, fmt.Errorf("decode a view value: %w", err)
		}
	}
	return v, nil
}
