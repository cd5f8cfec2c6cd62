package slacksim

import (
	"slices"
	"strings"
)

// apply makes a change and returns the deliveries that it causes.
func (s *state) apply(e entry) []*delivery {
	events := s.alter(e)
	s.Seq = e.Seq
	return s.deliveries(e, events)
}

func (s *state) alter(e entry) []event {
	switch do := e.Change; {
	case do.Born != nil:
		s.Salt = *do.Born
	case do.Team != nil:
		s.teams[do.Team.ID] = newTeam(*do.Team)
		s.teamOrder = append(s.teamOrder, do.Team.ID)
	case do.Person != nil:
		return s.putPerson(do.Person)
	case do.Channel != nil:
		c := &channel{Channel: do.Channel.Channel}
		for _, id := range append([]TeamID{do.Channel.Team}, c.Connected...) { // a DM with another company is born shared
			s.teams[id].putChannel(c)
		}
	case do.Altered != nil:
		return s.alterChannel(e.Seq, do.Altered)
	case do.Joined != nil:
		return s.join(e.Seq, do.Joined)
	case do.Left != nil:
		return s.leave(e.Seq, do.Left)
	case do.Shared != nil:
		return s.share(do.Shared)
	case do.Unshared != nil:
		return s.unshare(do.Unshared)
	case do.Identified != nil:
		return s.identify(do.Identified)
	case do.Gone != nil:
		return s.gone(do.Gone)
	case do.App != nil:
		s.putApp(*do.App)
	case do.Access != nil:
		return s.access(do.Access)
	case do.Install != nil:
		return s.putInstall(*do.Install)
	case do.Posted != nil:
		return s.post(e.Seq, do.Posted)
	case do.Scheduled != nil:
		s.scheduled[do.Scheduled.ID] = *do.Scheduled
	case do.Edited != nil:
		return s.edit(e.Seq, do.Edited)
	case do.Deleted != nil:
		return s.delete(e.Seq, do.Deleted)
	case do.Settled != nil:
		s.settle(do.Settled)
	case do.Repeated != nil:
		s.addPost(do.Repeated)
	case do.Violation != nil:
		s.addViolation(*do.Violation)
	case do.Snapshot != nil:
		s.restore(do.Snapshot)
	}
	return nil
}

func (s *state) putPerson(do *personChange) []event {
	t := s.teams[do.Team]
	_, known := t.users[do.Person.ID]
	t.putUser(do.Person)
	return []event{{team: t, name: personEvent(known), person: &do.Person}}
}

func personEvent(known bool) string {
	if known {
		return "user_change"
	}
	return "team_join"
}

func (s *state) alterChannel(seq uint64, do *channelChange) []event {
	t := s.teams[do.Team]
	c := t.channels[do.Channel.ID]
	c.Channel = do.Channel
	events := []event{{team: t, channel: c, name: do.Event, actor: do.Actor}}
	if do.Message != nil {
		events = append(events, event{team: t, channel: c, name: "message", message: c.add(seq, *do.Message)})
	}
	return events
}

func (s *state) join(seq uint64, do *memberChange) []event {
	t := s.teams[do.Team]
	c := t.channels[do.Channel]
	c.Members = append(c.Members, do.User)
	events := []event{{team: t, channel: c, name: "member_joined_channel", user: do.User, actor: do.Actor}}
	if do.Message != nil {
		events = append(events, event{team: t, channel: c, name: "message", message: c.add(seq, *do.Message)})
	}
	return events
}

// leave sends its events to who was there before, the leaver included: an app hears of its own removal.
func (s *state) leave(seq uint64, do *memberChange) []event {
	t := s.teams[do.Team]
	c := t.channels[do.Channel]
	c.Members = slices.DeleteFunc(slices.Clone(c.Members), func(u UserID) bool { return u == do.User })
	events := []event{{team: t, channel: c, name: "member_left_channel", user: do.User, actor: do.Actor}}
	if do.Message != nil {
		events = append(events, event{team: t, channel: c, name: "message", message: c.add(seq, *do.Message)})
	}
	return events
}

func (s *state) putApp(a App) {
	if _, known := s.apps[a.ID]; !known {
		s.appOrder = append(s.appOrder, a.ID)
	}
	s.apps[a.ID] = &a
}

