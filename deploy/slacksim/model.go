package slacksim

import "encoding/json"

// Team is a workspace.
type Team struct {
	ID         TeamID      `json:"id"`
	Name       string      `json:"name"`
	Domain     string      `json:"domain"`
	Enterprise *Enterprise `json:"enterprise,omitempty"`
	// Created is in seconds since the epoch, as are the other times of this file unless they say otherwise.
	Created int64 `json:"created,omitempty"`
}

// Enterprise is the Enterprise Grid organization that a workspace belongs to.
type Enterprise struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Person is a member of a workspace: a human, a guest, or a bot user.
type Person struct {
	ID          UserID `json:"id"`
	Name        string `json:"name"`
	RealName    string `json:"real_name,omitempty"`
	DisplayName string `json:"display_name,omitempty"`
	// Email is empty for who has none. Apps see it only with the scope users:read.email.
	Email             string `json:"email,omitempty"`
	Title             string `json:"title,omitempty"`
	TZ                string `json:"tz,omitempty"`
	Locale            string `json:"locale,omitempty"`
	IsAdmin           bool   `json:"is_admin,omitempty"`
	IsOwner           bool   `json:"is_owner,omitempty"`
	IsRestricted      bool   `json:"is_restricted,omitempty"`       // a guest of several channels
	IsUltraRestricted bool   `json:"is_ultra_restricted,omitempty"` // a guest of one channel
	IsBot             bool   `json:"is_bot,omitempty"`
	Deleted           bool   `json:"deleted,omitempty"` // deactivated
	BotID             BotID  `json:"bot_id,omitempty"`
	AppID             AppID  `json:"app_id,omitempty"`
	Updated           int64  `json:"updated,omitempty"`
}

// Channel is a conversation: a public or private channel, a DM, or a DM of several people.
type Channel struct {
	ID         ChannelID `json:"id"`
	Name       string    `json:"name,omitempty"` // none for a DM
	IsPrivate  bool      `json:"is_private,omitempty"`
	IsIM       bool      `json:"is_im,omitempty"`
	IsMPIM     bool      `json:"is_mpim,omitempty"`
	IsArchived bool      `json:"is_archived,omitempty"`
	IsGeneral  bool      `json:"is_general,omitempty"`
	Topic      string    `json:"topic,omitempty"`
	Purpose    string    `json:"purpose,omitempty"`
	Creator    UserID    `json:"creator,omitempty"`
	// Members is in the order of joining. A DM has two.
	Members       []UserID `json:"members,omitempty"`
	PreviousNames []string `json:"previous_names,omitempty"`
	// Host is whose channel it is, and Connected the other workspaces that it is shared with. Set by sharing it.
	Host      TeamID   `json:"host,omitempty"`
	Connected []TeamID `json:"connected,omitempty"`
	// Pending: a share was begun, and not accepted yet. FrozenReason: it is what a workspace kept of one that was disconnected.
	Pending      bool   `json:"pending,omitempty"`
	FrozenReason string `json:"frozen_reason,omitempty"`
	Created      int64  `json:"created,omitempty"`
	Updated      int64  `json:"updated,omitempty"` // milliseconds, as Slack has it
}

// App is a Slack app as its developer registered it.
type App struct {
	ID                AppID  `json:"id"`
	Name              string `json:"name"`
	ClientID          string `json:"client_id,omitempty"`
	ClientSecret      string `json:"client_secret,omitempty"`
	SigningSecret     string `json:"signing_secret,omitempty"`
	VerificationToken string `json:"verification_token,omitempty"`
	// EventsURL is the request URL of the Events API. None: events are not delivered.
	EventsURL string `json:"events_url,omitempty"`
	// Events are the bot events subscribed to, under the names of Slack's app settings: message.channels, app_mention.
	Events []string `json:"events,omitempty"`
	// InteractivityURL is where presses and submissions go, OptionsURL where external selects ask. None: a press is refused.
	InteractivityURL string `json:"interactivity_url,omitempty"`
	OptionsURL       string `json:"options_url,omitempty"`
	// SocketMode sends everything over WebSocket connections, which AppToken (xapp-…) opens, and nothing over HTTP.
	SocketMode bool   `json:"socket_mode,omitempty"`
	AppToken   string `json:"app_token,omitempty"`
	// RedirectURLs are where OAuth may lead back to: one of them, or a path below one.
	RedirectURLs []string `json:"redirect_urls,omitempty"`
	// Unlisted: distributed commercially and not in the Marketplace, so that it reads history once a minute, 15 messages at a time.
	Unlisted bool `json:"unlisted,omitempty"`
	// TokenRotation gives out tokens that live 12 hours, with refresh tokens.
	TokenRotation bool `json:"token_rotation,omitempty"`
	// DelayedEvents keeps events that are more than two hours late, which are dropped otherwise.
	DelayedEvents bool `json:"delayed_events,omitempty"`
	// EventsDisabled: too many deliveries failed, and nobody has enabled the subscription again.
	EventsDisabled bool `json:"events_disabled,omitempty"`
}

