package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/search"
	"github.com/bigmind/backchannel/schemas"
)

// Account is a CRM account to which channels can be linked.
type Account struct {
	AccountID schemas.AccountID `json:"account_id"`
	Name      string            `json:"name"`
	Domains   []string          `json:"domains" nullable:"false"`
}

// Deal is a CRM deal of an account.
type Deal struct {
	DealID    schemas.DealID    `json:"deal_id"`
	AccountID schemas.AccountID `json:"account_id"`
	Name      string            `json:"name"`
	Stage     string            `json:"stage,omitempty"`
}

// SearchQuery is what is looked for.
type SearchQuery struct {
	Query string `query:"q" maxLength:"200" doc:"The beginning of words of the name, or of a domain. Absent: the first of the alphabet."`
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many, at most."`
}

type dealsInput struct {
	Account schemas.AccountID `path:"account" minLength:"1" maxLength:"500" doc:"CRM account."`
	SearchQuery
}

type accountsOutput struct {
	Body struct {
		Items []Account `json:"items" nullable:"false"`
	}
}

type dealsOutput struct {
	Body struct {
		Items []Deal `json:"items" nullable:"false"`
	}
}

func noAccount() error {
	return huma.Error404NotFound("There is no such account in your organization.")
}

// account is nil where there is none.
func (a *API) account(ctx context.Context, org schemas.OrgID, id schemas.AccountID) (*schemas.Account, error) {
	var known *redis.StringCmd
	if err := ingest.Lookup(ctx, a.opts.Redis, func(pipe redis.Pipeliner) {
		known = pipe.HGet(ctx, schemas.ViewOrgAccounts(org), string(id))
	}); err != nil {
		return nil, err
	}
	return ingest.Viewed[schemas.Account](known.Val())
}

func accounts(a *API) {
	tags := []string{"Accounts"}
	route(a, huma.Operation{OperationID: "search-accounts", Method: http.MethodGet, Path: "/accounts", Summary: "Find accounts by name or domain, the best matches first", Tags: tags}, rule{needs: actor.SeeChannels},
		func(ctx context.Context, who actor.Actor, in *SearchQuery) (*accountsOutput, error) {
			found, err := search.Accounts(ctx, a.opts.Redis, who.Org, in.Query, in.Limit)
			if err != nil {
				return nil, err
			}
			out := &accountsOutput{}
			out.Body.Items = make([]Account, len(found))
			for i := range found {
				out.Body.Items[i] = Account{found[i].AccountID, found[i].Title(), append([]string{}, found[i].Domains...)}
			}
			return out, nil
		})
	route(a, huma.Operation{OperationID: "search-deals", Method: http.MethodGet, Path: "/accounts/{account}/deals", Summary: "Find an account's deals by name", Tags: tags, Errors: []int{http.StatusNotFound}}, rule{needs: actor.SeeChannels},
		func(ctx context.Context, who actor.Actor, in *dealsInput) (*dealsOutput, error) {
			found, err := search.Deals(ctx, a.opts.Redis, who.Org, in.Account, in.Query, in.Limit)
			if err != nil {
				return nil, err
			}
			if len(found) == 0 {
				switch account, err := a.account(ctx, who.Org, in.Account); {
				case err != nil:
					return nil, err
				case account == nil:
					return nil, noAccount()
				}
			}
			out := &dealsOutput{}
			out.Body.Items = make([]Deal, len(found))
			for i := range found {
				out.Body.Items[i] = Deal{found[i].DealID, found[i].AccountID, found[i].Title(), found[i].Stage}
			}
			return out, nil
		})
}
