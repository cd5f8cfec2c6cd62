package forget

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// spot is a place in Redis: a member of a set, a field of a hash, or a whole key.
type spot struct {
	key, member, field string
}

// spots are what Redis may have of the target beside the views that tombstones empty. A tombstone says no email: the indexes by email only grow (schemas.ViewOrgEmail). And
// the sync of a channel, and messages to a person, are coordinated by keys of their own.
func (k *known) spots(ctx context.Context, rdb redis.UniversalClient) (all []spot, err error) {
	if k.All {
		return k.spotsOfAll(ctx, rdb)
	}
	for _, email := range k.Names.Emails {
		all = append(all, spot{key: schemas.ViewOrgEmail(k.Org, email)}, spot{key: schemas.ViewOrgSlackEmail(k.Org, email)})
		for _, user := range k.Names.Users {
			all = append(all, spot{key: schemas.ViewEmail(email), member: string(schemas.OrgKey(k.Org, schemas.UserID(user)))})
		}
	}
	for _, team := range k.Names.Teams {
		for _, user := range k.Names.SlackUsers {
			all = append(all, spot{key: schemas.DMKey(schemas.TeamID(team)), field: user})
		}
	}
	for _, c := range k.Names.Channels {
		teams := k.Names.Teams
		if c.Team != "" {
			teams = []string{c.Team}
		}
		for _, team := range teams {
			all = append(all, ofChannel(schemas.TeamID(team), schemas.ChannelID(c.Channel))...)
		}
	}
	return all, nil
}

func ofChannel(team schemas.TeamID, channel schemas.ChannelID) []spot {
	return []spot{{key: schemas.ThreadsKey(team, channel)}, {key: schemas.ThreadsDueKey(team, channel)}, {key: schemas.PrintsKey(team, channel)}}
}

// spotsOfAll looks for them, since a receipt does not name everybody of an organization.
func (k *known) spotsOfAll(ctx context.Context, rdb redis.UniversalClient) (all []spot, err error) {
	for _, index := range []string{schemas.ViewOrgEmail(k.Org, ""), schemas.ViewOrgSlackEmail(k.Org, "")} {
		keys, err := begin(ctx, rdb, index)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			everywhere := schemas.ViewEmail(strings.TrimPrefix(key, index))
			members, err := rdb.SMembers(ctx, everywhere).Result()
			if err != nil {
				return nil, fmt.Errorf("read Redis: %w", err)
			}
			for _, member := range members {
				if org, _ := schemas.Key(member).Split(); org == string(k.Org) {
					all = append(all, spot{key: everywhere, member: member})
				}
			}
			all = append(all, spot{key: key}) // last: it leads to the others
		}
	}
	for _, team := range k.Names.Teams {
		all = append(all, spot{key: schemas.DMKey(schemas.TeamID(team))})
		for _, prefix := range ofChannel(schemas.TeamID(team), "") {
			keys, err := begin(ctx, rdb, prefix.key)
			if err != nil {
				return nil, err
			}
			for _, key := range keys {
				all = append(all, spot{key: key})
			}
		}
	}
	return all, nil
}

var glob = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// begin lists the keys that begin so, of all nodes of a cluster.
func begin(ctx context.Context, rdb redis.UniversalClient, prefix string) (keys []string, err error) {
	look := func(ctx context.Context, node redis.Cmdable) error {
		found := node.Scan(ctx, 0, glob.Replace(prefix)+"*", 1000).Iterator()
		for found.Next(ctx) {
			keys = append(keys, found.Val())
		}
		return found.Err()
	}
	if cluster, is := rdb.(*redis.ClusterClient); is {
		var one sync.Mutex // masters are asked at once
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			one.Lock()
			defer one.Unlock()
			return look(ctx, node)
		})
	} else {
		err = look(ctx, rdb)
	}
	if err != nil {
		return nil, fmt.Errorf("look for keys in Redis: %w", err)
	}
	return keys, nil
}

// present counts the spots that there are.
func present(ctx context.Context, rdb redis.UniversalClient, spots []spot) (n int, err error) {
	exist, members, fields := []*redis.IntCmd{}, []*redis.BoolCmd{}, []*redis.BoolCmd{}
	_, err = rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, s := range spots {
			switch {
			case s.member != "":
				members = append(members, pipe.SIsMember(ctx, s.key, s.member))
			case s.field != "":
				fields = append(fields, pipe.HExists(ctx, s.key, s.field))
			default:
				exist = append(exist, pipe.Exists(ctx, s.key))
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("read Redis: %w", err)
	}
	for _, c := range exist {
		n += int(c.Val())
	}
	for _, c := range append(members, fields...) {
		if c.Val() {
			n++
		}
	}
	return n, nil
}

// vacate empties the spots.
func vacate(ctx context.Context, rdb redis.UniversalClient, spots []spot) error {
	_, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, s := range spots {
			switch {
			case s.member != "":
				pipe.SRem(ctx, s.key, s.member)
			case s.field != "":
				pipe.HDel(ctx, s.key, s.field)
			default:
				pipe.Del(ctx, s.key)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete from Redis: %w", err)
	}
	return nil
}

// LeftInRedis counts what Redis has still, or again, of what a receipt says was forgotten.
func LeftInRedis(ctx context.Context, rdb redis.UniversalClient, r Receipt) (int, error) {
	k := &known{Target: r.Target}
	spots, err := k.spots(ctx, rdb)
	if err != nil {
		return 0, err
	}
	return present(ctx, rdb, spots)
}
