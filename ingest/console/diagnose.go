package console

import (
	"cmp"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/schemas"
)

// checkRow is a check with the button that mends it, as far as whoever looks may press it.
type checkRow struct {
	diagnose.Check
	Path string // of the button; empty: there is none for them
	Away bool   // it leads out of the console
}

// Mark is the class of the line's mark.
func (r checkRow) Mark() string {
	return map[diagnose.Result]string{diagnose.Pass: "yes", diagnose.Fail: "fail"}[r.Result]
}

// diagnoseData is what the page shows.
type diagnoseData struct {
	Everybody, Syncs  bool
	Who, Kind, Room   string
	Team              schemas.TeamID
	Types             []schemas.TypeInfo
	Workspaces        []*schemas.Installation
	People            []personRow  // to choose from
	Rooms             []channelRow // to choose from
	Title             string
	Checks            []checkRow
	OK                bool
	NobodyLike, NoAny string
}

// diagnose goes through the product page's two lists: an administrator for anybody and any channel, a member for themselves.
func (c *Console) diagnose(v *visit) (answer, error) {
	q := v.r.URL.Query()
	d := diagnoseData{
		Everybody: v.may(actor.SeePeople), Syncs: v.syncs(), Who: strings.TrimSpace(q.Get("who")), Kind: q.Get("type"), Room: strings.TrimSpace(q.Get("channel")),
		Team: schemas.TeamID(q.Get("team")),
	}
	for _, in := range v.installs {
		if in.Active() {
			d.Workspaces = append(d.Workspaces, in)
		}
	}
	p, err := c.loadPrefs(v, "")
	if err != nil {
		return answer{}, err
	}
	d.Types = p.types
	switch {
	case !d.Everybody:
		err = c.diagnosePerson(v, &d, schemas.Recipient{UserID: v.me.UserID}, v.me.Title())
	case q.Get("user") != "":
		err = c.diagnoseUser(v, &d, schemas.UserID(q.Get("user")))
	case d.Who != "":
		err = c.findPerson(v, &d)
	case d.Room != "":
		err = c.findRoom(v, &d)
	}
	return answer{template: "diagnose", title: "Diagnose", data: d}, err
}

func (c *Console) diagnoseUser(v *visit, d *diagnoseData, id schemas.UserID) error {
	rows, err := c.personRows(v, []string{string(id)})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return errNotFound
	}
	d.Who = cmp.Or(rows[0].User.Email, rows[0].User.Title())
	return c.diagnosePerson(v, d, schemas.Recipient{UserID: id}, rows[0].User.Title())
}

func (c *Console) diagnosePerson(v *visit, d *diagnoseData, to schemas.Recipient, name string) error {
	checks, err := c.opts.Examiner.Person(v.ctx(), v.org(), to, schemas.NotificationType(d.Kind))
	if err != nil {
		return err
	}
	d.Title = "Notifications of " + name
	for _, check := range checks {
		d.Checks = append(d.Checks, c.button(v, check, "", string(to.UserID), to.Email))
	}
	d.OK = diagnose.OK(checks)
	return nil
}

// findPerson takes an email as it is, also one that the directory does not know; a name may be several people's.
func (c *Console) findPerson(v *visit, d *diagnoseData) error {
	found, err := c.called(v, lists.People(v.org()), d.Who, accountsShown)
	if err != nil {
		return err
	}
	switch {
	case len(found) == 1:
		return c.diagnoseUser(v, d, schemas.UserID(found[0]))
	case strings.Contains(d.Who, "@"):
		return c.diagnosePerson(v, d, schemas.Recipient{Email: d.Who}, d.Who)
	case len(found) == 0:
		d.NobodyLike = d.Who
		return nil
	}
	d.People, err = c.personRows(v, found)
	return err
}

// channelID is how Slack's ids look, also within a link to a channel. Nothing is read from the first letter.
var channelID = regexp.MustCompile(`\b[CG][A-Z0-9]{5,}\b`)

