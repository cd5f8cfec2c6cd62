package slacksim

import (
	"fmt"
	"regexp"
	"slices"
)

func (s *Simulator) channel(t *team, id ChannelID) (*channel, error) {
	if c := t.channels[id]; c != nil {
		return c, nil
	}
	return nil, missing("workspace %s has no channel %q", t.ID, id)
}

// channelName is Slack's rule: lowercase letters of any script, digits, hyphens and underscores, up to 80.
var channelName = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{M}0-9_-]{1,80}$`)

func (s *Simulator) createChannel(t *team, c Channel) (Channel, error) {
	if c.ID == "" {
		c.ID = ChannelID(newID("C"))
	}
	if t.channels[c.ID] != nil {
		return c, refuse("workspace %s has a channel %s already", t.ID, c.ID)
	}
	if c.IsIM || c.IsMPIM {
		return c, s.createDM(t, &c)
	}
	if err := s.checkName(t, c.Name); err != nil {
		return c, err
	}
	if err := s.checkMembers(t, c.Members); err != nil {
		return c, err
	}
	if c.Creator == "" && len(c.Members) > 0 {
		c.Creator = c.Members[0]
	}
	now := s.now()
	c.Created, c.Updated = now.Unix(), now.UnixMilli()
	return c, s.commit(change{Channel: &channelMade{Team: t.ID, Channel: c}})
}

// createDM makes a DM that a person began, or gives the one there is.
func (s *Simulator) createDM(t *team, c *Channel) error {
	if c.IsMPIM || len(c.Members) != 2 || c.Members[0] == c.Members[1] {
		return refuse("a DM needs two different members; several-person DMs are opened with conversations.open")
	}
	if err := s.checkMembers(t, c.Members); err != nil {
		return err
	}
	if open := t.im(c.Members[0], c.Members[1]); open != nil {
		*c = open.Channel
		return nil
	}
	now := s.now()
	*c = Channel{
		ID: ChannelID(newID("D")), IsIM: true, Creator: c.Members[0], Members: c.Members, Created: now.Unix(), Updated: now.UnixMilli(),
	}
	return s.commit(change{Channel: &channelMade{Team: t.ID, Channel: *c}})
}

func (s *Simulator) checkName(t *team, name string) error {
	if !channelName.MatchString(name) {
		return refuse("channel name %q: give 1 to 80 lowercase letters, digits, hyphens or underscores", name)
	}
	if t.channelNamed(name) != nil {
		return refuse("workspace %s has a channel #%s already", t.ID, name)
	}
	return nil
}

func (s *Simulator) checkMembers(t *team, users []UserID) error {
	for i, u := range users {
		if t.users[u] == nil {
			return missing("workspace %s has no member %q", t.ID, u)
		}
		if slices.Contains(users[:i], u) {
			return refuse("member %s is listed twice", u)
		}
	}
	return nil
}

// ChannelPatch changes what it names; each change leaves Slack's service message in the channel.
type ChannelPatch struct {
	Name     *string `json:"name,omitempty"`
	Topic    *string `json:"topic,omitempty"`
	Purpose  *string `json:"purpose,omitempty"`
	Archived *bool   `json:"archived,omitempty"`
	Private  *bool   `json:"private,omitempty"` // converts it
	// Actor is who does it. Default: the channel's creator.
	Actor UserID `json:"actor,omitempty"`
}

func (s *Simulator) updateChannel(t *team, id ChannelID, patch ChannelPatch) (Channel, error) {
	c, err := s.channel(t, id)
	if err != nil {
		return Channel{}, err
	}
	if patch.Actor == "" {
		patch.Actor = c.Creator
	}
	if patch.Name != nil && *patch.Name != c.Name {
		if err := s.checkName(t, *patch.Name); err != nil {
			return c.Channel, err
		}
		if err := s.rename(t, c, *patch.Name, patch.Actor); err != nil {
			return c.Channel, err
		}
	}
	if patch.Topic != nil {
		next := c.Channel
		next.Topic = *patch.Topic
		m := message{Topic: *patch.Topic, Text: fmt.Sprintf("<@%s> set the channel topic: %s", patch.Actor, *patch.Topic)}
		if err := s.alter(t, c, next, "topic", patch.Actor, m); err != nil {
			return c.Channel, err
		}
	}
	if patch.Purpose != nil {
		next := c.Channel
		next.Purpose = *patch.Purpose
		m := message{Purpose: *patch.Purpose, Text: fmt.Sprintf("<@%s> set the channel description: %s", patch.Actor, *patch.Purpose)}
		if err := s.alter(t, c, next, "purpose", patch.Actor, m); err != nil {
			return c.Channel, err
		}
	}
	if patch.Private != nil && *patch.Private != c.IsPrivate {
		if err := s.convert(t, c, *patch.Private, patch.Actor); err != nil {
			return c.Channel, err
		}
	}
	if patch.Archived != nil && *patch.Archived != c.IsArchived {
		return c.Channel, s.archive(t, c, *patch.Archived, patch.Actor)
	}
	return c.Channel, nil
}

func (s *Simulator) rename(t *team, c *channel, name string, actor UserID) error {
	next := c.Channel
	next.PreviousNames = append(slices.Clone(c.PreviousNames), c.Name)
	next.Name = name
	m := message{
		OldName: c.Name, Name: name,
		Text: fmt.Sprintf("<@%s> has renamed the channel from \"%s\" to \"%s\"", actor, c.Name, name),
	}
	return s.alter(t, c, next, "rename", actor, m)
}

// convert makes a channel private or public. Slack sends no event of its own for it, only the service message.
func (s *Simulator) convert(t *team, c *channel, private bool, actor UserID) error {
	next := c.Channel
	next.IsPrivate = private
	what := "convert_to_public"
	if private {
		what = "convert_to_private"
	}
	return s.alter(t, c, next, what, actor, message{Text: fmt.Sprintf("<@%s> changed the channel's privacy", actor)})
}

func (s *Simulator) archive(t *team, c *channel, archived bool, actor UserID) error {
	next := c.Channel
	next.IsArchived = archived
	what := "unarchive"
	if archived {
		what = "archive"
	}
	return s.alter(t, c, next, what, actor, message{Text: fmt.Sprintf("<@%s> %sd the channel", actor, what)})
}

// alter commits a channel's change with the service message that tells of it.
func (s *Simulator) alter(t *team, c *channel, next Channel, what string, actor UserID, m message) error {
	next.Updated = s.now().UnixMilli()
	subtype := what
	if what == "rename" {
		subtype = "name"
	}
	m.Subtype, m.User, m.TS = prefixed(c, subtype), actor, s.nextTS(c)
	return s.commit(change{Altered: &channelChange{Team: t.ID, Channel: next, Event: what, Actor: actor, Message: &m}})
}

func (s *Simulator) addMember(t *team, c *channel, user, inviter UserID) error {
	if _, err := s.person(t, user); err != nil {
		return err
	}
	switch {
	case c.IsIM:
		return refuse("%s is a DM: nobody can be added", c.ID)
	case c.IsArchived:
		return refuse("channel %s is archived", c.ID)
	case c.has(user):
		return refuse("member %s is in channel %s already", user, c.ID)
	}
	m := message{
		Subtype: prefixed(c, "join"), User: user, TS: s.nextTS(c), Text: fmt.Sprintf("<@%s> has joined the channel", user),
	}
	if inviter != user {
		m.Inviter = inviter
	}
	return s.commit(change{Joined: &memberChange{Team: t.ID, Channel: c.ID, User: user, Actor: inviter, Message: &m}})
}

func (s *Simulator) removeMember(t *team, c *channel, user, actor UserID) error {
	if !c.has(user) || c.IsIM {
		return missing("member %s is not in channel %s", user, c.ID)
	}
	if actor == "" {
		actor = user
	}
	m := message{
		Subtype: prefixed(c, "leave"), User: user, TS: s.nextTS(c), Text: fmt.Sprintf("<@%s> has left the channel", user),
	}
	return s.commit(change{Left: &memberChange{Team: t.ID, Channel: c.ID, User: user, Actor: actor, Message: &m}})
}
