package console

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// change is a control record to be written, and where it will be seen.
type change struct {
	topic schemas.Spec
	key   schemas.Key
	value []byte // nil: a tombstone
	view  string // the hash, and the field, that shows it
	field string
	stamp time.Time // updated_at of the value
}

// publishWithin bounds how long a form waits for Kafka.
const publishWithin = 10 * time.Second

// apply writes changes, and waits until the views show all of them. shown is false when they are recorded and do not yet.
func (c *Console) apply(ctx context.Context, changes ...change) (shown bool, err error) {
	records := make([]*kgo.Record, len(changes))
	for i, ch := range changes {
		records[i] = &kgo.Record{Topic: ch.topic.Name, Key: []byte(ch.key), Value: ch.value}
	}
	publishing, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	if err := c.opts.Publisher.Publish(publishing, records...); err != nil {
		return false, err
	}
	waiting, cancel := context.WithTimeout(ctx, c.opts.Patience)
	defer cancel()
	for {
		shown, err := c.shows(waiting, changes)
		switch {
		case shown:
			return true, nil
		case waiting.Err() != nil, err != nil && !errors.Is(err, ingest.ErrViewsIncomplete):
			return false, nil // it is recorded all the same
		}
		ingest.Sleep(waiting, showsEvery)
	}
}

const showsEvery = 20 * time.Millisecond

// shows says whether the views have all changes, or newer ones.
func (c *Console) shows(ctx context.Context, changes []change) (bool, error) {
	found := make([]*redis.StringCmd, len(changes))
	err := ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		for i, ch := range changes {
			found[i] = pipe.HGet(ctx, ch.view, ch.field)
		}
	})
	if err != nil {
		return false, err
	}
	for i, ch := range changes {
		has, err := ingest.Viewed[stamped](found[i].Val())
		if err != nil {
			return false, err
		}
		switch {
		case ch.value == nil && has != nil:
			return false, nil
		case ch.value != nil && (has == nil || has.UpdatedAt.Before(ch.stamp)):
			return false, nil
		}
	}
	return true, nil
}

// stamped is what every record that the console writes has.
type stamped struct {
	UpdatedAt time.Time `json:"updated_at"`
}

// now is what a record says of when it was written: to the microsecond, as JSON keeps it.
func (c *Console) now() time.Time { return c.opts.Now().UTC().Truncate(time.Microsecond) }

// encoded makes a change of a record.
func encoded[T any](topic schemas.Topic[T], key schemas.Key, v T, view, field string, stamp time.Time) (change, error) {
	value, err := topic.Encode(v)
	if err != nil {
		return change{}, err
	}
	return change{topic.Spec, key, value, view, field, stamp}, nil
}

// until waits until the views show something, for as long as a page waits.
func (c *Console) until(ctx context.Context, shows func() bool) bool {
	waiting, cancel := context.WithTimeout(ctx, c.opts.Patience)
	defer cancel()
	for waiting.Err() == nil {
		if shows() {
			return true
		}
		ingest.Sleep(waiting, showsEvery)
	}
	return false
}
