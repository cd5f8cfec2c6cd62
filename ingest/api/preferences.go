package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// Preferences are an organization's defaults or a person's overrides. What is absent falls through: the person's for the type, else for the
// category, else the organization's for the type, else for the category, else the type's own default.
type Preferences struct {
	Categories map[schemas.Category]schemas.ChannelPreference         `json:"categories,omitempty" doc:"By category: email, message, both or off."`
	Types      map[schemas.NotificationType]schemas.ChannelPreference `json:"types,omitempty" doc:"By type: email, message, both or off."`
	QuietHours *QuietHours                                            `json:"quiet_hours,omitempty" doc:"A person's own. The organization's are in the settings."`
}

// QuietHours are when nothing is to come.
type QuietHours struct {
	From        string            `json:"from,omitempty" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"HH:MM; with to."`
	To          string            `json:"to,omitempty" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"HH:MM, the first minute that is not quiet. Before from: on the next day."`
	WorkingDays []schemas.Weekday `json:"working_days,omitempty" enum:"mon,tue,wed,thu,fri,sat,sun" maxItems:"7" doc:"The days that are not quiet altogether. Absent: all."`
	TimeZone    string            `json:"tz,omitempty" maxLength:"64" doc:"IANA name, such as Europe/London."`
	Off         bool              `json:"off,omitempty" doc:"None, though the organization has quiet hours."`
}

type preferencesInput struct {
	Match
	NoNull
	Body Preferences
}

// PersonPath names a person.
type PersonPath struct {
	User schemas.UserID `path:"user" minLength:"1" maxLength:"200" doc:"Directory user id."`
}

type userPreferencesInput struct {
	PersonPath
	Match
	NoNull
	Body Preferences
}

type userMatchInput struct {
	PersonPath
	Match
}

type preferencesOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Body   Preferences
}

var preferenceTags = []string{"Notification settings"}

func orgPreferences(a *API) {
	route(a, huma.Operation{
		OperationID: "get-preferences", Method: http.MethodGet, Path: "/preferences", Summary: "The organization's defaults", Tags: preferenceTags,
	}, rule{}, func(ctx context.Context, who actor.Actor, _ *struct{}) (*preferencesOutput, error) {
		return a.preferences(ctx, who.Org, "")
	})
	route(a, huma.Operation{
		OperationID: "put-preferences", Method: http.MethodPut, Path: "/preferences", Summary: "Replace the organization's defaults", Tags: preferenceTags,
		Description: "The same again changes nothing.", Errors: []int{http.StatusPreconditionFailed},
	}, rule{needs: actor.ChangeDefaults}, func(ctx context.Context, who actor.Actor, in *preferencesInput) (*preferencesOutput, error) {
		return a.putPreferences(ctx, who.Org, "", &in.Body, in.Match)
	})
}

func userPreferences(a *API) {
	own := rule{needs: actor.SeePeople, own: true}
	route(a, huma.Operation{
		OperationID: "get-person-preferences", Method: http.MethodGet, Path: "/people/{user}/preferences", Summary: "A person's overrides", Tags: preferenceTags, Errors: []int{http.StatusNotFound},
	}, own, func(ctx context.Context, who actor.Actor, in *PersonPath) (*preferencesOutput, error) {
		if err := a.knows(ctx, who.Org, in.User); err != nil {
			return nil, err
		}
		return a.preferences(ctx, who.Org, in.User)
	})
	change := rule{needs: actor.ChangePeople, own: true}
	route(a, huma.Operation{
		OperationID: "put-person-preferences", Method: http.MethodPut, Path: "/people/{user}/preferences", Summary: "Replace a person's overrides", Tags: preferenceTags,
		Description: "The same again changes nothing.", Errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, change, func(ctx context.Context, who actor.Actor, in *userPreferencesInput) (*preferencesOutput, error) {
		if err := a.knows(ctx, who.Org, in.User); err != nil {
			return nil, err
		}
		return a.putPreferences(ctx, who.Org, in.User, &in.Body, in.Match)
	})
	route(a, huma.Operation{
		OperationID: "delete-person-preferences", Method: http.MethodDelete, Path: "/people/{user}/preferences", Summary: "Back to the organization's defaults", Tags: preferenceTags,
		Description: "The person's overrides and quiet hours are removed.", Errors: []int{http.StatusNotFound, http.StatusPreconditionFailed},
	}, change, func(ctx context.Context, who actor.Actor, in *userMatchInput) (*preferencesOutput, error) {
		if err := a.knows(ctx, who.Org, in.User); err != nil {
			return nil, err
		}
		return a.putPreferences(ctx, who.Org, in.User, nil, in.Match)
	})
}

// knows fails with 404 unless the directory has the person.
func (a *API) knows(ctx context.Context, org schemas.OrgID, user schemas.UserID) error {
	var found *redis.StringCmd
	if err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) { found = pipe.HGet(ctx, schemas.ViewOrgUsers(org), string(user)) }); err != nil {
		return err
	}
	u, err := ingest.Viewed[schemas.DirectoryUser](found.Val())
	if err == nil && u == nil {
		err = huma.Error404NotFound("Bigmind's directory has no such user in your organization.")
	}
	return err
}

