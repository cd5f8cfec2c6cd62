package interactions

import (
	"context"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// submit associates the channel, or says beside the field why not. An empty answer closes the modal.
func (i *Interactions) submit(ctx context.Context, p *payload) ([]byte, string, error) {
	ctx, cancel := context.WithTimeout(ctx, workWithin)
	defer cancel()
	m := p.View.metadata()
	account := schemas.AccountID(p.View.chosen(accountBlock, accountAction))
	block, deal := p.View.deal()
	if account == "" {
		return beside(accountBlock, "Choose an account."), invalid, nil
	}
	s, err := i.look(ctx, p.team(), p.User.ID, m.Channel, account, deal)
	if err != nil {
		i.failed(ctx, "look up what was submitted", p, err)
		return beside(accountBlock, notNow), unavailable, nil
	}
	if s.install == nil {
		return beside(accountBlock, notConnected), notOurs, nil
	}
	switch why := s.mayNot(); {
	case why != "":
		return beside(accountBlock, why), notAllowed, nil
	case s.account == nil:
		return beside(accountBlock, "This account is no longer in Bigmind. Choose another."), invalid, nil
	case deal != "" && s.deal == nil:
		return beside(block, "This deal is no longer in Bigmind. Choose another, or none."), invalid, nil
	case deal != "" && s.deal.AccountID != account:
		return beside(block, "This deal belongs to another account. Choose one of "+s.account.Title()+", or none."), invalid, nil
	case m.Seen != seen(s.link):
		return i.meanwhile(ctx, p, s)
	}
	err = i.publish(ctx, s, &schemas.ChannelAssociation{
		OrgID: s.install.OrgID, TeamID: s.install.TeamID, ChannelID: s.channel.ChannelID, AccountID: account, DealID: deal,
		By: string(s.person.UserID), Source: schemas.FromSlack, UpdatedAt: i.opts.Now().UTC().Truncate(time.Microsecond),
	})
	if err != nil {
		i.failed(ctx, "record an association", p, err)
		return beside(accountBlock, notNow), unavailable, nil
	}
	return nil, associated, nil
}

// deal is the one that is chosen, and the block that it was chosen in: of the account that is chosen, or else of one that was before,
// which is then refused there.
func (v *view) deal() (block string, deal schemas.DealID) {
	for name := range v.State.Values {
		if strings.HasPrefix(name, dealBlocks) {
			if d := v.chosen(name, dealAction); d != "" {
				return name, schemas.DealID(d)
			}
		}
	}
	return "", ""
}

// meanwhile shows the modal anew: somebody else has associated or dissociated the channel since it was opened. Submitting again replaces
// what they did.
func (i *Interactions) meanwhile(ctx context.Context, p *payload, s *scene) ([]byte, string, error) {
	now, err := i.look(ctx, p.team(), p.User.ID, s.channel.ChannelID, "", "")
	if err != nil {
		i.failed(ctx, "look up what changed", p, err)
		return beside(accountBlock, notNow), unavailable, nil
	}
	note := "Meanwhile somebody unlinked this channel. Submit again to link it."
	if now.link != nil {
		note = "Meanwhile somebody linked this channel. Submit again to replace that."
		s.linkedAccount, s.linkedDeal = now.account, now.deal
	}
	s.link, s.by = now.link, now.by
	s.carry(p.View.metadata())
	v, err := i.setup(ctx, s, note)
	if err != nil {
		i.failed(ctx, "look up deals", p, err)
		return beside(accountBlock, notNow), unavailable, nil
	}
	return encode(slack.NewUpdateViewSubmissionResponse(&v)), changed, nil
}

// publish states the association, nil for none, and returns when the brokers have it.
func (i *Interactions) publish(ctx context.Context, s *scene, a *schemas.ChannelAssociation) error {
	record := &kgo.Record{Topic: schemas.ChannelAssociations.Name, Key: []byte(schemas.TeamChannelKey(s.install.TeamID, s.channel.ChannelID))}
	if a != nil {
		value, err := schemas.ChannelAssociations.Encode(*a)
		if err != nil {
			return err
		}
		record.Value = value
	} else {
		record.Headers = ingest.Dissociated(string(s.person.UserID), schemas.FromSlack)
	}
	return i.opts.Publisher.Publish(ctx, record)
}

// beside shows an error at a field, and keeps the modal open.
func beside(block, text string) []byte {
	return encode(slack.NewErrorsViewSubmissionResponse(map[string]string{block: clip(text, maxSection)}))
}
