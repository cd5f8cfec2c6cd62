package diagnose

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// ErrNoWorkspace means that the organization has no such workspace: a channel of another one is nobody's business.
var ErrNoWorkspace = errors.New("the organization has no such workspace")

// room is what is known of a channel.
type room struct {
	install    *schemas.Installation
	team       schemas.TeamID
	id         schemas.ChannelID
	channel    *schemas.SlackChannel
	link       *schemas.ChannelAssociation
	checkpoint *schemas.SyncCheckpoint
	account    *schemas.Account
	deal       *schemas.Deal
	accounts   int64 // how many the organization has, or had
}

// Channel answers 'What to check if channel sync is not working' for a channel of one of the organization's workspaces.
func (e *Examiner) Channel(ctx context.Context, org schemas.OrgID, team schemas.TeamID, channel schemas.ChannelID) ([]Check, error) {
	r, err := e.room(ctx, org, team, channel)
	if err != nil {
		return nil, err
	}
	return []Check{r.authorised(), r.access(), r.associated(), r.records(), r.synced()}, nil
}

func (e *Examiner) room(ctx context.Context, org schemas.OrgID, team schemas.TeamID, channel schemas.ChannelID) (*room, error) {
	r := &room{team: team, id: channel}
	var install, known, link, checkpoint *redis.StringCmd
	err := ingest.Lookup(ctx, e.Redis, func(pipe redis.Pipeliner) {
		install = pipe.HGet(ctx, schemas.ViewTeamInstall(team), schemas.FieldInstallation)
		known = pipe.HGet(ctx, schemas.ViewTeamChannels(team), string(channel))
		link = pipe.HGet(ctx, schemas.ViewTeamAssociations(team), string(channel))
		checkpoint = pipe.HGet(ctx, schemas.ViewTeamCheckpoints(team), string(channel))
	})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(into(install, &r.install), into(known, &r.channel), into(link, &r.link), into(checkpoint, &r.checkpoint)); err != nil {
		return nil, err
	}
	if r.install == nil || r.install.OrgID != org {
		return nil, ErrNoWorkspace
	}
	if r.channel != nil && r.channel.OrgID != org {
		r.channel = nil
	}
	if r.link == nil || r.link.OrgID != org {
		r.link = nil
	}
	return r, e.crm(ctx, org, r)
}

// crm looks up what the channel is linked to, and how many accounts there are.
func (e *Examiner) crm(ctx context.Context, org schemas.OrgID, r *room) error {
	var account, deal *redis.StringCmd
	var count *redis.IntCmd
	err := ingest.Lookup(ctx, e.Redis, func(pipe redis.Pipeliner) {
		account, deal, count = &redis.StringCmd{}, &redis.StringCmd{}, pipe.HLen(ctx, schemas.ViewOrgAccountEntries(org))
		if r.link != nil {
			account = pipe.HGet(ctx, schemas.ViewOrgAccounts(org), string(r.link.AccountID))
			deal = pipe.HGet(ctx, schemas.ViewOrgDeals(org), string(r.link.DealID))
		}
	})
	if err != nil {
		return err
	}
	r.accounts = count.Val()
	return errors.Join(into(account, &r.account), into(deal, &r.deal))
}

// into decodes a view's value.
func into[T any](cmd *redis.StringCmd, v **T) (err error) {
	*v, err = ingest.Viewed[T](cmd.Val())
	return err
}

const reconnectSync = "An organization owner connects channel sync from the Slack integration overview."

func (r *room) authorised() Check {
	in, lacks := r.install, Lacks(r.install, schemas.ChannelSyncScopes())
	switch {
	case !in.Active():
		return fail(SyncAuthorised, fmt.Sprintf("%s is no longer connected: %s.", workspace(in), ended(in)), connectNext, ConnectSlack)
	case len(lacks) == len(schemas.ChannelSyncScopes()):
		return fail(SyncAuthorised, workspace(in)+" is connected for notifications only; the Channels tab is not there.", reconnectSync, ConnectChannelSync)
	case r.channel != nil && !in.MayKeep(r.kind()):
		return fail(SyncAuthorised, fmt.Sprintf("Channel sync was not authorized for %s channels: %s is missing.", r.publicity(), strings.Join(lacks, ", ")), reconnectSync, ConnectChannelSync)
	case r.channel == nil && len(lacks) > 0:
		return unknown(SyncAuthorised, fmt.Sprintf("Only a part of channel sync was authorized: %s is missing. Whether the channel needs it is not known.", strings.Join(lacks, ", ")), reconnectSync)
	}
	return pass(SyncAuthorised, fmt.Sprintf("Channel sync is authorized in %s.", workspace(in)))
}

