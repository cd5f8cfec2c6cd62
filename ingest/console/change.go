package console

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// change is a control record to be written, and where it will be seen.
type change struct {
	topic   schemas.Spec
	key     schemas.Key
	value   []byte             // nil: a tombstone
	headers []kgo.RecordHeader // of a tombstone: who made it
	view    string             // the hash, and the field, that shows it
	field   string
	stamp   time.Time // updated_at of the value
	named   string    // as a URL names it, when one did
}

// publishWithin bounds how long a form waits for Kafka.
const publishWithin = 10 * time.Second

// apply writes changes, and waits until the views show all of them. Those that are recorded and are not to be seen yet are late.
func (c *Console) apply(ctx context.Context, changes ...change) (late []change, err error) {
	records := make([]*kgo.Record, len(changes))
	for i, ch := range changes {
		records[i] = &kgo.Record{Topic: ch.topic.Name, Key: []byte(ch.key), Value: ch.value, Headers: ch.headers}
	}
	publishing, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	if err := c.opts.Publisher.Publish(publishing, records...); err != nil {
		return nil, err
	}
	return c.settle(ctx, changes), nil
}

// settle waits for what is recorded, for as long as a page waits, and returns what is late then.
func (c *Console) settle(ctx context.Context, late []change) []change {
	c.until(ctx, func() bool {
		if missing, err := c.missing(ctx, late); err == nil { // it is recorded all the same
			late = missing
		}
		return len(late) == 0
	})
	return late
}

const showsEvery = 20 * time.Millisecond

// missing are the changes that the views do not have, nor newer ones.
func (c *Console) missing(ctx context.Context, changes []change) (late []change, err error) {
	found := make([]*redis.StringCmd, len(changes))
	err = ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		for i, ch := range changes {
			found[i] = pipe.HGet(ctx, ch.view, ch.field)
		}
	})
	if err != nil {
		return nil, err
	}
	for i, ch := range changes {
		has, err := ingest.Viewed[stamped](found[i].Val())
		if err != nil {
			return nil, err
		}
		if ch.value == nil && has != nil || ch.value != nil && (has == nil || has.UpdatedAt.Before(ch.stamp)) {
			late = append(late, ch)
		}
	}
	return late, nil
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
	return change{topic: topic.Spec, key: key, value: value, view: view, field: field, stamp: stamp}, nil
}

// until waits until the views show something, for as long as a page waits.
func (c *Console) until(ctx context.Context, shows func() bool) {
	waiting, cancel := context.WithTimeout(ctx, c.opts.Patience)
	defer cancel()
	for !shows() && waiting.Err() == nil {
		ingest.Sleep(waiting, showsEvery)
	}
}
