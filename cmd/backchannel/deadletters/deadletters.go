// Package deadletters reads dead-letter topics and puts records back where they came from.
package deadletters

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Letter is a dead letter with its own coordinates. Value is nil when its topic is private: then it is where it was.
type Letter struct {
	schemas.DeadLetter
	ID    ID
	Key   []byte
	Value []byte
}

// ID is where a letter is: topic/partition/offset of the dead-letter topic.
type ID struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String is the form in which people name a letter.
func (id ID) String() string { return fmt.Sprintf("%s/%d/%d", id.Topic, id.Partition, id.Offset) }

// ParseID undoes String.
func ParseID(s string) (ID, error) {
	bad := fmt.Errorf("%q is not a dead letter's id, such as notification.requests.dlq/0/17; 'backchannel dlq list' prints them", s)
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return ID{}, bad
	}
	p, err1 := strconv.ParseInt(parts[1], 10, 32)
	o, err2 := strconv.ParseInt(parts[2], 10, 64)
	if errors.Join(err1, err2) != nil || !strings.HasSuffix(parts[0], ".dlq") {
		return ID{}, bad
	}
	return ID{parts[0], int32(p), o}, nil
}

// Reader reads dead letters over a client that consumes nothing else.
type Reader struct {
	Client *kgo.Client
}

// List calls each for every letter of the topics, oldest first within a partition, until the end as it was at the call.
func (r Reader) List(ctx context.Context, topics []string, each func(Letter) error) error {
	admin := kadm.NewClient(r.Client)
	begin, err1 := admin.ListStartOffsets(ctx, topics...)
	end, err2 := admin.ListCommittedOffsets(ctx, topics...)
	if err := errors.Join(err1, err2, begin.Error(), end.Error()); err != nil {
		return fmt.Errorf("find the dead letters: %w", err)
	}
	var failed error
	end.Each(func(last kadm.ListedOffset) {
		first, _ := begin.Lookup(last.Topic, last.Partition)
		if failed == nil && first.Offset < last.Offset {
			failed = r.scan(ctx, last.Topic, last.Partition, first.Offset, last.Offset, func(rec *kgo.Record) error {
				letter, err := open(rec)
				if err != nil {
					return err
				}
				return each(letter)
			})
		}
	})
	return failed
}

// Get reads one letter.
func (r Reader) Get(ctx context.Context, id ID) (Letter, error) {
	rec, err := r.record(ctx, id.Topic, id.Partition, id.Offset)
	if err != nil {
		return Letter{}, err
	}
	return open(rec)
}

// Replay produces the source record again, with a header that says which letter it was. It reads the value from the
// letter or, for a private topic, from the source record, as long as its retention keeps it.
func (r Reader) Replay(ctx context.Context, l Letter) error {
	key, value := l.Key, l.Value
	if !schemas.DeadLetterKeepsValue(l.Topic) {
		source, err := r.record(ctx, l.Topic, l.Partition, l.Offset)
		if err != nil {
			return fmt.Errorf("the source record of %s: %w", l.ID, err)
		}
		key, value = source.Key, source.Value
	}
	rec := &kgo.Record{
		Topic: l.Topic, Key: key, Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderReplayed, Value: []byte(l.ID.String())}},
	}
	if err := r.Client.ProduceSync(ctx, rec).FirstErr(); err != nil {
		return fmt.Errorf("replay %s: %w", l.ID, err)
	}
	return nil
}

func (r Reader) record(ctx context.Context, topic string, partition int32, offset int64) (*kgo.Record, error) {
	var found *kgo.Record
	err := r.scan(ctx, topic, partition, offset, offset+1, func(rec *kgo.Record) error {
		if rec.Offset == offset {
			found = rec
		}
		return nil
	})
	if err == nil && found == nil {
		err = fmt.Errorf("there is no record at %s/%d/%d: retention or compaction may have removed it", topic, partition, offset)
	}
	return found, err
}

// quiet is how long a scan waits for a record before it takes the rest for transaction markers or compacted away.
const quiet = 3 * time.Second

// scan reads [from, to) of one partition.
func (r Reader) scan(ctx context.Context, topic string, partition int32, from, to int64, each func(*kgo.Record) error) error {
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
			return nil
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
