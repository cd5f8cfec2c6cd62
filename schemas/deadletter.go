package schemas

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DeadLetter says why a record could not be processed and where it was. It travels in the headers of the record on
// the dead-letter topic, beside the original key and, unless the topic is private, the original value. It never holds
// a secret or message text.
type DeadLetter struct {
	Reason    Reason
	Detail    string // a sentence for a person
	Component string // who gave up: enrich, route, clickhouse, …
	Topic     string // coordinates of the source record
	Partition int32
	Offset    int64
	Time      time.Time // the source record's
}

// Header names of a dead letter.
const (
	HeaderReason    = "backchannel-reason"
	HeaderDetail    = "backchannel-detail"
	HeaderComponent = "backchannel-component"
	HeaderTopic     = "backchannel-topic"
	HeaderPartition = "backchannel-partition"
	HeaderOffset    = "backchannel-offset"
	HeaderTime      = "backchannel-source-time" // RFC 3339
	HeaderReplayed  = "backchannel-replayed"    // on a replayed record: topic/partition/offset of its dead letter

	// Of the note of what somebody did about a letter, which is a record of the same topic.
	HeaderCloses = "backchannel-closes" // topic/partition/offset of the letter
	HeaderClosed = "backchannel-closed" // replayed, edited or dropped
	HeaderBy     = "backchannel-by"     // who
	HeaderWhy    = "backchannel-why"    // in their words
)

// Header is a record header.
type Header struct{ Key, Value string }

// Headers encodes the letter.
func (d DeadLetter) Headers() []Header {
	return []Header{
		{HeaderReason, string(d.Reason)},
		{HeaderDetail, bounded(d.Detail)},
		{HeaderComponent, d.Component},
		{HeaderTopic, d.Topic},
		{HeaderPartition, strconv.Itoa(int(d.Partition))},
		{HeaderOffset, strconv.FormatInt(d.Offset, 10)},
		{HeaderTime, d.Time.UTC().Format(time.RFC3339Nano)},
	}
}

// maxDetail bounds a detail, in bytes. What it names, such as the type of a preference, may be as long as a record, and a
// letter larger than a batch may be could be produced by nobody.
const maxDetail = 1000

func bounded(detail string) string {
	if len(detail) <= maxDetail {
		return detail
	}
	return strings.ToValidUTF8(detail[:maxDetail], "") + "…"
}

// ParseDeadLetter undoes Headers, but for a detail that was too long.
func ParseDeadLetter(headers []Header) (DeadLetter, error) {
	values := make(map[string]string, len(headers))
	for _, h := range headers {
		values[h.Key] = h.Value
	}
	d := DeadLetter{
		Reason: Reason(values[HeaderReason]), Detail: values[HeaderDetail],
		Component: values[HeaderComponent], Topic: values[HeaderTopic],
	}
	partition, err := strconv.ParseInt(values[HeaderPartition], 10, 32)
	if err != nil {
		return d, fmt.Errorf("dead letter: header %s is not a number", HeaderPartition)
	}
	d.Partition = int32(partition)
	if d.Offset, err = strconv.ParseInt(values[HeaderOffset], 10, 64); err != nil {
		return d, fmt.Errorf("dead letter: header %s is not a number", HeaderOffset)
	}
	if d.Time, err = time.Parse(time.RFC3339Nano, values[HeaderTime]); err != nil {
		return d, fmt.Errorf("dead letter: header %s is not a time", HeaderTime)
	}
	return d, nil
}

// DeadLetterKeepsValue reports whether the dead letters of a topic carry the value.
func DeadLetterKeepsValue(topic string) bool {
	spec, known := TopicByName(topic)
	return known && !spec.Private
}
