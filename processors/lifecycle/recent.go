package lifecycle

import (
	"encoding/json"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// recent remembers what was stated of channels a moment ago, which the views may not show yet: a record keeps what its event does not
// say, and of two events right after one another the second's would else lack the first's part.
type recent struct {
	stated map[schemas.Key][]statement // by channel, in the order of the events
	now    func() time.Time
}

// statement is a record that was emitted, perhaps in a transaction that did not commit: it counts for what comes after its event on the
// same partition, and not when the event itself is processed again.
type statement struct {
	of      position
	at      time.Time // of the event
	made    time.Time
	channel *schemas.SlackChannel // nil: gone
}

// The views follow within moments. maxStated bounds the channels that are remembered, maxEach what is of each.
const (
	statedFor = time.Minute
	maxStated = 10_000
	maxEach   = 64
)

// known is what is known of a channel before an event: the views' word or what was stated since. A channel that was stated to be gone
// comes with when that was.
func (r *recent) known(key schemas.Key, viewed *schemas.SlackChannel, before position) (c *schemas.SlackChannel, gone time.Time) {
	stated := r.stated[key]
	for i := len(stated) - 1; i >= 0; i-- {
		s := &stated[i]
		if s.of.partition != before.partition || s.of.offset >= before.offset {
			continue
		}
		if r.now().Sub(s.made) > statedFor || viewed != nil && viewed.UpdatedAt.After(s.at) {
			break
		}
		if s.channel == nil {
			gone = s.at
		}
		return s.channel, gone
	}
	return viewed, time.Time{}
}

// note remembers the records of an event.
func (r *recent) note(records []*kgo.Record, of position, at time.Time) error {
	for _, rec := range records {
		if rec.Topic != schemas.SlackChannels.Name {
			continue
		}
		s := statement{of: of, at: at, made: r.now()}
		if rec.Value != nil {
			s.channel = new(schemas.SlackChannel)
			if err := json.Unmarshal(rec.Value, s.channel); err != nil {
				return err
			}
		}
		if len(r.stated) >= maxStated {
			clear(r.stated)
		}
		key := schemas.Key(rec.Key)
		stated := r.stated[key]
		for len(stated) > 0 && stated[len(stated)-1].of.partition == of.partition && stated[len(stated)-1].of.offset >= of.offset {
			stated = stated[:len(stated)-1] // from an attempt that did not commit
		}
		if len(stated) >= maxEach {
			stated = stated[1:]
		}
		r.stated[key] = append(stated, s)
	}
	return nil
}
