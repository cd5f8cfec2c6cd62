package release

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// group is what leaves together: what waits alone, or all that waits for a person and channel under one name.
type group struct {
	channel schemas.DeliveryChannel
	keys    []string
	items   []schemas.HeldNotification
}

// mostDue bounds what one transaction releases of a partition. More is due a second later.
const mostDue = 1000

// due finds what is due in partitions whose view has come far enough, the longest due first.
func (p *Processor) due(ctx context.Context, owned []processors.Owned, now time.Time) ([]*group, error) {
	at, keys := make([]*redis.StringCmd, len(owned)), make([]*redis.StringSliceCmd, len(owned))
	err := processors.Lookup(ctx, p.redis, func(pipe redis.Pipeliner) {
		for i, o := range owned {
			base := schemas.ViewHeld(o.Partition)
			// The position before the index: what the index shows is at least as new.
			at[i] = pipe.Get(ctx, base+schemas.HeldAt)
			keys[i] = pipe.ZRangeByScore(ctx, base+schemas.HeldDue, &redis.ZRangeBy{
				Min: "-inf", Max: strconv.FormatInt(now.UnixMilli(), 10), Count: mostDue,
			})
		}
	})
	if err != nil {
		return nil, err
	}
	var all []*group
	for i, o := range owned {
		if len(keys[i].Val()) == 0 || !cameAsFar(at[i].Val(), o.After) {
			continue
		}
		groups, err := p.load(ctx, o.Partition, keys[i].Val())
		if err != nil {
			return nil, err
		}
		all = append(all, groups...)
	}
	return all, nil
}

// cameAsFar reports whether a view that has applied the record at an offset shows all before another.
func cameAsFar(applied string, after int64) bool {
	if after == 0 {
		return true
	}
	offset, err := strconv.ParseInt(applied, 10, 64)
	return err == nil && offset >= after-1
}

// load reads what the keys name, with all that waits in the same groups.
func (p *Processor) load(ctx context.Context, partition int32, keys []string) ([]*group, error) {
	base := schemas.ViewHeld(partition)
	var groups []*group
	members := map[string]*redis.StringSliceCmd{}
	_, err := p.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, key := range keys {
			name := key[:max(0, strings.LastIndexByte(key, '/'))]
			if strings.HasSuffix(name, "/-") {
				groups = append(groups, &group{keys: []string{key}})
			} else if members[name] == nil {
				members[name] = pipe.SMembers(ctx, base+schemas.HeldGroup+name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the groups of what is held: %w", err)
	}
	for _, cmd := range members {
		groups = append(groups, &group{keys: cmd.Val()})
	}
	var wanted []string
	for _, g := range groups {
		wanted = append(wanted, g.keys...)
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	values, err := p.redis.HMGet(ctx, base+schemas.HeldItems, wanted...).Result()
	if err != nil {
		return nil, fmt.Errorf("read what is held: %w", err)
	}
	for _, g := range groups {
		if err := g.fill(values[:len(g.keys)]); err != nil {
			return nil, err
		}
		values = values[len(g.keys):]
	}
	groups = slices.DeleteFunc(groups, func(g *group) bool { return len(g.items) == 0 })
	slices.SortFunc(groups, func(a, b *group) int {
		return cmp.Or(a.items[0].DueAt.Compare(b.items[0].DueAt), strings.Compare(a.keys[0], b.keys[0]))
	})
	return groups, nil
}

// fill decodes the items of a group, in the order in which they were asked for. What is gone is left out.
func (g *group) fill(values []any) error {
	for i, v := range values {
		text, ok := v.(string)
		if !ok {
			g.keys[i] = ""
			continue
		}
		item, err := schemas.NotificationHeld.Decode([]byte(text))
		if err != nil {
			return fmt.Errorf("read what is held: %w", err)
		}
		g.items, g.channel = append(g.items, item), item.Channel
	}
	g.keys = slices.DeleteFunc(g.keys, func(key string) bool { return key == "" })
	slices.SortFunc(g.items, func(a, b schemas.HeldNotification) int {
		return cmp.Or(a.Delivery.RequestedAt.Compare(b.Delivery.RequestedAt), strings.Compare(string(a.Delivery.DeliveryID), string(b.Delivery.DeliveryID)))
	})
	slices.Sort(g.keys)
	return nil
}
