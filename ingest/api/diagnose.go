package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
)

type personInput struct {
	PersonPath
	Type schemas.NotificationType `query:"type" maxLength:"200" doc:"Notification type. Absent: all, in short."`
}

type checksOutput struct {
	Body struct {
		OK     bool             `json:"ok" doc:"Every check passes."`
		Checks []diagnose.Check `json:"checks" nullable:"false"`
	}
}

func diagnoses(a *API) {
	tags, none := []string{"Diagnose"}, []int{http.StatusNotFound}
	route(a, huma.Operation{
		OperationID: "diagnose-person", Method: http.MethodGet, Path: "/people/{user}/diagnosis", Summary: "What to check if notifications are not arriving", Tags: tags, Errors: none,
	}, rule{needs: actor.SeePeople, own: true}, func(ctx context.Context, who actor.Actor, in *personInput) (*checksOutput, error) {
		if err := a.knows(ctx, who.Org, in.User); err != nil {
			return nil, err
		}
		return checked(a.examiner.Person(ctx, who.Org, schemas.Recipient{UserID: in.User}, in.Type))
	})
	route(a, huma.Operation{
		OperationID: "diagnose-channel", Method: http.MethodGet, Path: "/channels/{team}/{channel}/diagnosis", Summary: "What to check if channel sync is not working", Tags: tags, Errors: none,
	}, rule{needs: actor.SeeChannels}, func(ctx context.Context, who actor.Actor, in *ChannelPath) (*checksOutput, error) {
		return checked(a.examiner.Channel(ctx, who.Org, in.Team, in.Channel))
	})
}

func checked(checks []diagnose.Check, err error) (*checksOutput, error) {
	switch {
	case errors.Is(err, diagnose.ErrNoWorkspace):
		return nil, huma.Error404NotFound("Your organization has no such workspace.")
	case err != nil:
		return nil, err
	}
	out := &checksOutput{}
	out.Body.OK, out.Body.Checks = diagnose.OK(checks), checks
	return out, nil
}
