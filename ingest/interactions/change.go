package interactions

import (
	"context"
	"errors"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/schemas"
)

// chooseAccount shows the deals of the account that was chosen just now. When it cannot, the modal stays as it is: without a deal it
// can be submitted all the same.
func (i *Interactions) chooseAccount(ctx context.Context, p *payload) (result string) {
	ctx, cancel := context.WithTimeout(ctx, workWithin)
	defer cancel()
	m := p.View.metadata()
	account := schemas.AccountID(p.View.chosen(accountBlock, accountAction))
	if a := p.action(accountAction); a.Selected != nil {
		account = schemas.AccountID(a.Selected.Value)
	}
	s, err := i.look(ctx, p.team(), p.User.ID, m.Channel, "", "")
	if err != nil {
		i.failed(ctx, "look up an account", p, err)
		return unavailable
	}
	if s.install == nil {
		return notOurs
	}
	if why := s.mayNot(); why != "" {
		return i.update(ctx, p, s, explain("Link channel", why), notAllowed)
	}
	s.carry(m)
	s.linkedAccount, s.linkedDeal = s.account, s.deal
	if account != "" && (s.account == nil || s.account.AccountID != account) {
		chosen, err := i.look(ctx, p.team(), p.User.ID, m.Channel, account, "")
		if err != nil || chosen.install == nil {
			i.failed(ctx, "look up an account", p, err)
			return unavailable
		}
		s.account, s.deal = chosen.account, nil
	}
	v, err := i.setup(ctx, s, "")
	if err != nil {
		i.failed(ctx, "look up deals", p, err)
		return unavailable
	}
	return i.update(ctx, p, s, v, updated)
}

// unlink dissociates the channel, and says so in the modal.
func (i *Interactions) unlink(ctx context.Context, p *payload) (result string) {
	ctx, cancel := context.WithTimeout(ctx, workWithin)
	defer cancel()
	s, err := i.look(ctx, p.team(), p.User.ID, p.View.metadata().Channel, "", "")
	if err != nil {
		i.failed(ctx, "look up a channel", p, err)
		return unavailable
	}
	if s.install == nil {
		return notOurs
	}
	if why := s.mayNot(); why != "" {
		return i.update(ctx, p, s, explain("Link channel", why), notAllowed)
	}
	if s.link != nil {
		if err := i.publish(ctx, s, nil); err != nil {
			i.failed(ctx, "record that a channel is dissociated", p, err)
			s.carry(p.View.metadata())
			v, err := i.setup(ctx, s, notNow)
			if err != nil {
				return unavailable
			}
			return i.update(ctx, p, s, v, unavailable)
		}
	}
	return i.update(ctx, p, s, explain("Unlinked", s.channelName()+" is no longer linked. Its messages are not synced any more."), dissociated)
}

// update replaces the modal, unless it has changed since: then what changed it is newer.
func (i *Interactions) update(ctx context.Context, p *payload, s *scene, v slack.ModalViewRequest, result string) string {
	err := i.call(s.install, func(api *slack.Client) error {
		_, err := api.UpdateViewContext(ctx, v, "", p.View.Hash, p.View.ID)
		return err
	})
	answer, _ := errors.AsType[slack.SlackErrorResponse](err)
	switch {
	case err == nil || result == dissociated:
		return result
	case answer.Err == "hash_conflict" || answer.Err == "not_found":
		return superseded
	}
	i.failed(ctx, "update a modal", p, err)
	return refused
}
