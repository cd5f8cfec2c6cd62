package schemas

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// QuietHours are when a person wants no notification: every day from one time to another, and on days without work all day.
// They are the person's clock's: in the time zone that is set, else the one of the Slack profile, else the organization's, else UTC.
type QuietHours struct {
	// From and To are times of day; a range whose end is not after its beginning goes over midnight.
	From string `json:"from,omitempty" jsonschema:"pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$" jsonschema_description:"HH:MM; with to. Absent: no hours of a day are quiet."`
	To   string `json:"to,omitempty" jsonschema:"pattern=^([01][0-9]|2[0-3]):[0-5][0-9]$" jsonschema_description:"HH:MM, the first minute that is not quiet. Not after from: on the next day."`
	// WorkingDays are the days that are not quiet altogether.
	WorkingDays []Weekday `json:"working_days,omitempty" jsonschema:"enum=mon,enum=tue,enum=wed,enum=thu,enum=fri,enum=sat,enum=sun" jsonschema_description:"Absent: every day."`
	TimeZone    string    `json:"tz,omitempty" jsonschema_description:"IANA name, such as Europe/London."`
	// Off: none of the above, though the organization has quiet hours.
	Off bool `json:"off,omitempty"`
}

// Weekday is a day in three letters.
type Weekday string

// Weekdays in the order of time.Weekday.
var Weekdays = []Weekday{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Validate says what is not a time or a day. A time zone that nobody knows is found by who looks it up.
func (q *QuietHours) Validate() error {
	if (q.From == "") != (q.To == "") {
		return errors.New("quiet_hours need both from and to, or neither")
	}
	for name, at := range map[string]string{"from": q.From, "to": q.To} {
		if _, err := ParseClock(at); at != "" && err != nil {
			return fmt.Errorf("quiet_hours.%s %w", name, err)
		}
	}
	if q.From != "" && q.From == q.To {
		return errors.New("quiet_hours.from and quiet_hours.to are the same: nothing would ever be delivered")
	}
	for _, d := range q.WorkingDays {
		if !slices.Contains(Weekdays, d) {
			return errors.New("quiet_hours.working_days must be of mon, tue, wed, thu, fri, sat, sun")
		}
	}
	return nil
}

// ParseClock reads HH:MM as minutes since midnight.
func ParseClock(s string) (minutes int, err error) {
	at, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, errors.New("must be a time of day such as 22:00")
	}
	return at.Hour()*60 + at.Minute(), nil
}
