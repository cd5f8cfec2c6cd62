package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bigmind/backchannel/schemas"
)

// quietByTheClock reads a clock on the wall: is it quiet, by what the clock and the calendar show? It is another way to say it
// than the code's, which computes.
func quietByTheClock(q schemas.QuietHours, at time.Time, zone *time.Location) bool {
	shown := at.In(zone).Format("Mon 15:04")
	day, clock := strings.ToLower(shown[:3]), shown[4:]
	if len(q.WorkingDays) > 0 && !slices.Contains(q.WorkingDays, schemas.Weekday(day)) {
		return true
	}
	if q.From == "" {
		return false
	}
	if q.From < q.To {
		return clock >= q.From && clock < q.To
	}
	return clock >= q.From || clock < q.To
}

// Whatever the hours, the days, the zone and the moment, also around a change of the clocks: quiet is what the clock shows, and it
// ends with the first minute that is not.
func TestQuietHoursAreTheClocks(t *testing.T) {
	places := []string{"UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "Pacific/Chatham"}
	// A day around which clocks change somewhere, and any.
	days := []string{"2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-09-06", "2026-10-04", "2026-10-25", "2026-10-30", "2026-11-01", "2026-07-01"}
	rapid.Check(t, func(t *rapid.T) {
		clock := func(name string) string {
			return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(t, name), rapid.SampledFrom([]int{0, 15, 30, 59}).Draw(t, name+" minute"))
		}
		q := schemas.QuietHours{TimeZone: rapid.SampledFrom(places).Draw(t, "zone")}
		if rapid.Bool().Draw(t, "hours") {
			q.From, q.To = clock("from"), clock("to")
		}
		if rapid.Bool().Draw(t, "days") {
			q.WorkingDays = rapid.SliceOfNDistinct(rapid.SampledFrom(schemas.Weekdays), 1, 6, rapid.ID).Draw(t, "working days")
		}
		if q.Validate() != nil || q.From == "" && len(q.WorkingDays) == 0 {
			t.Skip("no quiet hours")
		}
		zone, err := time.LoadLocation(q.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		day, err := time.Parse(time.DateOnly, rapid.SampledFrom(days).Draw(t, "day"))
		if err != nil {
			t.Fatal(err)
		}
		at := day.Add(time.Duration(rapid.IntRange(-24*60, 48*60).Draw(t, "minute")) * time.Minute)
		is := quietOf(&q, nil, "")
		if got, want := is.at(at), quietByTheClock(q, at, zone); got != want {
			t.Fatalf("%s in %s: quiet %v, want %v", at, zone, got, want)
		}
		if !is.at(at) {
			return
		}
		end := at
		for quietByTheClock(q, end, zone) {
			end = end.Add(time.Minute)
		}
		if got := is.end(at); !got.Equal(end) {
			t.Fatalf("%+v at %s: ends at %s, want %s", q, at.In(zone), got.In(zone), end.In(zone))
		}
	})
}

// Whose hours and whose clock: the person's own, else the organization's; the time zone that is set, else Slack's.
func TestWhoseQuietHours(t *testing.T) {
	org := &schemas.QuietHours{From: "20:00", To: "08:00", TimeZone: "America/New_York"}
	for name, tt := range map[string]struct {
		own, org *schemas.QuietHours
		slack    string
		want     string
	}{
		"nobody's":              {nil, nil, "Europe/London", "none"},
		"the organization's":    {nil, org, "", "20:00-08:00 America/New_York"},
		"on Slack's clock":      {nil, org, "Europe/London", "20:00-08:00 Europe/London"},
		"on the person's clock": {&schemas.QuietHours{TimeZone: "Asia/Kolkata"}, org, "Europe/London", "20:00-08:00 Asia/Kolkata"},
		"a zone that is none":   {&schemas.QuietHours{TimeZone: "Mars/Base"}, org, "Europe/London", "20:00-08:00 Europe/London"},
		"the person's":          {&schemas.QuietHours{From: "22:00", To: "06:30"}, org, "Europe/London", "22:00-06:30 Europe/London"},
		"turned off":            {&schemas.QuietHours{Off: true}, org, "Europe/London", "none"},
		"no clock at all":       {&schemas.QuietHours{From: "22:00", To: "06:30"}, nil, "", "22:00-06:30 UTC"},
	} {
		got := "none"
		if q := quietOf(tt.own, tt.org, tt.slack); q != nil {
			got = fmt.Sprintf("%02d:%02d-%02d:%02d %s", q.from/60, q.from%60, q.to/60, q.to%60, q.zone)
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

// When clocks are set back a time of day comes twice: quiet hours end at the first of them, begin again with the second, and end again.
func TestQuietHoursWhenClocksAreSetBack(t *testing.T) {
	q := quietOf(&schemas.QuietHours{From: "00:00", To: "01:15", TimeZone: "Europe/London"}, nil, "")
	at := func(hour, minute int) time.Time { return time.Date(2026, 10, 25, hour, minute, 0, 0, time.UTC) }
	for _, tt := range []struct{ from, want time.Time }{
		{at(0, 0), at(0, 15)},  // 01:00 BST to 01:15 BST
		{at(1, 0), at(1, 15)},  // 01:00 GMT to 01:15 GMT
		{at(1, 14), at(1, 15)}, // 01:14 GMT
	} {
		if got := q.end(tt.from); !q.at(tt.from) || !got.Equal(tt.want) {
			t.Errorf("at %s: quiet %v until %s, want %s", tt.from.In(q.zone), q.at(tt.from), got.In(q.zone), tt.want.In(q.zone))
		}
	}
}
