package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-redis/redis_rate/v10"

	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/apitoken"
	"github.com/bigmind/backchannel/schemas"
)

// rule says who may use an operation.
type rule struct {
	// needs is the permission; empty: every token will do.
	needs actor.Permission
	// own: the person that the path names may too, for themselves.
	own bool
}

const (
	bearer = "token"
	// userParam is the path's parameter that rule.own compares.
	userParam = "user"
)

type actorKey struct{}

// route declares an operation with who may use it. The handler has the actor, and answers for its organization alone.
func route[I, O any](a *API, op huma.Operation, may rule, handle func(ctx context.Context, who actor.Actor, in *I) (*O, error)) {
	op.Path = Prefix + op.Path
	op.Security = []map[string][]string{{bearer: {}}}
	op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	if op.Method == http.MethodPut {
		op.Errors = append(op.Errors, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	op.Middlewares = append(op.Middlewares, a.guard(may))
	op.Metadata = map[string]any{"rule": may}
	if may.needs != "" && !strings.Contains(op.Description, "Needs") {
		op.Description = strings.TrimSpace(op.Description + " " + may.words())
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		who, ok := ctx.Value(actorKey{}).(actor.Actor)
		if !ok {
			return nil, errors.New("api: an operation without its guard")
		}
		out, err := handle(ctx, who, in)
		if err != nil {
			return nil, a.answer(op.OperationID, err)
		}
		return out, nil
	})
}

func (r rule) words() string {
	var roles []string
	for _, role := range []actor.Role{actor.Owner, actor.Admin, actor.Member} {
		if (actor.Actor{Org: "any", Role: role}).May(r.needs) {
			roles = append(roles, string(role))
		}
	}
	words := "Needs the role " + strings.Join(roles, " or ")
	if r.own {
		words += ", or a token of the person"
	}
	return words + "."
}

// guard lets a request through that has a token which may, within its rate. It comes before anything of the request is read.
func (a *API) guard(may rule) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		started := time.Now()
		operation := ctx.Operation().OperationID
		defer func() {
			a.requests.WithLabelValues(operation, strconv.Itoa(ctx.Status())).Inc()
			a.seconds.WithLabelValues(operation).Observe(time.Since(started).Seconds())
		}()
		who, err := a.whoIs(ctx)
		switch {
		case errors.Is(err, apitoken.ErrRefused):
			ctx.SetHeader("WWW-Authenticate", `Bearer realm="Backchannel"`)
			a.refuse(ctx, http.StatusUnauthorized, "Send a token of your organization as 'Authorization: Bearer bct_…'. This one is none, has expired or was revoked.")
			return
		case err != nil:
			a.unavailable(ctx, err)
			return
		}
		within, err := a.limiter.Allow(ctx.Context(), schemas.APIBudgetKey(who.Via), redis_rate.PerMinute(a.opts.PerMinute))
		switch {
		case err != nil:
			a.unavailable(ctx, err)
			return
		case within.Allowed == 0:
			ctx.SetHeader("Retry-After", strconv.Itoa(int(within.RetryAfter.Seconds())+1))
			a.refuse(ctx, http.StatusTooManyRequests, "A token may make "+strconv.Itoa(a.opts.PerMinute)+" requests a minute.")
			return
		}
		allowed := may.needs == "" || who.May(may.needs) || may.own && who.MayFor(may.needs, schemas.UserID(ctx.Param(userParam)))
		if !allowed {
			a.refuse(ctx, http.StatusForbidden, "This token's role is "+string(who.Role)+". "+may.words())
			return
		}
		next(huma.WithValue(ctx, actorKey{}, who))
	}
}

// whoIs reads the token.
func (a *API) whoIs(ctx huma.Context) (actor.Actor, error) {
	scheme, token, _ := strings.Cut(ctx.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return actor.Actor{}, apitoken.ErrRefused
	}
	return a.tokens.Actor(ctx.Context(), strings.TrimSpace(token))
}

func (a *API) unavailable(ctx huma.Context, err error) {
	ctx.SetHeader("Retry-After", "5")
	a.refuse(ctx, http.StatusServiceUnavailable, a.answer(ctx.Operation().OperationID, err).Error())
}

// refuse answers instead of the handler.
func (a *API) refuse(ctx huma.Context, status int, sentence string) {
	if err := huma.WriteErr(a.huma, ctx, status, sentence); err != nil {
		a.opts.Log.Debug("an answer could not be written", "error", err)
	}
}

// problem answers what no operation does.
func problem(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: sentence}) // a failure is the client's connection
}