func preferencesEntry(org schemas.OrgID, user schemas.UserID) entry {
	return entry{schemas.NotificationPreferences.Spec, schemas.OrgKey(org, user), schemas.ViewOrgPreferences(org), string(user)}
}

func (a *API) preferences(ctx context.Context, org schemas.OrgID, user schemas.UserID) (*preferencesOutput, error) {
	s, err := a.state(ctx, preferencesEntry(org, user))
	if err != nil {
		return nil, err
	}
	return preferencesOf(s)
}

func preferencesOf(s state) (*preferencesOutput, error) {
	out := &preferencesOutput{Status: http.StatusOK, ETag: s.etag()}
	if s.text == "" {
		return out, nil
	}
	p, err := schemas.NotificationPreferences.Decode([]byte(s.text))
	if err != nil {
		return nil, err
	}
	out.Body = Preferences{Categories: p.Categories, Types: p.Types, QuietHours: (*QuietHours)(p.QuietHours)}
	return out, nil
}

// putPreferences replaces preferences; nil removes them.
func (a *API) putPreferences(ctx context.Context, org schemas.OrgID, user schemas.UserID, p *Preferences, match Match) (*preferencesOutput, error) {
	e := preferencesEntry(org, user)
	was, err := a.state(ctx, e)
	if err != nil {
		return nil, err
	}
	if err := match.matches(was); err != nil {
		return nil, err
	}
	var value []byte
	if p != nil {
		if err := a.checkPreferences(ctx, org, p); err != nil {
			return nil, err
		}
		record := schemas.Preferences{OrgID: org, UserID: user, Categories: p.Categories, Types: p.Types, QuietHours: (*schemas.QuietHours)(p.QuietHours), UpdatedAt: a.now()}
		if err := record.Validate(); err != nil {
			return nil, huma.Error422UnprocessableEntity(err.Error())
		}
		if value, err = schemas.NotificationPreferences.Encode(record); err != nil {
			return nil, err
		}
	}
	w, err := a.write(ctx, e, was, value)
	if err != nil {
		return nil, err
	}
	out := &preferencesOutput{Status: w.status, ETag: w.etag}
	if p != nil {
		out.Body = *p
	}
	return out, nil
}

// checkPreferences refuses types and categories that are none, and an off that would count for nothing.
func (a *API) checkPreferences(ctx context.Context, org schemas.OrgID, p *Preferences) error {
	kinds, err := a.types(ctx, org)
	if err != nil {
		return err
	}
	byID, categories := map[schemas.NotificationType]schemas.TypeInfo{}, map[schemas.Category]bool{}
	for _, t := range kinds {
		byID[t.ID], categories[t.Category] = t, true
	}
	var problems []error
	for _, id := range slices.Sorted(maps.Keys(p.Types)) {
		t, known := byID[id]
		switch at := "body.types"; {
		case !known:
			problems = append(problems, &huma.ErrorDetail{Message: "there is no such notification type", Location: at, Value: string(id)})
		case t.Mandatory && p.Types[id] == schemas.PreferOff:
			problems = append(problems, &huma.ErrorDetail{Message: t.Name + " cannot be turned off", Location: at, Value: string(id)})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(p.Categories)) {
		if !categories[id] {
			problems = append(problems, &huma.ErrorDetail{Message: "there is no such category", Location: "body.categories", Value: string(id)})
		}
	}
	if len(problems) > 0 {
		return huma.Error422UnprocessableEntity(fmt.Sprintf("%d of the preferences cannot be. GET %s/notification-types lists what there is.", len(problems), Prefix), problems...)
	}
	return checkZone(p.QuietHours)
}
