package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Preferences are an organization's defaults (no user_id) or one user's overrides. What is absent falls through:
// the user's for the type, else the user's for the category, else the organization's for the type, else for the
// category, else the type's own default.
type Preferences struct {
	OrgID      OrgID                                  `json:"org_id" jsonschema:"required"`
	UserID     UserID                                 `json:"user_id,omitempty" jsonschema_description:"Absent: the organization's defaults."`
	Categories map[Category]ChannelPreference         `json:"categories,omitempty"`
	Types      map[NotificationType]ChannelPreference `json:"types,omitempty"`
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
	return require("org_id", string(p.OrgID))
}

// Choose resolves the preference for a type: the user's overrides first, then the organization's defaults. Either may be nil.
func Choose(t TypeInfo, user, org *Preferences) ChannelPreference {
	for _, p := range []*Preferences{user, org} {
		if p == nil {
			continue
		}
		if c, ok := p.Types[t.ID]; ok {
			return c
		}
		if c, ok := p.Categories[t.Category]; ok {
			return c
		}
	}
	return t.Default
}

// Recipient names a person by directory user id or by email; one is enough.
type Recipient struct {
	UserID UserID `json:"user_id,omitempty"`
	Email  string `json:"email,omitempty"`
}

// KeyPart is the recipient's part of a record key, so that a person's notifications stay in order.
func (r Recipient) KeyPart() string {
	if r.UserID != "" {
		return string(r.UserID)
	}
	return NormalEmail(r.Email)
}

// NotificationRequest asks that a person be told something.
type NotificationRequest struct {
	OrgID     OrgID            `json:"org_id" jsonschema:"required"`
	RequestID RequestID        `json:"request_id" jsonschema:"required" jsonschema_description:"Unique within the organization; a repeat of it is recognised and delivered once."`
	Type      NotificationType `json:"type" jsonschema:"required"`
	Recipient Recipient        `json:"recipient" jsonschema:"required"`
	Content   Content          `json:"content" jsonschema:"required"`
	// DedupID, when two requests share it, makes the second one a repeat of the first (same organization and recipient).
	DedupID     string          `json:"dedup_id,omitempty"`
	OnAmbiguous AmbiguousPolicy `json:"on_ambiguous,omitempty" jsonschema:"enum=repeat,enum=silence"`
	Thread      string          `json:"thread,omitempty" jsonschema:"maxLength=200" jsonschema_description:"Requests of one thread belong together for a person: a later one answers the first, or updates it."`
	ThreadMode  ThreadMode      `json:"thread_mode,omitempty" jsonschema:"enum=reply,enum=update"`
	ExpiresAt   time.Time       `json:"expires_at,omitzero"`
	CreatedAt   time.Time       `json:"created_at,omitzero"`
}

// Identified reports whether an outcome can name this request at all.
func (r *NotificationRequest) Identified() bool { return r.OrgID != "" && r.RequestID != "" }

// Check says what the upstream has to mend. It is apart from decoding, so that a request that names itself gets an outcome.
func (r *NotificationRequest) Check() error {
	if err := require("org_id", string(r.OrgID), "request_id", string(r.RequestID), "type", string(r.Type)); err != nil {
		return err
	}
	if err := printable("org_id", string(r.OrgID), "request_id", string(r.RequestID), "type", string(r.Type), "dedup_id", r.DedupID, "thread", r.Thread,
		"recipient.user_id", string(r.Recipient.UserID), "recipient.email", r.Recipient.Email); err != nil {
		return err
	}
	if r.Recipient.KeyPart() == "" {
		return errors.New("recipient needs a user_id or an email")
	}
	if r.OnAmbiguous != "" && r.OnAmbiguous != Repeat && r.OnAmbiguous != Silence {
		return errors.New("on_ambiguous must be repeat or silence")
	}
	if err := checkThread(r.Thread, r.ThreadMode); err != nil {
		return err
	}
	return r.Content.validate()
}

// printable takes name, value pairs and names the first with a control character: NUL separates the parts of a delivery id,
// and a line break has no business in an address.
func printable(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if strings.ContainsFunc(pairs[i+1], unicode.IsControl) {
			return errors.New(pairs[i] + " must not contain control characters")
		}
	}
	return nil
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
	id := "request\x00" + string(request)
	if dedupID != "" {
		id = "dedup\x00" + dedupID
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{string(org), id, recipient, string(by)}, "\x00")))
	sum[6] = sum[6]&0x0f | 0x80 // version 8: vendor-specific (RFC 9562)
	sum[8] = sum[8]&0x3f | 0x80
	h := hex.EncodeToString(sum[:16])
	return DeliveryID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
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
	ExpiresAt   time.Time        `json:"expires_at,omitzero"`
	RequestedAt time.Time        `json:"requested_at,omitzero"`
}

// Validate says what is missing.
func (d *Delivery) Validate() error {
	if err := require("delivery_id", string(d.DeliveryID), "request_id", string(d.RequestID), "org_id", string(d.OrgID)); err != nil {
		return err
	}
	if strings.Trim(string(d.DeliveryID), "-0123456789abcdefABCDEF") != "" {
		return errors.New("delivery_id must be a UUID") // it becomes Slack's client_msg_id and a file name
	}
	if d.Email == "" && (d.TeamID == "" || d.SlackUserID == "") {
		return errors.New("a delivery needs team_id and slack_user_id, or email")
	}
	if err := checkThread(d.Thread, d.ThreadMode); err != nil {
		return err
	}
	return d.Content.validate()
}

// HeldNotification is a delivery that waits, with the topic it is for and when it is due.
type HeldNotification struct {
	OrgID    OrgID           `json:"org_id" jsonschema:"required"`
	Group    string          `json:"group,omitempty"`
	Channel  DeliveryChannel `json:"channel"`
	DueAt    time.Time       `json:"due_at"`
	Delivery Delivery        `json:"delivery"`
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

// Outcome tells the upstream, the admin and the analyst what became of a request.
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
	// Ambiguous: a crash left it unknown whether an earlier attempt reached Slack, so the person may have it twice (or, with silence, not at all).
	Ambiguous bool      `json:"ambiguous,omitempty"`
	TeamID    TeamID    `json:"team_id,omitempty"`
	ChannelID ChannelID `json:"channel_id,omitempty"` // the DM
	TS        TS        `json:"ts,omitempty"`         // of the posted message, or of the one that was updated
	Thread    string    `json:"thread,omitempty"`
	ThreadTS  TS        `json:"thread_ts,omitempty"` // of the message that this one answers
	At        time.Time `json:"at"`
}

// Validate says what is missing.
func (o *Outcome) Validate() error {
	return require("org_id", string(o.OrgID), "request_id", string(o.RequestID), "status", string(o.Status))
}
