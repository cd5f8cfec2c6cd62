package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

type deliveriesInput struct {
	User    schemas.UserID           `query:"user" maxLength:"200" doc:"Directory user id: what named the person by id, or by their email."`
	Email   string                   `query:"email" maxLength:"320" doc:"What named the person by this email, also one that the directory does not have."`
	Request schemas.RequestID        `query:"request" maxLength:"500" doc:"One request."`
	Type    schemas.NotificationType `query:"type" maxLength:"200"`
	Status  schemas.OutcomeStatus    `query:"status" enum:"delivered,suppressed,expired,failed"`
	Reason  schemas.Reason           `query:"reason" maxLength:"100"`
	Channel schemas.DeliveryChannel  `query:"channel" enum:"slack,email"`
	From    time.Time                `query:"from" doc:"RFC 3339. Absent: 30 days ago, or with request, ever."`
	To      time.Time                `query:"to" doc:"RFC 3339, the first moment that is not meant."`
	Cursor  string                   `query:"cursor" maxLength:"2000" doc:"The former page's next."`
	Limit   int                      `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

// Resolve refuses a time that is empty, which would else be taken for none.
func (in *deliveriesInput) Resolve(ctx huma.Context) (problems []error) {
	u := ctx.URL()
	for _, name := range []string{"from", "to"} {
		if q := u.Query(); q.Has(name) && q.Get(name) == "" {
			problems = append(problems, &huma.ErrorDetail{Message: "want a time in RFC 3339, or nothing at all", Location: "query." + name})
		}
	}
	return problems
}

type deliveriesOutput struct {
	Body struct {
		Items []deliverylog.Entry `json:"items" nullable:"false"`
		Next  string              `json:"next,omitempty" doc:"The next page's cursor. Absent: there is none."`
	}
}

// logWindow is how far back is looked when nobody says: the log is ordered by organization and request, not by time.
const logWindow = 30 * 24 * time.Hour

func deliveries(a *API) {
	route(a, huma.Operation{
		OperationID: "list-deliveries", Method: http.MethodGet, Path: "/deliveries", Summary: "What became of notifications, the newest first", Tags: []string{"Deliveries"},
		Description: "One entry for each request, recipient and channel, with the decision. It holds nothing of what a notification says. A token of a person with the role member sees the person's own.",
	}, rule{}, a.listDeliveries)
}

func (a *API) listDeliveries(ctx context.Context, who actor.Actor, in *deliveriesInput) (*deliveriesOutput, error) {
	if !who.May(actor.SeePeople) {
		if who.User == "" || in.Email != "" || in.User != "" && in.User != who.User {
			return nil, huma.Error403Forbidden("This token may see no more than its own person's deliveries.")
		}
		in.User = who.User
	}
	q, err := a.query(ctx, who.Org, in)
	if err != nil {
		return nil, err
	}
	found, err := a.opts.Deliveries.Find(ctx, who.Org, q)
	if err != nil {
		return nil, err
	}
	out := &deliveriesOutput{}
	if len(found) > in.Limit {
		found = found[:in.Limit]
		out.Body.Next = found[in.Limit-1].Cursor().String()
	}
	out.Body.Items = append([]deliverylog.Entry{}, found...)
	return out, nil
}

func (a *API) query(ctx context.Context, org schemas.OrgID, in *deliveriesInput) (deliverylog.Query, error) {
	after, err := deliverylog.ParseCursor(in.Cursor)
	if err != nil {
		return deliverylog.Query{}, huma.Error422UnprocessableEntity("The cursor cannot be read.", &huma.ErrorDetail{Message: err.Error(), Location: "query.cursor"})
	}
	q := deliverylog.Query{
		Request: in.Request, Type: in.Type, Status: in.Status, Reason: in.Reason, Channel: in.Channel, From: in.From, To: in.To, After: after, Limit: in.Limit + 1,
	}
	if q.From.IsZero() && q.Request == "" {
		q.From = a.now().Add(-logWindow)
	}
	if in.Email != "" {
		q.Recipients = append(q.Recipients, schemas.NormalEmail(in.Email))
	}
	if in.User == "" {
		return q, nil
	}
	q.Recipients = append(q.Recipients, string(in.User))
	var found *redis.StringCmd
	if err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) { found = pipe.HGet(ctx, schemas.ViewOrgUsers(org), string(in.User)) }); err != nil {
		return q, err
	}
	u, err := ingest.Viewed[schemas.DirectoryUser](found.Val())
	if err == nil && u != nil && u.Email != "" {
		q.Recipients = append(q.Recipients, schemas.NormalEmail(u.Email))
	}
	return q, err
}
