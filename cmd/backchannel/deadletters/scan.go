package deadletters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// record reads the record at one offset. It asks for the bounds first: a fetch outside them would begin somewhere else.
func (r Reader) record(ctx context.Context, topic string, partition int32, offset int64) (*kgo.Record, error) {
	gone := fmt.Errorf("there is no record at %s/%d/%d: its retention may have removed it", topic, partition, offset)
	admin := kadm.NewClient(r.Client)
	begin, err1 := admin.ListStartOffsets(ctx, topic)
	end, err2 := admin.ListCommittedOffsets(ctx, topic)
	if err := errors.Join(err1, err2, begin.Error(), end.Error()); err != nil {
		return nil, fmt.Errorf("find the bounds of %s: %w", topic, err)
	}
	first, known := begin.Lookup(topic, partition)
	last, _ := end.Lookup(topic, partition)
	if !known || offset < first.Offset || offset >= last.Offset {
		return nil, gone
	}
	var found *kgo.Record
	err := r.scan(ctx, topic, partition, offset, offset+1, func(rec *kgo.Record) error {
		found = rec
		return nil
	})
	if err == nil && found == nil {
		err = gone
	}
	return found, err
}

// quiet is how long a scan waits for the next record. The topics that it reads are not compacted, and transaction markers
// count as records, so there always is one before the end: silence means that the brokers do not answer.
const quiet = 15 * time.Second

// scan reads [from, to) of one partition.
func (r Reader) scan(ctx context.Context, topic string, partition int32, from, to int64, each func(*kgo.Record) error) error {
	if from >= to {
		return nil
	}
	r.Client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(from)}})
	defer r.Client.RemoveConsumePartitions(map[string][]int32{topic: {partition}})
	for next := from; next < to; {
		bounded, cancel := context.WithTimeout(ctx, quiet)
		fetches := r.Client.PollFetches(bounded)
		cancel()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read %s: %w", topic, err)
		}
		if err := fetches.Err(); errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("read %s: the brokers sent nothing for %s; %d of the offsets up to %d are unread", topic, quiet, to-next, to)
		} else if err != nil {
			return fmt.Errorf("read %s: %w", topic, err)
		}
		for _, rec := range fetches.Records() {
			if rec.Topic != topic || rec.Partition != partition || rec.Offset < next {
				continue
			}
			next = rec.Offset + 1
			if rec.Offset >= to || rec.Attrs.IsControl() {
				continue
			}
			if err := each(rec); err != nil {
				return err
			}
		}
	}
	return nil
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
