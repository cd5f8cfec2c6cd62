// Package oracle says what the product promises of a notification, for every combination of what it depends on. Tests hold route, and the whole
// pipeline, against it.
package oracle

import (
	"sort"
	"strings"

	"github.com/bigmind/backchannel/schemas"
)

// Situation is one combination of all that the delivery page of the product makes a notification depend on.
type Situation struct {
	Kind      string // "meeting_analysis.ready", "pipeline.daily_todos" or "alert.account"
	Org, User string // preference: "", email, message, both, off
	ByType    bool   // the preferences are for the type, else for its category
	Matched   bool   // the person is in the connected workspace, with the same email
	Connected bool   // Slack is
	Email     bool   // the person has an address
	Quiet     bool   // it is the person's quiet hours
	Fallback  bool   // the organization lets the other channel take the place of one that cannot work
}

// All are all situations that there are.
func All() (all []Situation) {
	choices := []string{"", "email", "message", "both", "off"}
	for _, kind := range []string{"meeting_analysis.ready", "pipeline.daily_todos", "alert.account"} {
		for _, org := range choices {
			for _, user := range choices {
				for n := range 1 << 6 {
					bit := func(i int) bool { return n>>i&1 == 1 }
					all = append(all, Situation{kind, org, user, bit(0), bit(1), bit(2), bit(3), bit(4), bit(5)})
				}
			}
		}
	}
	return all
}

// Preferences are a record with one choice: that of the organization, or of its user.
func (s Situation) Preferences(org schemas.OrgID, user schemas.UserID, choice string) schemas.Preferences {
	p := schemas.Preferences{OrgID: org, UserID: user}
	category, _, _ := strings.Cut(s.Kind, ".")
	switch {
	case choice == "":
	case s.ByType:
		p.Types = map[schemas.NotificationType]schemas.ChannelPreference{schemas.NotificationType(s.Kind): schemas.ChannelPreference(choice)}
	default:
		p.Categories = map[schemas.Category]schemas.ChannelPreference{schemas.Category(category): schemas.ChannelPreference(choice)}
	}
	return p
}

// Expected says what the product page and the issue promise for a situation. It is written from those, not from the code: for each channel in
// alphabetical order "channel sent", "channel held" or "channel status reason"; or "status reason" of a request that comes to no channel.
func (s Situation) Expected() string {
	// 'Organization defaults … User-level overrides …': the user's word goes first. What cannot be turned off is not.
	wish := map[string]string{"meeting_analysis.ready": "both", "pipeline.daily_todos": "message", "alert.account": "both"}[s.Kind]
	mandatory := s.Kind == "alert.account"
	for _, said := range []string{s.Org, s.User} { // the later one counts
		if said != "" && (said != "off" || !mandatory) {
			wish = said
		}
	}
	if wish == "off" {
		return "suppressed type_off"
	}
	var all []string
	// Without an address nobody is matched either: 'their Slack email should match their Bigmind account email'.
	slackWorks, emailWorks := s.Connected && s.Matched && s.Email, s.Email
	slack, email := wish == "message" || wish == "both", wish == "email" || wish == "both"
	if slack && !slackWorks {
		if s.Connected {
			all = append(all, "slack suppressed no_slack_match")
		} else {
			all = append(all, "slack suppressed slack_not_connected")
		}
	}
	if email && !emailWorks {
		all = append(all, "email suppressed no_email")
	}
	goes := map[string]bool{"slack": slack && slackWorks, "email": email && emailWorks}
	if s.Fallback && !goes["slack"] && !goes["email"] {
		goes["slack"], goes["email"] = slackWorks, emailWorks
	}
	for _, by := range []string{"slack", "email"} {
		switch {
		case !goes[by]:
		case s.Quiet && s.Kind == "pipeline.daily_todos": // of no use later
			all = append(all, by+" suppressed in_quiet_hours")
		case s.Quiet:
			all = append(all, by+" held")
		default:
			all = append(all, by+" sent")
		}
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}
