package schemas

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// OrgType is a notification type that one organization has beside the catalogue: an upstream adds it by a record, without
// our release. What is absent has the default that is named here.
type OrgType struct {
	OrgID OrgID `json:"org_id" jsonschema:"required"`
	TypeInfo
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// Validate says what is missing or not a choice.
func (t *OrgType) Validate() error {
	if err := require("org_id", string(t.OrgID), "id", string(t.ID), "category", string(t.Category), "name", t.Name); err != nil {
		return err
	}
	if err := printable("id", string(t.ID), "category", string(t.Category), "name", t.Name); err != nil {
		return err
	}
	_, taken := LookupType(t.ID)
	switch {
	case taken:
		return errors.New("id is a type of the catalogue: an organization's own type needs another one")
	case strings.Contains(string(t.ID), "/"):
		return errors.New("id must not contain /")
	case t.Audience != "" && t.Audience != ForUsers && t.Audience != ForManagers:
		return errors.New("audience must be user or manager")
	case t.Default != "" && (!t.Default.Valid() || t.Default == PreferOff):
		return errors.New("default must be email, message or both")
	case t.ExpiryMinutes < 0:
		return errors.New("expires_after_minutes must not be negative")
	case t.Quiet != "" && t.Quiet != Hold && t.Quiet != Drop:
		return errors.New("in_quiet_hours must be hold or drop")
	case t.OnAmbiguous != "" && t.OnAmbiguous != Repeat && t.OnAmbiguous != Silence:
		return errors.New("on_ambiguous must be repeat or silence")
	}
	return checkPriority(t.Priority)
}

// Info is the type with its defaults: for users, by both channels, held in quiet hours, repeated after a crash, not urgent.
func (t *OrgType) Info() TypeInfo {
	info := t.TypeInfo
	info.Audience, info.Default = cmp.Or(info.Audience, ForUsers), cmp.Or(info.Default, PreferBoth)
	info.Quiet, info.OnAmbiguous = cmp.Or(info.Quiet, Hold), cmp.Or(info.OnAmbiguous, Repeat)
	info.Priority = cmp.Or(info.Priority, Normal)
	return info
}

func checkPriority(p Priority) error {
	if p != "" && p != Normal && p != Urgent {
		return fmt.Errorf("priority must be %s or %s", Normal, Urgent)
	}
	return nil
}
