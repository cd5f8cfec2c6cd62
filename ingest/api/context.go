package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/conversation"
	"github.com/bigmind/backchannel/schemas"
)

type contextInput struct {
	Account schemas.AccountID `path:"account" minLength:"1" maxLength:"500" doc:"CRM account."`
	Since   time.Time         `query:"since" doc:"RFC 3339. Only threads in which something was said from then on, each as a whole. Absent: all, or with a cursor that of its first page."`
	Budget  int               `query:"budget" minimum:"1000" maximum:"200000" default:"20000" doc:"How many characters the page's messages may have: text, names of authors and companies, names of files. From 1,000 to 200,000."`
	Cursor  string            `query:"cursor" maxLength:"2000" doc:"The former page's next: what is older. It is of one account and one since."`
}

// Resolve refuses a time that is empty, which would else be taken for none.
func (in *contextInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	if q := u.Query(); q.Has("since") && q.Get("since") == "" {
		return []error{&huma.ErrorDetail{Message: wantTime + ", or nothing at all", Location: "query.since"}}
	}
	return nil
}

type contextOutput struct {
	Body struct {
		AccountID   schemas.AccountID     `json:"account_id"`
		AccountName string                `json:"account_name,omitempty"`
		AsOf        time.Time             `json:"as_of" doc:"As since, it brings what was said after. It is a minute before the first page was asked for: of what was said in it, some was on its way to us. Edits and deletions of what was said before, and channels that were linked or unlinked since, are found only by a walk without since."`
		Threads     []conversation.Thread `json:"threads" nullable:"false" doc:"The one with the newest message last."`
		Next        string                `json:"next,omitempty" doc:"The cursor of the page with what is older. Absent: there is none."`
	}
}

// onItsWay is for how long a message, or the insert of its row, may be on its way to where it is asked for.
const onItsWay = time.Minute

func accountContext(a *API) {
	route(a, huma.Operation{
		OperationID: "get-account-context", Method: http.MethodGet, Path: "/accounts/{account}/context", Summary: "What was said in an account's channels, for a prompt", Tags: []string{"Accounts"},
		Errors: []int{http.StatusNotFound},
		Description: "The first page has the newest of it, within the budget; each next page has what is older. A page reads as it was said, the oldest first, and can go before the former one. " +
			"Messages are whole, as they read now, and threads are kept together: a page ends before a thread that does not fit any more. Only a thread that alone is over the budget is on several pages. " +
			"What was deleted, and channels that are not associated with the account now, are on none. " +
			"A client that keeps a copy sends as_of as its next since, puts each thread in the place of the one that it has, and every so often walks all pages without since: what such a walk did not bring is gone.",
	}, rule{needs: actor.ReadContext}, a.readContext)
}

func (a *API) readContext(ctx context.Context, who actor.Actor, in *contextInput) (*contextOutput, error) {
	before, err := conversation.ParseCursor(in.Cursor)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity("The cursor cannot be read.", &huma.ErrorDetail{Message: err.Error(), Location: "query.cursor"})
	}
	account, err := a.account(ctx, who.Org, in.Account)
	if err != nil {
		return nil, err
	}
	q := conversation.Query{Account: in.Account, Since: in.Since, Until: a.now(), Budget: in.Budget, Before: before}
	if before != nil {
		if before.Account != in.Account || !in.Since.IsZero() && before.Since != max(in.Since.UnixMicro(), 0) {
			return nil, huma.Error422UnprocessableEntity("The cursor is of another account or another since: send it with those of its first page.",
				&huma.ErrorDetail{Message: "is of another walk", Location: "query.cursor"})
		}
		q.Until = time.UnixMicro(before.Until)
		if before.Since != 0 {
			q.Since = time.UnixMicro(before.Since)
		}
	}
	page, err := a.opts.Conversations.Read(ctx, who.Org, q)
	if err != nil {
		return nil, err
	}
	if account == nil && len(page.Threads) == 0 { // an account that is gone upstream may still have channels
		return nil, noAccount()
	}
	out := &contextOutput{}
	out.Body.AccountID, out.Body.AsOf, out.Body.Threads = in.Account, q.Until.Add(-onItsWay).UTC(), append([]conversation.Thread{}, page.Threads...)
	if account != nil {
		out.Body.AccountName = account.Title()
	}
	if page.Next != nil {
		out.Body.Next = page.Next.String()
	}
	return out, nil
}
