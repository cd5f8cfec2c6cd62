package slacksim

import "strings"

var (
	chatDeleteArgs    = argSpec{"channel": argString, "ts": argString, "as_user": argBool}
	permalinkArgs     = argSpec{"channel": argString, "message_ts": argString}
	postEphemeralArgs = argSpec{
		"channel": argString, "user": argString, "text": argString, "blocks": argJSON, "attachments": argJSON, "markdown_text": argString,
		"thread_ts": argString, "link_names": argBool, "parse": argString, "username": argString, "icon_url": argString, "icon_emoji": argString, "as_user": argBool,
	}
)

// conversation is the channel that a call names by its id, in which the bot is. Unlike a post, nothing else opens a DM.
func (c *call) conversation() (*channel, error) {
	ch := c.team.channels[ChannelID(c.args.str("channel"))]
	switch {
	case ch == nil, !ch.has(c.in.BotUserID) && (ch.IsPrivate || ch.IsIM):
		return nil, fail("channel_not_found")
	case !ch.has(c.in.BotUserID):
		return nil, fail("not_in_channel")
	}
	return ch, nil
}

// chatDelete answers chat.delete: an app deletes a message of its own.
func chatDelete(c *call) (response, error) {
	ch, err := c.conversation()
	if err != nil {
		return nil, err
	}
	m := ch.message(TS(c.args.str("ts")))
	switch {
	case m == nil || m.Deleted:
		return nil, fail("message_not_found")
	case m.AppID != c.app.ID:
		return nil, fail("cant_delete_message")
	}
	return response{"channel": ch.ID, "ts": m.TS}, c.remove(c.team, ch, m.TS)
}

// chatGetPermalink answers chat.getPermalink.
func chatGetPermalink(c *call) (response, error) {
	ch, err := c.conversation()
	if err != nil {
		return nil, err
	}
	m := ch.message(TS(c.args.str("message_ts")))
	if m == nil || m.Deleted {
		return nil, fail("message_not_found")
	}
	link := "https://" + c.team.Domain + ".slack.com/archives/" + string(ch.ID) + "/p" + strings.ReplaceAll(string(m.TS), ".", "")
	if m.isReply() {
		link += "?thread_ts=" + string(m.ThreadTS) + "&cid=" + string(ch.ID)
	}
	return response{"channel": ch.ID, "permalink": link}, nil
}

// chatPostEphemeral answers chat.postEphemeral: one member of a channel sees it.
func chatPostEphemeral(c *call) (response, error) {
	ch, err := c.target()
	if err != nil {
		return nil, err
	}
	body, err := c.content()
	if err != nil {
		return nil, err
	}
	user := UserID(c.args.str("user"))
	if c.team.users[user] == nil || !ch.has(user) {
		return nil, fail("user_not_in_channel")
	}
	ts := c.nextTS(ch)
	c.interact.ephemerals = append(c.interact.ephemerals, Ephemeral{TS: ts, Team: c.team.ID, Channel: ch.ID, User: user, App: c.app.ID, Text: body.text, Blocks: body.blocks})
	c.wake()
	return response{"message_ts": ts}, nil
}
