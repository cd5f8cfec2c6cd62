package processors

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// deadLetter makes the dead letter of a rejected record: its key, its value unless the topic is private, its
// coordinates and the reason.
func deadLetter(component string, in *kgo.Record, f Fate) *kgo.Record {
	out := &kgo.Record{Topic: schemas.Spec{Name: in.Topic}.DeadLetter(), Key: in.Key}
	if spec, known := schemas.TopicByName(in.Topic); known && !spec.Private {
		out.Value = in.Value
	}
	header := func(key, value string) {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	header(schemas.HeaderReason, string(f.Rejected))
	header(schemas.HeaderDetail, f.Detail)
	header(schemas.HeaderComponent, component)
	header(schemas.HeaderTopic, in.Topic)
	header(schemas.HeaderPartition, strconv.Itoa(int(in.Partition)))
	header(schemas.HeaderOffset, strconv.FormatInt(in.Offset, 10))
	header(schemas.HeaderTime, in.Timestamp.UTC().Format(time.RFC3339Nano))
	return out
}
