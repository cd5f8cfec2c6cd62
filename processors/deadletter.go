package processors

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// deadLetter makes the dead letter of a rejected record: its key, its value unless the topic is private, and why in the
// headers. What another producer made as large as a batch may be is larger with our headers: then the value is left out,
// and the key if need be. Else the transaction would fail for ever, and the partition stand still.
func deadLetter(component string, in *kgo.Record, f Fate) *kgo.Record {
	out := &kgo.Record{Topic: schemas.Spec{Name: in.Topic}.DeadLetter(), Key: in.Key}
	if schemas.DeadLetterKeepsValue(in.Topic) {
		out.Value = in.Value
	}
	if len(out.Key)+len(out.Value) > schemas.MaxRecordBytes {
		out.Value = nil
	}
	if len(out.Key) > schemas.MaxRecordBytes {
		out.Key = nil
	}
	letter := schemas.DeadLetter{
		Reason: f.Rejected, Detail: f.Detail, Component: component,
		Topic: in.Topic, Partition: in.Partition, Offset: in.Offset, Time: in.Timestamp,
	}
	for _, h := range letter.Headers() {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)})
	}
	return out
}
