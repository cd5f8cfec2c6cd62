package api

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// NotificationType is a kind of notification that the organization has.
type NotificationType struct {
	ID        schemas.NotificationType  `json:"id"`
	Category  schemas.Category          `json:"category"`
	Name      string                    `json:"name"`
	Audience  schemas.Audience          `json:"audience" enum:"user,manager"`
	Default   schemas.ChannelPreference `json:"default" enum:"email,message,both" doc:"What counts where nobody has said anything."`
	Mandatory bool                      `json:"mandatory" doc:"It cannot be turned off."`
	Priority  schemas.Priority          `json:"priority" enum:"normal,urgent"`
}

// Effective is what counts for a person, and why.
type Effective struct {
	Type       schemas.NotificationType  `json:"type"`
	Name       string                    `json:"name"`
	Choice     schemas.ChannelPreference `json:"choice" enum:"email,message,both,off"`
	Rule       schemas.Rule              `json:"rule" enum:"user_type,user_category,org_type,org_category,type_default" doc:"Which rule decided."`
	Considered []Considered              `json:"considered" doc:"What each rule says, in their order."`
}

// Considered is what one rule says.
type Considered struct {
	Rule  schemas.Rule              `json:"rule"`
	Value schemas.ChannelPreference `json:"value"`
}

type typesOutput struct {
	Body struct {
		Items []NotificationType `json:"items" nullable:"false"`
	}
}

type effectiveOutput struct {
	Body struct {
		Items []Effective `json:"items" nullable:"false"`
	}
}

func notificationTypes(a *API) {
	route(a, huma.Operation{
		OperationID: "list-notification-types", Method: http.MethodGet, Path: "/notification-types", Summary: "The catalogue's types and the organization's own", Tags: preferenceTags,
	}, rule{}, func(ctx context.Context, who actor.Actor, _ *struct{}) (*typesOutput, error) {
		kinds, err := a.types(ctx, who.Org)
		if err != nil {
			return nil, err
		}
		out := &typesOutput{}
		out.Body.Items = make([]NotificationType, len(kinds))
		for i, t := range kinds {
			out.Body.Items[i] = NotificationType{t.ID, t.Category, t.Name, t.Audience, t.Default, t.Mandatory, t.Priority}
		}
		return out, nil
	})
	route(a, huma.Operation{
		OperationID: "list-effective-preferences", Method: http.MethodGet, Path: "/people/{user}/preferences/effective", Summary: "What counts for a person, and why", Tags: preferenceTags, Errors: []int{http.StatusNotFound},
	}, rule{needs: actor.SeePeople, own: true}, func(ctx context.Context, who actor.Actor, in *PersonPath) (*effectiveOutput, error) {
		if err := a.knows(ctx, who.Org, in.User); err != nil {
			return nil, err
		}
		return a.effective(ctx, who.Org, in.User)
	})
}

// types are the catalogue's, then the organization's own by id.
func (a *API) types(ctx context.Context, org schemas.OrgID) ([]schemas.TypeInfo, error) {
	var own *redis.MapStringStringCmd
	if err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) { own = pipe.HGetAll(ctx, schemas.ViewOrgTypes(org)) }); err != nil {
		return nil, err
	}
	all := slices.Clone(schemas.NotificationTypes)
	for _, id := range slices.Sorted(maps.Keys(own.Val())) {
		t, err := ingest.Viewed[schemas.OrgType](own.Val()[id])
		if err != nil {
			return nil, err
		}
		if t != nil {
			all = append(all, t.Info())
		}
	}
	return all, nil
}

func (a *API) effective(ctx context.Context, org schemas.OrgID, user schemas.UserID) (*effectiveOutput, error) {
	kinds, err := a.types(ctx, org)
	if err != nil {
		return nil, err
	}
	var own, defaults *redis.StringCmd
	err = ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) {
		own, defaults = pipe.HGet(ctx, schemas.ViewOrgPreferences(org), string(user)), pipe.HGet(ctx, schemas.ViewOrgPreferences(org), "")
	})
	if err != nil {
		return nil, err
	}
	mine, err := ingest.Viewed[schemas.Preferences](own.Val())
	if err != nil {
		return nil, err
	}
	ours, err := ingest.Viewed[schemas.Preferences](defaults.Val())
	if err != nil {
		return nil, err
	}
	out := &effectiveOutput{}
	out.Body.Items = make([]Effective, len(kinds))
	for i, t := range kinds {
		d := schemas.Choose(t, mine, ours)
		e := Effective{Type: t.ID, Name: t.Name, Choice: d.Choice, Rule: d.Rule, Considered: make([]Considered, len(d.Considered))}
		for n, c := range d.Considered {
			e.Considered[n] = Considered(c)
		}
		out.Body.Items[i] = e
	}
	return out, nil
}
