package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// A form leads to a page, whose URL names what was changed and the views do not show yet. The page asks for itself anew until they do:
// with "wait" for each change (its kind, its id and the time of its record), and "since" for when the first of them was asked for.

const (
	// soonEnough is for how long a change is no more than on its way.
	soonEnough = 15 * time.Second
	// lookFor is for how long a page looks by itself.
	lookFor = 10 * time.Minute
	// mostAwaited bounds what a URL may name.
	mostAwaited = pageSize
)

// awaits are the kinds of changes, by their topics.
var awaits = map[string]string{
	schemas.ChannelAssociations.Name: "link", schemas.NotificationPreferences.Name: "preferences", schemas.OrgsSettings.Name: "settings", schemas.SlackInstallations.Name: "workspace",
}

// awaited names a change in a URL.
func (ch change) awaited() string {
	if ch.named != "" {
		return ch.named
	}
	stamp := ""
	if ch.value != nil {
		stamp = strconv.FormatInt(ch.stamp.UnixMicro(), 10)
	}
	id := string(ch.key)
	if awaits[ch.topic.Name] == "preferences" {
		_, id = ch.key.Split() // the user, of whose organization it is
	}
	return awaits[ch.topic.Name] + ":" + stamp + ":" + id
}

// change finds the change that a URL names, within what a visitor may know of.
func (v *visit) change(text string) (ch change, ok bool) {
	ch.named = text
	kind, rest, _ := strings.Cut(text, ":")
	stamp, id, _ := strings.Cut(rest, ":")
	if stamp != "" {
		micros, err := strconv.ParseInt(stamp, 10, 64)
		if err != nil {
			return ch, false
		}
		ch.stamp, ch.value = time.UnixMicro(micros), []byte{}
	}
	switch kind {
	case "link":
		team, channel := schemas.Key(id).Split()
		ch.view, ch.field = schemas.ViewTeamAssociations(schemas.TeamID(team)), channel
		return ch, v.install(schemas.TeamID(team)) != nil && v.may(actor.SeeChannels)
	case "preferences":
		ch.view, ch.field = schemas.ViewOrgPreferences(v.org()), id
		return ch, v.who.MayFor(actor.ChangeDefaults, schemas.UserID(id))
	case "settings":
		ch.view = schemas.ViewOrgSettings(v.org())
		return ch, v.may(actor.ChangeDefaults)
	case "workspace":
		ch.view, ch.field = schemas.ViewOrgInstalls(v.org()), id
		return ch, v.may(actor.ConnectSlack)
	}
	return ch, false
}

// did is a page that says what was done, and what of it is recorded and not to be seen yet.
func (c *Console) did(path, what string, late ...change) (answer, error) {
	q := url.Values{"done": {what}}
	if len(late) > 0 { // the form has been patient already
		q["wait"], q["since"] = awaited(late), []string{strconv.FormatInt(c.opts.Now().Add(-c.opts.Patience).Unix(), 10)}
	}
	joined := "?"
	if strings.Contains(path, "?") {
		joined = "&"
	}
	return goOn(path + joined + q.Encode())
}

func awaited(changes []change) (texts []string) {
	for _, ch := range changes {
		texts = append(texts, ch.awaited())
	}
	return texts
}

// Connected is where somebody is led who has connected Slack, or with sync authorised channel sync.
func Connected(in *schemas.Installation, sync bool) string {
	what := didConnect
	if sync {
		what = didAuthorise
	}
	ch := change{topic: schemas.SlackInstallations.Spec, key: schemas.TeamKey(in.TeamID), value: []byte{}, stamp: in.UpdatedAt}
	return Home + "?" + url.Values{"done": {what}, "wait": {ch.awaited()}, "since": {strconv.FormatInt(in.UpdatedAt.Unix(), 10)}}.Encode()
}

// lookForLate finds which of the changes that a page waits for the views do not show.
func (c *Console) lookForLate(v *visit) error {
	q := v.r.URL.Query()
	if v.r.Method != http.MethodGet || !q.Has("wait") {
		return nil
	}
	var all []change
	for _, text := range q["wait"] {
		if ch, ok := v.change(text); ok && len(all) < mostAwaited {
			all = append(all, ch)
		}
	}
	var err error
	look := func() bool { v.late, err = c.missing(v.ctx(), all); return err != nil || len(v.late) == 0 }
	if c.opts.Now().Sub(sinceOf(q)) < c.opts.Patience && !v.part() {
		c.until(v.ctx(), look) // whoever was led here from Slack has not waited yet
	} else {
		look()
	}
	if err != nil || !slices.ContainsFunc(q["wait"], func(text string) bool { return strings.HasPrefix(text, "workspace:") }) {
		return err
	}
	v.installs = nil // they were read before
	return c.lookAround(v)
}

func sinceOf(q url.Values) time.Time {
	seconds, _ := strconv.ParseInt(q.Get("since"), 10, 64) // anything else is long ago
	return time.Unix(seconds, 0)
}

// waiting is what a page says while the views do not show a change.
type waiting struct {
	Query string // of the part that looks again
	Every int    // seconds; 0: no longer
	Long  bool
}

// waiting is nil where there is nothing to wait for.
func (c *Console) waiting(v *visit) *waiting {
	if len(v.late) == 0 {
		return nil
	}
	q := v.r.URL.Query()
	w := &waiting{Query: url.Values{"wait": awaited(v.late), "since": {q.Get("since")}}.Encode(), Every: 1}
	switch so := c.opts.Now().Sub(sinceOf(q)); {
	case so >= lookFor:
		w.Every, w.Long = 0, true
	case so >= soonEnough:
		w.Every, w.Long = 5, true
	}
	return w
}

// waitingPart is asked for until the views show what a page waits for: then that is loaded again.
func (c *Console) waitingPart(v *visit) (answer, error) {
	w := c.waiting(v)
	if w == nil {
		v.w.Header().Set("HX-Refresh", "true")
	}
	return answer{template: "overview", part: "waiting", data: w}, nil
}
