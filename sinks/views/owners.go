package views

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
)

// owners knows in which organization's views a team or Slack user stands now, by topic and key. A tombstone does not say
// it, and a record of a team that changed hands says only the new one.
type owners map[string]owner

type owner struct {
	org    schemas.OrgID // empty: nobody's
	offset int64         // of the record that said so
}

func ownerKey(rec *kgo.Record) string { return rec.Topic + "\x00" + string(rec.Key) }

// replace notes the new owner and returns the former one if it was another. A record that is older than what is known
// changes nothing.
func (o owners) replace(rec *kgo.Record, org schemas.OrgID) (former schemas.OrgID, stale bool) {
	key := ownerKey(rec)
	was, known := o[key]
	if known && was.offset > rec.Offset {
		return "", true
	}
	o[key] = owner{org, rec.Offset}
	if was.org == org {
		return "", false
	}
	return was.org, false
}

// loadOwners asks Redis for the owners that a batch may replace: of every installation, Slack user, channel and association.
func loadOwners(ctx context.Context, rdb redis.UniversalClient, batch []*kgo.Record) (owners, error) {
	asked := map[string]*redis.StringCmd{}
	err := sinks.Failed(rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, rec := range batch {
			first, second := schemas.Key(rec.Key).Split()
			switch rec.Topic {
			case schemas.SlackInstallations.Name:
				asked[ownerKey(rec)] = pipe.HGet(ctx, schemas.ViewTeamInstall(schemas.TeamID(first)), schemas.FieldInstallation)
			case schemas.SlackUsers.Name:
				asked[ownerKey(rec)] = pipe.HGet(ctx, schemas.ViewTeamUsers(schemas.TeamID(first)), second)
			case schemas.SlackChannels.Name:
				asked[ownerKey(rec)] = pipe.HGet(ctx, schemas.ViewTeamChannels(schemas.TeamID(first)), second)
			case schemas.ChannelAssociations.Name:
				asked[ownerKey(rec)] = pipe.HGet(ctx, schemas.ViewTeamAssociations(schemas.TeamID(first)), second)
			}
		}
		return nil
	}))
	if err != nil {
		return nil, fmt.Errorf("read the Redis views: %w", err)
	}
	known := make(owners, len(asked))
	for key, cmd := range asked {
		offset, value, err := schemas.ParseViewValue(cmd.Val())
		if err != nil {
			continue // absent
		}
		var v struct {
			OrgID schemas.OrgID `json:"org_id"`
		}
		if value == "" {
			known[key] = owner{"", offset}
			continue
		}
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			return nil, errors.New("read the Redis views: a value is not the JSON that was written")
		}
		known[key] = owner{v.OrgID, offset}
	}
	return known, nil
}
