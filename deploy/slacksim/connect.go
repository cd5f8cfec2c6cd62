package slacksim

import (
	"net/http"
	"slices"
)

// Slack Connect: one channel, in several workspaces. Each has it under the same id until it is disconnected; what is said in it
// is one record, and an app in any of them hears of it through its own installation.

// share puts a channel of its host into another workspace as well.
type share struct {
	Host    TeamID    `json:"host"`
	Channel ChannelID `json:"channel"`
	With    TeamID    `json:"with"`
}

// unshare takes it away again: the invited workspace keeps what was said, under a new id.
type unshare struct {
	Host    TeamID    `json:"host"`
	Channel ChannelID `json:"channel"`
	From    TeamID    `json:"from"`
	NewID   ChannelID `json:"new_id"`
}

// identified gives a channel another id.
type identified struct {
	Team TeamID    `json:"team"`
	Old  ChannelID `json:"old"`
	New  ChannelID `json:"new"`
	// Pending: a share was begun, which is when a private channel's G becomes a C.
	Pending bool `json:"pending,omitempty"`
}

// Sharing invites another workspace into a channel.
type Sharing struct {
	With TeamID `json:"with"`
	// Pending only begins it: the other side has not accepted yet.
	Pending bool `json:"pending,omitempty"`
}

// Unsharing disconnects a workspace that was invited.
type Unsharing struct {
	From TeamID `json:"from"`
}

// Identity is another id for a channel.
type Identity struct {
	ID ChannelID `json:"id"`
}

func (s *Simulator) connectRoutes(mux *http.ServeMux) {
	const one = "/control/teams/{team}/channels/{channel}"
	mux.HandleFunc("POST "+one+"/share", inChannel(s, func(_ *http.Request, t *team, c *channel, in Sharing) (Channel, error) { return s.share(t, c, in) }))
	mux.HandleFunc("POST "+one+"/unshare", inChannel(s, func(_ *http.Request, t *team, c *channel, in Unsharing) (Channel, error) { return s.unshare(t, c, in) }))
	mux.HandleFunc("POST "+one+"/identify", inChannel(s, func(_ *http.Request, t *team, c *channel, in Identity) (Channel, error) {
		return s.identify(t, c, in.ID, false)
	}))
	mux.HandleFunc("DELETE "+one, inChannel(s, func(r *http.Request, t *team, c *channel, _ none) (none, error) {
		return none{}, s.deleteChannel(t, c, UserID(r.URL.Query().Get("actor")))
	}))
}

func (s *Simulator) share(t *team, c *channel, in Sharing) (Channel, error) {
	other, err := s.team(in.With)
	switch {
	case err != nil:
		return Channel{}, err
	case other == t || slices.Contains(c.Connected, in.With):
		return Channel{}, refuse("workspace %s has channel %s already", in.With, c.ID)
	case c.IsIM || c.IsMPIM:
		return Channel{}, refuse("%s is a DM, which is not shared", c.ID)
	case c.Host != "" && c.Host != t.ID:
		return Channel{}, refuse("workspace %s is not the host of channel %s; %s is", t.ID, c.ID, c.Host)
	}
	// A private channel's G becomes a C when a share is merely begun (docs.slack.dev: channel_id_changed).
	if in.Pending || c.ID[0] == 'G' {
		id := c.ID
		if id[0] == 'G' {
			id = ChannelID(newID("C"))
		}
		if _, err := s.identify(t, c, id, in.Pending); err != nil || in.Pending {
			return c.Channel, err
		}
	}
	err = s.commit(change{Shared: &share{Host: t.ID, Channel: c.ID, With: in.With}})
	return c.Channel, err
}

func (s *Simulator) unshare(t *team, c *channel, in Unsharing) (Channel, error) {
	if c.Host != t.ID || !slices.Contains(c.Connected, in.From) {
		return Channel{}, refuse("workspace %s does not share channel %s with %q", t.ID, c.ID, in.From)
	}
	do := &unshare{Host: t.ID, Channel: c.ID, From: in.From, NewID: ChannelID(newID("C"))}
	if err := s.commit(change{Unshared: do}); err != nil {
		return Channel{}, err
	}
	return s.state.teams[in.From].channels[do.NewID].Channel, nil
}

func (s *Simulator) identify(t *team, c *channel, id ChannelID, pending bool) (Channel, error) {
	if id == "" || t.channels[id] != nil && id != c.ID {
		return Channel{}, refuse("give id, one that workspace %s does not have yet", t.ID)
	}
	err := s.commit(change{Identified: &identified{Team: t.ID, Old: c.ID, New: id, Pending: pending}})
	return c.Channel, err
}

