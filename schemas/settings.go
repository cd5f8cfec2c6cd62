package schemas

import (
	"fmt"
	"time"
)

// OrgSettings are an organization's choices that are no person's preference. What is absent is as the installation of Backchannel has it.
type OrgSettings struct {
	OrgID OrgID `json:"org_id" jsonschema:"required"`
	// AssociateBy says who may associate channels in Slack; AnyMatched when absent, since the product page lets the inviter do it.
	AssociateBy AssociateBy `json:"associate_by,omitempty" jsonschema:"enum=matched,enum=admins"`
	// BackfillDays is how far back the history of a newly associated channel is read.
	BackfillDays int       `json:"backfill_days,omitempty" jsonschema:"minimum=1,maximum=3650"`
	UpdatedAt    time.Time `json:"updated_at,omitzero"`
}

// AssociateBy says who of an organization may associate channels in Slack.
type AssociateBy string

// The choices.
const (
	AnyMatched AssociateBy = "matched" // whoever is matched to a directory user
	OnlyAdmins AssociateBy = "admins"  // owners and admins
)

// maxBackfillDays is ten years: longer than Slack.
const maxBackfillDays = 3650

// Validate says what is missing or not a choice.
func (s *OrgSettings) Validate() error {
	switch {
	case s.AssociateBy != "" && s.AssociateBy != AnyMatched && s.AssociateBy != OnlyAdmins:
		return fmt.Errorf("associate_by must be %s or %s", AnyMatched, OnlyAdmins)
	case s.BackfillDays < 0 || s.BackfillDays > maxBackfillDays:
		return fmt.Errorf("backfill_days must be a number from 1 to %d", maxBackfillDays)
	}
	return require("org_id", string(s.OrgID))
}
