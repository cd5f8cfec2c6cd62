package signin

import (
	"cmp"
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// people are the directory users whom an identity is, of one or more organizations: of the one whose workspace it is first.
//
// Slack vouches for emails that a workspace's administrators set. So an organization that has a workspace is entered through one of its own
// only: else whoever administers any workspace could make somebody up who has an owner's email.
func (s *SignIn) people(ctx context.Context, who identity) ([]schemas.DirectoryUser, error) {
	var keys *redis.StringSliceCmd
	err := ingest.Lookup(ctx, s.opts.Redis, func(pipe redis.Pipeliner) { keys = pipe.SMembers(ctx, schemas.ViewEmail(who.Email)) })
	if err != nil || len(keys.Val()) == 0 {
		return nil, err
	}
	users := make([]*redis.StringCmd, len(keys.Val()))
	installs := make([]*redis.MapStringStringCmd, len(keys.Val()))
	err = ingest.Lookup(ctx, s.opts.Redis, func(pipe redis.Pipeliner) {
		for i, key := range keys.Val() {
			org, user := schemas.Key(key).Split()
			users[i] = pipe.HGet(ctx, schemas.ViewOrgUsers(schemas.OrgID(org)), user)
			installs[i] = pipe.HGetAll(ctx, schemas.ViewOrgInstalls(schemas.OrgID(org)))
		}
	})
	if err != nil {
		return nil, err
	}
	var found []schemas.DirectoryUser
	own := map[schemas.OrgID]bool{}
	for i := range users {
		u, err := ingest.Viewed[schemas.DirectoryUser](users[i].Val())
		if err != nil {
			return nil, err
		}
		if !is(u, who.Email) {
			continue
		}
		connected, through, err := workspaces(installs[i].Val(), who.Team)
		switch {
		case err != nil:
			return nil, err
		case who.Team != "" && connected && !through:
			continue
		}
		own[u.OrgID] = through
		found = append(found, *u)
	}
	slices.SortFunc(found, func(a, b schemas.DirectoryUser) int {
		if own[a.OrgID] != own[b.OrgID] {
			return map[bool]int{true: -1, false: 1}[own[a.OrgID]]
		}
		return cmp.Or(cmp.Compare(a.OrgID, b.OrgID), cmp.Compare(a.UserID, b.UserID))
	})
	return found, nil
}

// is says whether a user of the directory is whoever has this email.
func is(u *schemas.DirectoryUser, email string) bool {
	return u != nil && !u.Disabled && schemas.NormalEmail(u.Email) == email
}

// workspaces says whether an organization is connected, and whether team is one of its workspaces.
func workspaces(installs map[string]string, team schemas.TeamID) (connected, through bool, err error) {
	for _, value := range installs {
		in, err := ingest.Viewed[schemas.Installation](value)
		if err != nil {
			return false, false, err
		}
		if in != nil && in.Active() {
			connected, through = true, through || in.TeamID == team
		}
	}
	return connected, through, nil
}
