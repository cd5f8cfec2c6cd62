package slacksim

import (
	"slices"
	"strings"
)

var (
	openScopes = []string{"channels:manage", "groups:write", "im:write", "mpim:write"}
	infoScopes = []string{"channels:read", "groups:read", "im:read", "mpim:read"}

	historyScopes = []string{"channels:history", "groups:history", "im:history", "mpim:history"}

	conversationsOpenArgs = argSpec{"channel": argString, "users": argString, "return_im": argBool, "prevent_creation": argBool}
	conversationsInfoArgs = argSpec{"channel": argString, "include_locale": argBool, "include_num_members": argBool}
)

// conversationsOpen answers conversations.open: the DM with one person, or with up to eight.
func conversationsOpen(c *call) (response, error) {
	if id := ChannelID(c.args.str("channel")); id != "" {
		ch := c.team.channels[id]
		if ch == nil || !ch.has(c.in.BotUserID) {
			return nil, fail("channel_not_found")
		}
		if !ch.IsIM && !ch.IsMPIM {
			return nil, fail("method_not_supported_for_channel_type")
		}
		return c.opened(ch, true), nil
	}
	users := splitUsers(c.args.str("users"))
	switch {
	case len(users) == 0:
		return nil, fail("users_list_not_supplied")
	case len(users) > 8:
		return nil, fail("too_many_users")
	}
	if len(users) == 1 {
		return c.openIM(users[0])
	}
	for _, u := range users {
		if c.team.users[u] == nil {
			return nil, fail("user_not_found")
		}
	}
	return c.openMPIM(users)
}

func splitUsers(list string) []UserID {
	var users []UserID
	for part := range strings.SplitSeq(list, ",") {
		if u := UserID(strings.TrimSpace(part)); u != "" && !slices.Contains(users, u) {
			users = append(users, u)
		}
	}
	return users
}

// openIM opens a DM. One that exists stays open to a deactivated person, but none is made.
func (c *call) openIM(user UserID) (response, error) {
	if err := c.need("im:write"); err != nil {
		return nil, err
	}
	ch, made, err := c.dm(user, !c.args.flag("prevent_creation"))
	if err != nil {
		return nil, err
	}
	return c.opened(ch, !made), nil
}

// dm finds or makes the DM with a person. Both conversations.open and chat.postMessage to a user id come here. People of another
// company can be written to as well, where a shared channel has both.
func (c *call) dm(user UserID, create bool) (ch *channel, made bool, err error) {
	p, home := c.partner(user)
	if p == nil {
		return nil, false, fail("user_not_found")
	}
	if p.IsBot {
		return nil, false, fail("cannot_dm_bot")
	}
	if ch := c.team.im(c.in.BotUserID, user); ch != nil {
		return ch, false, nil
	}
	switch {
	case p.Deleted && c.method == "conversations.open":
		return nil, false, fail("user_disabled")
	case !create:
		return nil, false, fail("channel_not_found")
	}
	now := c.now()
	dm := Channel{
		ID: ChannelID(newID("D")), IsIM: true, Creator: c.in.BotUserID, Members: []UserID{c.in.BotUserID, user}, Created: now.Unix(), Updated: now.UnixMilli(),
	}
	if home != c.team {
		dm.Host, dm.Connected = c.team.ID, []TeamID{home.ID}
	}
	err = c.commit(change{Channel: &channelMade{Team: c.team.ID, Channel: dm}})
	return c.team.channels[dm.ID], true, err
}

// partner is whom the app can write to, and their workspace: members, and strangers whom it meets in a shared channel.
func (c *call) partner(user UserID) (*Person, *team) {
	if p := c.team.users[user]; p != nil {
		return p, c.team
	}
	p, home, meets := c.state.stranger(c.team, user, c.in.BotUserID)
	if !meets {
		return nil, nil
	}
	return p, home
}

func (c *call) openMPIM(users []UserID) (response, error) {
	if err := c.need("mpim:write"); err != nil {
		return nil, err
	}
	members := append([]UserID{c.in.BotUserID}, slices.DeleteFunc(users, func(u UserID) bool { return u == c.in.BotUserID })...)
	sorted := slices.Sorted(slices.Values(members))
	for _, id := range c.team.channelOrder {
		if ch := c.team.channels[id]; ch.IsMPIM && slices.Equal(slices.Sorted(slices.Values(ch.Members)), sorted) {
			return c.opened(ch, true), nil
		}
	}
	if c.args.flag("prevent_creation") {
		return nil, fail("channel_not_found")
	}
	names := make([]string, len(members))
	for i, u := range members {
		names[i] = c.team.users[u].Name
	}
	now, id := c.now(), ChannelID(newID("C"))
	err := c.commit(change{Channel: &channelMade{Team: c.team.ID, Channel: Channel{
		ID: id, Name: "mpdm-" + strings.Join(names, "--") + "-1", IsMPIM: true, IsPrivate: true, Creator: c.in.BotUserID,
		Members: members, Created: now.Unix(), Updated: now.UnixMilli(),
	}}})
	if err != nil {
		return nil, err
	}
	return c.opened(c.team.channels[id], false), nil
}

