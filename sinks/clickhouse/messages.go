package clickhouse

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
)

// messages decodes context.messages straight into columns; its strings alias the records until the insert copies them. Windows are gathered apart, and so are edits
// that do not say what the message said before.
func messages() *messageTable {
	var (
		org, team, channel, subtype, bot, authorTeam, source       lowCardinality
		ts, thread, user, name, email, text, edited, account, deal values[string]
		version                                                    values[uint64]
		deleted, external, reworded                                values[uint8]
		tsTime, received                                           values[time.Time]
		files                                                      values[[]string]

		m schemas.ContextMessage
	)
	columns := []column{
		org.as("org_id"), team.as("team_id"), channel.as("channel_id"), ts.as("ts"), tsTime.as("ts_time"), version.as("version"),
		deleted.as("is_deleted"), thread.as("thread_ts"), subtype.as("subtype"), user.as("user_id"), bot.as("bot_id"),
		name.as("author_name"), email.as("author_email"), authorTeam.as("author_team_id"), external.as("is_external"),
		text.as("text"), files.as("file_names"), edited.as("edited_ts"), account.as("account_id"), deal.as("deal_id"),
		source.as("source"), received.as("received_at"), reworded.as("reworded"),
	}
	t := &messageTable{ts: &ts, reworded: &reworded}
	row := func(m *schemas.ContextMessage, micros uint64, keeps bool) {
		org.add(string(m.OrgID))
		team.add(string(m.TeamID))
		channel.add(string(m.ChannelID))
		ts.add(string(m.TS))
		tsTime.add(time.UnixMicro(int64(micros)).UTC())
		version.add(m.Version)
		deleted.add(flag(m.Deleted))
		thread.add(string(m.ThreadTS))
		subtype.add(m.Subtype)
		user.add(string(m.UserID))
		bot.add(m.BotID)
		name.add(m.AuthorName)
		email.add(m.AuthorEmail)
		authorTeam.add(string(m.AuthorTeamID))
		external.add(flag(m.IsExternal))
		text.add(m.Text)
		files.add(m.FileNames)
		edited.add(string(m.EditedTS))
		account.add(string(m.AccountID))
		deal.add(string(m.DealID))
		source.add(m.Source)
		received.add(storable(m.ReceivedAt))
		reworded.add(flag(keeps))
	}
	t.put = func(m *schemas.ContextMessage) error {
		micros, err := m.TS.Micros()
		if err != nil {
			return err
		}
		if m.Version == 0 {
			return errors.New("version is missing")
		}
		row(m, micros, isReworded(m, micros))
		if m.Former != nil {
			row(before(m), micros, true)
			t.rows++
		}
		if isEdit(m, micros) && !saysAll(m) {
			t.edits = append(t.edits, edit{m.OrgID, m.TeamID, m.ChannelID, m.TS, int64(micros)})
		}
		return nil
	}
	t.table = newTable("messages", columns, func(rec *kgo.Record) error {
		if err := m.DecodeAliased(rec.Value); err != nil {
			return err
		}
		if err := m.Validate(); err != nil {
			return err
		}
		if m.Window == nil {
			if err := t.put(&m); err != nil {
				return err
			}
			t.happened = append(t.happened, happening(&m))
			return nil
		}
		t.windows = append(t.windows, m)
		t.rows-- // it is none; who counts it adds one
		return nil
	})
	return t
}

// sourceLive is how enrich marks what came as an event.
const sourceLive = "live"

// happening is when the message was said, changed or deleted. Of what polling found only when it was said is known: its version may be the poll's.
func happening(m *schemas.ContextMessage) sinks.Happening {
	if m.Source != sourceLive {
		micros, _ := m.TS.Micros() // it has been read already
		return sinks.Happening{At: time.UnixMicro(int64(micros)), How: sinks.Polled}
	}
	how := sinks.Live
	if isLate(m, m.Version) {
		how = sinks.Late
	}
	return sinks.Happening{At: time.UnixMicro(int64(m.Version)), How: how}
}

// isLate says of what an event brought that it came long after, by Slack's clock in microseconds.
func isLate(m *schemas.ContextMessage, happened uint64) bool {
	return m.ReceivedAt.UnixMicro()-int64(happened) >= sinks.LateAfter.Microseconds()
}

// messageTable is the table of messages, and what else a batch has: windows, and edits that do not say what they replace.
type messageTable struct {
	*table
	happened []sinks.Happening
	put      func(*schemas.ContextMessage) error
	windows  []schemas.ContextMessage
	edits    []edit
	ts       *values[string]
	reworded *values[uint8]
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// storable makes a time that DateTime64 can hold: it begins in 1900, and Go's zero time is the year 1. clickhouse-go
// converts through nanoseconds, of which an int64 ends in 2262.
func storable(t time.Time) time.Time {
	if t.Year() < 1900 || t.Year() > 2261 {
		return time.Unix(0, 0).UTC()
	}
	return t
}