// putInstall installs, changes scopes, revokes or removes. An old token stays known, so that it is answered as revoked.
func (s *state) putInstall(in Install) []event {
	t := s.teams[in.Team]
	if _, known := t.installs[in.App]; !known {
		t.installOrder = append(t.installOrder, in.App)
	}
	before := t.installs[in.App]
	t.installs[in.App], s.tokens[in.Token] = &in, &in
	if before == nil {
		return nil
	}
	var events []event
	if in.Removed && !before.Removed {
		events = append(events, event{team: t, name: "app_uninstalled", app: in.App})
	}
	if in.Revoked && !before.Revoked {
		events = append(events, event{team: t, name: "tokens_revoked", app: in.App, user: in.BotUserID})
	}
	return events
}

// add appends a message, and files it with its thread.
func (c *channel) add(seq uint64, m message) *message {
	m.Seq = seq
	c.file(&m)
	if m.isReply() {
		if root := c.message(m.ThreadTS); root != nil {
			root.Replies, root.Seq = append(root.Replies, m.TS), seq
		}
	}
	return &m
}

// file puts a message last in its channel, where chat.postMessage finds it again by client_msg_id.
func (c *channel) file(m *message) {
	c.messages = append(c.messages, m)
	c.advance(m.TS)
	if m.ClientMsgID == "" || m.AppID == "" {
		return
	}
	if c.byClient == nil {
		c.byClient = map[string]TS{}
	}
	c.byClient[clientKey(m.AppID, m.ClientMsgID)] = m.TS
}

func clientKey(app AppID, id string) string { return string(app) + "/" + id }

// advance keeps the channel's clock ahead of every ts handed out.
func (c *channel) advance(ts TS) {
	if micros, err := ts.Micros(); err == nil {
		c.lastTS = max(c.lastTS, int64(micros))
	}
}

func (s *state) post(seq uint64, do *posted) []event {
	t := s.teams[do.Team]
	c := t.channels[do.Channel]
	if len(c.Connected) > 0 {
		do.Message.Home = do.Team
	}
	m := c.add(seq, do.Message)
	delete(s.scheduled, do.Scheduled)
	s.addPost(do.Post)
	events := []event{{team: t, channel: c, name: "message", message: m}}
	if m.Subtype == "" || m.Subtype == "thread_broadcast" || m.Subtype == "bot_message" {
		events = append(events, event{team: t, channel: c, name: "app_mention", message: m})
	}
	if root := c.message(m.ThreadTS); do.Replied && m.isReply() && root != nil {
		events = append(events, event{team: t, channel: c, name: "message", change: "message_replied", message: root, ts: m.TS})
	}
	return events
}

func (s *state) edit(seq uint64, do *edited) []event {
	t := s.teams[do.Team]
	c := t.channels[do.Channel]
	m := c.message(do.Message.TS)
	previous := *m
	next := do.Message
	next.Seq, next.Replies = seq, m.Replies
	*m = next
	c.advance(do.EventTS)
	s.addPost(do.Post)
	return []event{{team: t, channel: c, name: "message", change: "message_changed", message: m, previous: &previous, noPrevious: do.EmptyPrevious, ts: do.EventTS}}
}

func (s *state) delete(seq uint64, do *deleted) []event {
	t := s.teams[do.Team]
	c := t.channels[do.Channel]
	m := c.message(do.TS)
	previous := *m
	m.Deleted, m.Seq = true, seq
	m.Text, m.Blocks, m.Attachments, m.Metadata, m.Extra = "", nil, nil, nil, nil
	c.advance(do.EventTS)
	if m.tombstone() {
		return []event{{team: t, channel: c, name: "message", change: "message_changed", message: m, previous: &previous, ts: do.EventTS}}
	}
	events := []event{{team: t, channel: c, name: "message", change: "message_deleted", message: m, previous: &previous, ts: do.EventTS}}
	root := c.message(m.ThreadTS)
	if root == nil || !m.isReply() {
		return events
	}
	stone := *root
	root.Replies = slices.DeleteFunc(slices.Clone(root.Replies), func(ts TS) bool { return ts == m.TS })
	root.Seq = seq
	if do.RootEventTS != "" {
		c.advance(do.RootEventTS)
		events = append(events, event{team: t, channel: c, name: "message", change: "message_deleted", message: root, previous: &stone, ts: do.RootEventTS})
	}
	return events
}

func (s *state) addPost(p *Post) {
	if p == nil {
		return
	}
	p.N = len(s.posts) + 1
	s.posts = append(s.posts, *p)
}

func (s *state) addViolation(v Violation) {
	v.N = len(s.violations) + 1
	s.violations = append(s.violations, v)
}

// mentions says whether a text names a user: <@U123> or <@U123|name>.
func mentions(text string, user UserID) bool {
	mark := "<@" + string(user)
	return strings.Contains(text, mark+">") || strings.Contains(text, mark+"|")
}
