// Package people says who of the directory is who in Slack, and why somebody is nobody.
package people

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bigmind/backchannel/schemas"
)

// Match is who somebody is in Slack, or why nobody.
type Match struct {
	Team   schemas.TeamID
	User   schemas.SlackUserID
	Reason string // in the words of the product page's troubleshooting; empty: they are matched
}

// Of matches by email: never bots, deactivated people or people of another company, and never in a workspace that is no longer connected. The
// candidates have the person's email; of several that fit, the lowest team and user id is taken, as the pipeline does.
func Of(u *schemas.DirectoryUser, candidates []schemas.SlackUser, active map[schemas.TeamID]bool) Match {
	switch {
	case u.Disabled:
		return Match{Reason: "disabled in the directory"}
	case strings.TrimSpace(u.Email) == "":
		return Match{Reason: "no email in the directory"}
	case len(active) == 0:
		return Match{Reason: "Slack is not connected"}
	}
	m := Match{Reason: "nobody in the connected workspaces has this email"}
	slices.SortFunc(candidates, func(a, b schemas.SlackUser) int {
		return cmp.Or(cmp.Compare(a.TeamID, b.TeamID), cmp.Compare(a.UserID, b.UserID))
	})
	for _, c := range candidates {
		switch {
		case schemas.NormalEmail(c.Email) != schemas.NormalEmail(u.Email): // an index by email has also who once had it
		case !active[c.TeamID]:
			m.Reason = "only in a workspace that is no longer connected"
		case c.IsBot:
			m.Reason = "the Slack account with this email is a bot"
		case c.IsExternal:
			m.Reason = "the Slack account with this email is another company's"
		case c.Deleted:
			m.Reason = "the Slack account with this email is deactivated"
		default:
			return Match{Team: c.TeamID, User: c.UserID}
		}
	}
	return m
}
