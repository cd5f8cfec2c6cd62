package slacksim

import (
	"strings"
	"time"
)

var postMessageArgs = argSpec{
	"channel": argString, "text": argString, "blocks": argJSON, "attachments": argJSON, "markdown_text": argString,
	"metadata": argJSON, "thread_ts": argString, "reply_broadcast": argBool, "unfurl_links": argBool, "unfurl_media": argBool,
	"link_names": argBool, "mrkdwn": argBool, "parse": argString, "username": argString, "icon_emoji": argString,
	"icon_url": argString, "as_user": argBool,
	"client_msg_id": argString, // undocumented, yet the reference lists is_duplicate among the answers
}

const (
	// maxText is where Slack cuts a text; longer is msg_too_long (docs.slack.dev/reference/methods/chat.postMessage).
	maxText = 40_000
	// wiseText is what the same page advises, and above which a text is reported to arrive as several messages.
	wiseText = 4_000
	// splitText is how long the pieces are said to be.
	splitText       = 4_040
	maxMarkdownText = 12_000
	maxAttachments  = 100
	maxMetadata     = 16 << 10 // bytes, of the whole
)

// postMessage answers chat.postMessage.
func postMessage(c *call) (response, error) {
	ch, err := c.target()
	if err != nil {
		return nil, err
	}
	body, err := c.content()
	if err != nil {
		return nil, err
	}
	thread, err := c.thread(ch)
	if err != nil {
		return nil, err
	}
	id := c.args.str("client_msg_id")
	if first, seen := ch.byClient[clientKey(c.app.ID, id)]; seen && id != "" && !c.settings.IgnoreClientMsgID {
		return c.repeat(ch, first, body)
	}
	if err := c.limitPosts(ch); err != nil {
		return nil, err
	}
	m := message{
		TS: c.nextTS(ch), ThreadTS: thread, User: c.in.BotUserID, BotID: c.in.BotID, AppID: c.app.ID,
		Blocks: body.blocks, Attachments: body.attachments, Metadata: body.metadata, ClientMsgID: id,
		Username: c.args.str("username"), Broadcast: thread != "" && c.args.flag("reply_broadcast"),
	}
	return c.postAll(ch, m, body)
}

// postAll posts a message, or the several as which a long text arrives; it answers with the first.
func (c *call) postAll(ch *channel, m message, body content) (response, error) {
	first := m.TS
	for i, text := range pieces(body) {
		if i > 0 {
			m = message{TS: c.nextTS(ch), ThreadTS: m.ThreadTS, User: m.User, BotID: m.BotID, AppID: m.AppID, Username: m.Username}
			body = content{}
		}
		m.Text, body.text = text, text
		post := c.post(ch, m, body)
		if err := c.commit(change{Posted: &posted{Team: c.team.ID, Channel: ch.ID, Message: m, Post: &post}}); err != nil {
			return nil, err
		}
	}
	return c.shown(ch, first), nil
}

// target resolves the channel argument: an id, a user's id, or a channel's name; and checks that the app may post there.
func (c *call) target() (*channel, error) {
	name := c.args.str("channel")
	if name == "" {
		return nil, fail("channel_not_found")
	}
	ch := c.team.channels[ChannelID(name)]
	if ch == nil {
		if p, _ := c.partner(UserID(name)); p != nil {
			dm, _, err := c.dm(p.ID, true)
			return dm, err
		}
	}
	if ch == nil {
		ch = c.team.channelNamed(strings.TrimPrefix(name, "#"))
	}
	switch {
	case ch == nil:
		return nil, fail("channel_not_found")
	case !ch.has(c.in.BotUserID) && (ch.IsPrivate || ch.IsIM):
		return nil, fail("channel_not_found")
	case ch.IsArchived:
		return nil, fail("is_archived")
	case !ch.has(c.in.BotUserID) && !c.granted("chat:write.public"):
		return nil, fail("not_in_channel")
	}
	return ch, nil
}

// thread resolves thread_ts: answering a reply answers its root.
func (c *call) thread(ch *channel) (TS, error) {
	ts := TS(c.args.str("thread_ts"))
	if ts == "" {
		return "", nil
	}
	m := ch.message(ts)
	if m == nil || (m.Deleted && !m.tombstone()) {
		return "", fail("thread_not_found")
	}
	if m.isReply() {
		return m.ThreadTS, nil
	}
	return ts, nil
}

// limitPosts keeps one post a second per channel, and some hundred a minute per workspace.
func (c *call) limitPosts(ch *channel) error {
	if c.settings.NoRateLimits {
		return nil
	}
	if wait := c.limits.space(spaceKey{c.team.ID, ch.ID}, c.settings.PostBurst, c.now()); wait > 0 {
		return &apiError{code: "ratelimited", retryAfter: retrySeconds(wait)}
	}
	return c.limit(windowKey{c.method, c.team.ID, c.app.ID}, c.settings.PostsPerMinute)
}

// post is the record of what the app made people see.
func (c *call) post(ch *channel, m message, body content) Post {
	p := Post{
		At: c.now().UnixMicro(), Method: c.method, App: c.app.ID, Team: c.team.ID, Channel: ch.ID, TS: m.TS, ThreadTS: m.ThreadTS,
		Text: body.text, Blocks: body.blocks, Metadata: body.metadata, ClientMsgID: m.ClientMsgID,
	}
	if ch.IsIM {
		p.Recipient = ch.other(c.in.BotUserID)
		person, _ := c.partner(p.Recipient)
		p.Unseen = person == nil || person.Deleted
	}
	return p
}

// repeat answers a client_msg_id that was posted before.
func (c *call) repeat(ch *channel, first TS, body content) (response, error) {
	m := message{TS: first, ClientMsgID: c.args.str("client_msg_id")}
	p := c.post(ch, m, body)
	p.Duplicate = true
	if err := c.commit(change{Repeated: &p}); err != nil {
		return nil, err
	}
	out := c.shown(ch, first)
	out["is_duplicate"] = true
	return out, nil
}

// shown is the answer to a post: the message as it was accepted.
func (c *call) shown(ch *channel, ts TS) response {
	m := ch.message(ts)
	w := c.state.wire(c.team, ch, m)
	w.Metadata = m.Metadata
	return response{"channel": ch.ID, "ts": ts, "message": w}
}

// unixSeconds is Slack's edited.ts, which has no fraction.
func unixSeconds(t time.Time) TS { return formatTS(t.Unix() * 1e6) }
