package slacksim

import (
	"encoding/json"
	"fmt"
)

// Say is what someone says, in a channel or a thread. Exactly one of User, Bot and Service says who.
type Say struct {
	// User is the person who speaks. They must be in the channel.
	User UserID `json:"user,omitempty"`
	// Bot is a legacy integration's name: the message has the subtype bot_message and no user.
	Bot string `json:"bot,omitempty"`
	// Service is a service subtype, such as pinned_item or reminder_add: a message that is no conversation.
	Service string `json:"service,omitempty"`
	// Subtype is any other subtype, such as file_share or huddle_thread, with a User (USLACKBOT too) or none.
	Subtype string `json:"subtype,omitempty"`
	// Extra is an object of fields that Slack shows beside: files, room, bot_id, assistant_app_thread…
	Extra json.RawMessage `json:"extra,omitempty"`
	// Text is in Slack's own form: mrkdwn, with &, < and > escaped as &amp;, &lt; and &gt;, people as <@U…>. It is cut at 40,000 characters.
	Text string `json:"text"`
	// ThreadTS answers in that message's thread; Broadcast shows the answer in the channel too.
	ThreadTS  TS   `json:"thread_ts,omitempty"`
	Broadcast bool `json:"broadcast,omitempty"`
}

func (s *Simulator) say(t *team, c *channel, in Say) (Message, error) {
	m, err := s.spoken(t, c, in)
	if err != nil {
		return Message{}, err
	}
	if in.ThreadTS != "" {
		root := c.message(in.ThreadTS)
		if root == nil || (root.Deleted && !root.tombstone()) {
			return Message{}, missing("channel %s has no message %q to answer", c.ID, in.ThreadTS)
		}
		m.ThreadTS = in.ThreadTS
		if root.isReply() {
			m.ThreadTS = root.ThreadTS
		}
	} else if in.Broadcast {
		return Message{}, refuse("broadcast is for answers in a thread: give thread_ts too")
	}
	m.Broadcast, m.TS = in.Broadcast, s.nextTS(c)
	if err := s.commit(change{Posted: &posted{Team: t.ID, Channel: c.ID, Message: m, Replied: s.settings.ReplyEvents}}); err != nil {
		return Message{}, err
	}
	return c.entry(t.ID, c.message(m.TS)), nil
}

// spoken checks who speaks, and makes their message.
func (s *Simulator) spoken(t *team, c *channel, in Say) (message, error) {
	m := message{Text: cut(in.Text), Extra: in.Extra, Subtype: in.Subtype}
	switch {
	case c.IsArchived:
		return m, refuse("channel %s is archived", c.ID)
	case !isObject(in.Extra):
		return m, refuse("extra must be an object of a message's fields")
	case in.Subtype != "" && (in.Service != "" || in.Bot != ""):
		return m, refuse("give one of subtype, service and bot")
	}
	switch {
	case in.Subtype != "" && (in.User == "" || in.User == slackbot), in.User == "" && in.Bot == "" && in.Service == "" && in.Extra != nil:
		m.User = in.User
	case in.User != "" && in.Bot == "":
		p, err := s.person(t, in.User)
		if err != nil {
			return m, err
		}
		if p.Deleted {
			return m, refuse("member %s is deactivated", in.User)
		}
		if !c.has(in.User) {
			return m, refuse("member %s is not in channel %s; invite them first", in.User, c.ID)
		}
		m.User = in.User
	case in.Bot != "" && in.User == "" && in.Service == "":
		m.Subtype, m.Username, m.BotID = "bot_message", in.Bot, BotID("B0"+slugID(in.Bot))
	case in.Service == "":
		return m, refuse("who speaks? give user (a member's id) or bot (a legacy integration's name)")
	}
	switch {
	case in.Service == "" && in.Text == "" && in.Extra == nil:
		return m, refuse("text is empty")
	case in.Service != "" && !serviceSubtypes[in.Service]:
		return m, refuse("service is %q, which is no service subtype; give one such as pinned_item", in.Service)
	case in.Service != "":
		m.Subtype = in.Service
	case m.Subtype == "":
		m.ClientMsgID = newUUID()
	}
	return m, nil
}

func isObject(raw json.RawMessage) bool {
	if raw == nil {
		return true
	}
	var fields map[string]any
	return json.Unmarshal(raw, &fields) == nil
}

