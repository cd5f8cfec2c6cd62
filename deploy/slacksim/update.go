package slacksim

var updateArgs = argSpec{
	"channel": argString, "ts": argString, "text": argString, "blocks": argJSON, "attachments": argJSON, "markdown_text": argString,
	"metadata": argJSON, "link_names": argBool, "parse": argString, "as_user": argBool, "reply_broadcast": argBool, "file_ids": argJSON,
}

// updateMessage answers chat.update: an app changes a message of its own.
func updateMessage(c *call) (response, error) {
	ch, err := c.target()
	if err != nil {
		return nil, err
	}
	m := ch.message(TS(c.args.str("ts")))
	switch {
	case m == nil || m.Deleted:
		return nil, fail("message_not_found")
	case m.AppID != c.app.ID:
		return nil, fail("cant_update_message")
	}
	body, err := c.content()
	if err != nil {
		return nil, err
	}
	next := m.updated(body, c.args)
	if next.Text != m.Text {
		next.Edited = &editedMark{User: c.in.BotUserID, TS: unixSeconds(c.now())}
	}
	post := c.post(ch, next, body)
	do := &edited{Team: c.team.ID, Channel: ch.ID, Message: next, EventTS: c.nextTS(ch), Post: &post}
	if err := c.commit(change{Edited: do}); err != nil {
		return nil, err
	}
	out := c.shown(ch, m.TS)
	out["text"] = next.Text
	return out, nil
}

// updated is the message with new content. Text alone takes the old blocks away; metadata and attachments stay unless
// given anew.
func (m *message) updated(body content, a args) message {
	next := *m
	next.Replies = nil // kept on the message that stands
	next.Text, next.Blocks = body.text, body.blocks
	if a.has("attachments") {
		next.Attachments = body.attachments
	}
	if body.metadata != nil {
		next.Metadata = body.metadata
	}
	return next
}
