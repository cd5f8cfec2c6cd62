package console

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/actor"
	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/schemas"
)

// pageSize is how many rows a page has.
const pageSize = 50

// filter is what somebody looks for among the channels.
type filter struct {
	Text    string // of the name
	State   string // "": all, those without an account first; "open" or "linked"
	Kind    string // "": all; "private" or "shared"
	Company schemas.TeamID
	Account schemas.AccountID
	after   string // behind which entry of the list the page begins
}

func filterOf(q url.Values) filter {
	f := filter{
		Text: strings.TrimSpace(q.Get("q")), State: q.Get("state"), Kind: q.Get("kind"), Company: schemas.TeamID(q.Get("company")), Account: schemas.AccountID(q.Get("account")),
	}
	if raw, err := base64.RawURLEncoding.DecodeString(q.Get("after")); err == nil {
		f.after = string(raw)
	}
	return f
}

// query is the filter as it stands in a URL, for another page of it.
func (f filter) query(next string) string {
	q := url.Values{}
	for name, value := range map[string]string{"q": f.Text, "state": f.State, "kind": f.Kind, "company": string(f.Company), "account": string(f.Account)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if next != "" {
		q.Set("after", base64.RawURLEncoding.EncodeToString([]byte(next)))
	}
	return q.Encode()
}

// part is the part of the list that a filter chooses.
func (f filter) part() string {
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
	return ""
}

func (f filter) states() []string {
	switch f.State {
	case "open":
		return []string{schemas.StateOpen}
	case "linked":
		return []string{schemas.StateDone}
	}
	return nil
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
	Again        string // where the list looks again by itself
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
	var same bool
	if d.Again, same, err = again(v, "channels", "channel_rows", d.settled()); err != nil {
		return answer{}, err
	}
	a := answer{template: "channels", title: "Channels", data: d}
	if v.part() && v.r.Header.Get("HX-Target") == "list" {
		if same {
			return unchanged, nil
		}
		a.part = "channel_list"
	}
	return a, nil
}

// settled is the list without how far each past is read, which looks again by itself while it moves.
func (d channelsData) settled() channelsData {
	d.Rows = slices.Clone(d.Rows)
	for i := range d.Rows {
		if p := d.Rows[i].Sync; p != nil && p.Moves {
			d.Rows[i].Sync = nil
		}
	}
	return d
}

// page finds the ids of the page, and sets where the next one begins.
func (c *Console) page(v *visit, d *channelsData) ([]string, error) {
	f := d.Filter
	if f.after != "" {
		d.First = Home + "channels?" + f.query("")
	}
	found, err := lists.Find(v.ctx(), c.opts.Redis, lists.Channels(v.org()), lists.Query{
		Part: f.part(), States: f.states(), Text: f.Text, Search: f.Text != "", After: f.after, Limit: pageSize,
	})
	if found.After != "" {
		d.Next = Home + "channels?" + f.query(found.After)
	}
	return found.IDs, err
}

// mostCompanies bounds the choice of companies.
const mostCompanies = 50

// channelFacets counts, and finds the companies and the account that the filter may name.
func (c *Console) channelFacets(v *visit, d *channelsData) error {
	ctx, list := v.ctx(), lists.Channels(v.org())
	var open, linked *redis.IntCmd
	var account *redis.StringCmd
	var names *redis.MapStringStringCmd
	err := ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		open, linked = lists.Count(ctx, pipe, list, schemas.StateOpen), lists.Count(ctx, pipe, list, schemas.StateDone)
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
