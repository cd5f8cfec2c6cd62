package slacksim

import (
	"iter"
	"maps"
	"slices"
)

// snapshot is a part of the state, as compacting the journal writes it: the salt, an app, a workspace, or a slice of
// one of the lists. The parts together restore everything.
type snapshot struct {
	Salt       string         `json:"salt,omitempty"`
	Stats      *DeliveryStats `json:"stats,omitempty"`
	App        *App           `json:"app,omitempty"`
	Team       *Team          `json:"team,omitempty"`
	Of         TeamID         `json:"of,omitempty"` // the workspace that the following belong to
	Users      []*Person      `json:"users,omitempty"`
	Installs   []*Install     `json:"installs,omitempty"`
	Channel    *Channel       `json:"channel,omitempty"`
	LastTS     int64          `json:"last_ts,omitempty"`
	Messages   []*message     `json:"messages,omitempty"`
	OldTokens  []*Install     `json:"old_tokens,omitempty"`
	Posts      []Post         `json:"posts,omitempty"`
	Violations []Violation    `json:"violations,omitempty"`
	Pending    []*delivery    `json:"pending,omitempty"`
	Shares     []share        `json:"shares,omitempty"`
	Scheduled  []scheduled    `json:"scheduled,omitempty"`
}

// snapshot yields the parts in an order in which they can be restored.
func (s *state) snapshot() iter.Seq[*snapshot] {
	return func(yield func(*snapshot) bool) {
		if !yield(&snapshot{Salt: s.Salt, Stats: &s.stats, OldTokens: s.oldTokens()}) {
			return
		}
		for _, id := range s.appOrder {
			if !yield(&snapshot{App: s.apps[id]}) {
				return
			}
		}
		for _, id := range s.teamOrder {
			if !s.teams[id].snapshot(yield) {
				return
			}
		}
		if shares := s.shares(); len(shares) > 0 && !yield(&snapshot{Shares: shares}) {
			return
		}
		pending := make([]*delivery, 0, len(s.pending))
		for _, d := range s.pending {
			pending = append(pending, d)
		}
		yield(&snapshot{Posts: s.posts, Violations: s.violations, Pending: pending, Scheduled: slices.Collect(maps.Values(s.scheduled))})
	}
}

func (t *team) snapshot(yield func(*snapshot) bool) bool {
	head := &snapshot{Team: &t.Team, Of: t.ID}
	for _, id := range t.userOrder {
		head.Users = append(head.Users, t.users[id])
	}
	for _, id := range t.installOrder {
		head.Installs = append(head.Installs, t.installs[id])
	}
	if !yield(head) {
		return false
	}
	for _, id := range t.channelOrder {
		c := t.channels[id]
		if c.Host != "" && c.Host != t.ID && len(c.Connected) > 0 {
			continue // it is its host's
		}
		if !yield(&snapshot{Of: t.ID, Channel: &c.Channel, LastTS: c.lastTS, Messages: c.messages}) {
			return false
		}
	}
	return true
}

// shares say which workspaces have channels of others.
func (s *state) shares() (all []share) {
	for _, id := range s.teamOrder {
		for _, cid := range s.teams[id].channelOrder {
			if c := s.teams[id].channels[cid]; c.Host == id {
				for _, with := range c.Connected {
					all = append(all, share{Host: id, Channel: cid, With: with})
				}
			}
		}
	}
	return all
}

// oldTokens are those of installs that have since been replaced.
func (s *state) oldTokens() []*Install {
	var old []*Install
	for token, in := range s.tokens {
		if t := s.teams[in.Team]; t == nil || t.installs[in.App] == nil || t.installs[in.App].Token != token {
			old = append(old, in)
		}
	}
	return old
}

func (s *state) restore(p *snapshot) {
	if p.Salt != "" {
		s.Salt = p.Salt
	}
	if p.Stats != nil {
		s.stats = *p.Stats
	}
	if p.App != nil {
		s.putApp(*p.App)
	}
	if p.Team != nil {
		s.teams[p.Team.ID] = newTeam(*p.Team)
		s.teamOrder = append(s.teamOrder, p.Team.ID)
	}
	s.restoreMembers(p)
	for _, in := range p.OldTokens {
		s.tokens[in.Token] = in
	}
	s.posts = append(s.posts, p.Posts...)
	s.violations = append(s.violations, p.Violations...)
	for _, sh := range p.Shares {
		s.teams[sh.With].putChannel(s.teams[sh.Host].channels[sh.Channel])
	}
	for _, do := range p.Scheduled {
		s.scheduled[do.ID] = do
	}
	for _, d := range p.Pending {
		s.pending[d.ID] = d
	}
}

func (s *state) restoreMembers(p *snapshot) {
	t := s.teams[p.Of]
	if t == nil {
		return
	}
	for _, u := range p.Users {
		t.putUser(*u)
	}
	for _, in := range p.Installs {
		t.installOrder = append(t.installOrder, in.App)
		t.installs[in.App], s.tokens[in.Token] = in, in
	}
	if p.Channel == nil {
		return
	}
	c := &channel{Channel: *p.Channel}
	t.putChannel(c)
	for _, m := range p.Messages {
		c.file(m)
	}
	c.lastTS = max(c.lastTS, p.LastTS)
}
