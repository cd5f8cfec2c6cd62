package schemas

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Preferences are an organization's defaults (no user_id) or one user's overrides. What is absent falls through:
// the user's for the type, else the user's for the category, else the organization's for the type, else for the
// category, else the type's own default.
type Preferences struct {
	OrgID      OrgID                                  `json:"org_id" jsonschema:"required"`
	UserID     UserID                                 `json:"user_id,omitempty" jsonschema_description:"Absent: the organization's defaults."`
	Categories map[Category]ChannelPreference         `json:"categories,omitempty"`
	Types      map[NotificationType]ChannelPreference `json:"types,omitempty"`
	QuietHours *QuietHours                            `json:"quiet_hours,omitempty" jsonschema_description:"A user's own. The organization's are in org.settings."`
	UpdatedAt  time.Time                              `json:"updated_at,omitzero"`
}

// Validate says what is missing or not a choice.
func (p *Preferences) Validate() error {
	for name, choice := range p.Categories {
		if !choice.Valid() {
			return fmt.Errorf("categories.%s must be email, message, both or off", name)
		}
	}
	for name, choice := range p.Types {
		if !choice.Valid() {
			return fmt.Errorf("types.%s must be email, message, both or off", name)
		}
	}
	if p.QuietHours != nil {
		if p.UserID == "" {
			return errors.New("quiet_hours of an organization are in org.settings")
		}
		if err := p.QuietHours.Validate(); err != nil {
			return err
		}
	}
	return require("org_id", string(p.OrgID))
}

// Recipient names a person: by directory user id, by email, or by role. One is enough.
type Recipient struct {
	UserID UserID `json:"user_id,omitempty"`
	Email  string `json:"email,omitempty"`
	// Role names the person by what they are to somebody or something, as the directory and the CRM have it.
	Role      Role      `json:"role,omitempty" jsonschema:"enum=manager,enum=account_owner,enum=deal_owner" jsonschema_description:"manager: of the user_id or email beside it. account_owner: of account_id. deal_owner: of deal_id."`
	AccountID AccountID `json:"account_id,omitempty"`
	DealID    DealID    `json:"deal_id,omitempty"`
}

// Role is what somebody is to a user, an account or a deal.
type Role string

// The roles.
const (
	ManagerOf    Role = "manager"
	AccountOwner Role = "account_owner"
	DealOwner    Role = "deal_owner"
)

// KeyPart is the recipient's part of a record key, so that a person's notifications stay in order.
func (r Recipient) KeyPart() string {
	switch {
	case r.Role == AccountOwner && r.AccountID != "":
		return string(r.Role) + ":" + string(r.AccountID)
	case r.Role == DealOwner && r.DealID != "":
		return string(r.Role) + ":" + string(r.DealID)
	case r.Role == AccountOwner || r.Role == DealOwner:
		return ""
	}
	named := string(r.UserID)
	if named == "" {
		named = NormalEmail(r.Email)
	}
	if r.Role == ManagerOf && named != "" {
		return string(r.Role) + ":" + named
	}
	return named
}

// check says what is wrong with a recipient; at is where it stands in the request.
func (r Recipient) check(at string) error {
	if err := printable(at+".user_id", string(r.UserID), at+".email", r.Email, at+".account_id", string(r.AccountID), at+".deal_id", string(r.DealID)); err != nil {
		return err
	}
	switch {
	case r.Role != "" && r.Role != ManagerOf && r.Role != AccountOwner && r.Role != DealOwner:
		return fmt.Errorf("%s.role must be manager, account_owner or deal_owner", at)
	case r.Role == AccountOwner && r.AccountID == "":
		return fmt.Errorf("%s.account_id is missing: whose owner?", at)
	case r.Role == DealOwner && r.DealID == "":
		return fmt.Errorf("%s.deal_id is missing: whose owner?", at)
	case r.KeyPart() == "":
		return fmt.Errorf("%s needs a user_id or an email", at)
	}
	return nil
}