// Install is an app in a workspace.
type Install struct {
	App       AppID    `json:"app"`
	Team      TeamID   `json:"team"`
	Scopes    []string `json:"scopes"`
	Token     string   `json:"token"`
	BotUserID UserID   `json:"bot_user_id"`
	BotID     BotID    `json:"bot_id"`
	Installed int64    `json:"installed,omitempty"`
	// Org is the Enterprise Grid organization that installed it for its workspaces; each has this record with the same token.
	Org string `json:"org,omitempty"`
	// Exempt: installed before Slack's rule for unlisted apps. Whether it holds for such ones is not settled.
	Exempt bool `json:"exempt,omitempty"`
	// With token rotation: when the token ends, what renews it once, and the token before it, which lives on until its own end.
	Expires       int64  `json:"expires,omitempty"`
	RefreshToken  string `json:"refresh_token,omitempty"`
	FormerToken   string `json:"former_token,omitempty"`
	FormerExpires int64  `json:"former_expires,omitempty"`
	// Revoked: the token is no longer good. Removed: the app is uninstalled.
	Revoked bool `json:"revoked,omitempty"`
	Removed bool `json:"removed,omitempty"`
}

// message is one message as it now stands. Its strings are as Slack sends them: text is mrkdwn with &, < and > escaped.
type message struct {
	TS          TS     `json:"ts"`
	ThreadTS    TS     `json:"thread_ts,omitempty"` // the root's own, in a root with replies, is derived
	Subtype     string `json:"subtype,omitempty"`
	User        UserID `json:"user,omitempty"`
	BotID       BotID  `json:"bot_id,omitempty"`
	AppID       AppID  `json:"app_id,omitempty"`
	Username    string `json:"username,omitempty"`
	Text        string `json:"text,omitempty"`
	ClientMsgID string `json:"client_msg_id,omitempty"`
	// Blocks is empty for what a person typed: its rich_text is derived from the text.
	Blocks      json.RawMessage `json:"blocks,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	// Extra is an object of fields that Slack shows and the simulator gives no meaning: files, room, language…
	Extra  json.RawMessage `json:"extra,omitempty"`
	Edited *editedMark     `json:"edited,omitempty"`
	// Home is the workspace of who said it, where the channel is shared and it is not the host's.
	Home      TeamID `json:"home,omitempty"`
	Broadcast bool   `json:"broadcast,omitempty"`
	Deleted   bool   `json:"deleted,omitempty"`
	Inviter   UserID `json:"inviter,omitempty"`
	Topic     string `json:"topic,omitempty"`
	Purpose   string `json:"purpose,omitempty"`
	Name      string `json:"name,omitempty"`
	OldName   string `json:"old_name,omitempty"`
	// Replies are the thread's messages that still stand, oldest first. Kept on the root.
	Replies []TS `json:"replies,omitempty"`
	// Seq is the number of the change that made it read as it does.
	Seq uint64 `json:"seq"`
}

// editedMark is who edited last, and when: Slack gives whole seconds, so that it can be before the message's own ts.
type editedMark struct {
	User UserID `json:"user"`
	TS   TS     `json:"ts"`
}

// tombstone: deleted, but its replies stand, so Slack shows 'This message was deleted.' in its place.
func (m *message) tombstone() bool { return m.Deleted && len(m.Replies) > 0 }

// isReply says whether it answers in a thread, as opposed to standing in the channel.
func (m *message) isReply() bool { return m.ThreadTS != "" && m.ThreadTS != m.TS }
