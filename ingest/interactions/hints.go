package interactions

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

const (
	// hintsWithin leaves the trigger's three seconds to the modal.
	hintsWithin = 800 * time.Millisecond
	// maxHints are the domains, and the companies, that are carried along.
	maxHints = 3
	// membersAsked are those of a shared channel among whom people of the other company are looked for.
	membersAsked = 200
)

// hints asks Slack what the views do not have: the name of a channel that the app was added to just now, since the event has none, and
// who is in one that is shared with another company. What Slack does not say in time is left out: it only orders what is offered.
func (i *Interactions) hints(ctx context.Context, s *scene) {
	if s.channel.Name != "" && !s.channel.IsExtShared {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, hintsWithin)
	defer cancel()
	err := i.call(s.install, func(api *slack.Client) error {
		if s.channel.Name == "" {
			info, err := api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: string(s.channel.ChannelID)})
			if err != nil {
				return err
			}
			s.channel.Name, s.channel.IsExtShared = info.Name, info.IsExtShared
		}
		if !s.channel.IsExtShared {
			return nil
		}
		members, _, err := api.GetUsersInConversationContext(ctx, &slack.GetUsersInConversationParameters{ChannelID: string(s.channel.ChannelID), Limit: membersAsked})
		if err != nil {
			return err
		}
		return i.companies(ctx, s, members)
	})
	if err != nil {
		i.opts.Log.DebugContext(ctx, "Slack did not say more of a channel", "team", s.install.TeamID, "error", err)
	}
}

// companies notes the domains and companies of the external people among members, as far as the views know them.
func (i *Interactions) companies(ctx context.Context, s *scene, members []string) error {
	if len(members) == 0 {
		return nil
	}
	var people *redis.SliceCmd
	err := ingest.Lookup(ctx, i.opts.Redis, func(pipe redis.Pipeliner) {
		people = pipe.HMGet(ctx, schemas.ViewTeamUsers(s.install.TeamID), members...)
	})
	if err != nil {
		return err
	}
	own := domainOf(s.slack.Email)
	for _, value := range people.Val() {
		text, _ := value.(string)
		u, err := ingest.Viewed[schemas.SlackUser](text)
		if err != nil {
			return err
		}
		if u == nil || !u.IsExternal || u.OrgID != s.install.OrgID {
			continue
		}
		if d := domainOf(u.Email); d != own {
			s.domains = addHint(s.domains, d)
		}
		s.companies = addHint(s.companies, clip(u.CompanyName, maxOptionText))
	}
	return nil
}

func addHint(all []string, hint string) []string {
	for _, known := range all {
		if known == hint {
			return all
		}
	}
	if hint == "" || len(all) == maxHints {
		return all
	}
	return append(all, hint)
}

// domainOf is an email's; empty for one that says nothing of a company.
func domainOf(email string) string {
	_, domain, _ := strings.Cut(schemas.NormalEmail(email), "@")
	if len(domain) > maxOptionText || anybodys[domain] {
		return ""
	}
	return domain
}

// anybodys are domains at which anybody has an address.
var anybodys = map[string]bool{
	"gmail.com": true, "googlemail.com": true, "outlook.com": true, "hotmail.com": true, "live.com": true, "yahoo.com": true, "icloud.com": true,
	"me.com": true, "aol.com": true, "gmx.de": true, "gmx.net": true, "web.de": true, "proton.me": true, "protonmail.com": true, "qq.com": true, "163.com": true,
}