// NotificationRequest asks that a person be told something.
type NotificationRequest struct {
	OrgID     OrgID            `json:"org_id" jsonschema:"required"`
	RequestID RequestID        `json:"request_id" jsonschema:"required" jsonschema_description:"Unique within the organization; a repeat of it is recognised and delivered once."`
	Type      NotificationType `json:"type" jsonschema:"required"`
	Recipient Recipient        `json:"recipient,omitzero" jsonschema_description:"Who. Either this or recipients."`
	// Recipients are several people; each has outcomes of their own.
	Recipients []Recipient `json:"recipients,omitempty" jsonschema:"maxItems=100"`
	Content    Content     `json:"content" jsonschema:"required"`
	// DedupID, when two requests share it, makes the second one a repeat of the first (same organization and recipient).
	DedupID     string          `json:"dedup_id,omitempty"`
	OnAmbiguous AmbiguousPolicy `json:"on_ambiguous,omitempty" jsonschema:"enum=repeat,enum=silence"`
	Thread      string          `json:"thread,omitempty" jsonschema:"maxLength=200" jsonschema_description:"Requests of one thread belong together for a person: a later one answers the first, or updates it."`
	ThreadMode  ThreadMode      `json:"thread_mode,omitempty" jsonschema:"enum=reply,enum=update"`
	// Group: a person's requests of one group and channel that come within its window become one message.
	Group       string    `json:"group,omitempty" jsonschema:"maxLength=200"`
	GroupWindow int       `json:"group_window_seconds,omitempty" jsonschema:"minimum=1,maximum=86400" jsonschema_description:"From the group's first request on. Absent: 300."`
	Priority    Priority  `json:"priority,omitempty" jsonschema:"enum=normal,enum=urgent" jsonschema_description:"Absent: the type's."`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	// Named is how the request named the person, once that has been found out. Written by Backchannel.
	Named *Recipient `json:"named,omitempty" jsonschema_description:"Written by Backchannel: how the request named the person."`
}

// Bounds of a request.
const (
	MaxRecipients      = 100
	MaxGroup           = 200
	DefaultGroupWindow = 5 * time.Minute
	maxGroupWindow     = 24 * time.Hour
)

// Window is how long the group's first request waits for others.
func (r *NotificationRequest) Window() time.Duration {
	if r.GroupWindow == 0 {
		return DefaultGroupWindow
	}
	return time.Duration(r.GroupWindow) * time.Second
}

// Identified reports whether an outcome can name this request at all.
func (r *NotificationRequest) Identified() bool { return r.OrgID != "" && r.RequestID != "" }

// Check says what the upstream has to mend. It is apart from decoding, so that a request that names itself gets an outcome.
func (r *NotificationRequest) Check() error {
	if err := require("org_id", string(r.OrgID), "request_id", string(r.RequestID), "type", string(r.Type)); err != nil {
		return err
	}
	if err := printable("org_id", string(r.OrgID), "request_id", string(r.RequestID), "type", string(r.Type), "dedup_id", r.DedupID, "thread", r.Thread, "group", r.Group); err != nil {
		return err
	}
	if err := r.checkRecipients(); err != nil {
		return err
	}
	switch {
	case utf8.RuneCountInString(r.Group) > MaxGroup:
		return fmt.Errorf("group is longer than %d characters", MaxGroup)
	case r.GroupWindow < 0 || r.GroupWindow > int(maxGroupWindow.Seconds()):
		return fmt.Errorf("group_window_seconds must be a number from 1 to %d", int(maxGroupWindow.Seconds()))
	case r.Group == "" && r.GroupWindow != 0:
		return errors.New("group is missing: group_window_seconds says how long it waits")
	}
	if err := checkPriority(r.Priority); err != nil {
		return err
	}
	if r.OnAmbiguous != "" && r.OnAmbiguous != Repeat && r.OnAmbiguous != Silence {
		return errors.New("on_ambiguous must be repeat or silence")
	}
	if err := checkThread(r.Thread, r.ThreadMode); err != nil {
		return err
	}
	return r.Content.validate()
}

func (r *NotificationRequest) checkRecipients() error {
	switch {
	case len(r.Recipients) == 0:
		return r.Recipient.check("recipient")
	case r.Recipient != Recipient{}:
		return errors.New("recipient and recipients are both there: which?")
	case len(r.Recipients) > MaxRecipients:
		return fmt.Errorf("recipients has more than %d people", MaxRecipients)
	}
	for i, to := range r.Recipients {
		if err := to.check(fmt.Sprintf("recipients[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

// printable takes name, value pairs and names the first with a control character: NUL separates the parts of a delivery id,
// and a line break has no business in an address.
func printable(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if hasControl(pairs[i+1]) {
			return errors.New(pairs[i] + " must not contain control characters")
		}
	}
	return nil
}

// hasControl looks for unicode.IsControl; most text is ASCII, where a byte says it.
func hasControl(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == 0x7f:
			return true
		case c >= utf8.RuneSelf:
			return strings.ContainsFunc(s[i:], unicode.IsControl)
		}
	}
	return false
}

// DeliveryChannel is how a delivery travels.
type DeliveryChannel string

// The delivery channels.
const (
	BySlack DeliveryChannel = "slack"
	ByEmail DeliveryChannel = "email"
)

// NewDeliveryID derives the id of a delivery from what it is, so that a repeat is recognised by the ledger. A request's
// dedup id, when it has one, stands in for the request id. UUID-shaped, since Slack's client_msg_id must be one.
func NewDeliveryID(org OrgID, request RequestID, dedupID string, recipient string, by DeliveryChannel) DeliveryID {
	kind, id := "request", string(request)
	if dedupID != "" {
		kind, id = "dedup", dedupID
	}
	parts := make([]byte, 0, 256) // on the stack, unless the ids are long
	for _, part := range []string{string(org), kind, id, recipient, string(by)} {
		parts = append(append(parts, part...), 0)
	}
	sum := sha256.Sum256(parts[:len(parts)-1])
	sum[6] = sum[6]&0x0f | 0x80 // version 8: vendor-specific (RFC 9562)
	sum[8] = sum[8]&0x3f | 0x80
	text := make([]byte, 0, 36)
	for i, b := range sum[:16] {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, []byte{b})
	}
	return DeliveryID(text)
}

