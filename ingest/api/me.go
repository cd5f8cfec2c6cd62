package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// Me is who the token is.
type Me struct {
	OrgID  schemas.OrgID  `json:"org_id"`
	Role   actor.Role     `json:"role" enum:"owner,admin,member"`
	UserID schemas.UserID `json:"user_id,omitempty" doc:"The person for whom the token acts."`
	Token  string         `json:"token" doc:"The token's id; never the token."`
}

type meOutput struct{ Body Me }

func me(a *API) {
	route(a, huma.Operation{OperationID: "get-me", Method: http.MethodGet, Path: "/me", Summary: "Who the token is", Tags: []string{"Token"}}, rule{},
		func(_ context.Context, who actor.Actor, _ *struct{}) (*meOutput, error) {
			return &meOutput{Me{who.Org, who.Role, who.User, who.Via[len("token:"):]}}, nil
		})
}
