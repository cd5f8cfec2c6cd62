package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/ingest/conversation"
	"github.com/bigmind/backchannel/schemas"
)

// talk is what acme's account a1 has, and what was asked.
type talk struct {
	page  conversation.Page
	asked []conversation.Query
	err   error
}

func (c *talk) Read(_ context.Context, org schemas.OrgID, q conversation.Query) (conversation.Page, error) {
	c.asked = append(c.asked, q)
	if org != "acme" || q.Account != "a1" {
		return conversation.Page{}, c.err
	}
	return c.page, c.err
}

func TestContext(t *testing.T) {
	w := newWorld(t)
	since := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	next := conversation.Cursor{Account: "a1", Since: since.UnixMicro(), Until: w.now.Add(-time.Minute).UnixMicro(), Last: 5, Team: team, Channel: channel, Root: "1.000001"}
	w.talk.page = conversation.Page{Next: &next, Threads: []conversation.Thread{{TeamID: team, ChannelID: channel, RootTS: "2.000001", Messages: []conversation.Message{{TS: "2.000001", Text: "hello", Author: "Ada", Characters: 8}}}}}
	type body struct {
		AccountName string    `json:"account_name"`
		AsOf        time.Time `json:"as_of"`
		Threads     []conversation.Thread
		Next        string
	}
	first := into[body](w, w.ask("admin", "GET", "/api/v1/accounts/a1/context?since=2026-03-01T00:00:00Z&budget=5000", ""))
	if first.AccountName != "Initech" || !first.AsOf.Equal(w.now.Add(-onItsWay)) || len(first.Threads) != 1 || first.Threads[0].Messages[0].Text != "hello" {
		t.Errorf("%+v", first)
	}
	if q := w.talk.asked[0]; q.Budget != 5000 || !q.Until.Equal(w.now) || !q.Since.Equal(since) || q.Before != nil {
		t.Errorf("asked %+v", q)
	}
	w.now = w.now.Add(time.Hour)
	second := into[body](w, w.ask("admin", "GET", "/api/v1/accounts/a1/context?cursor="+first.Next, ""))
	if q := w.talk.asked[1]; q.Before == nil || *q.Before != next || !q.Since.Equal(since) || q.Until.UnixMicro() != next.Until || second.AsOf.Add(onItsWay).UnixMicro() != next.Until || q.Budget != 20000 {
		t.Errorf("asked %+v, answered as of %s: a next page is as of the first", q, second.AsOf)
	}
	for path, want := range map[string]int{
		"/a1/context?budget=999": 422, "/a1/context?budget=200001": 422, "/a1/context?cursor=x": 422, "/a1/context?cursor=e30": 422, "/a1/context?since=": 422, "/none/context?cursor=" + first.Next: 422,
		"/a1/context?since=2026-03-02T00:00:00Z&cursor=" + first.Next: 422, "/a1/context?since=2026-03-01T01:00:00%2B01:00&cursor=" + first.Next: 200, "/a1/context?since=yesterday": 422,
		"/a1/context?org=globex": 422, "/none/context": 404, "/a1/context": 200,
	} {
		if got := w.ask("owner", "GET", "/api/v1/accounts"+path, ""); got.status != want {
			t.Errorf("%s: %d %s, want %d", path, got.status, got.body, want)
		}
	}
	// The account of another organization and one that nobody has are told of in the same words.
	theirs, nobodys := w.ask("globex", "GET", "/api/v1/accounts/a1/context", ""), w.ask("globex", "GET", "/api/v1/accounts/none/context", "")
	if theirs.status != http.StatusNotFound || theirs.body != nobodys.body {
		t.Errorf("%d %s\n%d %s", theirs.status, theirs.body, nobodys.status, nobodys.body)
	}
	w.talk.err = context.DeadlineExceeded
	if got := w.ask("owner", "GET", "/api/v1/accounts/a1/context", ""); got.status != http.StatusServiceUnavailable || strings.Contains(got.body, "deadline") {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// An account that is gone upstream may have channels still: what was said in them is there.
func TestContextOfAnAccountThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.mini.HDel(schemas.ViewOrgAccounts(org), "a1")
	if got := w.ask("owner", "GET", "/api/v1/accounts/a1/context", ""); got.status != http.StatusNotFound {
		t.Errorf("nothing was said: %d %s", got.status, got.body)
	}
	w.talk.page.Threads = []conversation.Thread{{TeamID: team, ChannelID: channel, RootTS: "2.000001"}}
	if got := w.ask("owner", "GET", "/api/v1/accounts/a1/context", ""); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// A time is wanted in the words of its users, not of Go's.
func TestContextSince(t *testing.T) {
	w := newWorld(t)
	for _, since := range []string{"2026-11-26", "", "yesterday"} {
		got := w.ask("owner", "GET", "/api/v1/accounts/a1/context?since="+since, "")
		if got.status != http.StatusUnprocessableEntity || strings.Count(got.body, "want a time in RFC 3339, such as 2026-11-26T00:00:00Z") != 2 || strings.Contains(got.body, "2006") {
			t.Errorf("since=%s: %d %s", since, got.status, got.body)
		}
	}
}

// Deals are of an account that there is: one that is misspelt has not none.
func TestDealsOfNoAccount(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]int{"a1": 200, "acc-nosuch": 404, "a9": 404} {
		if got := w.ask("owner", "GET", "/api/v1/accounts/"+path+"/deals", ""); got.status != want {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := w.ask("owner", "GET", "/api/v1/accounts/a1/deals?q=nothing+of+the+kind", ""); got.status != 200 || !strings.Contains(got.body, `"items":[]`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}