// Delivery is one message to one person by one channel.
type Delivery struct {
	DeliveryID  DeliveryID       `json:"delivery_id" jsonschema:"required"`
	RequestID   RequestID        `json:"request_id" jsonschema:"required"`
	OrgID       OrgID            `json:"org_id" jsonschema:"required"`
	Type        NotificationType `json:"type"`
	TypeName    string           `json:"type_name,omitempty" jsonschema_description:"What the person reads of the type; absent: the catalogue's name."`
	Recipient   Recipient        `json:"recipient"`
	TeamID      TeamID           `json:"team_id,omitempty"`       // Slack only
	SlackUserID SlackUserID      `json:"slack_user_id,omitempty"` // Slack only
	Email       string           `json:"email,omitempty"`         // email only
	Content     Content          `json:"content"`
	Thread      string           `json:"thread,omitempty"`
	ThreadMode  ThreadMode       `json:"thread_mode,omitempty" jsonschema:"enum=reply,enum=update"`
	OnAmbiguous AmbiguousPolicy  `json:"on_ambiguous"`
	Priority    Priority         `json:"priority,omitempty" jsonschema:"enum=normal,enum=urgent"`
	// Merged are the other requests that this message is the answer to; each gets the outcome too.
	Merged      []MergedRequest `json:"merged,omitempty"`
	Decision    *Decision       `json:"decision,omitempty"`
	ExpiresAt   time.Time       `json:"expires_at,omitzero"`
	RequestedAt time.Time       `json:"requested_at,omitzero"`
	RoutedAt    time.Time       `json:"routed_at,omitzero"`
	ReleasedAt  time.Time       `json:"released_at,omitzero" jsonschema_description:"When it had waited long enough; absent: it did not wait."`
	Setup       *Setup          `json:"setup,omitempty" jsonschema_description:"A setup prompt, or an update of one. Without slack_user_id it goes into the channel."`
}

// MergedRequest is a request that shares a message with another.
type MergedRequest struct {
	RequestID   RequestID        `json:"request_id"`
	DeliveryID  DeliveryID       `json:"delivery_id" jsonschema_description:"What the delivery's id would have been, by which a repeat is recognised."`
	Type        NotificationType `json:"type"`
	Decision    *Decision        `json:"decision,omitempty"`
	RequestedAt time.Time        `json:"requested_at,omitzero"`
	RoutedAt    time.Time        `json:"routed_at,omitzero"`
}

// Validate says what is missing.
func (d *Delivery) Validate() error {
	if err := require("delivery_id", string(d.DeliveryID), "request_id", string(d.RequestID), "org_id", string(d.OrgID)); err != nil {
		return err
	}
	if strings.Trim(string(d.DeliveryID), "-0123456789abcdefABCDEF") != "" {
		return errors.New("delivery_id must be a UUID") // it becomes Slack's client_msg_id and a file name
	}
	if d.Email == "" && (d.TeamID == "" || d.SlackUserID == "" && d.Setup == nil) {
		return errors.New("a delivery needs team_id and slack_user_id, or email")
	}
	if err := checkThread(d.Thread, d.ThreadMode); err != nil {
		return err
	}
	if d.Setup != nil {
		if err := d.Setup.validate(); err != nil {
			return err
		}
	}
	return d.Content.validate()
}

// HeldNotification is a delivery that waits, why, and until when.
type HeldNotification struct {
	OrgID    OrgID           `json:"org_id" jsonschema:"required"`
	Group    string          `json:"group,omitempty" jsonschema_description:"What waits for one person and channel under one group leaves as one message, when the first of it is due. Absent: alone."`
	Channel  DeliveryChannel `json:"channel" jsonschema:"enum=slack,enum=email"`
	Why      Reason          `json:"why,omitempty" jsonschema_description:"quiet_hours, group_window or over_cap."`
	DueAt    time.Time       `json:"due_at"`
	Delivery Delivery        `json:"delivery"`
}

