package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/schemas"
)

// Workspace is a Slack workspace of the organization.
type Workspace struct {
	TeamID      schemas.TeamID        `json:"team_id"`
	Name        string                `json:"name"`
	Status      schemas.InstallStatus `json:"status" enum:"active,revoked,uninstalled"`
	Reason      string                `json:"reason,omitempty" doc:"Why it is no longer active, in Slack's word."`
	Scopes      []string              `json:"scopes" nullable:"false" doc:"What Slack granted."`
	InstalledAt time.Time             `json:"installed_at,omitzero"`
}

// Channel is a channel that the app is in, or that is linked.
type Channel struct {
	TeamID      schemas.TeamID    `json:"team_id"`
	ChannelID   schemas.ChannelID `json:"channel_id"`
	Name        string            `json:"name"`
	IsPrivate   bool              `json:"is_private"`
	IsArchived  bool              `json:"is_archived"`
	IsExtShared bool              `json:"is_ext_shared" doc:"Shared with another company."`
	IsMember    bool              `json:"is_member" doc:"The app is in it."`
	Association *Association      `json:"association,omitempty" doc:"What it is linked to. Absent: nothing."`
	Sync        *Sync             `json:"sync,omitempty" doc:"How the reading goes. Absent: it has not begun."`
}

// Sync is how the reading of a channel's history goes.
type Sync struct {
	Status       schemas.SyncStatus `json:"status,omitempty" enum:"backfilling,complete,stopped"`
	Reason       schemas.Reason     `json:"reason,omitempty" doc:"Why it is stopped."`
	Complete     bool               `json:"complete" doc:"Everything of the window is known, with all threads."`
	Oldest       schemas.TS         `json:"oldest,omitempty" doc:"From here on, up to newest, everything is known."`
	Newest       schemas.TS         `json:"newest,omitempty"`
	Messages     uint64             `json:"messages" doc:"Read while the window was read first."`
	ReconciledAt time.Time          `json:"reconciled_at,omitzero" doc:"When the newest messages were last read again."`
	EndsAt       time.Time          `json:"ends_at,omitzero" doc:"When the backfill will have ended, as an estimate."`
}

type channelsInput struct {
	Page
	Team    schemas.TeamID `query:"team" maxLength:"40" doc:"Of this workspace."`
	Query   string         `query:"q" maxLength:"200" doc:"Words of the name begin so."`
	Linked  string         `query:"linked" enum:"true,false" doc:"Those that are linked to an account, or those that are not."`
	Member  string         `query:"member" enum:"true,false" doc:"Those that the app is in, or those that it is not."`
	Private string         `query:"private" enum:"true,false"`
}

type channelsOutput struct {
	Body struct {
		Items []Channel `json:"items" nullable:"false"`
		Next  string    `json:"next,omitempty" doc:"The next page's cursor. Absent: there is none."`
	}
}

type channelOutput struct {
	ETag string `header:"ETag" doc:"The association's."`
	Body Channel
}

type workspacesOutput struct {
	Body struct {
		Items []Workspace `json:"items" nullable:"false"`
	}
}

func channels(a *API) {
	tags := []string{"Channels"}
	route(a, huma.Operation{OperationID: "list-workspaces", Method: http.MethodGet, Path: "/workspaces", Summary: "The organization's Slack workspaces", Tags: tags}, rule{needs: actor.SeeChannels},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (*workspacesOutput, error) {
			installs, err := a.installs(ctx, who.Org)
			if err != nil {
				return nil, err
			}
			out := &workspacesOutput{}
			out.Body.Items = []Workspace{}
			for _, team := range slices.Sorted(maps.Keys(installs)) {
				in := installs[team]
				out.Body.Items = append(out.Body.Items, Workspace{in.TeamID, in.TeamName, in.Status, in.Reason, append([]string{}, in.Scopes...), in.InstalledAt})
			}
			return out, nil
		})
	route(a, huma.Operation{
		OperationID: "list-channels", Method: http.MethodGet, Path: "/channels", Summary: "Channels that the app is in, and those that are linked", Description: "Those without an account come first, then by name.", Tags: tags,
	}, rule{needs: actor.SeeChannels}, a.listChannels)
	route(a, huma.Operation{OperationID: "get-channel", Method: http.MethodGet, Path: "/channels/{team}/{channel}", Summary: "A channel", Tags: tags, Errors: []int{http.StatusNotFound}}, rule{needs: actor.SeeChannels},
		func(ctx context.Context, who actor.Actor, in *ChannelPath) (*channelOutput, error) {
			s, err := a.scene(ctx, who.Org, in)
			if err != nil {
				return nil, err
			}
			found, err := a.channelsOf(ctx, who.Org, []string{string(schemas.TeamChannelKey(in.Team, in.Channel))})
			switch {
			case err != nil:
				return nil, err
			case found[0] == nil:
				return nil, huma.Error404NotFound("The app sees no such channel: it is private and the app is not in it, or it does not exist.")
			}
			return &channelOutput{s.was.etag(), *found[0]}, nil
		})
}

