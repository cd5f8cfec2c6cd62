package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// prospects are accounts without a channel, with deals: what a person chooses from in the setup modal.
var prospects = []struct {
	id, name, domain string
	deals            []string
}{
	{"acc-hooli", "Hooli", "hooli.example", []string{"Hooli rollout, 400 seats", "Hooli renewal 2027"}},
	{"acc-hooli-labs", "Hooli Labs", "labs.hooli.example", nil},
	{"acc-cafe-mueller", "Café Müller & Söhne", "cafemueller.example", []string{"Loyalty programme"}},
	{"acc-societe", "Société Nouvelle d'Énergie S.A.", "sne.example", []string{"Grid analytics"}},
	{"acc-vandelay", "Vandelay Industries", "vandelay.example", []string{"Import", "Export"}},
	{"acc-tokyo", "東京物流", "tokyo-butsuryu.example", []string{"Warehouse pilot"}},
	{"acc-pied-piper", "Pied Piper", "piedpiper.example", nil},
}

func (w *world) prospects(b *recordBuilder) {
	for _, p := range prospects {
		a := schemas.Account{OrgID: w.org, AccountID: schemas.AccountID(p.id), Name: p.name, Domains: []string{p.domain}}
		add(b, schemas.CRMAccounts, schemas.OrgKey(w.org, a.AccountID), a)
		for i, name := range p.deals {
			d := schemas.Deal{OrgID: w.org, DealID: schemas.DealID(fmt.Sprintf("%s-deal-%d", p.id, i+1)), AccountID: a.AccountID, Name: name, Stage: "evaluation"}
			add(b, schemas.CRMDeals, schemas.OrgKey(w.org, d.DealID), d)
		}
	}
}

// invite has somebody add the app to a channel that is nobody's yet: the setup prompt then asks her in a DM whose it is, for whoever
// watches to answer.
func (r *run) invite(ctx context.Context) error {
	w, members := r.world, []slacksim.UserID{}
	for _, p := range w.people {
		if !p.Deleted {
			members = append(members, p.ID)
		}
	}
	asked, err := r.Slack.CreateChannel(ctx, w.team.ID, slacksim.Channel{Name: "hooli-onboarding", Members: members})
	if err != nil {
		return err
	}
	if _, err := r.Slack.Say(ctx, w.team.ID, asked.ID, members[1], "Who tells Bigmind which account this is? Until then nothing of it is kept."); err != nil {
		return err
	}
	if err := r.Slack.Invite(ctx, w.team.ID, asked.ID, members[0], w.install.BotUserID); err != nil {
		return err
	}
	w.channels = append(w.channels, channel{Channel: asked})
	fmt.Fprintf(r.Out, "  Set a channel up: as %s, open the DM of Bigmind in Slack (simulated); near its top it asks whose #%s is\n\n", w.people[0].RealName, asked.Name)
	return nil
}

// linked says whether a channel is associated now.
func (r *run) linked(ctx context.Context, channel slacksim.ChannelID) (bool, error) {
	value, err := r.Redis.HGet(ctx, schemas.ViewTeamAssociations(r.world.team.ID), string(channel)).Result()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask whether a channel is associated: %w", err)
	}
	_, text, err := schemas.ParseViewValue(value)
	return text != "", err
}

// isPrompt says whether a post is a setup prompt, or an update of one.
func isPrompt(p slacksim.Post) bool {
	return bytes.Contains(p.Blocks, []byte(`"`+schemas.SetupAction+`"`))
}
