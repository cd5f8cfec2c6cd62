package schemas

import (
	"cmp"
	"fmt"
	"time"
)

// OrgSettings are an organization's choices that are no person's preference. What is absent is as the installation of Backchannel has it.
type OrgSettings struct {
	OrgID OrgID `json:"org_id" jsonschema:"required"`
	// AssociateBy says who may associate channels in Slack; AnyMatched when absent, since the product page lets the inviter do it.
	AssociateBy AssociateBy `json:"associate_by,omitempty" jsonschema:"enum=matched,enum=admins"`
	// BackfillDays is how far back the history of a newly associated channel is read.
	BackfillDays int `json:"backfill_days,omitempty" jsonschema:"minimum=1,maximum=3650"`
	// Fallback says what becomes of a notification whose preferred channel cannot work. 'both' uses what works in any case.
	Fallback Fallback `json:"fallback,omitempty" jsonschema:"enum=none,enum=other_channel"`
	// QuietHours are those of everybody who has none of their own.
	QuietHours *QuietHours `json:"quiet_hours,omitempty"`
	// Caps bound how many notifications of a type an hour has; by type, with the type * for all others.
	Caps map[NotificationType]Cap `json:"caps,omitempty"`
	// Retention says for how long what is said in channels is kept; for ever when absent.
	Retention *Retention `json:"retention,omitempty"`
	UpdatedAt time.Time  `json:"updated_at,omitzero"`
}

// Retention is for how long what is said in an organization's channels is kept, in days. What is absent has no end.
type Retention struct {
	// MessageDays are counted from when a message was said. Older ones are in no answer, and are deleted.
	MessageDays int `json:"message_days,omitempty" jsonschema:"minimum=1,maximum=3650" jsonschema_description:"Messages are deleted so long after they were said. Absent: never."`
	// VersionDays are counted from when an edit replaced a wording.
	VersionDays int `json:"version_days,omitempty" jsonschema:"minimum=1,maximum=3650" jsonschema_description:"Former wordings of edited messages are deleted so long after they were replaced. Absent: never."`
	// DissociatedDays are counted from when a channel was dissociated. Until then, and without, its messages are hidden.
	DissociatedDays int `json:"dissociated_days,omitempty" jsonschema:"minimum=1,maximum=3650" jsonschema_description:"Messages of a channel are deleted so long after it was dissociated. Absent: they are hidden."`
}

// Validate says what is not a number of days.
func (r *Retention) Validate() error {
	for _, d := range []struct {
		name string
		days int
	}{{"message_days", r.MessageDays}, {"version_days", r.VersionDays}, {"dissociated_days", r.DissociatedDays}} {
		if d.days < 0 || d.days > maxDays {
			return fmt.Errorf("retention.%s must be a number from 1 to %d", d.name, maxDays)
		}
	}
	return nil
}

// Fallback says what to do when the preferred channel cannot work.
type Fallback string

// The choices.
const (
	NoFallback   Fallback = "none"          // nothing is sent, and the outcome says why
	OtherChannel Fallback = "other_channel" // email instead of Slack, Slack instead of email
)

// Cap bounds notifications of a type per clock hour. What is over it is not lost: it comes as one summary when the hour ends.
type Cap struct {
	PerRecipient int `json:"per_recipient,omitempty" jsonschema:"minimum=1" jsonschema_description:"Absent: 30."`
	PerOrg       int `json:"per_org,omitempty" jsonschema:"minimum=1" jsonschema_description:"Absent: 20,000."`
}

// AnyType stands in Caps for the types that have no entry of their own.
const AnyType NotificationType = "*"

// The caps of an organization that says nothing: more than a person reads in an hour, and a tenth of what Slack lets one
// workspace post (several hundred a minute) so that a storm of one organization has an end.
const (
	DefaultRecipientCap = 30
	DefaultOrgCap       = 20_000
)

// CapOf is the cap of a type. s may be nil.
func (s *OrgSettings) CapOf(t NotificationType) Cap {
	var c Cap
	if s != nil {
		var own bool
		if c, own = s.Caps[t]; !own {
			c = s.Caps[AnyType]
		}
	}
	return Cap{PerRecipient: cmp.Or(c.PerRecipient, DefaultRecipientCap), PerOrg: cmp.Or(c.PerOrg, DefaultOrgCap)}
}

// AssociateBy says who of an organization may associate channels in Slack.
type AssociateBy string

// The choices.
const (
	AnyMatched AssociateBy = "matched" // whoever is matched to a directory user
	OnlyAdmins AssociateBy = "admins"  // owners and admins
)

// maxDays is ten years: longer than Slack.
const maxDays = 3650

// Validate says what is missing or not a choice.
func (s *OrgSettings) Validate() error {
	switch {
	case s.AssociateBy != "" && s.AssociateBy != AnyMatched && s.AssociateBy != OnlyAdmins:
		return fmt.Errorf("associate_by must be %s or %s", AnyMatched, OnlyAdmins)
	case s.BackfillDays < 0 || s.BackfillDays > maxDays:
		return fmt.Errorf("backfill_days must be a number from 1 to %d", maxDays)
	case s.Fallback != "" && s.Fallback != NoFallback && s.Fallback != OtherChannel:
		return fmt.Errorf("fallback must be %s or %s", NoFallback, OtherChannel)
	}
	for t, c := range s.Caps {
		if c.PerRecipient < 0 || c.PerOrg < 0 {
			return fmt.Errorf("caps.%s must not be negative", t)
		}
	}
	if s.QuietHours != nil {
		if err := s.QuietHours.Validate(); err != nil {
			return err
		}
	}
	if s.Retention != nil {
		if err := s.Retention.Validate(); err != nil {
			return err
		}
	}
	return require("org_id", string(s.OrgID))
}
