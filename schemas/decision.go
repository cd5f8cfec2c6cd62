package schemas

import "time"

// Decision is how the channels of a notification were chosen: which rule decided, and what each rule said.
type Decision struct {
	Rule   Rule              `json:"rule" jsonschema:"enum=user_type,enum=user_category,enum=org_type,enum=org_category,enum=type_default"`
	Choice ChannelPreference `json:"choice"`
	// Considered are the rules in their order, up to the one that decided, and those that it overrides.
	Considered []Considered `json:"considered,omitempty"`
	Mandatory  bool         `json:"mandatory,omitempty" jsonschema_description:"The type cannot be turned off; an off was passed over."`
	Fallback   bool         `json:"fallback,omitempty" jsonschema_description:"The preferred channel cannot work, and the organization lets the other one take its place."`
	Held       Reason       `json:"held,omitempty" jsonschema_description:"Why it waited: quiet_hours, group_window or over_cap."`
	HeldUntil  time.Time    `json:"held_until,omitzero"`
	TimeZone   string       `json:"tz,omitempty" jsonschema_description:"Whose clock the quiet hours were read by."`
	Named      *Recipient   `json:"named,omitempty" jsonschema_description:"How the request named the person."`
}

// Rule is one of those that a preference follows from.
type Rule string

// The rules, the first that says something wins.
const (
	RuleUserType     Rule = "user_type"
	RuleUserCategory Rule = "user_category"
	RuleOrgType      Rule = "org_type"
	RuleOrgCategory  Rule = "org_category"
	RuleTypeDefault  Rule = "type_default"
)

// Considered is what one rule says. Rules that say nothing are left out.
type Considered struct {
	Rule  Rule              `json:"rule"`
	Value ChannelPreference `json:"value"`
}

// Choose resolves the preference for a type: the user's overrides first, then the organization's defaults. Either may be
// nil. An off for a mandatory type counts as nothing said.
func Choose(t TypeInfo, user, org *Preferences) Decision {
	var d Decision
	say := func(rule Rule, choice ChannelPreference, said bool) {
		if !said {
			return
		}
		d.Considered = append(d.Considered, Considered{rule, choice})
		if choice == PreferOff && t.Mandatory {
			d.Mandatory = true
		} else if d.Rule == "" {
			d.Rule, d.Choice = rule, choice
		}
	}
	for _, p := range []struct {
		*Preferences
		byType, byCategory Rule
	}{{user, RuleUserType, RuleUserCategory}, {org, RuleOrgType, RuleOrgCategory}} {
		if p.Preferences == nil {
			continue
		}
		choice, said := p.Types[t.ID]
		say(p.byType, choice, said)
		choice, said = p.Categories[t.Category]
		say(p.byCategory, choice, said)
	}
	say(RuleTypeDefault, t.Default, true)
	return d
}

// Outcome is what became of a delivery, with all that it says of where it comes from.
func (d *Delivery) Outcome(by DeliveryChannel, status OutcomeStatus, reason Reason, detail string, at time.Time) Outcome {
	return Outcome{
		OrgID: d.OrgID, RequestID: d.RequestID, DeliveryID: d.DeliveryID, Type: d.Type, Recipient: d.Recipient, Channel: by,
		Status: status, Reason: reason, Detail: detail, Decision: d.Decision, Merged: d.Merged, Thread: d.Thread,
		RequestedAt: d.RequestedAt, RoutedAt: d.RoutedAt, ReleasedAt: d.ReleasedAt, TeamID: d.TeamID, Setup: d.Setup, At: at,
	}
}

// Each is the outcome under the name of every request that shares the message: its own first.
func (o *Outcome) Each() []Outcome {
	all := make([]Outcome, 0, 1+len(o.Merged))
	all = append(all, *o)
	for _, m := range o.Merged {
		one := *o
		one.RequestID, one.DeliveryID, one.Type, one.Decision = m.RequestID, m.DeliveryID, m.Type, m.Decision
		one.RequestedAt, one.RoutedAt, one.Merged, one.MergedInto = m.RequestedAt, m.RoutedAt, nil, o.DeliveryID
		all = append(all, one)
	}
	return all
}
