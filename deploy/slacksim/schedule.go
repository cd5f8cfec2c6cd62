package slacksim

import (
	"strconv"
	"time"
)

// scheduled is a message that an app has posted for later (docs.slack.dev/reference/methods/chat.scheduleMessage).
type scheduled struct {
	ID      string    `json:"id"`
	Team    TeamID    `json:"team"`
	Channel ChannelID `json:"channel"`
	// PostAt is in seconds since the epoch.
	PostAt  int64   `json:"post_at"`
	Message message `json:"message"`
}

var scheduleArgs = argSpec{
	"channel": argString, "post_at": argNumber, "text": argString, "blocks": argJSON, "attachments": argJSON, "markdown_text": argString, "metadata": argJSON,
	"thread_ts": argString, "reply_broadcast": argBool, "unfurl_links": argBool, "unfurl_media": argBool, "link_names": argBool, "parse": argString, "as_user": argBool,
}

// maxAhead is how far ahead a message can be scheduled: "up to 120 days" (same page).
const maxAhead = 120 * 24 * time.Hour

// scheduleMessage answers chat.scheduleMessage. With metadata it is accepted, and never posted (same page).
func scheduleMessage(c *call) (response, error) {
	ch, err := c.target()
	if err != nil {
		return nil, err
	}
	at, err := c.args.number("post_at")
	switch ahead := time.Unix(int64(at), 0).Sub(c.now()); {
	case err != nil || at == 0:
		return nil, fail("invalid_time")
	case ahead <= 0:
		return nil, fail("time_in_past")
	case ahead > maxAhead:
		return nil, fail("time_too_far")
	}
	body, err := c.content()
	if err != nil {
		return nil, err
	}
	thread, err := c.thread(ch)
	if err != nil {
		return nil, err
	}
	do := scheduled{ID: newID("Q"), Team: c.team.ID, Channel: ch.ID, PostAt: int64(at), Message: message{
		ThreadTS: thread, User: c.in.BotUserID, BotID: c.in.BotID, AppID: c.app.ID, Text: body.text, Blocks: body.blocks, Attachments: body.attachments,
	}}
	if body.metadata == nil {
		if err := c.commit(change{Scheduled: &do}); err != nil {
			return nil, err
		}
		c.arm(do)
	}
	shown := map[string]any{"type": "delayed_message", "text": body.text, "bot_id": c.in.BotID}
	if body.attachments != nil {
		shown["attachments"] = body.attachments
	}
	return response{"channel": ch.ID, "scheduled_message_id": do.ID, "post_at": strconv.Itoa(at), "message": shown}, nil
}

// arm posts a scheduled message when its time has come.
func (s *Simulator) arm(do scheduled) {
	time.AfterFunc(time.Unix(do.PostAt, 0).Sub(s.now()), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		t := s.state.teams[do.Team]
		c, in := t.channels[do.Channel], t.installs[do.Message.AppID]
		if s.closed || c == nil || c.IsArchived || in == nil || in.Removed || in.Revoked {
			return
		}
		m := do.Message
		m.TS = s.nextTS(c)
		as := &call{Simulator: s, method: "chat.scheduleMessage", in: in, team: t, app: s.state.apps[m.AppID]}
		post := as.post(c, m, content{text: m.Text, blocks: m.Blocks})
		if err := s.commit(change{Posted: &posted{Team: t.ID, Channel: c.ID, Message: m, Post: &post, Scheduled: do.ID}}); err != nil {
			s.log.Error("a scheduled message could not be posted", "channel", c.ID, "error", err)
		}
	})
}
