package console

import (
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/search"
	"github.com/bigmind/backchannel/schemas"
)

// channelData is a channel's own page.
type channelData struct {
	*channelRow
	MayNot string
	// Chosen is the account that is to be linked, with its deals; nil: it is still searched for.
	Chosen  *schemas.Account
	Deals   []schemas.Deal
	Pick    picker
	Changes bool // what is chosen differs from what is linked
}

// picker is the search for an account.
type picker struct {
	Path     string // of the channel's page
	Text     string
	Likely   []schemas.Account
	Accounts []schemas.Account
}

const (
	accountsShown = 12
	dealsShown    = 50
)

// one reads the channel that a path names.
func (c *Console) one(v *visit) (*channelRow, error) {
	rows, err := c.rows(v, []string{string(schemas.TeamChannelKey(schemas.TeamID(v.r.PathValue("team")), schemas.ChannelID(v.r.PathValue("channel"))))})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, errNotFound
	}
	return &rows[0], nil
}

func (r *channelRow) path() string { return Home + "channels/" + r.Key() }

// channel is where a channel is linked: an account is searched and chosen, then its deal, and what that does is said.
func (c *Console) channel(v *visit) (answer, error) {
	r, err := c.one(v)
	if err != nil {
		return answer{}, err
	}
	q := v.r.URL.Query()
	d := channelData{channelRow: r, MayNot: c.mayNot(v, r)}
	if id := q.Get("account"); id != "" && d.MayNot == "" {
		if d.Chosen, err = c.account(v, schemas.AccountID(id)); err != nil {
			return answer{}, err
		}
		if d.Deals, err = search.Deals(v.ctx(), c.opts.Redis, v.org(), d.Chosen.AccountID, "", dealsShown); err != nil {
			return answer{}, err
		}
	}
	if d.Chosen == nil && d.MayNot == "" {
		if d.Pick, err = c.pick(v, r, q.Get("q")); err != nil {
			return answer{}, err
		}
	}
	return answer{template: "channel", title: "#" + r.Channel.Title(), data: d}, nil
}

// accounts is the search of the page, as somebody types.
func (c *Console) accounts(v *visit) (answer, error) {
	r, err := c.one(v)
	if err != nil {
		return answer{}, err
	}
	p, err := c.pick(v, r, v.r.URL.Query().Get("q"))
	return answer{template: "channel", part: "accounts", data: p}, err
}

// pick searches; while nothing is typed the likely accounts come first.
func (c *Console) pick(v *visit, r *channelRow, text string) (p picker, err error) {
	p = picker{Path: r.path(), Text: strings.TrimSpace(text)}
	if p.Accounts, err = search.Accounts(v.ctx(), c.opts.Redis, v.org(), p.Text, accountsShown); err != nil || p.Text != "" {
		return p, err
	}
	p.Likely, err = search.Likely(v.ctx(), c.opts.Redis, v.org(), search.Hints{Name: strings.Join(append(r.Companies, r.Channel.Name), " "), Own: r.Workspace}, 3)
	return p, err
}

// account is one of the organization's.
func (c *Console) account(v *visit, id schemas.AccountID) (*schemas.Account, error) {
	var found *redis.StringCmd
	err := ingest.Lookup(v.ctx(), c.opts.Redis, func(pipe redis.Pipeliner) {
		found = pipe.HGet(v.ctx(), schemas.ViewOrgAccounts(v.org()), string(id))
	})
	if err != nil {
		return nil, err
	}
	a, err := ingest.Viewed[schemas.Account](found.Val())
	if err != nil {
		return nil, err
	}
	if a == nil || a.OrgID != v.org() {
		return nil, errSentence("This account is not in Bigmind, or not any more. Choose another.")
	}
	return a, nil
}

// syncPart is the progress of a channel's sync, which a page asks for while it moves.
func (c *Console) syncPart(v *visit) (answer, error) {
	r, err := c.one(v)
	return answer{template: "channels", part: "sync", data: r}, err
}
