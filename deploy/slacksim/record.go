package slacksim

import "encoding/json"

// Post is one accepted chat.postMessage or chat.update: what an app made people see. It is never altered afterwards.
type Post struct {
	// N counts from 1 over all posts; it is the cursor of a listing.
	N int `json:"n"`
	// At is in microseconds since the epoch.
	At      int64     `json:"at"`
	Method  string    `json:"method"`
	App     AppID     `json:"app"`
	Team    TeamID    `json:"team"`
	Channel ChannelID `json:"channel"`
	// Recipient is the person at the other end of a DM.
	Recipient   UserID          `json:"recipient,omitempty"`
	TS          TS              `json:"ts"`
	ThreadTS    TS              `json:"thread_ts,omitempty"`
	Text        string          `json:"text,omitempty"`
	Blocks      json.RawMessage `json:"blocks,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	ClientMsgID string          `json:"client_msg_id,omitempty"`
	// Duplicate: answered with is_duplicate and the first post's ts, and shown to nobody again.
	Duplicate bool `json:"duplicate,omitempty"`
	// Unseen: accepted, but the recipient is deactivated, so that nobody saw it.
	Unseen bool `json:"unseen,omitempty"`
}

// Violation is something an app sent that Slack would refuse, ignore or warn of.
type Violation struct {
	N      int    `json:"n"`
	At     int64  `json:"at"` // microseconds since the epoch
	App    AppID  `json:"app,omitempty"`
	Team   TeamID `json:"team,omitempty"`
	Method string `json:"method"`
	// Rule is a fixed word: unknown_argument, invalid_blocks, text_over_4000…
	Rule string `json:"rule"`
	// Detail names the field, never its content.
	Detail string `json:"detail"`
}

// DeliveryStats counts the Events API since the first start.
type DeliveryStats struct {
	// Created is how many events were due to some app.
	Created int `json:"created"`
	// Accepted were answered 2xx within 3 seconds, at the first attempt or a later one.
	Accepted int `json:"accepted"`
	// GivenUp failed at every attempt that Slack makes, or at one that said x-slack-no-retry.
	GivenUp int `json:"given_up"`
	// Withheld were never sent, because a fault said so.
	Withheld int `json:"withheld"`
	// Pending are still under way.
	Pending int `json:"pending"`
	// FailedAttempts and Retries count attempts, not events.
	FailedAttempts int `json:"failed_attempts"`
	Retries        int `json:"retries"`
}

// Message is one message of the record, as it should now read.
type Message struct {
	Team        TeamID    `json:"team"`
	Channel     ChannelID `json:"channel"`
	ChannelType string    `json:"channel_type"` // channel, group, im or mpim
	TS          TS        `json:"ts"`
	// ThreadTS is set on replies, not on the root.
	ThreadTS TS     `json:"thread_ts,omitempty"`
	User     UserID `json:"user,omitempty"`
	BotID    BotID  `json:"bot_id,omitempty"`
	App      AppID  `json:"app,omitempty"`
	Subtype  string `json:"subtype,omitempty"`
	Text     string `json:"text"`
	// EditedTS is when it was last edited, in whole seconds, as Slack has it.
	EditedTS    TS   `json:"edited_ts,omitempty"`
	Deleted     bool `json:"deleted,omitempty"`
	ReplyCount  int  `json:"reply_count,omitempty"`
	LatestReply TS   `json:"latest_reply,omitempty"`
	// Seq is the number of the change that made it read so; later changes have greater numbers.
	Seq uint64 `json:"seq"`
}

// MessageQuery narrows a listing of the record.
type MessageQuery struct {
	// After lists what comes after this ts, for paging.
	After TS `json:"after,omitempty"`
	// ChangedSince lists what changed after this sequence number.
	ChangedSince uint64 `json:"changed_since,omitempty"`
	// Limit is at most 10,000, which is the default.
	Limit int `json:"limit,omitempty"`
	// Deleted lists deleted messages too.
	Deleted bool `json:"deleted,omitempty"`
	// Service lists joins, topic changes and other service messages too.
	Service bool `json:"service,omitempty"`
}

const maxListing = 10_000

// serviceSubtypes are the messages that Slack writes about a channel, not people in it.
var serviceSubtypes = map[string]bool{
	"channel_join": true, "channel_leave": true, "channel_topic": true, "channel_purpose": true, "channel_name": true,
	"channel_archive": true, "channel_unarchive": true, "channel_convert_to_private": true, "channel_convert_to_public": true,
	"channel_posting_permissions": true, "group_join": true, "group_leave": true, "group_topic": true, "group_purpose": true,
	"group_name": true, "group_archive": true, "group_unarchive": true, "group_convert_to_private": true,
	"group_convert_to_public": true, "group_posting_permissions": true, "pinned_item": true, "unpinned_item": true,
	"reminder_add": true, "ekm_access_denied": true, "bot_add": true, "bot_remove": true,
}

// list answers a query on one channel, oldest first. More says that the limit cut it.
func (c *channel) list(team TeamID, q MessageQuery) (found []Message, more bool) {
	found = []Message{}
	limit := q.Limit
	if limit <= 0 || limit > maxListing {
		limit = maxListing
	}
	start := 0
	if q.After != "" {
		start = c.position(q.After)
	}
	for _, m := range c.messages[start:] {
		switch {
		case m.TS == q.After, m.Seq <= q.ChangedSince, m.Deleted && !q.Deleted, serviceSubtypes[m.Subtype] && !q.Service:
			continue
		case len(found) == limit:
			return found, true
		}
		found = append(found, c.entry(team, m))
	}
	return found, false
}

func (c *channel) entry(team TeamID, m *message) Message {
	out := Message{
		Team: team, Channel: c.ID, ChannelType: c.kind(), TS: m.TS, ThreadTS: m.ThreadTS, User: m.User, BotID: m.BotID,
		App: m.AppID, Subtype: m.subtype(), Text: m.Text, Deleted: m.Deleted, Seq: m.Seq, ReplyCount: len(m.Replies),
	}
	if m.Edited != nil {
		out.EditedTS = m.Edited.TS
	}
	if n := len(m.Replies); n > 0 {
		out.LatestReply = m.Replies[n-1]
	}
	return out
}
