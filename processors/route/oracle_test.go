package route_test

import (
	"sort"
	"strings"
)

// situation is one combination of all that the delivery page of the product makes a notification depend on.
type situation struct {
	kind      string // "meeting_analysis.ready", "pipeline.daily_todos" or "alert.account"
	org, user string // preference: "", email, message, both, off
	byType    bool   // the preferences are for the type, else for its category
	matched   bool   // the person is in the connected workspace, with the same email
	connected bool   // Slack is
	email     bool   // the person has an address
	quiet     bool   // it is the person's quiet hours
	fallback  bool   // the organization lets the other channel take the place of one that cannot work
}

// expected says what the product page and the issue promise for a situation. It is written from those, not from the code.
func (s situation) expected() string {
	// 'Organization defaults … User-level overrides …': the user's word goes first. What cannot be turned off is not.
	wish := map[string]string{"meeting_analysis.ready": "both", "pipeline.daily_todos": "message", "alert.account": "both"}[s.kind]
	mandatory := s.kind == "alert.account"
	for _, said := range []string{s.org, s.user} { // the later one counts
		if said != "" && (said != "off" || !mandatory) {
			wish = said
		}
	}
	if wish == "off" {
		return "suppressed type_off"
	}
	var all []string
	// Without an address nobody is matched either: 'their Slack email should match their Bigmind account email'.
	slackWorks, emailWorks := s.connected && s.matched && s.email, s.email
	slack, email := wish == "message" || wish == "both", wish == "email" || wish == "both"
	if slack && !slackWorks {
		if s.connected {
			all = append(all, "slack suppressed no_slack_match")
		} else {
			all = append(all, "slack suppressed slack_not_connected")
		}
	}
	if email && !emailWorks {
		all = append(all, "email suppressed no_email")
	}
	goes := map[string]bool{"slack": slack && slackWorks, "email": email && emailWorks}
	if s.fallback && !goes["slack"] && !goes["email"] {
		goes["slack"], goes["email"] = slackWorks, emailWorks
	}
	for _, by := range []string{"slack", "email"} {
		switch {
		case !goes[by]:
		case s.quiet && s.kind == "pipeline.daily_todos": // of no use later
			all = append(all, by+" suppressed in_quiet_hours")
		case s.quiet:
			all = append(all, by+" held")
		default:
			all = append(all, by+" sent")
		}
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}
