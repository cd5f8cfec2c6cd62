package route

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// Processor routes notification requests. It keeps buffers and decoded view values between batches.
type Processor struct {
	redis       redis.UniversalClient
	now         func() time.Time
	repartition *processors.Repartition
	lookup      lookup
	caps        caps

	records  []schemas.NotificationRequest // as they were read
	todo     []work
	requests []*schemas.NotificationRequest // those of todo that are decided here
	people   []person                       // and for whom

	evaluation evaluation
	decision   decision
}

// Definition is the node of the graph. now is the clock that expiries and quiet hours are held against.
func Definition(rdb redis.UniversalClient, now func() time.Time) processors.Definition {
	home := &processors.Repartition{
		From: schemas.NotificationRequests.Spec, Through: schemas.NotificationAddressed.Spec,
		Succeeds: "address", // which re-keyed every request until November 2026
	}
	return processors.Definition{
		Name:        "route",
		In:          []schemas.Spec{home.From, home.Through},
		Out:         append(processors.DeliveryTopics(), home.Through, schemas.NotificationHeld.Spec, schemas.NotificationOutcomes.Spec),
		Processor:   &Processor{redis: rdb, now: now, repartition: home},
		Repartition: home,
	}
}

// work is one person whom a record names.
type work struct {
	index   int                          // of the record
	read    *schemas.NotificationRequest // as it was read
	request *schemas.NotificationRequest // for this person alone, once it is decided here
	named   schemas.Recipient
	found   found
	here    bool   // it is decided here; else it goes to its organization's partition
	as      []byte // the record's value, when it can go there as it is
	nth     int    // of the requests that are decided here
}

// Process takes through as many requests at a time as are asked about in one round trip: what they need stays in the processor's cache.
func (p *Processor) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	result, now := processors.NewResult(len(batch)), p.now().UTC()
	for from := 0; from < len(batch); from += mostAtOnce {
		if err := p.process(ctx, batch[from:min(from+mostAtOnce, len(batch))], from, result, now); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// process decodes records of the batch, of which they are those beginning with first, finds out whom they mean, asks Redis once about
// all of them, and decides what was not decided before.
func (p *Processor) process(ctx context.Context, records []*kgo.Record, first int, result *processors.Result, now time.Time) error {
	if err := p.read(records, first, result, now); err != nil {
		return fmt.Errorf("route: %w", err)
	}
	if err := p.find(ctx, p.todo); err != nil {
		return err
	}
	p.settle()
	var err error
	if p.people, err = p.lookup.load(ctx, p.redis, p.requests, hourOf(now)); err != nil {
		return err
	}
	p.identify()
	repeats, err := p.repeated(ctx, p.requests, p.people)
	if err != nil {
		return err
	}
	if err := p.emit(result, repeats, now); err != nil {
		return fmt.Errorf("route: %w", err)
	}
	return nil
}

// read notes everybody whom records name, those of one record beside each other.
func (p *Processor) read(records []*kgo.Record, first int, result *processors.Result, now time.Time) error {
	if len(p.records) < len(records) {
		p.records = make([]schemas.NotificationRequest, len(records))
	}
	p.todo = p.todo[:0]
	for n, rec := range records {
		i, r := first+n, &p.records[n]
		err := schemas.DecodeRequest(schemas.NotificationRequests, rec.Value, r)
		if err == nil {
			err = r.Check()
		}
		if err != nil {
			if err := processors.RefuseRequest(result, i, r, err, now); err != nil {
				return err
			}
			continue
		}
		w := work{index: i, read: r, request: r, named: r.Recipient, here: p.repartition.Arrived(rec, schemas.Key(r.OrgID))}
		if len(r.Recipients) == 0 && !r.CreatedAt.IsZero() && r.Named == nil {
			w.as = rec.Value
		}
		if r.CreatedAt.IsZero() {
			r.CreatedAt = rec.Timestamp.UTC() // so that a replay is as old as it is
		}
		if rec.Topic != schemas.NotificationAddressed.Name {
			r.Named = nil // it is ours to say
		}
		if len(r.Recipients) == 0 {
			p.todo = append(p.todo, w)
		}
		for _, w.named = range r.Recipients {
			p.todo = append(p.todo, w)
		}
	}
	return nil
}

// settle makes a request for one person of each that is decided here.
func (p *Processor) settle() {
	p.requests = p.requests[:0]
	for i := range p.todo {
		w := &p.todo[i]
		if !w.here || w.found.reason != "" {
			continue
		}
		if len(w.request.Recipients) > 0 {
			one := *w.request
			one.Recipients = nil
			w.request = &one
		}
		w.meet(w.request, w.recipient())
		w.nth, p.requests = len(p.requests), append(p.requests, w.request)
	}
}

// identify makes of an email whom the directory has it for: what people get is counted, and told apart, by their id.
func (p *Processor) identify() {
	for n, r := range p.requests {
		if user := p.people[n].user; user != nil && r.Recipient.UserID == "" {
			if r.Named == nil {
				named := r.Recipient
				r.Named = &named
			}
			r.Recipient.UserID = user.UserID
		}
	}
}

// meet makes r a request for somebody, and keeps how the record names them.
func (w *work) meet(r *schemas.NotificationRequest, to schemas.Recipient) {
	r.Recipient = to
	if to != w.named {
		named := w.named
		r.Named = &named
	}
}

// recipient is who was found; or as named, when it is the look-up that says who that is, or that nobody is.
func (w *work) recipient() schemas.Recipient {
	if w.found.user == "" || w.found.reason != "" {
		return w.named
	}
	return schemas.Recipient{UserID: w.found.user, Email: w.found.email}
}
