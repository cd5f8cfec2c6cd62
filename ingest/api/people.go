package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/people"
	"github.com/bigmind/backchannel/schemas"
)

// Person is a directory user, and who that is in Slack.
type Person struct {
	UserID   schemas.UserID      `json:"user_id"`
	Email    string              `json:"email"`
	Name     string              `json:"name"`
	Role     actor.Role          `json:"role" enum:"owner,admin,member"`
	Disabled bool                `json:"disabled"`
	TeamID   schemas.TeamID      `json:"team_id,omitempty" doc:"Of the Slack user who the person is. Absent: nobody, and why says why."`
	SlackID  schemas.SlackUserID `json:"slack_user_id,omitempty"`
	Why      string              `json:"why,omitempty" doc:"Why the person is nobody in Slack."`
}

type peopleInput struct {
	Page
	Query   string `query:"q" maxLength:"200" doc:"Words of the name, or the email, begin so."`
	Matched string `query:"matched" enum:"true,false" doc:"Those who are somebody in Slack, or those who are not."`
}

type peopleOutput struct {
	Body struct {
		Items []Person `json:"items" nullable:"false"`
		Next  string   `json:"next,omitempty" doc:"The next page's cursor. Absent: there is none."`
	}
}

type personOutput struct{ Body Person }

func persons(a *API) {
	tags := []string{"People"}
	route(a, huma.Operation{
		OperationID: "list-people", Method: http.MethodGet, Path: "/people", Summary: "Directory users by id, who they are in Slack, and why somebody is nobody", Tags: tags,
	}, rule{needs: actor.SeePeople}, a.listPeople)
	route(a, huma.Operation{OperationID: "get-person", Method: http.MethodGet, Path: "/people/{user}", Summary: "A directory user, and who that is in Slack", Tags: tags, Errors: []int{http.StatusNotFound}}, rule{needs: actor.SeePeople, own: true},
		func(ctx context.Context, who actor.Actor, in *PersonPath) (*personOutput, error) {
			active, err := a.active(ctx, who.Org)
			if err != nil {
				return nil, err
			}
			found, err := a.peopleOf(ctx, who.Org, []string{string(in.User)}, active)
			switch {
			case err != nil:
				return nil, err
			case found[0] == nil:
				return nil, huma.Error404NotFound("Bigmind's directory has no such user in your organization.")
			}
			return &personOutput{*found[0]}, nil
		})
}

// active are the workspaces that are connected.
func (a *API) active(ctx context.Context, org schemas.OrgID) (map[schemas.TeamID]bool, error) {
	installs, err := a.installs(ctx, org)
	if err != nil {
		return nil, err
	}
	active := map[schemas.TeamID]bool{}
	for team, in := range installs {
		if in.Active() {
			active[team] = true
		}
	}
	return active, nil
}

func (a *API) listPeople(ctx context.Context, who actor.Actor, in *peopleInput) (*peopleOutput, error) {
	active, err := a.active(ctx, who.Org)
	if err != nil {
		return nil, err
	}
	var ids *redis.StringSliceCmd
	if err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) { ids = pipe.HKeys(ctx, schemas.ViewOrgUsers(who.Org)) }); err != nil {
		return nil, err
	}
	keys, err := in.after(ids.Val())
	if err != nil {
		return nil, err
	}
	out := &peopleOutput{}
	out.Body.Items = []Person{}
	out.Body.Next, err = in.fill(keys, func(some []string) (int, bool, error) {
		found, err := a.peopleOf(ctx, who.Org, some, active)
		if err != nil {
			return 0, false, err
		}
		for i, p := range found {
			if p != nil && in.fits(p) {
				out.Body.Items = append(out.Body.Items, *p)
			}
			if len(out.Body.Items) == in.Limit {
				return i + 1, true, nil
			}
		}
		return len(some), false, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (in *peopleInput) fits(p *Person) bool {
	if in.Matched != "" && (in.Matched == "true") != (p.SlackID != "") {
		return false
	}
	return hasWords(p.Name, in.Query) || hasWords(p.Email, in.Query)
}

// peopleOf are directory users with who they are in Slack, nil for one that is gone: three round trips, however many.
func (a *API) peopleOf(ctx context.Context, org schemas.OrgID, ids []string, active map[schemas.TeamID]bool) ([]*Person, error) {
	var found *redis.SliceCmd
	if err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) { found = pipe.HMGet(ctx, schemas.ViewOrgUsers(org), ids...) }); err != nil {
		return nil, err
	}
	users := make([]*schemas.DirectoryUser, len(ids))
	for i := range ids {
		var err error
		if users[i], err = viewedAt[schemas.DirectoryUser](found, i); err != nil {
			return nil, err
		}
	}
	candidates, err := a.candidates(ctx, org, users)
	if err != nil {
		return nil, err
	}
	all := make([]*Person, len(ids))
	for i, u := range users {
		if u == nil {
			continue
		}
		role, err := actor.ParseRole(u.Role)
		if err != nil {
			role = actor.Member // what nobody knows may nothing more
		}
		m := people.Of(u, candidates[schemas.NormalEmail(u.Email)], active)
		all[i] = &Person{u.UserID, u.Email, u.Name, role, u.Disabled, m.Team, m.User, m.Reason}
	}
	return all, nil
}

// candidates are the Slack users with the emails of directory users, by email.
func (a *API) candidates(ctx context.Context, org schemas.OrgID, users []*schemas.DirectoryUser) (map[string][]schemas.SlackUser, error) {
	members := map[string]*redis.StringSliceCmd{}
	err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) {
		for _, u := range users {
			if u != nil && u.Email != "" {
				members[schemas.NormalEmail(u.Email)] = pipe.SMembers(ctx, schemas.ViewOrgSlackEmail(org, u.Email))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, m := range members {
		keys = append(keys, m.Val()...)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	var found *redis.SliceCmd
	if err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) { found = pipe.HMGet(ctx, schemas.ViewOrgSlackUsers(org), keys...) }); err != nil {
		return nil, err
	}
	all := map[string][]schemas.SlackUser{}
	for i := range keys {
		u, err := viewedAt[schemas.SlackUser](found, i)
		if err != nil {
			return nil, err
		}
		if u != nil && u.Email != "" {
			email := schemas.NormalEmail(u.Email)
			all[email] = append(all[email], *u)
		}
	}
	return all, nil
}
