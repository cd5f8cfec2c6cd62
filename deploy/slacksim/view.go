package slacksim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// view is what the page shows. It holds copies, so that it is drawn outside the lock.
type view struct {
	Teams    []Team
	Team     *Team
	Channels []listedChannel
	DMs      []listedChannel // of whoever uses the page
	OtherDMs []listedChannel // of others, which a real Slack would not show
	People   []listedPerson  // only on the page of people
	Here     string          // the path of what is open
	Title    string
	Topic    string
	Private  bool
	IsDM     bool
	Archived bool
	Members  int
	Lines    []line
	Whispers []line // that only whoever uses the page sees
	Cut      bool   // older messages are not shown
	Thread   []line
	Stats    DeliveryStats
	Missing  bool
	// Elsewhere: the address names no channel. What is open then must not change with every message, under the form that answers in it.
	Elsewhere bool
	// As is who the page is used as, of Choices; Modal is what they have open.
	As        UserID
	Choices   []listedPerson
	Modal     *shownModal
	Act       string // where forms go
	ChannelID string
	ThreadTS  string
	Error     string
	// Inside and Outside are who is in the open channel, and who could be added.
	Inside, Outside []listedPerson
}

type listedChannel struct {
	Path, Name         string
	Private, App, Here bool
	Archived           bool
	Count              int
}

type listedPerson struct {
	Person
	Name string
}

// line is one message as shown.
type line struct {
	TS, Path  string
	Author    string
	App, Join bool
	Text      template.HTML
	Blocks    []any
	Previews  []preview
	Edited    bool
	Gone      bool
	Broadcast bool
	Whisper   bool
	Replies   int
	Latest    string
	NewDay    bool
	Follows   bool // by the same author within minutes: no second heading
	Mrkdwn    func(any) template.HTML
	UserName  func(any) string
	RoomName  func(any) string
	// Act, As, Channel and Thread are for the line's forms; Mine: whoever uses the page wrote it.
	Act, Channel, Thread string
	As, user             UserID
	Mine                 bool
	Raw                  string
}

type preview struct {
	Title, URL string
	Text       template.HTML
}

// shownLines is how many messages of a channel the page draws.
const shownLines = 150

// view collects the page of a request; ok is false when what it names does not exist.
func (s *Simulator) view(r *http.Request) (*view, bool) {
	v := &view{Stats: s.deliveryStats(), Title: "Slack simulator"}
	for _, id := range s.state.teamOrder {
		v.Teams = append(v.Teams, s.state.teams[id].Team)
	}
	id := TeamID(r.PathValue("team"))
	if id == "" && len(v.Teams) > 0 {
		id = v.Teams[0].ID
	}
	t := s.state.teams[id]
	if t == nil {
		v.Missing = r.PathValue("team") != ""
		return v, !v.Missing
	}
	v.Team = &t.Team
	open, ok := s.opened(t, r)
	s.addPerson(v, t, r)
	defer func() { v.own(open) }()
	if strings.HasSuffix(r.URL.Path, "/people") {
		v.addPeople(t)
	} else if open != nil {
		v.addChannel(t, open, TS(r.URL.Query().Get("thread")))
		v.addMembers(t, open)
		s.addWhispers(v, t, open)
	}
	v.Missing, v.Elsewhere = !ok, open != nil && r.PathValue("channel") == ""
	v.addLists(t, open)
	return v, ok
}

// own gives each line what its forms need, once it is known who uses the page.
func (v *view) own(c *channel) {
	for _, list := range [][]listedChannel{v.Channels, v.DMs, v.OtherDMs} {
		for i := range list {
			list[i].Path += "?as=" + string(v.As)
		}
	}
	if c == nil {
		return
	}
	v.ChannelID = string(c.ID)
	for _, lines := range [][]line{v.Lines, v.Thread} {
		for i := range lines {
			l := &lines[i]
			l.Act, l.As, l.Channel, l.Thread = v.Act, v.As, v.ChannelID, v.ThreadTS
			l.Path += "&as=" + string(v.As)
			l.Mine = l.user == v.As && !l.Join && !l.Gone
		}
	}
}

