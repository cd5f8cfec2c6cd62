package slacksim

import (
	"slices"
	"sort"
)

// state is everything that the journal brings back. Only apply changes it.
type state struct {
	Salt       string
	Seq        uint64
	teams      map[TeamID]*team
	teamOrder  []TeamID
	apps       map[AppID]*App
	appOrder   []AppID
	tokens     map[string]*Install
	posts      []Post
	violations []Violation
	pending    map[EventID]*delivery
	scheduled  map[string]scheduled
	stats      DeliveryStats
}

type team struct {
	Team
	users        map[UserID]*Person
	userOrder    []UserID
	channels     map[ChannelID]*channel
	channelOrder []ChannelID
	installs     map[AppID]*Install
	installOrder []AppID
	ims          map[[2]UserID]ChannelID
}

type channel struct {
	Channel
	messages []*message // by ts
	lastTS   int64      // microseconds; the greatest ts handed out, also to events
	byClient map[string]TS
}

func newState() *state {
	return &state{
		teams: map[TeamID]*team{}, apps: map[AppID]*App{}, tokens: map[string]*Install{}, pending: map[EventID]*delivery{},
		scheduled: map[string]scheduled{},
	}
}

func newTeam(t Team) *team {
	return &team{
		Team: t, users: map[UserID]*Person{}, channels: map[ChannelID]*channel{}, installs: map[AppID]*Install{},
		ims: map[[2]UserID]ChannelID{},
	}
}

func (t *team) enterpriseID() string {
	if t.Enterprise == nil {
		return ""
	}
	return t.Enterprise.ID
}

func (t *team) putUser(p Person) {
	if _, known := t.users[p.ID]; !known {
		t.userOrder = append(t.userOrder, p.ID)
	}
	t.users[p.ID] = &p
}

func (t *team) putChannel(c *channel) {
	if _, known := t.channels[c.ID]; !known {
		t.channelOrder = append(t.channelOrder, c.ID)
	}
	t.channels[c.ID] = c
	if c.IsIM && len(c.Members) == 2 {
		t.ims[imKey(c.Members[0], c.Members[1])] = c.ID
	}
}

func imKey(a, b UserID) [2]UserID {
	if a > b {
		a, b = b, a
	}
	return [2]UserID{a, b}
}

// im finds the DM of two members.
func (t *team) im(a, b UserID) *channel { return t.channels[t.ims[imKey(a, b)]] }

func (t *team) channelNamed(name string) *channel {
	for _, id := range t.channelOrder {
		if c := t.channels[id]; c.Name == name && name != "" && !c.IsArchived {
			return c
		}
	}
	return nil
}

func (c *channel) has(user UserID) bool { return slices.Contains(c.Members, user) }

// kind is what Slack calls channel_type.
func (c *channel) kind() string {
	switch {
	case c.IsIM:
		return "im"
	case c.IsMPIM:
		return "mpim"
	case c.IsPrivate:
		return "group"
	}
	return "channel"
}

// position is where the message with this ts is, or would be.
func (c *channel) position(ts TS) int {
	return sort.Search(len(c.messages), func(i int) bool { return !olderTS(c.messages[i].TS, ts) })
}

func (c *channel) message(ts TS) *message {
	if i := c.position(ts); i < len(c.messages) && c.messages[i].TS == ts {
		return c.messages[i]
	}
	return nil
}

// olderTS compares two ts of equal precision, whatever the number of digits before the point.
func olderTS(a, b TS) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