// installs are the organization's installations by team.
func (a *API) installs(ctx context.Context, org schemas.OrgID) (map[schemas.TeamID]*schemas.Installation, error) {
	var found *redis.MapStringStringCmd
	if err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) { found = pipe.HGetAll(ctx, schemas.ViewOrgInstalls(org)) }); err != nil {
		return nil, err
	}
	all := map[schemas.TeamID]*schemas.Installation{}
	for team, value := range found.Val() {
		in, err := ingest.Viewed[schemas.Installation](value)
		if err != nil {
			return nil, err
		}
		if in != nil && in.OrgID == org {
			all[schemas.TeamID(team)] = in
		}
	}
	return all, nil
}

// listChannels goes through the list that the console shows too.
func (a *API) listChannels(ctx context.Context, who actor.Actor, in *channelsInput) (*channelsOutput, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	installs, err := a.installs(ctx, who.Org)
	if err != nil {
		return nil, err
	}
	q := lists.Query{Text: in.Query, Search: in.Query != "", After: after, Limit: in.Limit, States: map[string][]string{"true": {schemas.StateDone}, "false": {schemas.StateOpen}}[in.Linked]}
	if in.Private == "true" {
		q.Part = schemas.ListPrivate
	}
	read := map[string]*Channel{}
	q.Keep = func(keys []string) ([]bool, error) {
		found, err := a.channelsOf(ctx, who.Org, keys)
		kept := make([]bool, len(keys))
		for i, c := range found {
			kept[i] = c != nil && installs[c.TeamID] != nil && in.fits(c)
			read[keys[i]] = c
		}
		return kept, err
	}
	page, err := lists.Find(ctx, a.opts.Redis, lists.Channels(who.Org), q)
	if err != nil {
		return nil, err
	}
	out := &channelsOutput{}
	out.Body.Items, out.Body.Next = []Channel{}, cursor(page.After)
	for _, key := range page.IDs {
		out.Body.Items = append(out.Body.Items, *read[key])
	}
	return out, nil
}

// channelsOf are channels with what they are linked to, nil for one that is gone.
func (a *API) channelsOf(ctx context.Context, org schemas.OrgID, keys []string) ([]*Channel, error) {
	found, err := lists.Read(ctx, a.opts.Redis, org, keys)
	if err != nil {
		return nil, err
	}
	all := make([]*Channel, len(keys))
	for i, f := range found {
		c := f.Known
		if c == nil {
			continue
		}
		all[i] = &Channel{TeamID: f.Team, ChannelID: f.ID, Name: c.Name, IsPrivate: c.IsPrivate, IsArchived: c.IsArchived, IsExtShared: c.IsExtShared, IsMember: c.IsMember}
		if f.Link != nil {
			of := associationOf(f.Link)
			all[i].Association = &of
		}
		if cp := f.Checkpoint; cp != nil {
			all[i].Sync = &Sync{cp.Status, cp.Reason, cp.Complete, cp.Oldest, cp.Newest, cp.Messages, cp.ReconciledAt, cp.EndsAt}
		}
	}
	return all, nil
}

func viewedAt[T any](values *redis.SliceCmd, i int) (*T, error) {
	text, _ := values.Val()[i].(string)
	return ingest.Viewed[T](text)
}

// fits compares a channel with what is looked for.
func (in *channelsInput) fits(c *Channel) bool {
	is := func(want string, has bool) bool { return want == "" || (want == "true") == has }
	return is(in.Linked, c.Association != nil) && is(in.Member, c.IsMember) && is(in.Private, c.IsPrivate) && (in.Team == "" || in.Team == c.TeamID)
}
