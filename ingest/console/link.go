package console

import (
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// fromConsole is the Source of an association that was made here.
const fromConsole = "console"

const meanwhile = errSentence("Meanwhile somebody else has changed this. Look at what it is now, and decide again. Nothing was changed.")

// link associates a channel with an account and, optionally, one of its deals.
func (c *Console) link(v *visit) (answer, error) {
	r, err := c.one(v)
	if err != nil {
		return answer{}, err
	}
	form := v.r.PostForm
	a, err := c.account(v, schemas.AccountID(form.Get("account")))
	if err != nil {
		return answer{}, err
	}
	deal := schemas.DealID(form.Get("deal"))
	if err := c.dealOf(v, a, deal); err != nil {
		return answer{}, err
	}
	switch why := c.mayNot(v, r); {
	case why != "":
		return answer{}, errSentence(why)
	case form.Get("seen") != r.Seen():
		return answer{}, meanwhile
	case r.Link != nil && r.Link.AccountID == a.AccountID && r.Link.DealID == deal:
		return c.did(r.path(), didNothing)
	}
	ch, err := c.linking(v, &r.Channel, a.AccountID, deal)
	if err != nil {
		return answer{}, err
	}
	late, err := c.apply(v.ctx(), ch)
	if err != nil {
		return answer{}, err
	}
	return c.did(r.path(), didLink, late...)
}

// dealOf refuses a deal that is not the account's.
func (c *Console) dealOf(v *visit, a *schemas.Account, deal schemas.DealID) error {
	if deal == "" {
		return nil
	}
	var found *redis.StringCmd
	err := ingest.Lookup(v.ctx(), c.opts.Redis, func(pipe redis.Pipeliner) {
		found = pipe.HGet(v.ctx(), schemas.ViewOrgDeals(v.org()), string(deal))
	})
	if err != nil {
		return err
	}
	d, err := ingest.Viewed[schemas.Deal](found.Val())
	switch {
	case err != nil:
		return err
	case d == nil || d.OrgID != v.org():
		return errSentence("This deal is not in Bigmind, or not any more. Choose another, or none.")
	case d.AccountID != a.AccountID:
		return errSentence("This deal belongs to another account. Choose one of " + a.Title() + ", or none.")
	}
	return nil
}

func (c *Console) linking(v *visit, ch *schemas.SlackChannel, account schemas.AccountID, deal schemas.DealID) (change, error) {
	now := c.now()
	return encoded(schemas.ChannelAssociations, schemas.TeamChannelKey(ch.TeamID, ch.ChannelID), schemas.ChannelAssociation{
		OrgID: v.org(), TeamID: ch.TeamID, ChannelID: ch.ChannelID, AccountID: account, DealID: deal, By: string(v.me.UserID), Source: fromConsole, UpdatedAt: now,
	}, schemas.ViewTeamAssociations(ch.TeamID), string(ch.ChannelID), now)
}

// unlink dissociates a channel.
func (c *Console) unlink(v *visit) (answer, error) {
	r, err := c.one(v)
	switch {
	case err != nil:
		return answer{}, err
	case r.Link == nil:
		return c.did(r.path(), didNothing)
	case v.r.PostForm.Get("seen") != r.Seen():
		return answer{}, meanwhile
	}
	late, err := c.apply(v.ctx(), change{
		topic: schemas.ChannelAssociations.Spec, key: schemas.TeamChannelKey(r.Channel.TeamID, r.Channel.ChannelID), headers: ingest.Dissociated(string(v.me.UserID), fromConsole),
		view: schemas.ViewTeamAssociations(r.Channel.TeamID), field: string(r.Channel.ChannelID), stamp: time.Time{},
	})
	if err != nil {
		return answer{}, err
	}
	if !r.Channel.IsMember { // it was only here because it was linked
		return c.did(Home+"channels", didUnlink, late...)
	}
	return c.did(r.path(), didUnlink, late...)
}

// accept links the channels that were ticked to the accounts that were suggested for them, each as "team/channel/account". What has been
// linked meanwhile, or is not suggested any more, is left as it is.
func (c *Console) accept(v *visit) (answer, error) {
	wanted := map[string]string{}
	var keys []string
	for _, text := range v.r.PostForm["accept"] {
		parts := strings.SplitN(text, "/", 3)
		if len(parts) != 3 || len(keys) == pageSize {
			return answer{}, errSentence("The form is not as this page sends it. Nothing was changed.")
		}
		key := parts[0] + "/" + parts[1]
		if _, twice := wanted[key]; !twice {
			keys = append(keys, key)
		}
		wanted[key] = parts[2]
	}
	back := Home + "channels?" + filterOf(v.r.PostForm).query("")
	rows, err := c.rows(v, keys)
	if err == nil {
		err = c.suggest(v, rows)
	}
	if err != nil {
		return answer{}, err
	}
	var changes []change
	for _, r := range rows {
		if r.Suggested == nil || string(r.Suggested.AccountID) != wanted[r.Key()] {
			continue
		}
		ch, err := c.linking(v, &r.Channel, r.Suggested.AccountID, "")
		if err != nil {
			return answer{}, err
		}
		changes = append(changes, ch)
	}
	if len(changes) == 0 {
		return c.did(back, didNothing)
	}
	late, err := c.apply(v.ctx(), changes...)
	if err != nil {
		return answer{}, err
	}
	return c.did(back, didLink, late...)
}