func (r *room) access() Check {
	switch {
	case r.channel == nil && len(Lacks(r.install, schemas.ChannelSyncScopes())) == len(schemas.ChannelSyncScopes()):
		return unknown(AppInChannel, "Which channels the app is in is not known before channel sync is authorized.", reconnectSync)
	case r.channel == nil:
		return fail(AppInChannel, fmt.Sprintf("The app is not in channel %s of %s.", r.id, workspace(r.install)),
			"Add the Bigmind app to the channel in Slack: type /invite @Bigmind there. A private channel cannot be seen by the app before. If it is in the channel, check the id.", OpenInSlack).to(r.url())
	case r.channel.IsArchived:
		return fail(AppInChannel, r.name()+" is archived.", mend(schemas.ChannelArchived, ""), OpenInSlack).to(r.url())
	case !r.channel.IsMember:
		return fail(AppInChannel, "The app is not in "+r.name()+".", "Add the Bigmind app to the channel in Slack: type /invite @Bigmind there.", OpenInSlack).to(r.url())
	}
	return pass(AppInChannel, fmt.Sprintf("The app is in %s, a %s channel.", r.name(), r.publicity()))
}

func (r *room) associated() Check {
	if r.link == nil {
		return fail(ChannelAssociated, r.name()+" is not linked to an account.", "Link it to an account, here or by the setup prompt in Slack.", LinkChannel)
	}
	fact := fmt.Sprintf("%s is linked to account %s", r.name(), titled(r.account, r.link.AccountID))
	if r.link.DealID != "" {
		fact += ", deal " + titled(r.deal, r.link.DealID)
	}
	if r.link.By != "" {
		fact += ", by " + r.link.By
	}
	return pass(ChannelAssociated, fact+since(r.link.UpdatedAt)+".")
}

func (r *room) records() Check {
	produce := "Bigmind takes accounts and deals from your CRM: check that the record is there, and wait for it to come or link the channel to another."
	switch link := r.link; {
	case link == nil && r.accounts == 0:
		return fail(CRMRecordsExist, "The organization has no account at all: there is nothing to link the channel to.",
			"Bring accounts to Bigmind: the CRM integration, or 'backchannel import accounts'.", "")
	case link == nil:
		return pass(CRMRecordsExist, fmt.Sprintf("The organization has %d accounts to choose from.", r.accounts))
	case r.account == nil:
		return fail(CRMRecordsExist, fmt.Sprintf("Account %s, which the channel is linked to, does not exist in Bigmind.", link.AccountID), produce, LinkChannel)
	case link.DealID != "" && r.deal == nil:
		return fail(CRMRecordsExist, fmt.Sprintf("Deal %s, which the channel is linked to, does not exist in Bigmind.", link.DealID), produce, LinkChannel)
	case link.DealID != "" && r.deal.AccountID != link.AccountID:
		return fail(CRMRecordsExist, fmt.Sprintf("Deal %s belongs to account %s, not to %s.", r.deal.Title(), r.deal.AccountID, r.account.Title()),
			"Link the channel to one of the account's own deals, or to none.", LinkChannel)
	}
	return pass(CRMRecordsExist, "What the channel is linked to exists in Bigmind.")
}

// synced says how the reading of the channel goes.
func (r *room) synced() Check {
	c := r.checkpoint
	switch {
	case r.link == nil || !r.install.Active():
		return unknown(MessagesSynced, "Nothing is read of a channel before the checks above pass.", "")
	case c == nil:
		return unknown(MessagesSynced, "Reading has not begun yet.", "It begins within a minute of linking the channel, where the checks above pass; else see whether 'backchannel run history' runs.")
	case c.Status == schemas.SyncStopped:
		return fail(MessagesSynced, "Sync has stopped. "+means(c.Reason), mend(c.Reason, "See the log of the component history."), "")
	case c.Status == schemas.SyncBackfilling && !c.EndsAt.IsZero():
		return pass(MessagesSynced, fmt.Sprintf("The past is being read, until about %s; new messages come meanwhile.", c.EndsAt.UTC().Format("2 January 2006 15:04 MST")))
	case c.Status == schemas.SyncBackfilling:
		return pass(MessagesSynced, "The past is being read; new messages come meanwhile.")
	}
	moved := ""
	if c.ThreadsPending > 0 {
		moved = fmt.Sprintf(", and threads that have moved since (%d) are being read again", c.ThreadsPending)
	}
	return pass(MessagesSynced, fmt.Sprintf("Everything is read%s; the newest messages were last compared with Slack at %s.", moved, c.ReconciledAt.UTC().Format("2 January 2006 15:04 MST")))
}

// name is how a person knows the channel.
func (r *room) name() string {
	if r.channel == nil || r.channel.Name == "" {
		return string(r.id)
	}
	return "#" + r.channel.Name
}

func (r *room) kind() string {
	if r.channel.IsPrivate {
		return "group"
	}
	return "channel"
}

func (r *room) publicity() string {
	if r.channel.IsPrivate {
		return "private"
	}
	return "public"
}

// url opens the channel in Slack (docs.slack.dev/interactivity/deep-linking).
func (r *room) url() string {
	return "https://slack.com/app_redirect?team=" + string(r.team) + "&channel=" + string(r.id)
}

// titled is what people call a record, else its id.
func titled[T interface{ Title() string }, ID ~string](record T, id ID) string {
	if any(record) == any(*new(T)) {
		return string(id)
	}
	return record.Title()
}
