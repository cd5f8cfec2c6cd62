package lifecycle

import (
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// allowed says why an event about a channel changes nothing: without channel sync we keep no channels.
func (k known) allowed() schemas.Reason {
	switch {
	case !k.install.Active():
		return schemas.NotInstalled
	case !slices.Contains(k.install.Scopes, schemas.ScopeChannelsRead) && !slices.Contains(k.install.Scopes, schemas.ScopeGroupsRead):
		return schemas.NotAuthorised
	}
	return ""
}

// joined: somebody joined a channel. We keep those that our bot is in; the name comes with the next reading of Slack's lists, since the
// event has none. An 'ignore my own events' filter would swallow this (bolt-js #225).
func joined(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	var body struct {
		User schemas.SlackUserID `json:"user"`
		Type string              `json:"channel_type"`
	}
	if err := read(e.inner, &body); err != nil || body.User == "" || e.channel == "" {
		return nil, "", errors.New("user or channel is not as Slack documents it")
	}
	if drop := k.allowed(); drop != "" || body.User != k.install.BotUserID {
		return nil, either(drop, schemas.NotOurs), nil
	}
	if e.at.Before(k.gone) { // it comes again, after we have left
		return nil, schemas.Superseded, nil
	}
	prompt, err := e.prompt(k)
	if err != nil {
		return nil, "", err
	}
	c := schemas.SlackChannel{OrgID: k.install.OrgID, TeamID: e.team, ChannelID: e.channel}
	if k.channel != nil {
		c = *k.channel
	}
	if e.at.Before(c.UpdatedAt) { // the lists were quicker: they know the rest, but nobody was prompted. Or it comes again, after we have left
		if !c.IsMember || prompt == nil {
			return nil, schemas.Superseded, nil
		}
		return prompt, "", nil
	}
	c.IsPrivate, c.IsMember = body.Type == "G", true
	records, drop, err := e.channelNow(c)
	return append(records, prompt...), drop, err
}

// memberLeft: for our own removal Slack says channel_left or group_left, and may say this (bolt-js #1847).
func memberLeft(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	var body struct {
		User schemas.SlackUserID `json:"user"`
	}
	if err := read(e.inner, &body); err != nil || body.User == "" {
		return nil, "", errors.New("user is not as Slack documents it")
	}
	if body.User != k.install.BotUserID {
		return nil, schemas.NotOurs, nil
	}
	return left(e, k)
}

// left: our bot is no longer in the channel. A private one exists for us only while it is.
func left(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	return e.change(k, func(c *schemas.SlackChannel) bool { c.IsMember = false; return !c.IsPrivate })
}

func deleted(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	return e.change(k, func(*schemas.SlackChannel) bool { return false })
}

func renamed(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	var body struct {
		Channel channelRef `json:"channel"`
	}
	if err := read(e.inner, &body); err != nil || body.Channel.Name == "" {
		return nil, "", errors.New("channel.name is not as Slack documents it")
	}
	return e.change(k, func(c *schemas.SlackChannel) bool { c.Name = body.Channel.Name; return true })
}

func archived(is bool) handler {
	return func(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
		return e.change(k, func(c *schemas.SlackChannel) bool { c.IsArchived = is; return true })
	}
}

// shared: with another company, or no longer with one while it still is with others.
func shared(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	var body struct {
		Still bool           `json:"is_ext_shared"`
		With  schemas.TeamID `json:"connected_team_id"`
		Was   schemas.TeamID `json:"previously_connected_team_id"`
	}
	if err := read(e.inner, &body); err != nil {
		return nil, "", errors.New("is_ext_shared is not as Slack documents it")
	}
	return e.change(k, func(c *schemas.SlackChannel) bool {
		c.IsExtShared = e.kind == "channel_shared" || body.Still
		others := slices.DeleteFunc(slices.Clone(c.ExternalTeamIDs), func(id schemas.TeamID) bool { return !c.IsExtShared || id == body.Was || id == body.With })
		if body.With != "" {
			others = append(others, body.With)
		}
		c.ExternalTeamIDs = others
		return true
	})
}

// identified moves what we know of a channel, its association, its prompt and what somebody asked for of its past, to its new id. The tombstone goes before what replaces it,
// so that the last word about the association is that there is one.
func identified(e *event, k known) ([]*kgo.Record, schemas.Reason, error) {
	var body struct {
		New schemas.ChannelID `json:"new_channel_id"`
	}
	if err := read(e.inner, &body); err != nil || body.New == "" || e.channel == "" {
		return nil, "", errors.New("old_channel_id or new_channel_id is not as Slack documents it")
	}
	records, drop, err := e.change(k, func(c *schemas.SlackChannel) bool { c.ChannelID = body.New; return true })
	if err != nil || drop != "" {
		return nil, drop, err
	}
	was, is := schemas.TeamChannelKey(e.team, e.channel), schemas.TeamChannelKey(e.team, body.New)
	records = append(records, processors.Emit(schemas.SlackChannels.Spec, was, nil))
	if k.association != nil {
		moved := *k.association
		moved.ChannelID = body.New
		value, err := schemas.ChannelAssociations.Encode(moved)
		if err != nil {
			return nil, "", err
		}
		records = append(records, processors.Emit(schemas.ChannelAssociations.Spec, was, nil), processors.Emit(schemas.ChannelAssociations.Spec, is, value))
	}
	if k.request != nil {
		moved := *k.request
		moved.ChannelID = body.New
		value, err := schemas.SyncRequests.Encode(moved)
		if err != nil {
			return nil, "", err
		}
		records = append(records, processors.Emit(schemas.SyncRequests.Spec, was, nil), processors.Emit(schemas.SyncRequests.Spec, is, value))
	}
	prompt, err := e.movePrompt(k, body.New)
	return append(records, prompt...), "", err
}

// change states a channel that we know anew, or with false that it is gone. One that we do not know is none of ours. An event that is
// older than what we know, which may come from Slack's lists, changes nothing.
func (e *event) change(k known, change func(*schemas.SlackChannel) (stays bool)) ([]*kgo.Record, schemas.Reason, error) {
	switch drop := k.allowed(); {
	case drop != "":
		return nil, drop, nil
	case k.channel == nil:
		return nil, schemas.NotOurs, nil
	case e.at.Before(k.channel.UpdatedAt):
		return nil, schemas.Superseded, nil
	}
	c := *k.channel
	if !change(&c) {
		return []*kgo.Record{processors.Emit(schemas.SlackChannels.Spec, schemas.TeamChannelKey(e.team, e.channel), nil)}, "", nil
	}
	return e.channelNow(c)
}

func (e *event) channelNow(c schemas.SlackChannel) ([]*kgo.Record, schemas.Reason, error) {
	c.UpdatedAt = e.at
	value, err := schemas.SlackChannels.Encode(c)
	if err != nil {
		return nil, "", err
	}
	return []*kgo.Record{processors.Emit(schemas.SlackChannels.Spec, schemas.TeamChannelKey(c.TeamID, c.ChannelID), value)}, "", nil
}

func either(a, b schemas.Reason) schemas.Reason {
	if a != "" {
		return a
	}
	return b
}
