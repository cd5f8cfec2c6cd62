package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// OrgOf finds the organization of a person who is named by an email, or by a directory user id: the one that knows them, else the only one there is.
func OrgOf(ctx context.Context, rdb redis.UniversalClient, to schemas.Recipient) (schemas.OrgID, error) {
	orgs, err := tenants(ctx, rdb, "org", "users")
	if err != nil {
		return "", err
	}
	var know []string
	for _, org := range orgs {
		knows, err := knows(ctx, rdb, schemas.OrgID(org), to)
		if err != nil {
			return "", fmt.Errorf("look for the person's organization: %w", err)
		}
		if knows {
			know = append(know, org)
		}
	}
	switch {
	case len(know) == 1:
		return schemas.OrgID(know[0]), nil
	case len(know) == 0 && len(orgs) == 1:
		return schemas.OrgID(orgs[0]), nil
	case len(orgs) == 0:
		return "", errors.New("the views know no organization yet: no directory user was produced, or the views are not built ('backchannel doctor')")
	case len(know) == 0:
		return "", fmt.Errorf("none of %d organizations has the person in its directory: name one with --org", len(orgs))
	}
	return "", fmt.Errorf("several organizations have the person: name one with --org (%s)", strings.Join(know, ", "))
}

func knows(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, to schemas.Recipient) (bool, error) {
	if to.UserID != "" {
		return rdb.HExists(ctx, schemas.ViewOrgUsers(org), string(to.UserID)).Result()
	}
	n, err := rdb.Exists(ctx, schemas.ViewOrgEmail(org, to.Email)).Result()
	return n > 0, err
}

// TeamOf finds the workspace that has a channel, or is linked to have one: else the only one there is.
func TeamOf(ctx context.Context, rdb redis.UniversalClient, channel schemas.ChannelID) (schemas.TeamID, error) {
	teams, err := tenants(ctx, rdb, "team", "install")
	if err != nil {
		return "", err
	}
	var have []string
	for _, team := range teams {
		pipe := rdb.Pipeline()
		seen := pipe.HExists(ctx, schemas.ViewTeamChannels(schemas.TeamID(team)), string(channel))
		linked := pipe.HExists(ctx, schemas.ViewTeamAssociations(schemas.TeamID(team)), string(channel))
		if _, err := pipe.Exec(ctx); err != nil {
			return "", fmt.Errorf("look for the channel's workspace: %w", err)
		}
		if seen.Val() || linked.Val() {
			have = append(have, team)
		}
	}
	switch {
	case len(have) == 1:
		return schemas.TeamID(have[0]), nil
	case len(have) == 0 && len(teams) == 1:
		return schemas.TeamID(teams[0]), nil
	case len(teams) == 0:
		return "", errors.New("the views know no workspace yet: Slack was not connected, or the views are not built ('backchannel doctor')")
	case len(have) == 0:
		return "", fmt.Errorf("none of %d workspaces shows us the channel: name the one that it is in with --team", len(teams))
	}
	return "", fmt.Errorf("several workspaces have the channel: name one with --team (%s)", strings.Join(have, ", "))
}

// tenants lists organizations or workspaces, by the keys of one of their views.
func tenants(ctx context.Context, rdb redis.UniversalClient, kind, view string) ([]string, error) {
	before, after := "bc:view:{"+kind+":", "}:"+view
	var mu sync.Mutex
	var all []string
	each := func(ctx context.Context, node *redis.Client) error {
		iter := node.Scan(ctx, 0, before+"*"+after, 10_000).Iterator()
		for iter.Next(ctx) {
			name := strings.TrimSuffix(strings.TrimPrefix(iter.Val(), before), after)
			mu.Lock()
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
			mu.Unlock()
		}
		return iter.Err()
	}
	var err error
	switch client := rdb.(type) {
	case *redis.ClusterClient:
		err = client.ForEachMaster(ctx, each)
	case *redis.Client:
		err = each(ctx, client)
	default:
		err = errors.New("unknown kind of Redis client")
	}
	if err != nil {
		return nil, fmt.Errorf("list what the views have: %w", err)
	}
	slices.Sort(all)
	return all, nil
}
