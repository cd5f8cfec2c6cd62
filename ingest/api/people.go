package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/lists"
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
		OperationID: "list-people", Method: http.MethodGet, Path: "/people", Summary: "Directory users, who they are in Slack, and why somebody is nobody", Description: "Those without a match come first, those who are disabled last, then by name.", Tags: tags,
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
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	q := lists.Query{Text: in.Query, Search: in.Query != "", After: after, Limit: in.Limit}
	if in.Matched == "true" { // of those whose workspace is no longer connected nobody is
		q.States = []string{schemas.StateDone}
	}
	read := map[string]*Person{}
	q.Keep = func(ids []string) ([]bool, error) {
		found, err := a.peopleOf(ctx, who.Org, ids, active)
		kept := make([]bool, len(ids))
		for i, p := range found {
			kept[i] = p != nil && (in.Matched == "" || (in.Matched == "true") == (p.SlackID != ""))
			read[ids[i]] = p
		}
		return kept, err
	}
	page, err := lists.Find(ctx, a.opts.Redis, lists.People(who.Org), q)
	if err != nil {
		return nil, err
	}
	out := &peopleOutput{}
	out.Body.Items, out.Body.Next = []Person{}, cursor(page.After)
	for _, id := range page.IDs {
		out.Body.Items = append(out.Body.Items, *read[id])
	}
	return out, nil
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