// opened is the answer: the id alone, unless return_im asks for all, with no_op when it was open already.
func (c *call) opened(ch *channel, already bool) response {
	out := response{"channel": map[string]any{"id": ch.ID}}
	if c.args.flag("return_im") {
		out["channel"] = c.channelJSON(ch)
	}
	if already {
		out["no_op"], out["already_open"] = true, true
	}
	return out
}

// conversationsInfo answers conversations.info. A private conversation that the bot is not in does not exist for it.
func conversationsInfo(c *call) (response, error) {
	ch := c.team.channels[ChannelID(c.args.str("channel"))]
	if ch == nil || ((ch.IsPrivate || ch.IsIM) && !ch.has(c.in.BotUserID)) {
		return nil, fail("channel_not_found")
	}
	if err := c.need(readScope(ch.kind())); err != nil {
		return nil, err
	}
	out := c.channelJSON(ch)
	if c.args.flag("include_num_members") {
		out["num_members"] = len(ch.Members)
	}
	if c.args.flag("include_locale") {
		out["locale"] = "en-US"
	}
	return response{"channel": out}, nil
}

// channelJSON is a conversation in Slack's shape.
func (c *call) channelJSON(ch *channel) map[string]any {
	if ch.IsIM {
		return c.imJSON(ch)
	}
	text := func(value string) map[string]any {
		if value == "" {
			return map[string]any{"value": "", "creator": "", "last_set": 0}
		}
		return map[string]any{"value": value, "creator": ch.Creator, "last_set": ch.Updated / 1000}
	}
	teams := []TeamID{c.team.ID}
	if len(ch.Connected) > 0 {
		teams = append([]TeamID{ch.Host}, ch.Connected...)
	}
	ext := c.state.external(ch)
	previous := ch.PreviousNames
	if previous == nil {
		previous = []string{}
	}
	out := map[string]any{
		"id": ch.ID, "name": ch.Name, "name_normalized": ch.Name, "is_channel": !ch.IsPrivate, "is_group": ch.IsPrivate,
		"is_im": false, "is_mpim": ch.IsMPIM, "is_private": ch.IsPrivate, "created": ch.Created, "is_archived": ch.IsArchived,
		"is_general": ch.IsGeneral, "unlinked": 0, "is_shared": len(teams) > 1, "is_frozen": ch.FrozenReason != "", "is_org_shared": len(teams) > 1 && !ext,
		"is_pending_ext_shared": ch.Pending, "pending_shared": []string{}, "context_team_id": c.team.ID, "updated": ch.Updated,
		"parent_conversation": nil, "creator": ch.Creator, "is_ext_shared": ext, "shared_team_ids": teams,
		"pending_connected_team_ids": []TeamID{}, "is_member": ch.has(c.in.BotUserID), "last_read": "0000000000.000000",
		"topic": text(ch.Topic), "purpose": text(ch.Purpose), "previous_names": previous,
		"properties": map[string]any{"tabs": []any{}},
	}
	if len(teams) > 1 {
		out["conversation_host_id"], out["connected_team_ids"] = ch.Host, slices.DeleteFunc(slices.Clone(teams), func(id TeamID) bool { return id == c.team.ID })
		out["internal_team_ids"] = []TeamID{c.team.ID}
	}
	if ch.FrozenReason != "" {
		out["frozen_reason"] = ch.FrozenReason
	}
	return out
}

func (c *call) imJSON(ch *channel) map[string]any {
	out := map[string]any{
		"id": ch.ID, "created": ch.Created, "is_im": true, "is_org_shared": false, "is_archived": ch.IsArchived,
		"context_team_id": c.team.ID, "updated": ch.Updated, "user": ch.other(c.in.BotUserID), "last_read": "0000000000.000000",
		"latest": nil, "unread_count": 0, "unread_count_display": 0, "is_open": true, "priority": 0,
	}
	for _, m := range slices.Backward(ch.messages) {
		if !m.Deleted {
			out["latest"] = c.state.wire(c.team, ch, m)
			break
		}
	}
	return out
}

// other is whom a member of a DM talks to.
func (c *channel) other(self UserID) UserID {
	for _, u := range c.Members {
		if u != self {
			return u
		}
	}
	return self
}
