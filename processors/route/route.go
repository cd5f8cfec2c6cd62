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

// Processor routes notification requests, each for one person.
type Processor struct {
	redis redis.UniversalClient
	now   func() time.Time
	caps  caps
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
	var requests []*schemas.NotificationRequest
	var index []int
	for i, rec := range batch {
		r, err := schemas.NotificationAddressed.Decode(rec.Value)
		if err == nil {
			err = r.Check()
		}
		if err != nil {
			if err := processors.RefuseRequest(result, i, &r, err, now); err != nil {
				return nil, fmt.Errorf("route: %w", err)
			}
			continue
		}
		requests, index = append(requests, &r), append(index, i)
	}
	if len(requests) == 0 {
		return result, nil
	}
	people, err := load(ctx, p.redis, requests, hourOf(now))
	if err != nil {
		return nil, err
	}
	repeats, err := p.repeated(ctx, requests, people)
	if err != nil {
		return nil, err
	}
	for n, r := range requests {
		d, again := repeats[n]
		if !again {
			d = p.decide(r, &people[n], now)
		}
		if err := emit(result, index[n], &d); err != nil {
			return nil, fmt.Errorf("route: %w", err)
		}
	}
	return result, nil
}

func emit(result *processors.Result, i int, d *decision) error {
	for n := range d.now {
		rec, err := processors.EmitDelivery(d.now[n].by, &d.now[n].delivery)
		if err != nil {
			return err
		}
		result.Emit(i, rec)
	}
	for n := range d.held {
		value, err := schemas.NotificationHeld.Encode(d.held[n])
		if err != nil {
			return err
		}
		result.Emit(i, processors.Emit(schemas.NotificationHeld.Spec, d.held[n].Key(), value))
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
