package clickhouse

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// decode returns the record's value and whether it is a tombstone, whose parts are in the key. The key must be what the
// value says, as in the Redis views: a row takes its place from the key, and would stand under another tenant's.
func decode[T any](topic schemas.Topic[T], rec *kgo.Record, keyOf func(*T) schemas.Key) (v T, deleted bool, first, second string, err error) {
	first, second = schemas.Key(rec.Key).Split()
	if first == "" || second == "" {
		return v, false, "", "", fmt.Errorf("a record of %s needs the key %s", topic.Name, topic.Key)
	}
	if rec.Value == nil {
		return v, true, first, second, nil
	}
	v, err = topic.Decode(rec.Value)
	if err == nil && keyOf(&v) != schemas.Key(rec.Key) {
		err = fmt.Errorf("the key of a record of %s must be %s, the same as in its value", topic.Name, topic.Key)
	}
	return v, false, first, second, err
}

// order is a control record's version: the last record of a key is the truth. The time is the broker's (the control
// topics have message.timestamp.type=LogAppendTime) and goes before the offset, so that a topic that was made anew, or
// copied to another cluster, goes on above its former versions. Within a millisecond the offset decides.
func order(rec *kgo.Record) uint64 {
	const offsetBits = 22
	return uint64(max(0, rec.Timestamp.UnixMilli()))<<offsetBits | uint64(rec.Offset)&(1<<offsetBits-1)
}

// header is what a record says beside its value, where it has none; empty: nothing, or what is no text.
func header(rec *kgo.Record, key string) string {
	for _, h := range rec.Headers {
		if h.Key == key && utf8.Valid(h.Value) {
			return string(h.Value)
		}
	}
	return ""
}

func associations() *table {
	var org, team, channel, account, deal, by, source values[string]
	var at values[time.Time]
	var version values[uint64]
	columns := []column{
		org.as("org_id"), team.as("team_id"), channel.as("channel_id"), account.as("account_id"), deal.as("deal_id"),
		by.as("changed_by"), source.as("source"), at.as("changed_at"), version.as("version"),
	}
	return newTable("channel_associations", columns, func(rec *kgo.Record) error {
		v, deleted, first, second, err := decode(schemas.ChannelAssociations, rec, associationKey)
		if err != nil {
			return err
		}
		when := v.UpdatedAt
		if deleted || when.IsZero() {
			when = rec.Timestamp
		}
		org.add(string(v.OrgID))
		team.add(first)
		channel.add(second)
		account.add(string(v.AccountID))
		deal.add(string(v.DealID))
		if deleted {
			v.By, v.Source = header(rec, schemas.HeaderBy), header(rec, schemas.HeaderSource)
		}
		by.add(v.By)
		source.add(v.Source)
		at.add(storable(when))
		version.add(order(rec))
		return nil
	}).ofTeams(&org, &team)
}

func accounts() *table {
	var org, id, name values[string]
	var domains values[[]string]
	var version values[uint64]
	var gone values[uint8]
	columns := []column{
		org.as("org_id"), id.as("account_id"), name.as("name"), domains.as("domains"), version.as("version"), gone.as("is_deleted"),
	}
	return newTable("accounts", columns, func(rec *kgo.Record) error {
		v, deleted, first, second, err := decode(schemas.CRMAccounts, rec, accountKey)
		if err != nil {
			return err
		}
		org.add(first)
		id.add(second)
		name.add(v.Name)
		domains.add(v.Domains)
		version.add(order(rec))
		gone.add(flag(deleted))
		return nil
	})
}

func deals() *table {
	var org, id, account, name, stage values[string]
	var version values[uint64]
	var gone values[uint8]
	columns := []column{
		org.as("org_id"), id.as("deal_id"), account.as("account_id"), name.as("name"), stage.as("stage"),
		version.as("version"), gone.as("is_deleted"),
	}
	return newTable("deals", columns, func(rec *kgo.Record) error {
		v, deleted, first, second, err := decode(schemas.CRMDeals, rec, dealKey)
		if err != nil {
			return err
		}
		org.add(first)
		id.add(second)
		account.add(string(v.AccountID))
		name.add(v.Name)
		stage.add(v.Stage)
		version.add(order(rec))
		gone.add(flag(deleted))
		return nil
	})
}