// findRoom takes a channel's id, or a link that has it, as it is: one that the app is not in is in no list.
func (c *Console) findRoom(v *visit, d *diagnoseData) error {
	team, id, exact := strings.Cut(d.Room, "/")
	if exact && v.install(schemas.TeamID(team)) != nil {
		return c.diagnoseRoom(v, d, schemas.TeamID(team), schemas.ChannelID(id))
	}
	if id := channelID.FindString(d.Room); id != "" {
		if d.Team == "" && len(d.Workspaces) > 0 {
			d.Team = d.Workspaces[0].TeamID
		}
		return c.diagnoseRoom(v, d, d.Team, schemas.ChannelID(id))
	}
	found, err := c.called(v, lists.Channels(v.org()), strings.TrimPrefix(d.Room, "#"), accountsShown)
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		d.NoAny = d.Room
		return nil
	case len(found) == 1:
		team, id := schemas.Key(found[0]).Split()
		return c.diagnoseRoom(v, d, schemas.TeamID(team), schemas.ChannelID(id))
	}
	d.Rooms, err = c.rows(v, found)
	return err
}

func (c *Console) diagnoseRoom(v *visit, d *diagnoseData, team schemas.TeamID, id schemas.ChannelID) error {
	checks, err := c.opts.Examiner.Channel(v.ctx(), v.org(), team, id)
	if errors.Is(err, diagnose.ErrNoWorkspace) {
		return errSentence("Your organization has no such workspace. Connect it on the overview.")
	}
	if err != nil {
		return err
	}
	d.Title = "Sync of channel " + string(id)
	rows, err := c.rows(v, []string{string(schemas.TeamChannelKey(team, id))})
	if err != nil {
		return err
	}
	if len(rows) == 1 && rows[0].Channel.Name != "" {
		d.Title = "Sync of #" + rows[0].Channel.Name
	}
	for _, check := range checks {
		d.Checks = append(d.Checks, c.button(v, check, string(schemas.TeamChannelKey(team, id)), "", ""))
	}
	d.OK = diagnose.OK(checks)
	return nil
}

// button says where a check's button leads, for those who may press it.
func (c *Console) button(v *visit, check diagnose.Check, room, user, email string) checkRow {
	r := checkRow{Check: check}
	if check.Mend == nil {
		return r
	}
	team, _ := schemas.Key(room).Split()
	switch check.Mend.Action {
	case diagnose.ConnectSlack:
		if v.may(actor.ConnectSlack) && c.opts.Disconnect != nil {
			r.Path = slackapp.ConnectPath
		}
	case diagnose.ConnectChannelSync:
		if v.may(actor.ConnectSync) && c.opts.Disconnect != nil {
			r.Path = slackapp.ChannelSyncPath + "?" + url.Values{"team": {team}}.Encode()
		}
	case diagnose.OpenPeople:
		if v.may(actor.SeePeople) {
			r.Path = Home + "people?" + url.Values{"q": {cmp.Or(email, c.nameOf(v, user))}}.Encode()
		}
	case diagnose.OpenPreferences:
		switch {
		case user == string(v.me.UserID):
			r.Path = Home + "notifications"
		case v.may(actor.ChangeDefaults):
			r.Path = Home + "defaults"
		}
	case diagnose.LinkChannel:
		r.Path = Home + "channels/" + room
	case diagnose.OpenChannels:
		r.Path = Home + "channels"
	case diagnose.OpenInSlack:
		r.Path, r.Away = check.Mend.URL, true
	}
	return r
}

// nameOf is by what a user is found on the page of people.
func (c *Console) nameOf(v *visit, user string) string {
	names, err := c.userNames(v, []string{user})
	if err != nil || user == "" {
		return ""
	}
	return names[user]
}

// called finds the ids of those whose names have words that begin as a text does.
func (c *Console) called(v *visit, list lists.List, text string, most int) ([]string, error) {
	found, err := lists.Find(v.ctx(), c.opts.Redis, list, lists.Query{Text: text, Search: true, Limit: most})
	return found.IDs, err
}