// opened is the channel that a request names, or the one to begin with: the latest with a message in it, of those that are no DM.
func (s *Simulator) opened(t *team, r *http.Request) (*channel, bool) {
	if strings.HasSuffix(r.URL.Path, "/people") {
		return nil, true
	}
	if id := ChannelID(r.PathValue("channel")); id != "" {
		return t.channels[id], t.channels[id] != nil
	}
	var latest *channel
	for _, id := range t.channelOrder {
		if c := t.channels[id]; latest == nil || (!c.IsIM && !c.IsMPIM && c.lastTS > latest.lastTS) {
			latest = c
		}
	}
	return latest, true
}

func channelPath(t *team, c *channel) string { return fmt.Sprintf("/t/%s/c/%s", t.ID, c.ID) }

func (v *view) addLists(t *team, open *channel) {
	for _, id := range t.channelOrder {
		c := t.channels[id]
		item := listedChannel{
			Path: channelPath(t, c), Name: t.titleFor(c, v.As), Private: c.IsPrivate, Archived: c.IsArchived, Here: c == open, Count: len(c.messages),
		}
		if !c.IsIM && !c.IsMPIM {
			v.Channels = append(v.Channels, item)
			continue
		}
		item.App = slices.ContainsFunc(c.Members, func(u UserID) bool { return t.users[u] != nil && t.users[u].IsBot })
		if c.has(v.As) {
			v.DMs = append(v.DMs, item)
		} else {
			v.OtherDMs = append(v.OtherDMs, item)
		}
	}
	byName := func(a, b listedChannel) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortStableFunc(v.Channels, byName)
	slices.SortStableFunc(v.DMs, byName)
	slices.SortStableFunc(v.OtherDMs, byName)
}

func (v *view) addPeople(t *team) {
	v.Title, v.Here = "People", "people"
	for _, p := range t.people() {
		v.People = append(v.People, listedPerson{Person: p, Name: t.userName(p.ID)})
	}
	slices.SortStableFunc(v.People, func(a, b listedPerson) int { return cmp.Compare(a.Name, b.Name) })
}

func (v *view) addChannel(t *team, c *channel, thread TS) {
	v.Title, v.Topic, v.Private, v.IsDM = t.titleFor(c, v.As), c.Topic, c.IsPrivate, c.IsIM || c.IsMPIM
	v.Archived, v.Members, v.Here = c.IsArchived, len(c.Members), channelPath(t, c)
	var shown []*message
	for _, m := range slices.Backward(c.messages) {
		if (m.isReply() && !m.Broadcast) || (m.Deleted && !m.tombstone()) {
			continue
		}
		if len(shown) == shownLines {
			v.Cut = true
			break
		}
		shown = append(shown, m)
	}
	slices.Reverse(shown)
	v.Lines = t.lines(c, shown)
	root := c.message(thread)
	if root == nil {
		return
	}
	replies := []*message{root}
	for _, ts := range root.Replies {
		replies = append(replies, c.message(ts))
	}
	v.Thread = t.lines(c, replies)
}

// addWhispers are what apps have shown to whoever uses the page, and to nobody else.
func (s *Simulator) addWhispers(v *view, t *team, c *channel) {
	for _, e := range s.interact.ephemerals {
		if e.Team != t.ID || e.Channel != c.ID || e.User != v.As {
			continue
		}
		m := message{TS: e.TS, Text: e.Text, Blocks: e.Blocks, AppID: e.App}
		if in := t.installs[e.App]; in != nil {
			m.User, m.BotID = in.BotUserID, in.BotID
		}
		l := t.line(c, &m)
		l.Whisper = true
		v.Whispers = append(v.Whispers, l)
	}
}

