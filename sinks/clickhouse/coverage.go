package clickhouse

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// coverage keeps the last checkpoint of each channel.
func coverage() *table {
	var org, team, channel, status, reason, oldest, newest, start values[string]
	var from, to values[[]time.Time]
	var complete, gone values[uint8]
	var pending values[uint32]
	var threads, messages, version values[uint64]
	var started, reconciled, swept, endsAt, updated values[time.Time]
	columns := []column{
		org.as("org_id"), team.as("team_id"), channel.as("channel_id"), status.as("status"), reason.as("reason"), complete.as("is_complete"),
		start.as("window_start"), oldest.as("oldest"), newest.as("newest"), from.as("known_from"), to.as("known_to"), threads.as("threads"),
		pending.as("threads_pending"), messages.as("messages"), started.as("started_at"),
		reconciled.as("reconciled_at"), swept.as("swept_at"), endsAt.as("ends_at"), updated.as("updated_at"), version.as("version"), gone.as("is_deleted"),
	}
	return newTable("sync_coverage", columns, func(rec *kgo.Record) error {
		v, deleted, first, second, err := decode(schemas.SyncCheckpoints, rec, checkpointKey)
		if err != nil {
			return err
		}
		var froms, tos []time.Time
		for _, i := range v.Intervals {
			froms, tos = append(froms, timeOf(i.From)), append(tos, timeOf(i.To))
		}
		org.add(string(v.OrgID))
		team.add(first)
		channel.add(second)
		status.add(string(v.Status))
		reason.add(string(v.Reason))
		complete.add(flag(v.Complete))
		start.add(string(v.WindowStart))
		oldest.add(string(v.Oldest))
		newest.add(string(v.Newest))
		from.add(froms)
		to.add(tos)
		threads.add(v.Threads)
		pending.add(uint32(max(v.ThreadsPending, 0)))
		messages.add(v.Messages)
		started.add(storable(v.StartedAt))
		reconciled.add(storable(v.ReconciledAt))
		swept.add(storable(v.SweptAt))
		endsAt.add(storable(v.EndsAt))
		updated.add(storable(v.UpdatedAt))
		version.add(order(rec))
		gone.add(flag(deleted))
		return nil
	}).ofTeams(&org, &team)
}

// timeOf is a ts that was validated as a time.
func timeOf(ts schemas.TS) time.Time {
	micros, err := ts.Micros()
	if err != nil {
		return time.Unix(0, 0).UTC()
	}
	return time.UnixMicro(int64(micros)).UTC()
}

func checkpointKey(v *schemas.SyncCheckpoint) schemas.Key {
	return schemas.TeamChannelKey(v.TeamID, v.ChannelID)
}