// Key is the key of a held notification: org/recipient/group/delivery. All that waits for a person lies in one partition,
// which is why notification.held is partitioned by the first two parts (HeldPartKey); the group is hashed, since it may hold anything.
func (h *HeldNotification) Key() Key {
	group := "-"
	if h.Group != "" {
		sum := sha256.Sum256([]byte(string(h.Channel) + "\x00" + h.Group))
		group = hex.EncodeToString(sum[:8])
	}
	request := sha256.Sum256([]byte(h.Delivery.RequestID)) // two requests of one dedup_id are one delivery; each has its outcome
	return OrgKey(h.OrgID, h.Delivery.Recipient.KeyPart()) + "/" + Key(group) + "/" + Key(h.Delivery.DeliveryID) + "." + Key(hex.EncodeToString(request[:4]))
}

// HeldPartKey is the part of a held notification's key that its partition follows from: org/recipient.
func HeldPartKey(key []byte) []byte {
	for range 2 {
		if cut := bytes.LastIndexByte(key, '/'); cut >= 0 {
			key = key[:cut]
		}
	}
	return key
}

// Validate says what is missing or belongs to another organization.
func (h *HeldNotification) Validate() error {
	switch {
	case h.OrgID == "":
		return errors.New("org_id is missing")
	case h.OrgID != h.Delivery.OrgID:
		return errors.New("delivery.org_id must be the same as org_id")
	case h.Channel != BySlack && h.Channel != ByEmail:
		return errors.New("channel must be slack or email")
	case h.DueAt.IsZero():
		return errors.New("due_at is missing")
	}
	return h.Delivery.Validate()
}

// OutcomeStatus is what became of a request or of one of its deliveries.
type OutcomeStatus string

// The statuses.
const (
	Delivered  OutcomeStatus = "delivered"
	Suppressed OutcomeStatus = "suppressed" // by preference, or because nobody could be reached
	Expired    OutcomeStatus = "expired"
	Failed     OutcomeStatus = "failed"
)

// Outcome tells the upstream, the admin and the analyst what became of a request for one of its recipients, by one channel.
type Outcome struct {
	OrgID      OrgID            `json:"org_id" jsonschema:"required"`
	RequestID  RequestID        `json:"request_id" jsonschema:"required"`
	DeliveryID DeliveryID       `json:"delivery_id,omitempty" jsonschema_description:"Absent when the request ended before it was routed to a channel."`
	Type       NotificationType `json:"type,omitempty"`
	Recipient  Recipient        `json:"recipient"`
	Channel    DeliveryChannel  `json:"channel,omitempty" jsonschema:"enum=slack,enum=email"`
	Status     OutcomeStatus    `json:"status" jsonschema:"required,enum=delivered,enum=suppressed,enum=expired,enum=failed"`
	Reason     Reason           `json:"reason,omitempty"`
	Detail     string           `json:"detail,omitempty" jsonschema_description:"A sentence for a person. Never message text."`
	// Decision is how route chose the channels.
	Decision *Decision `json:"decision,omitempty"`
	// Merged are the other requests of a message; each has an outcome of its own, which names this one's delivery in merged_into.
	Merged     []MergedRequest `json:"merged,omitempty"`
	MergedInto DeliveryID      `json:"merged_into,omitempty"`
	Attempts   int             `json:"attempts,omitempty" jsonschema_description:"How many times the message was handed over, as far as is known."`
	Reply      string          `json:"reply,omitempty" jsonschema_description:"What the mail server said."`
	// The stages: asked for, routed, waited for; At is the end.
	RequestedAt time.Time `json:"requested_at,omitzero"`
	RoutedAt    time.Time `json:"routed_at,omitzero"`
	ReleasedAt  time.Time `json:"released_at,omitzero"`
	// Ambiguous: a crash left it unknown whether an earlier attempt reached Slack, so the person may have it twice (or, with silence, not at all).
	Ambiguous bool      `json:"ambiguous,omitempty"`
	TeamID    TeamID    `json:"team_id,omitempty"`
	ChannelID ChannelID `json:"channel_id,omitempty"` // the DM
	TS        TS        `json:"ts,omitempty"`         // of the posted message, or of the one that was updated
	Thread    string    `json:"thread,omitempty"`
	ThreadTS  TS        `json:"thread_ts,omitempty"` // of the message that this one answers
	Setup     *Setup    `json:"setup,omitempty" jsonschema_description:"Of a setup prompt, or an update of one."`
	At        time.Time `json:"at"`
}

// Validate says what is missing.
func (o *Outcome) Validate() error {
	return require("org_id", string(o.OrgID), "request_id", string(o.RequestID), "status", string(o.Status))
}
