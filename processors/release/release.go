package release

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// Processor releases held notifications.
type Processor struct {
	redis redis.UniversalClient
	now   func() time.Time
}

// Definition is the node of the graph. now is the clock that due times and expiries are held against.
func Definition(rdb redis.UniversalClient, now func() time.Time) processors.Definition {
	p := &Processor{redis: rdb, now: now}
	return processors.Definition{
		Name:      "release",
		In:        []schemas.Spec{schemas.NotificationHeld.Spec},
		Out:       append(processors.DeliveryTopics(), schemas.NotificationOutcomes.Spec, schemas.NotificationHeld.Spec),
		Processor: p, Ticker: p,
	}
}

// Process passes over every record: the view has them, and Tick reads that. Reading them is what makes the partition ours.
func (p *Processor) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	result := processors.NewResult(len(batch))
	for i := range batch {
		result.Drop(i, schemas.IsHeld)
	}
	return result, nil
}

// Tick emits what is due, group by group, and ends what it was made of.
func (p *Processor) Tick(ctx context.Context, owned []processors.Owned) ([]*kgo.Record, error) {
	now := p.now()
	groups, err := p.due(ctx, owned, now)
	if err != nil {
		return nil, err
	}
	var out []*kgo.Record
	for _, g := range groups {
		records, err := g.release(now)
		if err != nil {
			return nil, err
		}
		out = append(out, records...)
	}
	return out, nil
}

// release makes the records of one group: what of it has expired, one message of the rest, and the tombstones of all.
func (g *group) release(now time.Time) ([]*kgo.Record, error) {
	var out []*kgo.Record
	var alive []schemas.Delivery
	for i := range g.items {
		d := &g.items[i].Delivery
		if d.ExpiresAt.IsZero() || d.ExpiresAt.After(now) {
			alive = append(alive, *d)
			continue
		}
		o := d.Outcome(g.channel, schemas.Expired, schemas.PastExpiry, "it waited, and expired meanwhile", now.UTC())
		o.ReleasedAt = now.UTC()
		rec, err := processors.EmitOutcome(&o)
		if err != nil {
			return nil, err
		}
		out = append(out, rec)
	}
	if len(alive) > 0 {
		d := merge(alive, now)
		out = append(out, processors.EmitDelivery(g.channel, &d))
	}
	for _, key := range g.keys {
		out = append(out, processors.Emit(schemas.NotificationHeld.Spec, schemas.Key(key), nil))
	}
	return out, nil
}
