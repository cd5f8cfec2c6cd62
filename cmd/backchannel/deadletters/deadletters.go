// Package deadletters reads dead-letter topics and puts records back where they came from.
package deadletters

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// Letter is a dead letter with its own coordinates. Value is nil when its topic is private: then it is where it was.
type Letter struct {
	schemas.DeadLetter
	ID    ID
	Key   []byte
	Value []byte
	// Closed is what somebody did about it; nil: nobody yet.
	Closed *Closing
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
// A record without a dead letter's headers, which somebody else produced there, does not hide the letters after it: it is
// named in the error, which comes last.
func (r Reader) List(ctx context.Context, topics []string, each func(Letter) error) error {
	all, err := scan.All(ctx, r.Client, topics...)
	if err != nil {
		return err
	}
	closed, err := r.closings(ctx, all)
	if err != nil {
		return err
	}
	var foreign []error
	for _, topic := range slices.Sorted(maps.Keys(all)) {
		for _, partition := range slices.Sorted(maps.Keys(all[topic])) {
			err := scan.Read(ctx, r.Client, scan.Spans{topic: {partition: all[topic][partition]}}, func(rec *kgo.Record) error {
				if _, _, is := closing(rec); is {
					return nil
				}
				letter, err := open(rec)
				if err != nil {
					foreign = append(foreign, err)
					return nil
				}
				if c, is := closed[letter.ID.String()]; is {
					letter.Closed = &c
				}
				return each(letter)
			})
			if err != nil {
				return err
			}
		}
	}
	return errors.Join(foreign...)
}

// closings are the notes of what was done about letters, by their ids; the last one counts. They may be in another partition than the letter.
func (r Reader) closings(ctx context.Context, all scan.Spans) (map[string]Closing, error) {
	notes := map[string]Closing{}
	return notes, scan.Read(ctx, r.Client, all, func(rec *kgo.Record) error {
		if id, c, is := closing(rec); is && !c.At.Before(notes[id].At) {
			notes[id] = c
		}
		return nil
	})
}

// Get reads one letter, and what was done about it.
func (r Reader) Get(ctx context.Context, id ID) (Letter, error) {
	letters, err := r.Named(ctx, id)
	if err != nil {
		return Letter{}, err
	}
	return letters[0], nil
}

// Named reads letters by their ids, and what was done about each: their topics are gone through once, however many there are.
func (r Reader) Named(ctx context.Context, ids ...ID) ([]Letter, error) {
	letters, topics := make([]Letter, 0, len(ids)), map[string]bool{}
	for _, id := range ids {
		rec, err := r.record(ctx, id.Topic, id.Partition, id.Offset)
		if err != nil {
			return nil, err
		}
		letter, err := open(rec)
		if err != nil {
			return nil, err
		}
		letters, topics[id.Topic] = append(letters, letter), true
	}
	all, err := scan.All(ctx, r.Client, slices.Sorted(maps.Keys(topics))...)
	if err != nil {
		return nil, err
	}
	closed, err := r.closings(ctx, all)
	if err != nil {
		return nil, err
	}
	for i := range letters {
		if c, is := closed[letters[i].ID.String()]; is {
			letters[i].Closed = &c
		}
	}
	return letters, nil
}

// Replay produces the source record again, with a header that says which letter it was. It reads the value from the
// letter or, for a private topic, from the source record, as long as its retention keeps it.
func (r Reader) Replay(ctx context.Context, l Letter) error {
	key, value := l.Key, l.Value
	if l.Offset < 0 {
		return fmt.Errorf("%s never was a record of %s: its detail says where it is", l.ID, l.Topic)
	}
	if !schemas.DeadLetterKeepsValue(l.Topic) {
		source, err := r.record(ctx, l.Topic, l.Partition, l.Offset)
		if err != nil {
			return fmt.Errorf("the source record of %s: %w", l.ID, err)
		}
		key, value = source.Key, source.Value
	}
	return r.produce(ctx, l, key, value)
}
