package console

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/ingest/search"
	"github.com/bigmind/backchannel/schemas"
)

// channelRow is a channel as the list and its own page show it.
type channelRow struct {
	Channel   schemas.SlackChannel
	Workspace string
	Link      *schemas.ChannelAssociation // nil: no account
	Account   *schemas.Account            // nil: gone, or no account
	Deal      *schemas.Deal
	By        string // who linked it
	Companies []string
	Sync      *progress
	Suggested *schemas.Account // nil: none that is sure
}

// Key is the channel's, "team/channel", as in paths.
func (r *channelRow) Key() string {
	return string(schemas.TeamChannelKey(r.Channel.TeamID, r.Channel.ChannelID))
}

// Seen stands in forms: what the page showed of the link, so that nobody replaces what they have not seen.
func (r *channelRow) Seen() string { return seen(r.Link) }

func seen(link *schemas.ChannelAssociation) string {
	if link == nil {
		return "none"
	}
	return string(link.AccountID) + "/" + string(link.DealID) + "/" + link.UpdatedAt.UTC().Format(time.RFC3339Nano)
}

// rows reads channels by their keys: a round trip in the views of the workspaces, and one in the organization's. What is gone meanwhile, or
// another organization's, is left out.
func (c *Console) rows(v *visit, keys []string) ([]channelRow, error) {
	read, err := lists.Read(v.ctx(), c.opts.Redis, v.org(), keys)
	if err != nil {
		return nil, err
	}
	var rows []channelRow
	for i := range read {
		if row := c.row(v, &read[i]); row != nil {
			rows = append(rows, *row)
		}
	}
	return rows, c.name(v.ctx(), v, rows)
}

// row is a channel as it is shown; nil for one that is not the organization's.
func (c *Console) row(v *visit, from *lists.Channel) *channelRow {
	in := v.install(from.Team)
	if in == nil || from.Known == nil && from.Link == nil {
		return nil
	}
	r := &channelRow{Workspace: in.TeamName, Link: from.Link, Channel: schemas.SlackChannel{OrgID: v.org(), TeamID: from.Team, ChannelID: from.ID}}
	if from.Known != nil { // else it is linked, and not seen any more
		r.Channel = *from.Known
	}
	if from.Checkpoint != nil && from.Link != nil {
		r.Sync = progressOf(from.Checkpoint, c.opts.Now())
	}
	return r
}

// name looks up what rows refer to by id: accounts, deals, companies, and who linked them.
func (c *Console) name(ctx context.Context, v *visit, rows []channelRow) error {
	type names struct {
		account, deal, by *redis.StringCmd
		companies         []*redis.StringCmd
	}
	asked := make([]names, len(rows))
	err := ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		for i, r := range rows {
			for _, team := range r.Channel.ExternalTeamIDs {
				asked[i].companies = append(asked[i].companies, pipe.HGet(ctx, schemas.ViewOrgCompanies(v.org()), string(team)))
			}
			if r.Link != nil {
				asked[i].account = pipe.HGet(ctx, schemas.ViewOrgAccounts(v.org()), string(r.Link.AccountID))
				asked[i].deal = pipe.HGet(ctx, schemas.ViewOrgDeals(v.org()), string(r.Link.DealID))
				asked[i].by = pipe.HGet(ctx, schemas.ViewOrgUsers(v.org()), r.Link.By)
			}
		}
	})
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		for n, cmd := range asked[i].companies {
			name := string(r.Channel.ExternalTeamIDs[n])
			if u, err := ingest.Viewed[schemas.SlackUser](cmd.Val()); err == nil && u != nil {
				name = u.CompanyName
			}
			r.Companies = append(r.Companies, name)
		}
		if r.Link == nil {
			continue
		}
		if r.Account, err = ingest.Viewed[schemas.Account](asked[i].account.Val()); err != nil {
			return err
		}
		if r.Deal, err = ingest.Viewed[schemas.Deal](asked[i].deal.Val()); err != nil {
			return err
		}
		r.By = r.Link.By
		if u, err := ingest.Viewed[schemas.DirectoryUser](asked[i].by.Val()); err == nil && u != nil {
			r.By = u.Title()
		}
	}
	return nil
}

// suggest finds accounts for the rows that have none and could have one.
func (c *Console) suggest(v *visit, rows []channelRow) error {
	var hints []search.Hints
	var open []int
	for i, r := range rows {
		if r.Link == nil && c.mayNot(v, &r) == "" {
			hints, open = append(hints, search.Hints{Name: strings.Join(append(r.Companies, r.Channel.Name), " "), Own: r.Workspace}), append(open, i)
		}
	}
	if len(hints) == 0 {
		return nil
	}
	found, err := search.LikelyEach(v.ctx(), c.opts.Redis, v.org(), hints, 1)
	if err != nil {
		return err
	}
	for n, i := range open {
		if len(found[n]) > 0 && found[n][0].Sure {
			rows[i].Suggested = &found[n][0].Account
		}
	}
	return nil
}

// mayNot says why a channel cannot be linked, in a sentence; empty: it can.
func (c *Console) mayNot(v *visit, r *channelRow) string {
	kind := "channel"
	if r.Channel.IsPrivate {
		kind = "group"
	}
	in := v.install(r.Channel.TeamID)
	switch {
	case in == nil || !in.Active():
		return "The workspace is not connected any more. Connect Slack again."
	case !r.Channel.IsMember:
		return "The app is not in this channel. Add it to the channel in Slack, with /invite @Bigmind; it can be linked a moment later."
	case r.Channel.IsArchived:
		return "The channel is archived. Unarchive it in Slack to link it."
	case !in.MayKeep(kind):
		return "Channel sync is not authorised for channels of this kind. An owner connects channel sync again, from the overview."
	}
	return ""
}
