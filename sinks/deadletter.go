package sinks

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
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
	for len(letters) > 0 {
		var smaller []*kgo.Record
		for _, produced := range r.client.ProduceSync(ctx, letters...) {
			switch {
			case produced.Err == nil:
			case errors.Is(produced.Err, kerr.MessageTooLarge) && strip(produced.Record):
				smaller = append(smaller, produced.Record)
			default:
				return fmt.Errorf("produce dead letters: %w", produced.Err)
			}
		}
		letters = smaller
	}
	return nil
}

// strip takes the value, then the key, from a dead letter that the broker finds too large: a record of another producer
// can be as large as a batch may be, and with our headers it is larger. Its coordinates say where it is. Without this the
// record could neither be processed nor be put aside, and its partition would stand still.
func strip(letter *kgo.Record) bool {
	switch {
	case len(letter.Value) > 0:
		letter.Value = nil
	case len(letter.Key) > 0:
		letter.Key = nil
	default:
		return false
	}
	return true
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
