package lists

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Channel is what the views have of a channel.
type Channel struct {
	Team       schemas.TeamID
	ID         schemas.ChannelID
	Known      *schemas.SlackChannel       // nil: the app does not see it, or not any more
	Link       *schemas.ChannelAssociation // nil: no account
	Checkpoint *schemas.SyncCheckpoint     // nil: its past is not being read
}

// Read reads channels by their keys, "team/channel", in one round trip: one for each key. What is another organization's is left out of them.
func Read(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, keys []string) ([]Channel, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	type asked struct{ known, link, checkpoint *redis.StringCmd }
	reads, out := make([]asked, len(keys)), make([]Channel, len(keys))
	err := ingest.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
		for i, key := range keys {
			team, channel := schemas.Key(key).Split()
			out[i].Team, out[i].ID = schemas.TeamID(team), schemas.ChannelID(channel)
			reads[i] = asked{
				pipe.HGet(ctx, schemas.ViewTeamChannels(out[i].Team), channel), pipe.HGet(ctx, schemas.ViewTeamAssociations(out[i].Team), channel),
				pipe.HGet(ctx, schemas.ViewTeamCheckpoints(out[i].Team), channel),
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i, r := range reads {
		c := &out[i]
		if c.Known, err = viewed(r.known, func(v *schemas.SlackChannel) bool { return v.OrgID == org }); err != nil {
			return nil, err
		}
		if c.Link, err = viewed(r.link, func(v *schemas.ChannelAssociation) bool { return v.OrgID == org }); err != nil {
			return nil, err
		}
		if c.Checkpoint, err = viewed(r.checkpoint, func(v *schemas.SyncCheckpoint) bool { return v.OrgID == org }); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// viewed decodes a view's value, if it is the organization's.
func viewed[T any](cmd *redis.StringCmd, ours func(*T) bool) (*T, error) {
	v, err := ingest.Viewed[T](cmd.Val())
	if err != nil || v == nil || !ours(v) {
		return nil, err
	}
	return v, nil
}
