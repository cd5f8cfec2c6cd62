package slacksim

import (
	"slices"
	"strings"
)

var (
	conversationsListArgs    = argSpec{"cursor": argString, "exclude_archived": argBool, "limit": argNumber, "team_id": argString, "types": argString}
	usersConversationsArgs   = argSpec{"cursor": argString, "exclude_archived": argBool, "limit": argNumber, "team_id": argString, "types": argString, "user": argString}
	conversationsMembersArgs = argSpec{"channel": argString, "cursor": argString, "limit": argNumber}
)

// channelTypes are the types of conversations.list, each with what Slack calls its kind elsewhere.
var channelTypes = map[string]string{"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}

// kinds reads types, and needs each one's scope.
func (c *call) kinds() ([]string, error) {
	list := c.args.str("types")
	if list == "" {
		list = "public_channel"
	}
	var kinds []string
	for name := range strings.SplitSeq(list, ",") {
		kind := channelTypes[strings.TrimSpace(name)]
		if kind == "" {
			return nil, fail("invalid_types")
		}
		if err := c.need(readScope(kind)); err != nil {
			return nil, err
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

// conversationsList answers conversations.list: public channels, and of the others those that the bot is in.
func conversationsList(c *call) (response, error) {
	return c.listChannels(func(ch *channel) bool { return ch.kind() == "channel" || ch.has(c.in.BotUserID) })
}

// usersConversations answers users.conversations: those that somebody is in, as far as the bot can see them.
func usersConversations(c *call) (response, error) {
	user := UserID(c.args.str("user"))
	if user == "" {
		user = c.in.BotUserID
	}
	if c.team.users[user] == nil {
		return nil, fail("user_not_found")
	}
	return c.listChannels(func(ch *channel) bool {
		return ch.has(user) && (ch.kind() == "channel" || ch.has(c.in.BotUserID))
	})
}

func (c *call) listChannels(shown func(*channel) bool) (response, error) {
	if err := c.wrongTeam(); err != nil {
		return nil, err
	}
	kinds, err := c.kinds()
	if err != nil {
		return nil, err
	}
	limit, err := c.limitOf(100, 1000)
	if err != nil {
		return nil, err
	}
	var ids []ChannelID
	for _, id := range c.team.channelOrder {
		ch := c.team.channels[id]
		if slices.Contains(kinds, ch.kind()) && shown(ch) && (!ch.IsArchived || !c.args.flag("exclude_archived")) {
			ids = append(ids, id)
		}
	}
	page, next, err := slicePage(c, "team", ids, limit)
	if err != nil {
		return nil, err
	}
	channels := make([]map[string]any, 0, len(page))
	for _, id := range page {
		ch := c.team.channels[id]
		out := c.channelJSON(ch)
		if ch.IsIM {
			out = c.listedIM(ch, out)
		} else if c.method == "conversations.list" {
			out["num_members"] = len(ch.Members)
		}
		channels = append(channels, out)
	}
	return c.ended(response{"channels": channels}, "team", next), nil
}

// listedIM is a DM as lists show it: without what it says last, which only conversations.info tells.
func (c *call) listedIM(ch *channel, out map[string]any) map[string]any {
	for _, field := range []string{"latest", "last_read", "unread_count", "unread_count_display"} {
		delete(out, field)
	}
	p := c.team.users[ch.other(c.in.BotUserID)]
	out["is_user_deleted"] = p != nil && p.Deleted
	return out
}

// conversationsMembers answers conversations.members.
func conversationsMembers(c *call) (response, error) {
	ch, err := c.readable(readScope)
	if err != nil {
		return nil, err
	}
	limit, err := c.limitOf(100, 1000)
	if err != nil {
		return nil, err
	}
	page, next, err := slicePage(c, "user", ch.Members, limit)
	if err != nil {
		return nil, err
	}
	if page == nil {
		page = []UserID{}
	}
	return c.ended(response{"members": page}, "user", next), nil
}

// readable is the channel that a call names, if the bot can see it and has its kind's scope. A private conversation that the
// bot is not in does not exist for it.
func (c *call) readable(scope func(kind string) string) (*channel, error) {
	ch := c.team.channels[ChannelID(c.args.str("channel"))]
	if ch == nil || ch.kind() != "channel" && !ch.has(c.in.BotUserID) {
		return nil, fail("channel_not_found")
	}
	return ch, c.need(scope(ch.kind()))
}
