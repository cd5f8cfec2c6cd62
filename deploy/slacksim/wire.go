package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
)

// wireMessage is a message, or a message event, in Slack's JSON. The order of fields is Slack's.
type wireMessage struct {
	User        UserID          `json:"user,omitempty"`
	Type        string          `json:"type"`
	Subtype     string          `json:"subtype,omitempty"`
	TS          TS              `json:"ts,omitempty"`
	ClientMsgID string          `json:"client_msg_id,omitempty"`
	BotID       BotID           `json:"bot_id,omitempty"`
	AppID       AppID           `json:"app_id,omitempty"`
	Username    string          `json:"username,omitempty"`
	Text        *string         `json:"text,omitempty"`
	Team        TeamID          `json:"team,omitempty"`
	BotProfile  *botProfile     `json:"bot_profile,omitempty"`
	Inviter     UserID          `json:"inviter,omitempty"`
	Topic       string          `json:"topic,omitempty"`
	Purpose     string          `json:"purpose,omitempty"`
	Name        string          `json:"name,omitempty"`
	OldName     string          `json:"old_name,omitempty"`
	Edited      *editedMark     `json:"edited,omitempty"`
	ThreadTS    TS              `json:"thread_ts,omitempty"`
	ParentUser  UserID          `json:"parent_user_id,omitempty"`
	Root        *wireMessage    `json:"root,omitempty"`
	ReplyCount  int             `json:"reply_count,omitempty"`
	ReplyUsersN int             `json:"reply_users_count,omitempty"`
	LatestReply TS              `json:"latest_reply,omitempty"`
	ReplyUsers  []UserID        `json:"reply_users,omitempty"`
	IsLocked    *bool           `json:"is_locked,omitempty"`
	Subscribed  *bool           `json:"subscribed,omitempty"`
	Blocks      json.RawMessage `json:"blocks,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	SourceTeam  TeamID          `json:"source_team,omitempty"`
	UserTeam    TeamID          `json:"user_team,omitempty"`

	Message     *wireMessage `json:"message,omitempty"`
	Previous    any          `json:"previous_message,omitempty"` // a wireMessage, or an empty array
	DeletedTS   TS           `json:"deleted_ts,omitempty"`
	Channel     ChannelID    `json:"channel,omitempty"`
	Hidden      bool         `json:"hidden,omitempty"`
	EventTS     TS           `json:"event_ts,omitempty"`
	ChannelType string       `json:"channel_type,omitempty"`

	extra json.RawMessage
}

// MarshalJSON adds the fields that the simulator gives no meaning. They win over its own.
func (w *wireMessage) MarshalJSON() ([]byte, error) {
	type plain wireMessage
	raw, err := json.Marshal((*plain)(w))
	if err != nil || w.extra == nil {
		return raw, err
	}
	var fields map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(raw, &fields), json.Unmarshal(w.extra, &fields)); err != nil {
		return nil, fmt.Errorf("add a message's extra fields: %w", err)
	}
	return json.Marshal(fields)
}

type botProfile struct {
	ID      BotID             `json:"id"`
	Deleted bool              `json:"deleted"`
	Name    string            `json:"name"`
	Updated int64             `json:"updated"`
	AppID   AppID             `json:"app_id"`
	UserID  UserID            `json:"user_id"`
	Icons   map[string]string `json:"icons"`
	TeamID  TeamID            `json:"team_id"`
}

const tombstoneText = "This message was deleted."

// subtype is the one that Slack shows, which depends on what became of the message.
func (m *message) subtype() string {
	switch {
	case m.tombstone():
		return "tombstone"
	case m.Subtype == "" && m.Broadcast:
		return "thread_broadcast"
	}
	return m.Subtype
}

// wire is the message as history and the Web API's answers show it.
func (s *state) wire(t *team, c *channel, m *message) *wireMessage {
	text := m.Text
	w := &wireMessage{
		Type: "message", Subtype: m.subtype(), TS: m.TS, User: m.User, BotID: m.BotID, AppID: m.AppID, Text: &text,
		Username: m.Username, Inviter: m.Inviter, Topic: m.Topic, Purpose: m.Purpose, Name: m.Name, OldName: m.OldName,
		Edited: m.Edited, ThreadTS: m.ThreadTS, Blocks: m.Blocks, Attachments: m.Attachments, extra: m.Extra,
	}
	if m.AppID == "" {
		w.ClientMsgID = m.ClientMsgID
	}
	if m.tombstone() {
		text = tombstoneText
		w.User, w.BotID, w.AppID, w.Username, w.Hidden, w.Edited = slackbot, "", "", "", true, nil
	}
	if m.Home != "" {
		w.SourceTeam, w.UserTeam = m.Home, m.Home
	}
	if m.Subtype == "" {
		t = s.home(t, m)
		w.Team = t.ID
		if w.Blocks == nil && m.BotID == "" && !m.Deleted {
			w.Blocks = richText(m.Text)
		}
		w.BotProfile = s.botProfile(t, w.AppID)
	}
	c.wireThread(w, m)
	return w
}

// wireThread adds what a message says of its thread.
func (c *channel) wireThread(w *wireMessage, m *message) {
	if m.isReply() {
		if root := c.message(m.ThreadTS); root != nil {
			w.ParentUser = root.User
			if root.tombstone() {
				w.ParentUser = slackbot
			}
		}
		return
	}
	n := len(m.Replies)
	if n == 0 {
		return
	}
	no := false
	w.ThreadTS, w.ReplyCount, w.LatestReply, w.IsLocked, w.Subscribed = m.TS, n, m.Replies[n-1], &no, &no
	seen := map[UserID]bool{}
	for _, ts := range m.Replies {
		if r := c.message(ts); r != nil && !seen[r.User] && len(w.ReplyUsers) < 5 {
			seen[r.User] = true
			w.ReplyUsers = append(w.ReplyUsers, r.User)
		}
	}
	w.ReplyUsersN = len(seen)
}

// home is the workspace of who said it.
func (s *state) home(t *team, m *message) *team {
	if m.Home != "" {
		return s.teams[m.Home]
	}
	return t
}

func (s *state) botProfile(t *team, id AppID) *botProfile {
	in, app := t.installs[id], s.apps[id]
	if in == nil || app == nil {
		return nil
	}
	return &botProfile{
		ID: in.BotID, Name: app.Name, Updated: in.Installed, AppID: id, UserID: in.BotUserID, TeamID: t.ID,
		Icons: map[string]string{"image_36": noImage, "image_48": noImage, "image_72": noImage},
	}
}

// noImage stands for the pictures that the simulator does not have. It is the form of Slack's, at a host that never is.
const noImage = "https://avatars.slack-edge.invalid/default.png"
