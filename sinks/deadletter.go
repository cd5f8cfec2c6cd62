package sinks

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// deadLetters produces a dead letter for each rejection and waits until the brokers have them.
func (r *Runner) deadLetters(ctx context.Context, rejected []Rejection) error {
	if len(rejected) == 0 {
		return nil
	}
	letters := make([]*kgo.Record, len(rejected))
	for i, rejection := range rejected {
		letters[i] = deadLetter(r.def.Name, rejection)
	}
	if err := r.client.ProduceSync(ctx, letters...).FirstErr(); err != nil {
		return fmt.Errorf("produce dead letters: %w", err)
	}
	return nil
}

// deadLetter makes the dead letter of a rejected record: its key, its value unless the topic is private, and why in the headers.
func deadLetter(component string, rejection Rejection) *kgo.Record {
	in := rejection.Record
	out := &kgo.Record{Topic: schemas.Spec{Name: in.Topic}.DeadLetter(), Key: in.Key}
	if schemas.DeadLetterKeepsValue(in.Topic) {
		out.Value = in.Value
	}
	letter := schemas.DeadLetter{
		Reason: rejection.Reason, Detail: rejection.Detail, Component: component,
		Topic: in.Topic, Partition: in.Partition, Offset: in.Offset, Time: in.Timestamp,
	}
	for _, h := range letter.Headers() {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: []byte(h.Value)})
	}
	return out
}