func directoryUsers() *table {
	var org, id, email, name, role values[string]
	var version values[uint64]
	var disabled, gone values[uint8]
	columns := []column{
		org.as("org_id"), id.as("user_id"), email.as("email"), name.as("name"), role.as("role"),
		disabled.as("disabled"), version.as("version"), gone.as("is_deleted"),
	}
	return newTable("directory_users", columns, func(rec *kgo.Record) error {
		v, deleted, first, second, err := decode(schemas.DirectoryUsers, rec, directoryUserKey)
		if err != nil {
			return err
		}
		org.add(first)
		id.add(second)
		email.add(schemas.NormalEmail(v.Email))
		name.add(v.Name)
		role.add(v.Role)
		disabled.add(flag(v.Disabled))
		version.add(order(rec))
		gone.add(flag(deleted))
		return nil
	})
}

func slackUsers() *table {
	var org, team, id, name, email, home, company values[string]
	var version values[uint64]
	var bot, deactivated, external, gone values[uint8]
	columns := []column{
		org.as("org_id"), team.as("team_id"), id.as("user_id"), name.as("name"), email.as("email"), bot.as("is_bot"),
		deactivated.as("deactivated"), external.as("is_external"), home.as("home_team_id"), company.as("company_name"),
		version.as("version"), gone.as("is_deleted"),
	}
	return newTable("slack_users", columns, func(rec *kgo.Record) error {
		v, deleted, first, second, err := decode(schemas.SlackUsers, rec, slackUserKey)
		if err != nil {
			return err
		}
		org.add(string(v.OrgID))
		team.add(first)
		id.add(second)
		name.add(v.Name)
		email.add(schemas.NormalEmail(v.Email))
		bot.add(flag(v.IsBot))
		deactivated.add(flag(v.Deleted))
		external.add(flag(v.IsExternal))
		home.add(string(v.HomeTeamID))
		company.add(v.CompanyName)
		version.add(order(rec))
		gone.add(flag(deleted))
		return nil
	}).ofTeams(&org, &team)
}

func slackChannels() *table {
	var org, team, id, name values[string]
	var version values[uint64]
	var private, archived, shared, member, gone values[uint8]
	var others values[[]string]
	columns := []column{
		org.as("org_id"), team.as("team_id"), id.as("channel_id"), name.as("name"), private.as("is_private"),
		archived.as("is_archived"), shared.as("is_ext_shared"), member.as("is_member"), version.as("version"), gone.as("is_deleted"), others.as("external_team_ids"),
	}
	return newTable("slack_channels", columns, func(rec *kgo.Record) error {
		v, deleted, first, second, err := decode(schemas.SlackChannels, rec, channelKey)
		if err != nil {
			return err
		}
		org.add(string(v.OrgID))
		team.add(first)
		id.add(second)
		name.add(v.Name)
		private.add(flag(v.IsPrivate))
		archived.add(flag(v.IsArchived))
		shared.add(flag(v.IsExtShared))
		member.add(flag(v.IsMember))
		version.add(order(rec))
		gone.add(flag(deleted))
		teams := make([]string, len(v.ExternalTeamIDs))
		for i, id := range v.ExternalTeamIDs {
			teams[i] = string(id)
		}
		others.add(teams)
		return nil
	}).ofTeams(&org, &team)
}

func outcomes() *table {
	var org, request, delivery, kind, recipient, channel, status, reason, detail, team, dm, ts values[string]
	var ambiguous values[uint8]
	var at values[time.Time]
	var version values[uint64]
	columns := []column{
		org.as("org_id"), request.as("request_id"), delivery.as("delivery_id"), kind.as("type"), recipient.as("recipient"),
		channel.as("channel"), status.as("status"), reason.as("reason"), detail.as("detail"), ambiguous.as("ambiguous"),
		team.as("team_id"), dm.as("channel_id"), ts.as("ts"), at.as("at"), version.as("version"),
	}
	return newTable("notification_outcomes", columns, func(rec *kgo.Record) error {
		v, err := schemas.NotificationOutcomes.Decode(rec.Value)
		if err != nil {
			return err
		}
		org.add(string(v.OrgID))
		request.add(string(v.RequestID))
		delivery.add(string(v.DeliveryID))
		kind.add(string(v.Type))
		recipient.add(v.Recipient.KeyPart())
		channel.add(string(v.Channel))
		status.add(string(v.Status))
		reason.add(string(v.Reason))
		detail.add(v.Detail)
		ambiguous.add(flag(v.Ambiguous))
		team.add(string(v.TeamID))
		dm.add(string(v.ChannelID))
		ts.add(string(v.TS))
		at.add(storable(v.At))
		version.add(uint64(max(v.At.UnixMilli(), 0)))
		return nil
	})
}
