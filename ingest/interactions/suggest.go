package interactions

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/search"
	"github.com/bigmind/backchannel/schemas"
)

// shown is how many options a select offers: Slack takes 100, and nobody reads as many. likelyShown of them may come first.
const (
	shown       = 50
	likelyShown = 3
)

// suggest answers what a select offers for what was typed: one round trip for who asks, one for the search, and two more for likely
// accounts while nothing is typed.
func (i *Interactions) suggest(ctx context.Context, p *payload) ([]byte, string, error) {
	ctx, cancel := context.WithTimeout(ctx, workWithin)
	defer cancel()
	m := p.View.metadata()
	s := &scene{}
	var install, user, channel *redis.StringCmd
	err := ingest.Lookup(ctx, i.opts.Redis, func(pipe redis.Pipeliner) {
		install = pipe.HGet(ctx, schemas.ViewTeamInstall(p.team()), schemas.FieldInstallation)
		user = pipe.HGet(ctx, schemas.ViewTeamUsers(p.team()), string(p.User.ID))
		channel = pipe.HGet(ctx, schemas.ViewTeamChannels(p.team()), string(m.Channel))
	})
	if err == nil {
		err = first(into(install, &s.install), into(user, &s.slack), into(channel, &s.channel))
	}
	if err != nil {
		i.failed(ctx, "look up who searches", p, err)
		return nil, unavailable, ErrUnavailable
	}
	if s.install != nil {
		s.keepOwn()
	}
	if s.install == nil || !s.install.Active() || s.slack == nil {
		return options(nil), notOurs, nil
	}
	var answer []byte
	switch p.ActionID {
	case accountAction:
		answer, err = i.suggestAccounts(ctx, s, m, p.Value)
	case dealAction:
		answer, err = i.suggestDeals(ctx, s.install.OrgID, m.Account, p.Value)
	default:
		return options(nil), ignored, nil
	}
	if err != nil {
		i.failed(ctx, "search", p, err)
		return nil, unavailable, ErrUnavailable
	}
	return answer, searched, nil
}

func (i *Interactions) suggestAccounts(ctx context.Context, s *scene, m metadata, text string) ([]byte, error) {
	org := s.install.OrgID
	accounts, err := search.Accounts(ctx, i.opts.Redis, org, text, shown)
	if err != nil || s.channel == nil || strings.TrimSpace(text) != "" {
		return options(accountOptions(accounts)), err
	}
	s.carry(m)
	likely, err := search.Likely(ctx, i.opts.Redis, org, search.Hints{
		Name: strings.Join(append(s.companies, s.channel.Name), " "), Own: s.install.TeamName, Domains: s.domains,
	}, likelyShown)
	if err != nil || len(likely) == 0 {
		return options(accountOptions(accounts)), err
	}
	others := slices.DeleteFunc(accounts, func(a schemas.Account) bool {
		return slices.ContainsFunc(likely, func(l schemas.Account) bool { return l.AccountID == a.AccountID })
	})
	groups := []*slack.OptionGroupBlockObject{slack.NewOptionGroupBlockElement(plain(clip("Likely for "+s.channelName(), maxOptionText)), accountOptions(likely)...)}
	if rest := accountOptions(others); len(rest) > 0 {
		groups = append(groups, slack.NewOptionGroupBlockElement(plain("Others"), rest...))
	}
	return encode(slack.OptionGroupsResponse{OptionGroups: groups}), nil
}

func (i *Interactions) suggestDeals(ctx context.Context, org schemas.OrgID, account schemas.AccountID, text string) ([]byte, error) {
	deals, err := search.Deals(ctx, i.opts.Redis, org, account, text, shown)
	var out []*slack.OptionBlockObject
	for _, d := range deals {
		if len(d.DealID) <= maxOptionValue {
			out = append(out, dealOption(&d))
		}
	}
	return options(out), err
}

// accountOptions leaves out accounts whose id no option can hold.
func accountOptions(accounts []schemas.Account) (out []*slack.OptionBlockObject) {
	for _, a := range accounts {
		if len(a.AccountID) <= maxOptionValue {
			out = append(out, accountOption(&a))
		}
	}
	return out
}

// options answers a select; none at all is an empty list, which Slack shows as no results.
func options(all []*slack.OptionBlockObject) []byte {
	if all == nil {
		all = []*slack.OptionBlockObject{}
	}
	return encode(map[string]any{"options": all})
}

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // Slack's own types always encode
	}
	return raw
}
