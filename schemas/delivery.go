package schemas

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

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
	var text [36]byte
	at := 0
	for _, group := range [...][]byte{sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]} {
		if at > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], group)
	}
	return DeliveryID(text[:])
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
