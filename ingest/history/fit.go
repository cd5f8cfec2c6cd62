package history

import (
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// What Slack bounds of a message is its text: 40,000 characters (docs.slack.dev/reference/methods/chat.postMessage). What makes one larger than a record may be is
// what hangs on it, of which nobody downstream reads anything; that goes first. A page would otherwise fail for ever, and all behind it.

// dispensable is what is left out of a message that is too large.
var dispensable = []string{"blocks", "attachments", "metadata", "files", "root", "reactions"}

// fit makes a record as large as Kafka takes it: smaller, or a dead letter with the message's coordinates.
func (w *workspace) fit(rec *kgo.Record) (*kgo.Record, error) {
	size := len(rec.Key) + len(rec.Value)
	if size <= schemas.MaxRecordBytes {
		return rec, nil
	}
	m, err := schemas.SlackHistory.Decode(rec.Value)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(m.Message, &fields); err != nil {
		return nil, fmt.Errorf("a message of %d bytes: %w", size, err)
	}
	var ts schemas.TS
	_ = json.Unmarshal(fields["ts"], &ts) // it was read before
	for _, name := range dispensable {
		delete(fields, name)
	}
	if m.Message, err = json.Marshal(fields); err != nil {
		return nil, err
	}
	smaller, err := schemas.SlackHistory.Encode(m)
	if err != nil {
		return nil, err
	}
	w.opts.Log.Warn("history: a message is larger than Kafka takes; it is kept without blocks, attachments and files, or else as a dead letter", "team", m.TeamID,
		"channel", m.ChannelID, "ts", ts, "bytes", size)
	if len(rec.Key)+len(smaller) <= schemas.MaxRecordBytes {
		w.metrics.cut.WithLabelValues("cut").Inc()
		return &kgo.Record{Topic: rec.Topic, Key: rec.Key, Value: smaller}, nil
	}
	w.metrics.cut.WithLabelValues("dead_letter").Inc()
	letter := schemas.DeadLetter{
		Reason: schemas.TooLarge, Component: "history", Topic: rec.Topic, Partition: -1, Offset: -1, Time: m.PolledAt, // it never was a record
		Detail: fmt.Sprintf("the message %s of %s/%s has %d bytes without blocks, attachments and files; the limit is %d", ts, m.TeamID, m.ChannelID, len(smaller), schemas.MaxRecordBytes),
	}
	out := &kgo.Record{Topic: schemas.SlackHistory.DeadLetter(), Key: rec.Key}
	for _, h := range letter.Headers() {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)})
	}
	return out, nil
}
