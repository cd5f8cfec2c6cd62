package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
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

// Channel is a channel that the app can see.
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
		OperationID: "list-channels", Method: http.MethodGet, Path: "/channels", Summary: "Channels that the app can see, by workspace and id", Tags: tags,
	}, rule{needs: actor.SeeChannels}, a.listChannels)
	route(a, huma.Operation{OperationID: "get-channel", Method: http.MethodGet, Path: "/channels/{team}/{channel}", Summary: "A channel", Tags: tags, Errors: []int{http.StatusNotFound}}, rule{needs: actor.SeeChannels},
		func(ctx context.Context, who actor.Actor, in *ChannelPath) (*channelOutput, error) {
			s, err := a.scene(ctx, who.Org, in)
			if err != nil {
				return nil, err
			}
			found, err := a.channelsOf(ctx, who.Org, in.Team, []string{string(in.Channel)})
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

// listChannels goes through the channels of one workspace, or of all, in the order of "team/channel".
func (a *API) listChannels(ctx context.Context, who actor.Actor, in *channelsInput) (*channelsOutput, error) {
	keys, err := a.channelKeys(ctx, who.Org, in.Team)
	if err != nil {
		return nil, err
	}
	if keys, err = in.after(keys); err != nil {
		return nil, err
	}
	out := &channelsOutput{}
	out.Body.Items = []Channel{}
	out.Body.Next, err = in.fill(keys, func(some []string) (int, bool, error) {
		team, _ := schemas.Key(some[0]).Split()
		var ids []string
		for _, key := range some { // of one workspace at a time
			if t, id := schemas.Key(key).Split(); t == team {
				ids = append(ids, id)
			}
		}
		found, err := a.channelsOf(ctx, who.Org, schemas.TeamID(team), ids)
		if err != nil {
			return 0, false, err
		}
		for i, c := range found {
			if c != nil && in.fits(c) {
				out.Body.Items = append(out.Body.Items, *c)
			}
			if len(out.Body.Items) == in.Limit {
				return i + 1, true, nil
			}
		}
		return len(ids), false, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// channelKeys are "team/channel" of all channels that the views have or had.
func (a *API) channelKeys(ctx context.Context, org schemas.OrgID, team schemas.TeamID) ([]string, error) {
	installs, err := a.installs(ctx, org)
	if err != nil {
		return nil, err
	}
	ids := map[schemas.TeamID]*redis.StringSliceCmd{}
	err = ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) {
		for t := range installs {
			if team == "" || t == team {
				ids[t] = pipe.HKeys(ctx, schemas.ViewTeamChannels(t))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	var keys []string
	for t, found := range ids {
		for _, id := range found.Val() {
			keys = append(keys, string(schemas.TeamChannelKey(t, schemas.ChannelID(id))))
		}
	}
	return keys, nil
}

// channelsOf are channels of a workspace with what they are linked to, nil for one that is gone.
func (a *API) channelsOf(ctx context.Context, org schemas.OrgID, team schemas.TeamID, ids []string) ([]*Channel, error) {
	var known, links, checkpoints *redis.SliceCmd
	err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) {
		known = pipe.HMGet(ctx, schemas.ViewTeamChannels(team), ids...)
		links = pipe.HMGet(ctx, schemas.ViewTeamAssociations(team), ids...)
		checkpoints = pipe.HMGet(ctx, schemas.ViewTeamCheckpoints(team), ids...)
	})
	if err != nil {
		return nil, err
	}
	all := make([]*Channel, len(ids))
	for i := range ids {
		c, err := viewedAt[schemas.SlackChannel](known, i)
		if err != nil {
			return nil, err
		}
		if c == nil || c.OrgID != org {
			continue
		}
		all[i] = &Channel{TeamID: c.TeamID, ChannelID: c.ChannelID, Name: c.Name, IsPrivate: c.IsPrivate, IsArchived: c.IsArchived, IsExtShared: c.IsExtShared, IsMember: c.IsMember}
		link, err := viewedAt[schemas.ChannelAssociation](links, i)
		if err != nil {
			return nil, err
		}
		if link != nil && link.OrgID == org {
			of := associationOf(link)
			all[i].Association = &of
		}
		cp, err := viewedAt[schemas.SyncCheckpoint](checkpoints, i)
		if err != nil {
			return nil, err
		}
		if cp != nil && cp.OrgID == org {
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
	return is(in.Linked, c.Association != nil) && is(in.Member, c.IsMember) && is(in.Private, c.IsPrivate) && hasWords(c.Name, in.Query)
}

// hasWords reports whether words of a text, one after the other, begin as those that are looked for do.
func hasWords(text, query string) bool {
	folded, looked := schemas.FoldWords(text), schemas.FoldWords(query)
	return looked == "" || strings.HasPrefix(folded, looked) || strings.Contains(folded, " "+looked)
}
