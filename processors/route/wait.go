package route

import (
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// wait is how long something waits and why, or that it is of no use later.
type wait struct {
	until time.Time // zero: not at all
	why   schemas.Reason
	group string // under which it leaves together with others
	drop  bool
}

// overGroup begins the groups of what is over a cap; no request can name one, since its group holds no control character.
const overGroup = "\x00over:"

// wait decides when: not in quiet hours, not over the hour's cap, not before the group's window is over. The longest counts.
func (e *evaluation) wait(admitted bool) wait {
	var w wait
	r := e.request
	if r.Group != "" {
		w = wait{until: e.now.Add(r.Window()), why: schemas.GroupWindow, group: r.Group}
	}
	if !admitted {
		w = wait{until: e.now.Truncate(time.Hour).Add(time.Hour), why: schemas.OverCap, group: overGroup + string(r.Type)}
	}
	q := e.quiet()
	if q == nil {
		return w
	}
	zone := q.zone.String()
	if q.at(e.now) && e.kind.Quiet == schemas.Drop {
		e.decision.TimeZone = zone
		return wait{drop: true}
	}
	due := e.now
	if !w.until.IsZero() {
		due = w.until
	}
	if q.at(due) {
		e.decision.TimeZone = zone
		w.until, w.why = q.end(due), schemas.QuietTime
	}
	return w
}

// quiet are the person's quiet hours, nil for none.
func (e *evaluation) quiet() *quiet {
	var own, org *schemas.QuietHours
	if e.person.own != nil {
		own = e.person.own.QuietHours
	}
	if e.person.settings != nil {
		org = e.person.settings.QuietHours
	}
	if own == nil && org == nil {
		return nil
	}
	zone := ""
	if c := e.bySlack(); c.slack != nil {
		zone = c.slack.TimeZone
	}
	return quietOf(own, org, zone)
}
