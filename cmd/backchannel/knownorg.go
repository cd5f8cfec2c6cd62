package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// knownOrg fails for an organization of which the views know nobody and nothing: a name that was misspelt, which would otherwise be answered with nothing.
func knownOrg(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID) error {
	var found *redis.IntCmd
	err := ingest.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
		found = pipe.Exists(ctx, schemas.ViewOrgUsers(org), schemas.ViewOrgInstalls(org), schemas.ViewOrgSlackUsers(org))
	})
	if err == nil && found.Val() == 0 {
		err = fmt.Errorf("nothing is known of an organization %s: it has no directory user and no workspace ('backchannel import users' brings people)", org)
	}
	return err
}

// knownOrgOf is knownOrg for a command that asks Redis nothing else.
func knownOrgOf(ctx context.Context, a *app, org schemas.OrgID) (err error) {
	rdb, err := redisClient(a.config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rdb.Close()) }()
	return knownOrg(ctx, rdb, org)
}