func (t *team) lines(c *channel, shown []*message) []line {
	out := make([]line, 0, len(shown))
	var before *message
	for _, m := range shown {
		l := t.line(c, m)
		l.NewDay = before == nil || day(string(before.TS)) != day(string(m.TS))
		l.Follows = before != nil && !l.NewDay && !l.Join && follows(before, m)
		out = append(out, l)
		before = m
	}
	return out
}

// follows: the same author, within five minutes.
func follows(a, b *message) bool {
	x, errA := a.TS.Micros()
	y, errB := b.TS.Micros()
	return errA == nil && errB == nil && y-x < 300e6 && a.User == b.User && a.BotID == b.BotID && !a.Deleted && !serviceSubtypes[a.Subtype]
}

func (t *team) line(c *channel, m *message) line {
	l := line{
		TS: string(m.TS), Author: t.author(m), App: m.BotID != "", Join: serviceSubtypes[m.Subtype], Edited: m.Edited != nil,
		Gone: m.Deleted, Broadcast: m.Broadcast, Replies: len(m.Replies), Path: channelPath(t, c) + "?thread=" + string(m.TS),
		Text: renderMrkdwn(m.Text, t), Mrkdwn: func(v any) template.HTML { return renderMrkdwn(str2(v), t) },
		UserName: func(v any) string { return t.userName(UserID(str2(v))) },
		RoomName: func(v any) string { return t.channelName(ChannelID(str2(v))) },
	}
	l.user, l.Raw = m.User, html.UnescapeString(m.Text)
	if m.Broadcast {
		l.Path = channelPath(t, c) + "?thread=" + string(m.ThreadTS)
	}
	if n := len(m.Replies); n > 0 {
		l.Latest = string(m.Replies[n-1])
	}
	// Numbers of blocks are not shown, and both were checked when they came in.
	_ = json.Unmarshal(m.Blocks, &l.Blocks)
	var attached []map[string]any
	_ = json.Unmarshal(m.Attachments, &attached)
	for _, a := range attached {
		url := str2(a["title_link"])
		l.Previews = append(l.Previews, preview{Title: str2(a["title"]), URL: url, Text: renderMrkdwn(str2(a["text"]), t)})
	}
	return l
}

// str2 is a decoded JSON string, or nothing.
func str2(v any) string {
	s, _ := v.(string)
	return s
}

func (t *team) author(m *message) string {
	switch {
	case m.tombstone():
		return "Slackbot"
	case m.Username != "":
		return m.Username
	}
	return t.userName(m.User)
}

func (t *team) title(c *channel) string {
	if !c.IsIM && !c.IsMPIM {
		return c.Name
	}
	var people []string
	for _, u := range c.Members {
		if p := t.users[u]; p == nil || !p.IsBot {
			people = append(people, t.userName(u))
		}
	}
	return strings.Join(people, ", ")
}

// titleFor is what a channel is called by somebody: a DM that they are in by who else is.
func (t *team) titleFor(c *channel, as UserID) string {
	if (!c.IsIM && !c.IsMPIM) || !c.has(as) {
		return t.title(c)
	}
	var others []string
	for _, u := range c.Members {
		if u != as {
			others = append(others, t.userName(u))
		}
	}
	return cmp.Or(strings.Join(others, ", "), t.title(c))
}

// userName is how a member is called: display name, else real name, else login.
func (t *team) userName(id UserID) string {
	if id == slackbot {
		return "Slackbot"
	}
	p := t.users[id]
	if p == nil {
		return string(id)
	}
	return cmp.Or(p.DisplayName, p.RealName, p.Name)
}

func (t *team) channelName(id ChannelID) string {
	if c := t.channels[id]; c != nil {
		return t.title(c)
	}
	return string(id)
}

// initial is the letter of an avatar.
func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(name)
	if r == utf8.RuneError {
		return "?"
	}
	return string(unicode.ToUpper(r))
}

// shade picks one of the avatar colours, the same each time.
func shade(name string) int {
	sum := 0
	for _, r := range name {
		sum = sum*31 + int(r)
	}
	return (sum%8 + 8) % 8
}
