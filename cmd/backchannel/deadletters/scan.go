package deadletters

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// record reads the record at one offset. It asks for the bounds first: a fetch outside them would begin somewhere else.
func (r Reader) record(ctx context.Context, topic string, partition int32, offset int64) (*kgo.Record, error) {
	gone := fmt.Errorf("there is no record at %s/%d/%d: its retention may have removed it", topic, partition, offset)
	all, err := scan.All(ctx, r.Client, topic)
	if err != nil {
		return nil, err
	}
	if has, known := all[topic][partition]; !known || offset < has.From || offset >= has.To {
		return nil, gone
	}
	var found *kgo.Record
	err = scan.Read(ctx, r.Client, scan.Spans{topic: {partition: {From: offset, To: offset + 1}}}, func(rec *kgo.Record) error {
		found = rec
		return nil
	})
	if err == nil && found == nil {
		err = gone
	}
	return found, err
}

func open(rec *kgo.Record) (Letter, error) {
	headers := make([]schemas.Header, len(rec.Headers))
	for i, h := range rec.Headers {
		headers[i] = schemas.Header{Key: h.Key, Value: string(h.Value)}
	}
	id := ID{rec.Topic, rec.Partition, rec.Offset}
	d, err := schemas.ParseDeadLetter(headers)
	if err != nil {
		return Letter{}, fmt.Errorf("%s: %w", id, err)
	}
	return Letter{DeadLetter: d, ID: id, Key: rec.Key, Value: rec.Value}, nil
}