// slugID makes an id's tail of a name, the same each time.
func slugID(name string) string {
	const n = 9
	var b [n]byte
	for i := range b {
		b[i] = '0'
	}
	for i := range len(name) {
		b[i%n] = idAlphabet[(int(b[i%n])*31+int(name[i]))%len(idAlphabet)]
	}
	return string(b[:])
}

func newUUID() string {
	h := newSecret(32)
	return fmt.Sprintf("%s-%s-4%s-a%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:])
}

func (s *Simulator) standing(c *channel, ts TS) (*message, error) {
	m := c.message(ts)
	if m == nil || m.Deleted {
		return nil, missing("channel %s has no message %q", c.ID, ts)
	}
	return m, nil
}

// Edit gives a message a new text, or changes it as Slack itself does.
type Edit struct {
	Text string `json:"text,omitempty"`
	// User is who edits. Default: its author.
	User UserID `json:"user,omitempty"`
	// Extra replaces the message's own: language that was detected, a huddle's room that has ended.
	Extra json.RawMessage `json:"extra,omitempty"`
	// Unmarked leaves the message without 'edited', as changes by Slack and by bots are.
	Unmarked bool `json:"unmarked,omitempty"`
	// EmptyPrevious sends the event with previous_message as an empty array (java-slack-sdk #791).
	EmptyPrevious bool `json:"empty_previous,omitempty"`
}

func (s *Simulator) editText(t *team, c *channel, ts TS, in Edit) (Message, error) {
	m, err := s.standing(c, ts)
	if err != nil {
		return Message{}, err
	}
	switch {
	case in.Text == "" && in.Extra == nil:
		return Message{}, refuse("text is empty; to take the message away, DELETE it")
	case !isObject(in.Extra):
		return Message{}, refuse("extra must be an object of a message's fields")
	case serviceSubtypes[m.Subtype] && in.Text != "":
		return Message{}, refuse("message %s is a service message, which nobody can edit", ts)
	}
	if in.User == "" {
		in.User = m.User
	}
	next := *m
	next.Replies = nil
	if in.Text != "" {
		next.Text, next.Blocks = in.Text, nil
	}
	if in.Extra != nil {
		next.Extra = in.Extra
	}
	if !in.Unmarked {
		next.Edited = &editedMark{User: in.User, TS: unixSeconds(s.now())}
	}
	return s.commitEdit(t, c, next, in.EmptyPrevious)
}

func (s *Simulator) commitEdit(t *team, c *channel, next message, emptyPrevious bool) (Message, error) {
	do := &edited{Team: t.ID, Channel: c.ID, Message: next, EventTS: s.nextTS(c), EmptyPrevious: emptyPrevious}
	if err := s.commit(change{Edited: do}); err != nil {
		return Message{}, err
	}
	return c.entry(t.ID, c.message(next.TS)), nil
}

// Unfurl shows a link's preview under a message: Slack sends a message_changed that is no edit.
type Unfurl struct {
	URL   string `json:"url"`
	Title string `json:"title,omitempty"`
	Text  string `json:"text,omitempty"`
}

func (s *Simulator) unfurl(t *team, c *channel, ts TS, in Unfurl) (Message, error) {
	m, err := s.standing(c, ts)
	if err != nil {
		return Message{}, err
	}
	if in.URL == "" {
		return Message{}, refuse("url is missing: give the link that is previewed")
	}
	var list []json.RawMessage
	if m.Attachments != nil {
		if err := json.Unmarshal(m.Attachments, &list); err != nil {
			return Message{}, fmt.Errorf("read the message's attachments: %w", err)
		}
	}
	next := *m
	next.Replies = nil
	next.Attachments = mustJSON(append(list, mustJSON(map[string]any{
		"id": len(list) + 1, "from_url": in.URL, "original_url": in.URL, "title": in.Title, "title_link": in.URL, "text": in.Text,
		"fallback": in.Title, "is_msg_unfurl": true,
	})))
	return s.commitEdit(t, c, next, false)
}

// remove deletes a message: a root with answers leaves a tombstone, which goes with the last answer.
func (s *Simulator) remove(t *team, c *channel, ts TS) error {
	m, err := s.standing(c, ts)
	if err != nil {
		return err
	}
	do := &deleted{Team: t.ID, Channel: c.ID, TS: ts, EventTS: s.nextTS(c)}
	if root := c.message(m.ThreadTS); m.isReply() && root != nil && root.tombstone() && len(root.Replies) == 1 {
		do.RootEventTS = s.nextTS(c)
	}
	return s.commit(change{Deleted: do})
}
