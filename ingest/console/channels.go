package console

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/schemas"
)

// filter is what somebody looks for among the channels.
type filter struct {
	Text    string // of the name
	State   string // "": all, those without an account first; "open" or "linked"
	Kind    string // "": all; "private" or "shared"
	Company schemas.TeamID
	Account schemas.AccountID
	after   string // the member of the index after which the page begins
	from    int    // of a search: how many matches come before the page
}

func filterOf(q url.Values) filter {
	f := filter{
		Text: strings.TrimSpace(q.Get("q")), State: q.Get("state"), Kind: q.Get("kind"), Company: schemas.TeamID(q.Get("company")), Account: schemas.AccountID(q.Get("account")),
	}
	if raw, err := base64.RawURLEncoding.DecodeString(q.Get("after")); err == nil {
		f.after = string(raw)
	}
	if n, err := strconv.Atoi(q.Get("from")); err == nil && n > 0 && n < maxFound {
		f.from = n
	}
	return f
}

// query is the filter as it stands in a URL, for another page of it.
func (f filter) query(next string, from int) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": f.Text, "state": f.State, "kind": f.Kind, "company": string(f.Company), "account": string(f.Account)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if next != "" {
		q.Set("after", base64.RawURLEncoding.EncodeToString([]byte(next)))
	}
	if from > 0 {
		q.Set("from", strconv.Itoa(from))
	}
	return q.Encode()
}

// list is the letter of the index that a filter walks, with its scope.
func (f filter) list() string {
	switch {
	case f.Account != "":
		return schemas.ListAccount + schemas.ListScope(f.Account)
	case f.Company != "":
		return schemas.ListCompany + schemas.ListScope(f.Company)
	case f.Kind == "private":
		return schemas.ListPrivate
	case f.Kind == "shared":
		return schemas.ListShared
	}
	return schemas.ListAll
}

func (f filter) states() []string {
	switch f.State {
	case "open":
		return []string{schemas.StateOpen}
	case "linked":
		return []string{schemas.StateDone}
	}
	return []string{schemas.StateOpen, schemas.StateDone}
}

// Narrow says whether anything is left out.
func (f filter) Narrow() bool {
	return f.Text != "" || f.State != "" || f.Kind != "" || f.Company != "" || f.Account != ""
}

// channelsData is what the page shows.
type channelsData struct {
	Filter       filter
	Rows         []channelRow
	Companies    []company
	Account      *schemas.Account // whose channels are shown
	Open, Linked int64
	Next, First  string // paths; empty: there is none
	More         bool   // a search has found more than are put in order
	Sure         int    // rows with a suggestion that may be accepted at once
}

type company struct {
	ID   schemas.TeamID
	Name string
}

// channels lists the channels that the app is in.
func (c *Console) channels(v *visit) (answer, error) {
	if !v.syncs() {
		return answer{template: "channels_off", title: "Channels", data: v.may(actor.ConnectSync)}, nil
	}
	d := channelsData{Filter: filterOf(v.r.URL.Query())}
	page, err := c.page(v, &d)
	if err != nil {
		return answer{}, err
	}
	if d.Rows, err = c.rows(v, page); err != nil {
		return answer{}, err
	}
	if err := c.suggest(v, d.Rows); err != nil {
		return answer{}, err
	}
	for _, r := range d.Rows {
		if r.Suggested != nil {
			d.Sure++
		}
	}
	if err := c.channelFacets(v, &d); err != nil {
		return answer{}, err
	}
	a := answer{template: "channels", title: "Channels", data: d}
	if v.part() && v.r.Header.Get("HX-Target") == "list" {
		a.part = "channel_list"
	}
	return a, nil
}

// page finds the ids of the page, and sets where the next one begins.
func (c *Console) page(v *visit, d *channelsData) ([]string, error) {
	f, index := d.Filter, schemas.ViewOrgChannelIndex(v.org())
	if f.after != "" || f.from > 0 {
		first := f
		first.after, first.from = "", 0
		d.First = Home + "channels?" + first.query("", 0)
	}
	if f.Text == "" {
		prefix := f.list()
		if f.State != "" {
			prefix += f.states()[0]
		}
		got, err := c.after(v.ctx(), index, prefix, f.after)
		if got.After != "" {
			d.Next = Home + "channels?" + f.query(got.After, 0)
		}
		return got.IDs, err
	}
	got, err := c.matching(v.ctx(), index, f.Text, f.states())
	if err != nil {
		return nil, err
	}
	ids := got.IDs
	if f.list() != schemas.ListAll && len(ids) > 0 {
		if ids, err = c.of(v, f.list(), ids); err != nil {
			return nil, err
		}
	}
	d.More = got.More
	ids = ids[min(f.from, len(ids)):]
	if len(ids) > pageSize {
		ids = ids[:pageSize]
		d.Next = Home + "channels?" + f.query("", f.from+pageSize)
	}
	return ids, nil
}

// of keeps those of ids that are in a list, as their facts and links say.
func (c *Console) of(v *visit, list string, ids []string) ([]string, error) {
	var facts, links *redis.SliceCmd
	err := ingest.Lookup(v.ctx(), c.opts.Redis, func(pipe redis.Pipeliner) {
		facts = pipe.HMGet(v.ctx(), schemas.ViewOrgChannelFacts(v.org()), ids...)
		links = pipe.HMGet(v.ctx(), schemas.ViewOrgChannelLinks(v.org()), ids...)
	})
	if err != nil {
		return nil, err
	}
	account, byAccount := strings.CutPrefix(list, schemas.ListAccount)
	var kept []string
	for i, id := range ids {
		fact, _ := facts.Val()[i].(string)
		link, _ := links.Val()[i].(string)
		_, linked, _ := strings.Cut(link, " ")
		switch {
		case byAccount && linked+schemas.EntryScope == account, !byAccount && strings.Contains(fact, schemas.EntrySeparator+list+schemas.EntryState):
			kept = append(kept, id)
		}
	}
	return kept, nil
}

// mostCompanies bounds the choice of companies.
const mostCompanies = 50

// channelFacets counts, and finds the companies and the account that the filter may name.
func (c *Console) channelFacets(v *visit, d *channelsData) error {
	ctx, index := v.ctx(), schemas.ViewOrgChannelIndex(v.org())
	var open, linked *redis.IntCmd
	var account *redis.StringCmd
	var names *redis.MapStringStringCmd
	err := ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		open, linked = countOf(ctx, pipe, index, schemas.ListAll+schemas.StateOpen), countOf(ctx, pipe, index, schemas.ListAll+schemas.StateDone)
		account = pipe.HGet(ctx, schemas.ViewOrgAccounts(v.org()), string(d.Filter.Account))
		names = pipe.HGetAll(ctx, schemas.ViewOrgCompanies(v.org()))
	})
	if err != nil {
		return err
	}
	d.Open, d.Linked = open.Val(), linked.Val()
	if d.Account, err = ingest.Viewed[schemas.Account](account.Val()); err != nil {
		return err
	}
	for _, id := range sortedKeys(names.Val()) {
		u, err := ingest.Viewed[schemas.SlackUser](names.Val()[id])
		if err != nil {
			return err
		}
		if u != nil && u.OrgID == v.org() && len(d.Companies) < mostCompanies {
			d.Companies = append(d.Companies, company{schemas.TeamID(id), u.CompanyName})
		}
	}
	slices.SortFunc(d.Companies, func(a, b company) int { return strings.Compare(a.Name, b.Name) })
	return nil
}
