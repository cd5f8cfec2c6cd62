package console

import (
	"html/template"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// funcs are what templates say things with.
var funcs = template.FuncMap{
	"when": when, "day": day, "reason": reasonOf, "count": grouped, "join": strings.Join,
	"choice":   func(c schemas.ChannelPreference) string { return choiceWords[c] },
	"outcomes": func() []string { return []string{"delivered", "suppressed", "expired", "failed"} },
	"periods": func() []period {
		return []period{{"1", "Last day"}, {"7", "Last 7 days"}, {"30", "Last 30 days"}, {"90", "Last 90 days"}, {"365", "Last year"}}
	},
}

// period is how far back somebody looks.
type period struct{ Days, Name string }

// when is a time for a person: to the minute, in UTC, since the server does not know their clock. Empty for none.
func when(t time.Time) string {
	if t.IsZero() || t.Unix() <= 0 {
		return ""
	}
	return t.UTC().Format("2 Jan 2006, 15:04 UTC")
}

func day(t time.Time) string {
	if t.IsZero() || t.Unix() <= 0 {
		return ""
	}
	return t.UTC().Format("2 January 2006")
}

// reasonOf finds what a reason means, and what mends it.
func reasonOf(r schemas.Reason) schemas.ReasonInfo {
	for _, info := range schemas.Reasons {
		if info.Reason == r {
			return info
		}
	}
	return schemas.ReasonInfo{Reason: r, Means: string(r)}
}

// grouped writes a number with a comma between its thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// roleNames are what people call roles.
var roleNames = map[actor.Role]string{actor.Owner: "Owner", actor.Admin: "Administrator", actor.Member: "Member"}

func roleName(r actor.Role) string {
	if name := roleNames[r]; name != "" {
		return name
	}
	return "Nobody"
}

// whoMay names who can use a route.
func whoMay(g gate) string {
	switch {
	case g.needs == "":
		return "a member"
	case actor.Actor{Role: actor.Admin}.May(g.needs):
		return "an administrator or owner"
	}
	return "an owner"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// What forms have done, as it stands in a URL, and what the next page says of it.
const (
	didConnect    = "connected"
	didAuthorise  = "authorised"
	didLink       = "linked"
	didUnlink     = "unlinked"
	didSave       = "saved"
	didDisconnect = "disconnected"
	didNothing    = "unchanged"
)

var doneTexts = map[string]string{
	didConnect:   "Slack is connected. Notifications reach the people whose email is the same in Slack.",
	didAuthorise: "Channel sync is on. Add the app to a channel in Slack, and say under Channels which account it belongs to: only such channels are synced.",
	didLink:      "Linked. The channel's messages are being synced from now on, and its past is being read.",
	didUnlink:    "Unlinked. Nothing of the channel is synced any more, and its messages are out of every answer.",
	didSave:      "Saved.", didDisconnect: "Disconnected. Nothing is sent to this workspace or read from it any more.", didNothing: "There was nothing to change.",
}

func doneOf(q url.Values) string { return doneTexts[q.Get("done")] }
