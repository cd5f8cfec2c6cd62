package interactions

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// scene is what the views say of who acts, and of the channel that it is about.
type scene struct {
	install *schemas.Installation // nil: the app is not in this workspace
	channel *schemas.SlackChannel
	link    *schemas.ChannelAssociation // nil: the channel is not associated
	slack   *schemas.SlackUser
	person  *schemas.DirectoryUser // whom the Slack user is matched to
	// by is who made the link, where the directory has them.
	by       *schemas.DirectoryUser
	settings *schemas.OrgSettings
	account  *schemas.Account // of the link, or as asked for; nil: it is gone
	deal     *schemas.Deal
	// linkedAccount and linkedDeal are the link's, where account and deal are others.
	linkedAccount *schemas.Account
	linkedDeal    *schemas.Deal
	// domains and companies are those of the people of another company in the channel.
	domains, companies []string
}

// look reads the scene: two round trips in the workspace's views and the organization's, a third for the person. account and deal are
// what is to be associated; empty: what is.
func (i *Interactions) look(ctx context.Context, team schemas.TeamID, user schemas.SlackUserID, channel schemas.ChannelID, account schemas.AccountID, deal schemas.DealID) (*scene, error) {
	s := &scene{}
	var install, known, slackUser, link *redis.StringCmd
	err := ingest.Lookup(ctx, i.opts.Redis, func(pipe redis.Pipeliner) {
		install = pipe.HGet(ctx, schemas.ViewTeamInstall(team), schemas.FieldInstallation)
		known = pipe.HGet(ctx, schemas.ViewTeamChannels(team), string(channel))
		slackUser = pipe.HGet(ctx, schemas.ViewTeamUsers(team), string(user))
		link = pipe.HGet(ctx, schemas.ViewTeamAssociations(team), string(channel))
	})
	if err != nil {
		return nil, err
	}
	if err := first(into(install, &s.install), into(known, &s.channel), into(slackUser, &s.slack), into(link, &s.link)); err != nil {
		return nil, err
	}
	if s.install == nil || !s.install.Active() {
		s.install = nil
		return s, nil
	}
	s.keepOwn()
	if s.link != nil && account == "" {
		account, deal = s.link.AccountID, s.link.DealID
	}
	return s, i.lookInOrg(ctx, s, account, deal)
}

// keepOwn drops what is of another organization than the installation: tenants never mix.
func (s *scene) keepOwn() {
	org := s.install.OrgID
	if s.channel != nil && s.channel.OrgID != org {
		s.channel = nil
	}
	if s.link != nil && s.link.OrgID != org {
		s.link = nil
	}
	if s.slack != nil && (s.slack.OrgID != org || !s.slack.Matchable()) {
		s.slack = nil
	}
}

func (i *Interactions) lookInOrg(ctx context.Context, s *scene, account schemas.AccountID, deal schemas.DealID) error {
	org := s.install.OrgID
	var settings, accountOf, dealOf, by *redis.StringCmd
	var candidates *redis.StringSliceCmd
	err := ingest.Lookup(ctx, i.opts.Redis, func(pipe redis.Pipeliner) {
		settings = pipe.HGet(ctx, schemas.ViewOrgSettings(org), "")
		accountOf = pipe.HGet(ctx, schemas.ViewOrgAccounts(org), string(account))
		dealOf = pipe.HGet(ctx, schemas.ViewOrgDeals(org), string(deal))
		by = &redis.StringCmd{}
		if s.link != nil && s.link.By != "" {
			by = pipe.HGet(ctx, schemas.ViewOrgUsers(org), s.link.By)
		}
		candidates = &redis.StringSliceCmd{}
		if s.slack != nil {
			candidates = pipe.SMembers(ctx, schemas.ViewOrgEmail(org, s.slack.Email))
		}
	})
	if err != nil {
		return err
	}
	if err := first(into(settings, &s.settings), into(accountOf, &s.account), into(dealOf, &s.deal), into(by, &s.by)); err != nil {
		return err
	}
	ids := candidates.Val()
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	var users *redis.SliceCmd
	if err := ingest.Lookup(ctx, i.opts.Redis, func(pipe redis.Pipeliner) { users = pipe.HMGet(ctx, schemas.ViewOrgUsers(org), ids...) }); err != nil {
		return err
	}
	for _, value := range users.Val() { // the index only grows: the record decides
		text, _ := value.(string)
		u, err := ingest.Viewed[schemas.DirectoryUser](text)
		if err != nil {
			return err
		}
		if u != nil && !u.Disabled && schemas.NormalEmail(u.Email) == schemas.NormalEmail(s.slack.Email) && s.person == nil {
			s.person = u
		}
	}
	return nil
}

// into decodes a view's value.
func into[T any](cmd *redis.StringCmd, v **T) (err error) {
	*v, err = ingest.Viewed[T](cmd.Val())
	return err
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// mayNot says why the person may not associate the channel, in a sentence; empty: they may.
func (s *scene) mayNot() string {
	switch {
	case s.person == nil:
		return "Only people of " + s.company() + " who are in Bigmind can link its channels. Your email in Slack must be the same as in Bigmind; ask an administrator."
	case s.settings != nil && s.settings.AssociateBy == schemas.OnlyAdmins && s.person.Role != "owner" && s.person.Role != "admin":
		return "In your organization only owners and administrators can link channels. Ask one of them to press the button."
	case s.channel == nil || !s.channel.IsMember:
		return "The app is not in this channel any more, or we have not heard of it yet. Add the app to the channel, and try again in a minute."
	case s.channel.IsArchived:
		return "This channel is archived. Unarchive it to link it."
	case !s.install.MayKeep(s.channelType()):
		return "Channel sync is not connected for channels like this one. Ask an owner of your organization to connect channel sync in Bigmind."
	}
	return ""
}

func (s *scene) channelType() string {
	if s.channel.IsPrivate {
		return "group"
	}
	return "channel"
}

func (s *scene) company() string {
	if s.install.TeamName != "" {
		return s.install.TeamName
	}
	return "this workspace"
}

// linkedTo are the link's account and deal; nil: they are gone.
func (s *scene) linkedTo() (*schemas.Account, *schemas.Deal) {
	account, deal := s.linkedAccount, s.linkedDeal
	if account == nil && s.account != nil && s.account.AccountID == s.link.AccountID {
		account = s.account
	}
	if deal == nil && s.deal != nil && s.deal.DealID == s.link.DealID {
		deal = s.deal
	}
	return account, deal
}
