package console

import (
	"slices"
	"strings"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// settingsData is a table of types by channel, with quiet hours below it.
type settingsData struct {
	Mine   bool
	Groups []group
	Seen   string
	Action string
	Quiet  quietData
	// Of one's own:
	Slack      *schemas.SlackUser
	SlackName  string
	Email      string
	Why, Mend  string
	Overridden int
}

// mine are a person's own notification settings: what they get now, and why.
func (c *Console) mine(v *visit) (answer, error) {
	p, err := c.loadPrefs(v, v.me.UserID)
	if err != nil {
		return answer{}, err
	}
	d := settingsData{
		Mine: true, Groups: p.table(true), Seen: preferencesStamp(p.own), Action: Home + "notifications", Slack: p.slack, Email: v.me.Email, Why: p.why, Mend: p.mend,
	}
	if p.slack != nil {
		d.SlackName = p.slack.Name
		if in := v.install(p.slack.TeamID); in != nil {
			d.SlackName += " in " + in.TeamName
		}
	}
	if p.own != nil {
		d.Overridden = len(p.own.Types) + len(p.own.Categories)
	}
	var own, org *schemas.QuietHours
	if p.own != nil {
		own = p.own.QuietHours
	}
	if p.settings != nil {
		org = p.settings.QuietHours
	}
	d.Quiet = quietOf(own, org, d.Action+"/quiet-hours", d.Seen, true)
	if d.Quiet.TimeZone == "" && p.slack != nil {
		d.Quiet.Fallback = p.slack.TimeZone
	}
	return answer{template: "settings", title: "My notifications", data: d}, nil
}

func (c *Console) saveMine(v *visit) (answer, error) {
	p, err := c.loadPrefs(v, v.me.UserID)
	if err != nil {
		return answer{}, err
	}
	next := schemas.Preferences{OrgID: v.org(), UserID: v.me.UserID}
	if p.own != nil {
		next = *p.own
	}
	if v.r.PostForm.Get("seen") != preferencesStamp(p.own) {
		return answer{}, meanwhile
	}
	if v.r.PostForm.Get("reset") != "" {
		next.Types, next.Categories = nil, nil
	} else if err := p.choices(v, &next); err != nil {
		return answer{}, err
	}
	late, err := c.savePreferences(v.ctx(), next)
	if err != nil {
		return answer{}, err
	}
	return c.did(Home+"notifications", didSave, late...)
}

func (c *Console) saveMyQuiet(v *visit) (answer, error) {
	p, err := c.loadPrefs(v, v.me.UserID)
	if err != nil {
		return answer{}, err
	}
	next := schemas.Preferences{OrgID: v.org(), UserID: v.me.UserID}
	if p.own != nil {
		next = *p.own
	}
	if v.r.PostForm.Get("seen") != preferencesStamp(p.own) {
		return answer{}, meanwhile
	}
	if next.QuietHours, err = quietFrom(v.r.PostForm); err != nil {
		return answer{}, err
	}
	late, err := c.savePreferences(v.ctx(), next)
	if err != nil {
		return answer{}, err
	}
	return c.did(Home+"notifications", didSave, late...)
}

// defaults are the organization's.
func (c *Console) defaults(v *visit) (answer, error) {
	p, err := c.loadPrefs(v, "")
	if err != nil {
		return answer{}, err
	}
	d := settingsData{Groups: p.table(false), Seen: preferencesStamp(p.org), Action: Home + "defaults"}
	var org *schemas.QuietHours
	if p.settings != nil {
		org = p.settings.QuietHours
	}
	d.Quiet = quietOf(org, nil, d.Action+"/quiet-hours", settingsStamp(p.settings), false)
	return answer{template: "settings", title: "Organization defaults", data: d}, nil
}

func (c *Console) saveDefaults(v *visit) (answer, error) {
	p, err := c.loadPrefs(v, "")
	if err != nil {
		return answer{}, err
	}
	next := schemas.Preferences{OrgID: v.org()}
	if p.org != nil {
		next = *p.org
	}
	if v.r.PostForm.Get("seen") != preferencesStamp(p.org) {
		return answer{}, meanwhile
	}
	if err := p.choices(v, &next); err != nil {
		return answer{}, err
	}
	late, err := c.savePreferences(v.ctx(), next)
	if err != nil {
		return answer{}, err
	}
	return c.did(Home+"defaults", didSave, late...)
}

func settingsStamp(s *schemas.OrgSettings) string {
	if s == nil {
		return "none"
	}
	return stampOf(&s.UpdatedAt)
}

func (c *Console) saveOrgQuiet(v *visit) (answer, error) {
	p, err := c.loadPrefs(v, "")
	if err != nil {
		return answer{}, err
	}
	next := schemas.OrgSettings{OrgID: v.org()}
	if p.settings != nil {
		next = *p.settings
	}
	if v.r.PostForm.Get("seen") != settingsStamp(p.settings) {
		return answer{}, meanwhile
	}
	if next.QuietHours, err = quietFrom(v.r.PostForm); err != nil {
		return answer{}, err
	}
	next.UpdatedAt = c.now()
	ch, err := encoded(schemas.OrgsSettings, schemas.OrgKey[schemas.UserID](v.org(), ""), next, schemas.ViewOrgSettings(v.org()), "", next.UpdatedAt)
	if err != nil {
		return answer{}, err
	}
	late, err := c.apply(v.ctx(), ch)
	if err != nil {
		return answer{}, err
	}
	return c.did(Home+"defaults", didSave, late...)
}

// quietData is the form of quiet hours.
type quietData struct {
	Mode     string // "none" (said nothing), "off", "hours"
	From, To string
	Days     []dayChoice
	TimeZone string
	Fallback string // the time zone that counts when none is set
	Org      string // what the organization has, in words; empty: none
	Action   string
	Seen     string
	Mine     bool
	Zones    []string
}

type dayChoice struct {
	ID   schemas.Weekday
	Name string
	On   bool
}

// week is in the order in which people read it.
var week = []dayChoice{
	{"mon", "Mon", true}, {"tue", "Tue", true}, {"wed", "Wed", true}, {"thu", "Thu", true}, {"fri", "Fri", true}, {"sat", "Sat", true}, {"sun", "Sun", true},
}

func quietOf(q, org *schemas.QuietHours, action, stamp string, mine bool) quietData {
	d := quietData{Mode: "none", From: "19:00", To: "08:00", Days: slices.Clone(week), Action: action, Seen: stamp, Mine: mine, Org: quietWords(org), Zones: zones}
	if q == nil {
		return d
	}
	d.Mode, d.TimeZone = "hours", q.TimeZone
	if q.Off {
		d.Mode = "off"
	}
	if q.From != "" {
		d.From, d.To = q.From, q.To
	} else if d.Mode == "hours" {
		d.From, d.To = "", ""
	}
	if len(q.WorkingDays) > 0 {
		for i := range d.Days {
			d.Days[i].On = slices.Contains(q.WorkingDays, d.Days[i].ID)
		}
	}
	return d
}

func quietWords(q *schemas.QuietHours) string {
	if q == nil || q.Off {
		return ""
	}
	text := ""
	if q.From != "" {
		text = "from " + q.From + " to " + q.To
	}
	if len(q.WorkingDays) > 0 && len(q.WorkingDays) < len(week) {
		if text != "" {
			text += ", and "
		}
		working := []string{"all day but on"}
		for _, d := range week {
			if slices.Contains(q.WorkingDays, d.ID) {
				working = append(working, d.Name)
			}
		}
		text += strings.Join(working, " ")
	}
	return text
}

// quietFrom reads the form: nil for nothing said.
func quietFrom(form map[string][]string) (*schemas.QuietHours, error) {
	get := func(name string) string {
		if len(form[name]) == 0 {
			return ""
		}
		return form[name][0]
	}
	switch get("mode") {
	case "none":
		return nil, nil
	case "off":
		return &schemas.QuietHours{Off: true}, nil
	case "hours":
	default:
		return nil, errSentence("Choose whether there are quiet hours.")
	}
	q := &schemas.QuietHours{From: get("from"), To: get("to"), TimeZone: get("tz")}
	for _, d := range form["day"] {
		q.WorkingDays = append(q.WorkingDays, schemas.Weekday(d))
	}
	if _, err := time.LoadLocation(q.TimeZone); err != nil {
		return nil, errSentence("There is no such time zone. Choose one such as Europe/London.")
	}
	switch {
	case len(q.WorkingDays) == 0:
		return nil, errSentence("Choose at least one day on which notifications come, or turn them off in the table above.")
	case len(q.WorkingDays) == len(week):
		q.WorkingDays = nil
	}
	if q.From == "" && len(q.WorkingDays) == 0 {
		return nil, errSentence("Say from when to when it is quiet, or on which days.")
	}
	if err := q.Validate(); err != nil {
		return nil, errSentence(sentence(err))
	}
	return q, nil
}

// zones are offered; any other name of the IANA database is taken too.
var zones = []string{
	"Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "America/Bogota", "America/Chicago", "America/Denver", "America/Halifax",
	"America/Los_Angeles", "America/Mexico_City", "America/New_York", "America/Phoenix", "America/Sao_Paulo", "America/Toronto", "Asia/Bangkok", "Asia/Dubai",
	"Asia/Hong_Kong", "Asia/Jakarta", "Asia/Jerusalem", "Asia/Kolkata", "Asia/Manila", "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo",
	"Australia/Melbourne", "Australia/Perth", "Australia/Sydney", "Europe/Amsterdam", "Europe/Athens", "Europe/Berlin", "Europe/Dublin", "Europe/Istanbul",
	"Europe/Lisbon", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Rome", "Europe/Stockholm", "Europe/Warsaw", "Europe/Zurich", "Pacific/Auckland", "UTC",
}
