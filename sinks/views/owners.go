package views

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// owners knows in which organization's views a team or Slack user stands now, by topic and key. A tombstone does not say
// it, and a record of a team that changed hands says only the new one.
type owners map[string]schemas.OrgID

func ownerKey(rec *kgo.Record) string { return rec.Topic + "\x00" + string(rec.Key) }

// replace notes the new owner and returns the former one if it was another.
func (o owners) replace(rec *kgo.Record, org schemas.OrgID) (former schemas.OrgID) {
	former = o[ownerKey(rec)]
	o[ownerKey(rec)] = org
	if former == org {
		return ""
	}
	return former
}

// loadOwners asks Redis for the owners that a batch may replace: of every installation, and of removed Slack users.
func loadOwners(ctx context.Context, rdb redis.UniversalClient, batch []*kgo.Record) (owners, error) {
	asked := map[string]*redis.StringCmd{}
	_, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, rec := range batch {
			first, second := schemas.Key(rec.Key).Split()
			switch {
			case rec.Topic == schemas.SlackInstallations.Name:
				asked[ownerKey(rec)] = pipe.HGet(ctx, schemas.ViewTeamInstall(schemas.TeamID(first)), schemas.FieldInstallation)
			case rec.Topic == schemas.SlackUsers.Name && rec.Value == nil:
				asked[ownerKey(rec)] = pipe.HGet(ctx, schemas.ViewTeamUsers(schemas.TeamID(first)), second)
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read the Redis views: %w", err)
	}
	known := make(owners, len(asked))
	for key, cmd := range asked {
		_, value, err := schemas.ParseViewValue(cmd.Val())
		if err != nil || value == "" {
			continue // absent, or a tombstone: nobody's
		}
		var v struct {
			OrgID schemas.OrgID `json:"org_id"`
		}
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			return nil, fmt.Errorf("read the Redis views: %w", err)
		}
		known[key] = v.OrgID
	}
	return known, nil
}
