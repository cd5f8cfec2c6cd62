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

// Processor routes notification requests, each for one person. It keeps buffers and decoded view values between batches.
type Processor struct {
	redis    redis.UniversalClient
	now      func() time.Time
	lookup   lookup
	caps     caps
	requests []schemas.NotificationRequest

	evaluation evaluation
	decision   decision
}

// Definition is the node of the graph. now is the clock that expiries and quiet hours are held against.
func Definition(rdb redis.UniversalClient, now func() time.Time) processors.Definition {
	return processors.Definition{
		Name:      "route",
		In:        []schemas.Spec{schemas.NotificationAddressed.Spec},
		Out:       append(processors.DeliveryTopics(), schemas.NotificationHeld.Spec, schemas.NotificationOutcomes.Spec),
		Processor: &Processor{redis: rdb, now: now},
	}
}

// Process decodes the batch, asks Redis once, and decides each request that was not decided before.
func (p *Processor) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	result := processors.NewResult(len(batch))
	now := p.now()
	if len(p.requests) < len(batch) {
		p.requests = make([]schemas.NotificationRequest, len(batch))
	}
	requests, index := make([]*schemas.NotificationRequest, 0, len(batch)), make([]int, 0, len(batch))
	for i, rec := range batch {
		r := &p.requests[i]
		err := schemas.DecodeRequest(schemas.NotificationAddressed, rec.Value, r)
		if err == nil {
			err = r.Check()
		}
		if err != nil {
			if err := processors.RefuseRequest(result, i, r, err, now); err != nil {
				return nil, fmt.Errorf("route: %w", err)
			}
			continue
		}
		requests, index = append(requests, r), append(index, i)
	}
	if len(requests) == 0 {
		return result, nil
	}
	people, err := p.lookup.load(ctx, p.redis, requests, hourOf(now))
	if err != nil {
		return nil, err
	}
	repeats, err := p.repeated(ctx, requests, people)
	if err != nil {
		return nil, err
	}
	out := processors.NewSlab(len(requests)*4/3, typicalDelivery)
	for n, r := range requests {
		d := repeats[n]
		if d == nil {
			d = p.decide(r, &people[n], now)
		}
		if err := emit(result, out, index[n], d); err != nil {
			return nil, fmt.Errorf("route: %w", err)
		}
	}
	return result, nil
}

const typicalDelivery = 900 // bytes

func emit(result *processors.Result, out *processors.Slab, i int, d *decision) error {
	for n := range d.now {
		one := &d.now[n].delivery
		key := schemas.OrgKey(one.OrgID, one.Recipient.KeyPart())
		result.Emit(i, out.Emit(processors.DeliveryTopic(d.now[n].by, one.Priority).Name, key, one))
	}
	for n := range d.held {
		result.Emit(i, out.Emit(schemas.NotificationHeld.Name, d.held[n].Key(), &d.held[n]))
	}
	for n := range d.outcomes {
		rec, err := processors.EmitOutcome(&d.outcomes[n])
		if err != nil {
			return err
		}
		result.Emit(i, rec)
	}
	switch {
	case d.reject != "":
		result.Reject(i, d.reject, d.detail)
	case len(d.now)+len(d.held)+len(d.outcomes) == 0:
		result.Drop(i, schemas.AlreadyHeld)
	}
	return nil
}
