package deadletters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// How a letter may have been closed.
const (
	Replayed = "replayed"
	Edited   = "edited"
	Dropped  = "dropped"
)

// Closing says what somebody did about a letter. It is a record of its own on the dead-letter topic: nothing of a letter is ever changed.
type Closing struct {
	How string    `json:"how"` // replayed, edited or dropped
	By  string    `json:"by"`
	Why string    `json:"why,omitempty"`
	At  time.Time `json:"at"`
}

// Close notes what was done about a letter. A crash between a replay and its note leaves the letter open: it is then replayed again, at worst.
func (r Reader) Close(ctx context.Context, l Letter, c Closing) error {
	rec := &kgo.Record{Topic: l.ID.Topic, Key: l.Key, Headers: []kgo.RecordHeader{
		{Key: schemas.HeaderCloses, Value: []byte(l.ID.String())}, {Key: schemas.HeaderClosed, Value: []byte(c.How)},
		{Key: schemas.HeaderBy, Value: []byte(c.By)}, {Key: schemas.HeaderWhy, Value: []byte(c.Why)},
	}}
	if err := r.Client.ProduceSync(ctx, rec).FirstErr(); err != nil {
		return fmt.Errorf("note that %s was %s: %w", l.ID, c.How, err)
	}
	return nil
}

// closing reads a note; found is false for any other record.
func closing(rec *kgo.Record) (id string, c Closing, found bool) {
	for _, h := range rec.Headers {
		switch h.Key {
		case schemas.HeaderCloses:
			id, found = string(h.Value), true
		case schemas.HeaderClosed:
			c.How = string(h.Value)
		case schemas.HeaderBy:
			c.By = string(h.Value)
		case schemas.HeaderWhy:
			c.Why = string(h.Value)
		}
	}
	c.At = rec.Timestamp.UTC()
	return id, c, found
}

// Edit produces the letter's record again with another value, which must be what the topic takes.
func (r Reader) Edit(ctx context.Context, l Letter, value []byte) error {
	spec, known := schemas.TopicByName(l.Topic)
	if !known {
		return fmt.Errorf("there is no topic %q any more", l.Topic)
	}
	if err := spec.Check(value); err != nil {
		return fmt.Errorf("the new value would be refused as well: %w", err)
	}
	key := l.Key
	if len(key) == 0 {
		return errors.New("the letter has no key, so that nobody knows where its record belongs: produce it from where it came from")
	}
	return r.produce(ctx, l, key, value)
}

func (r Reader) produce(ctx context.Context, l Letter, key, value []byte) error {
	rec := &kgo.Record{
		Topic: l.Topic, Key: key, Value: value,
		Headers: []kgo.RecordHeader{{Key: schemas.HeaderReplayed, Value: []byte(l.ID.String())}},
	}
	if err := r.Client.ProduceSync(ctx, rec).FirstErr(); err != nil {
		return fmt.Errorf("replay %s: %w", l.ID, err)
	}
	return nil
}
