package route

import (
	"slices"
	"sync"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// quiet are somebody's quiet hours as they are read: minutes of the day, days, and whose clock.
type quiet struct {
	from, to int // minutes since midnight; the same: no hours are quiet
	working  []schemas.Weekday
	zone     *time.Location
}

// quietOf merges a person's own quiet hours with the organization's: hours and days are the person's if they have any, and
// the time zone is the person's own, else the Slack profile's, else the organization's, else UTC.
func quietOf(own, org *schemas.QuietHours, slackZone string) *quiet {
	hours, zones := org, []string{slackZone}
	if own != nil {
		if own.Off {
			return nil
		}
		if own.From != "" || len(own.WorkingDays) > 0 {
			hours = own
		}
		zones = []string{own.TimeZone, slackZone}
	}
	if hours == nil || hours.Off {
		return nil
	}
	if org != nil {
		zones = append(zones, org.TimeZone)
	}
	q := &quiet{working: hours.WorkingDays, zone: firstZone(zones)}
	if hours.From != "" {
		q.from, _ = schemas.ParseClock(hours.From) // validated when the views took it
		q.to, _ = schemas.ParseClock(hours.To)
	}
	return q
}

// zones remembers time zones: loading one reads a file.
var zones sync.Map

// firstZone is the first of the names that is a time zone, else UTC.
func firstZone(names []string) *time.Location {
	for _, name := range names {
		if name == "" || name == "Local" {
			continue
		}
		if known, _ := zones.Load(name); known != nil {
			if zone, ok := known.(*time.Location); ok {
				return zone
			}
		}
		if zone, err := time.LoadLocation(name); err == nil {
			zones.Store(name, zone)
			return zone
		}
	}
	return time.UTC
}

// at reports whether an instant is quiet.
func (q *quiet) at(t time.Time) bool {
	local := t.In(q.zone)
	if len(q.working) > 0 && !slices.Contains(q.working, schemas.Weekdays[local.Weekday()]) {
		return true
	}
	minute := local.Hour()*60 + local.Minute()
	if q.from <= q.to {
		return q.from <= minute && minute < q.to
	}
	return minute >= q.from || minute < q.to
}

// end is the first minute after t that is not quiet; t is. The days of a year at most are looked through: whoever has at least
// one working day, and not all hours quiet, has one within a week or so.
func (q *quiet) end(t time.Time) time.Time {
	for range 366 {
		next := q.step(t)
		if !q.at(next) {
			return q.back(t, next)
		}
		t = next
	}
	return t
}

// step is where the quiet that t is in may end: at the end of the hours, or at the next midnight.
func (q *quiet) step(t time.Time) time.Time {
	local := t.In(q.zone)
	year, month, day := local.Date()
	next := time.Date(year, month, day+1, 0, 0, 0, 0, q.zone)
	if minute := local.Hour()*60 + local.Minute(); q.from != q.to && minute < q.to {
		next = time.Date(year, month, day, q.to/60, q.to%60, 0, 0, q.zone)
	}
	for !next.After(t) { // a time of day that comes twice, when clocks are set back: the second is meant
		next = next.Add(30 * time.Minute)
	}
	return q.first(t, next).UTC()
}

// first is the first of two times of day that are the same, when clocks are set back between t and next: time.Date does not say which
// of them it takes.
func (q *quiet) first(t, next time.Time) time.Time {
	_, before := t.In(q.zone).Zone()
	_, after := next.In(q.zone).Zone()
	if set := next.Add(-time.Duration(before-after) * time.Second); before > after && set.After(t) && !q.at(set) {
		return set
	}
	return next
}

// back finds an earlier end: a time of day that is left out, when clocks are set forward, is over as soon as they are.
func (q *quiet) back(t, end time.Time) time.Time {
	for earlier := end.Add(-time.Minute); earlier.After(t) && !q.at(earlier); earlier = earlier.Add(-time.Minute) {
		end = earlier
	}
	return end
}