func (s *Simulator) deleteChannel(t *team, c *channel, actor UserID) error {
	if c.IsGeneral || len(c.Connected) > 0 {
		return refuse("channel %s is #general or shared, which cannot be deleted", c.ID)
	}
	if actor == "" {
		actor = c.Creator
	}
	return s.commit(change{Gone: &memberChange{Team: t.ID, Channel: c.ID, Actor: actor}})
}

// The changes, as they are applied.

func (s *state) share(do *share) []event {
	host, other := s.teams[do.Host], s.teams[do.With]
	c := host.channels[do.Channel]
	c.Host, c.Pending = do.Host, false
	c.Connected = append(slices.Clone(c.Connected), do.With)
	other.putChannel(c)
	return []event{{team: host, channel: c, name: "shared", with: do.With}}
}

func (s *state) unshare(do *unshare) []event {
	host, other := s.teams[do.Host], s.teams[do.From]
	c := host.channels[do.Channel]
	events := []event{{team: host, channel: c, name: "unshared", with: do.From, teams: append([]TeamID{do.Host}, c.Connected...)}}
	c.Connected = slices.DeleteFunc(slices.Clone(c.Connected), func(id TeamID) bool { return id == do.From })
	left := &channel{Channel: c.Channel, lastTS: c.lastTS}
	left.ID, left.Host, left.Connected, left.FrozenReason = do.NewID, "", nil, "connect_disconnected"
	ofOther := func(u UserID) bool { return other.users[u] != nil }
	left.Members = slices.DeleteFunc(slices.Clone(c.Members), func(u UserID) bool { return !ofOther(u) })
	c.Members = slices.DeleteFunc(slices.Clone(c.Members), ofOther)
	for _, m := range c.messages {
		copied := *m
		left.file(&copied)
	}
	other.dropChannel(do.Channel)
	other.putChannel(left)
	return events
}

func (s *state) identify(do *identified) []event {
	t := s.teams[do.Team]
	c := t.channels[do.Old]
	c.Pending = do.Pending || c.Pending
	if do.Old == do.New {
		return nil
	}
	c.ID = do.New
	for _, id := range append([]TeamID{do.Team}, c.Connected...) {
		s.teams[id].dropChannel(do.Old)
		s.teams[id].putChannel(c)
	}
	return []event{{team: t, channel: c, name: "channel_id_changed", old: do.Old}}
}

// gone sends its event to who was there before.
func (s *state) gone(do *memberChange) []event {
	t := s.teams[do.Team]
	c := t.channels[do.Channel]
	t.dropChannel(do.Channel)
	return []event{{team: t, channel: c, name: "deleted", actor: do.Actor}}
}

func (t *team) dropChannel(id ChannelID) {
	delete(t.channels, id)
	t.channelOrder = slices.DeleteFunc(slices.Clone(t.channelOrder), func(other ChannelID) bool { return other == id })
}

// external: shared with a workspace of another company.
func (s *state) external(c *channel) bool {
	return slices.ContainsFunc(c.Connected, func(id TeamID) bool {
		host, other := s.teams[c.Host].enterpriseID(), s.teams[id].enterpriseID()
		return host == "" || host != other
	})
}

// receivers are the workspaces whose apps may hear of an event.
func (s *state) receivers(ev *event) []*team {
	if ev.channel == nil || len(ev.teams) == 0 && len(ev.channel.Connected) == 0 {
		return []*team{ev.team}
	}
	ids := ev.teams
	if ids == nil {
		ids = append([]TeamID{ev.channel.Host}, ev.channel.Connected...)
	}
	out := make([]*team, len(ids))
	for i, id := range ids {
		out[i] = s.teams[id]
	}
	return out
}

// stranger finds a person of another workspace that shares a channel with this one, and whether one of those channels has the
// other as a member too.
func (s *state) stranger(t *team, id, other UserID) (p *Person, home *team, meets bool) {
	for _, cid := range t.channelOrder {
		c := t.channels[cid]
		if len(c.Connected) == 0 || !c.has(id) {
			continue
		}
		for _, tid := range append([]TeamID{c.Host}, c.Connected...) {
			if there := s.teams[tid]; there != t && there.users[id] != nil {
				p, home = there.users[id], there
				meets = meets || c.has(other)
			}
		}
	}
	return p, home, meets
}
