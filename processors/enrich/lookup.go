package enrich

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// association of a channel. once is true also when it was dissociated since.
type association struct {
	current *schemas.ChannelAssociation
	once    bool
}

// author is a Slack user as the directory knows them; nil inside when it does not.
type author struct{ user *schemas.SlackUser }

// views are what one batch needs to know of its teams.
type views struct {
	teams   map[schemas.TeamID]*team
	install processors.Memo[schemas.Installation]
	assoc   processors.Memo[schemas.ChannelAssociation]
	user    processors.Memo[schemas.SlackUser]
}

type team struct {
	install  *schemas.Installation
	channels map[schemas.ChannelID]*association
	users    map[schemas.SlackUserID]*author
}

// known is what the views say about one input. It is filled by load; inputs of one channel share it.
type known struct {
	team        *team
	association *association
	author      *author
}

var nobody = &author{}

// want notes what an input needs, and returns where load puts it.
func (v *views) want(id schemas.TeamID, channel schemas.ChannelID, user schemas.SlackUserID) known {
	t := v.teams[id]
	if t == nil {
		t = &team{channels: map[schemas.ChannelID]*association{}, users: map[schemas.SlackUserID]*author{}}
		v.teams[id] = t
	}
	k := known{team: t, association: t.channels[channel], author: nobody}
	if k.association == nil {
		k.association = &association{}
		t.channels[channel] = k.association
	}
	if user != "" {
		if k.author = t.users[user]; k.author == nil {
			k.author = &author{}
			t.users[user] = k.author
		}
	}
	return k
}

type pending struct {
	team     *team
	channels []string
	users    []string
	install  *redis.StringCmd
	assoc    *redis.SliceCmd
	people   *redis.SliceCmd
}

// load asks Redis for everything wanted, in one round trip.
func (v *views) load(ctx context.Context, rdb redis.UniversalClient) error {
	asked := make([]*pending, 0, len(v.teams))
	err := processors.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
		for id, t := range v.teams {
			p := &pending{team: t, channels: keys(t.channels), users: keys(t.users)}
			p.install = pipe.HGet(ctx, schemas.ViewTeamInstall(id), schemas.FieldInstallation)
			p.assoc = pipe.HMGet(ctx, schemas.ViewTeamAssociations(id), p.channels...)
			if len(p.users) > 0 {
				p.people = pipe.HMGet(ctx, schemas.ViewTeamUsers(id), p.users...)
			}
			asked = append(asked, p)
		}
	})
	if err != nil {
		return err
	}
	for _, p := range asked {
		if err := v.take(p); err != nil {
			return fmt.Errorf("read the Redis views: %w", err)
		}
	}
	return nil
}

func (v *views) take(p *pending) error {
	if s := p.install.Val(); s != "" {
		install, err := v.install.Decode(s)
		if err != nil {
			return err
		}
		if install != nil && install.Status == "" {
			install.Status = schemas.InstallActive
		}
		p.team.install = install
	}
	for i, value := range p.assoc.Val() {
		if s, ok := value.(string); ok {
			current, err := v.assoc.Decode(s)
			if err != nil {
				return err
			}
			*p.team.channels[schemas.ChannelID(p.channels[i])] = association{current: current, once: true}
		}
	}
	if p.people == nil {
		return nil
	}
	for i, value := range p.people.Val() {
		if s, ok := value.(string); ok {
			user, err := v.user.Decode(s)
			if err != nil {
				return err
			}
			p.team.users[schemas.SlackUserID(p.users[i])].user = user
		}
	}
	return nil
}

func keys[K ~string, V any](m map[K]V) []string {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, string(k))
	}
	return names
}
