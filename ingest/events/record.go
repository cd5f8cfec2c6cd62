package events

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// maxBody leaves room for our own fields within schemas.MaxRecordBytes. Slack's events are far smaller.
const maxBody = 900 << 10

// PublishWithin is how long Kafka may take. It leaves Slack's 3 seconds room for the way back.
const PublishWithin = 2500 * time.Millisecond

// ErrTooLarge is an event that Kafka would not take.
var ErrTooLarge = errors.New("the event is larger than Kafka takes")

// Retry is how often Slack has sent an event before, 0 to 3, and why again: http_timeout and others.
type Retry struct {
	Num    int
	Reason string
}

// Record is an event as slack.events keeps it: body is what Slack posts over HTTP, and the payload of a Socket Mode envelope. An
// error is ErrTooLarge, or says in a sentence what is malformed; neither gets better when it comes again.
func Record(body []byte, retry Retry, now time.Time) (*kgo.Record, error) {
	if len(body) > maxBody {
		return nil, ErrTooLarge
	}
	e, err := parse("application/json", body)
	if err != nil {
		return nil, err
	}
	if e.kind == "" {
		return nil, errors.New("the event has no type")
	}
	record := e.record(body, retry, now)
	if tooLarge(record) {
		return nil, ErrTooLarge
	}
	return record, nil
}

// record keeps the envelope as it came. A top-level notice such as app_rate_limited is an event of that type.
func (e *envelope) record(body []byte, retry Retry, now time.Time) *kgo.Record {
	event := schemas.SlackEvent{
		TeamID: e.install(), ChannelID: e.channel, AppID: e.appID, EventID: e.eventID, EventType: e.eventType,
		ReceivedAt: now, RetryNum: retry.Num, RetryReason: retry.Reason, Envelope: body,
	}
	if event.EventType == "" {
		event.EventType = e.kind
	}
	return &kgo.Record{
		Topic: schemas.SlackEvents.Name,
		Key:   []byte(schemas.TeamChannelKey(event.TeamID, event.ChannelID)),
		Value: event.AppendJSON(make([]byte, 0, len(body)+512)),
	}
}

// tooLarge: what a body names may be as long as itself, and is in the record twice.
func tooLarge(record *kgo.Record) bool {
	return len(record.Key)+len(record.Value) > schemas.MaxRecordBytes
}
