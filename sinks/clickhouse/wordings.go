package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/schemas"
)

// An edit takes the place of what the message said before: a merge of messages leaves the last version. So message_texts has each wording of what was reworded, and of
// that alone: a second copy of every message costs an insert as much as the first (make bench-context).
//
// Rows say so themselves (reworded), and message_texts_feed takes them. Where the record of an edit says what the message said before, as events do, a row of
// that is inserted with it, as of the instant before. What messages has is copied before an edit is inserted that does not say so, because polling found it or Slack left
// previous_message empty; or that need not be the first.

// isReworded says whether message_texts is to keep what the record says. It keeps, too, what an event brought late: polling may have found an edit of it meanwhile,
// which had nothing to copy. said is the message's ts in microseconds.
func isReworded(m *schemas.ContextMessage, said uint64) bool {
	return m.Former != nil || isEdit(m, said) || m.Source == sourceLive && isLate(m, said)
}

// isEdit says whether the message said something else before. An event of a message as it was first said has the message's own time; and not every edit leaves
// a mark (a bot's).
func isEdit(m *schemas.ContextMessage, said uint64) bool {
	return !m.Deleted && (m.EditedTS != "" || m.Source == sourceLive && m.Version > said)
}

// saysAll says of an edit that what it replaces is all that there was: the message as it was first said.
func saysAll(m *schemas.ContextMessage) bool {
	return m.Former != nil && m.Former.EditedTS == "" && m.EditedTS != ""
}

// before is what the message said before it was edited, as a record of its own.
func before(m *schemas.ContextMessage) *schemas.ContextMessage {
	was := *m
	was.Version--
	was.Text, was.FileNames, was.EditedTS, was.Former = m.Former.Text, m.Former.FileNames, m.Former.EditedTS, nil
	return &was
}

// edit is a message that was edited, of which the record does not say all that it said before.
type edit struct {
	org     schemas.OrgID
	team    schemas.TeamID
	channel schemas.ChannelID
	ts      schemas.TS
	said    int64 // ts in microseconds
}

// editsAtOnce bounds one query: an edit costs it the granule in which the message is, of each part.
const editsAtOnce = 1000

// keep copies what messages has of some messages and message_texts has not.
const keep = `INSERT INTO message_texts (org_id, team_id, channel_id, ts, wording, ts_time, user_id, text, file_names, edited_ts, first_version, last_version, received_at, queryable_at)
SELECT org_id, team_id, channel_id, ts, cityHash64(text, file_names, edited_ts), ts_time, user_id, text, file_names, edited_ts, version, version, received_at, inserted_at
FROM messages
WHERE is_deleted = 0 AND reworded = 0 AND ts_time BETWEEN fromUnixTimestamp64Micro(toInt64(%d), 'UTC') AND fromUnixTimestamp64Micro(toInt64(%d), 'UTC')
    AND (org_id, team_id, channel_id, ts) IN (`

// keepReplaced keeps what the batch's edits replace, where they do not say it: rows of messages by a query, rows of the batch itself by marking them.
func (s *Sink) keepReplaced(ctx context.Context) error {
	edits := s.messages.edits
	if len(edits) == 0 {
		return nil
	}
	edited := make(map[string]bool, len(edits))
	for _, e := range edits {
		edited[string(e.ts)] = true
	}
	for i, ts := range *s.messages.ts {
		if edited[ts] { // or another channel's message of the same microsecond, which is kept once more
			(*s.messages.reworded)[i] = 1
		}
	}
	for some := range slices.Chunk(edits, editsAtOnce) {
		first, last := some[0].said, some[0].said
		keys := make([]string, len(some))
		for i, e := range some {
			first, last = min(first, e.said), max(last, e.said)
			keys[i] = "(" + schemas.SQLString(string(e.org)) + ", " + schemas.SQLString(string(e.team)) + ", " + schemas.SQLString(string(e.channel)) + ", " + schemas.SQLString(string(e.ts)) + ")"
		}
		statement := fmt.Sprintf(keep, first, last) + strings.Join(keys, ", ") + ")" // without parameters: an id may have a question mark
		if err := s.conn.Exec(clickhouse.Context(ctx, inserting), statement); err != nil {
			return refine("message_texts", err)
		}
	}
	return nil
}
