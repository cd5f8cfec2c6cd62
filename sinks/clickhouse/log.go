package clickhouse

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// notificationLog is a row for each request, recipient and channel, with how it was decided.
func notificationLog() *table {
	var org, request, recipient, channel, delivery, into, kind, status, reason, detail, rule, choice, held, zone, named, reply, team, dm, ts values[string]
	var considered values[[]string]
	var mandatory, fallback, ambiguous values[uint8]
	var attempts values[uint32]
	var until, requested, routed, released, at values[time.Time]
	var version values[uint64]
	columns := []column{
		org.as("org_id"), request.as("request_id"), recipient.as("recipient"), channel.as("channel"), delivery.as("delivery_id"),
		into.as("merged_into"), kind.as("type"), status.as("status"), reason.as("reason"), detail.as("detail"), rule.as("rule"),
		choice.as("choice"), considered.as("considered"), mandatory.as("mandatory"), fallback.as("fallback"), held.as("held"),
		until.as("held_until"), zone.as("tz"), named.as("named"), attempts.as("attempts"), reply.as("reply"), ambiguous.as("ambiguous"),
		team.as("team_id"), dm.as("channel_id"), ts.as("ts"), requested.as("requested_at"), routed.as("routed_at"),
		released.as("released_at"), at.as("at"), version.as("version"),
	}
	return newTable("notification_log", columns, func(rec *kgo.Record) error {
		v, err := schemas.NotificationOutcomes.Decode(rec.Value)
		if err != nil {
			return err
		}
		var why schemas.Decision
		if v.Decision != nil {
			why = *v.Decision
		}
		org.add(string(v.OrgID))
		request.add(string(v.RequestID))
		recipient.add(v.Recipient.KeyPart())
		channel.add(string(v.Channel))
		delivery.add(string(v.DeliveryID))
		into.add(string(v.MergedInto))
		kind.add(string(v.Type))
		status.add(string(v.Status))
		reason.add(string(v.Reason))
		detail.add(v.Detail)
		rule.add(string(why.Rule))
		choice.add(string(why.Choice))
		considered.add(rules(why.Considered))
		mandatory.add(flag(why.Mandatory))
		fallback.add(flag(why.Fallback))
		held.add(string(why.Held))
		until.add(storable(why.HeldUntil))
		zone.add(why.TimeZone)
		if why.Named != nil {
			named.add(why.Named.KeyPart())
		} else {
			named.add("")
		}
		attempts.add(uint32(max(v.Attempts, 0)))
		reply.add(v.Reply)
		ambiguous.add(flag(v.Ambiguous))
		team.add(string(v.TeamID))
		dm.add(string(v.ChannelID))
		ts.add(string(v.TS))
		requested.add(storable(v.RequestedAt))
		routed.add(storable(v.RoutedAt))
		released.add(storable(v.ReleasedAt))
		at.add(storable(v.At))
		version.add(uint64(max(v.At.UnixMilli(), 0)))
		return nil
	})
}

// rules writes them as rule=choice.
func rules(all []schemas.Considered) []string {
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = string(c.Rule) + "=" + string(c.Value)
	}
	return words
}
