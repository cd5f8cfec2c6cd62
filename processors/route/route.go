package route

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// Processor routes notification requests.
type Processor struct {
	redis redis.UniversalClient
	now   func() time.Time
}

// Definition is the node of the graph. now is the clock that expiries are held against.
func Definition(rdb redis.UniversalClient, now func() time.Time) processors.Definition {
	return processors.Definition{
		Name:      "route",
		In:        []schemas.Spec{schemas.NotificationRequests.Spec},
		Out:       []schemas.Spec{schemas.DeliveriesSlack.Spec, schemas.DeliveriesEmail.Spec, schemas.NotificationOutcomes.Spec},
		Processor: &Processor{redis: rdb, now: now},
	}
}

// Process decodes the batch, asks Redis once, and decides each request.
func (p *Processor) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	result := processors.NewResult(len(batch))
	now := p.now()
	var requests []*schemas.NotificationRequest
	var index []int
	for i, rec := range batch {
		r, err := schemas.NotificationRequests.Decode(rec.Value)
		if err == nil {
			err = r.Check()
		}
		if err != nil {
			if err := refuse(result, i, &r, err, now); err != nil {
				return nil, err
			}
			continue
		}
		requests, index = append(requests, &r), append(index, i)
	}
	if len(requests) == 0 {
		return result, nil
	}
	people, err := load(ctx, p.redis, requests)
	if err != nil {
		return nil, err
	}
	for n, r := range requests {
		if err := emit(result, index[n], r, decide(r, &people[n], now)); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// refuse makes a dead letter of a bad request and, when it names itself, an outcome, so that its sender learns of it.
func refuse(result *processors.Result, i int, r *schemas.NotificationRequest, why error, now time.Time) error {
	d := decision{reject: schemas.Malformed, detail: why.Error()}
	if r.Identified() {
		d.reject = schemas.InvalidRequest
		d.outcomes = []schemas.Outcome{outcome(r, "", schemas.Failed, schemas.InvalidRequest, why.Error(), now)}
	}
	return emit(result, i, r, d)
}

func emit(result *processors.Result, i int, r *schemas.NotificationRequest, d decision) error {
	recipient := schemas.OrgKey(r.OrgID, r.Recipient.KeyPart())
	err := errors.Join(
		emitDelivery(result, i, schemas.DeliveriesSlack, recipient, d.slack),
		emitDelivery(result, i, schemas.DeliveriesEmail, recipient, d.email),
	)
	for _, o := range d.outcomes {
		value, encodeErr := schemas.NotificationOutcomes.Encode(o)
		err = errors.Join(err, encodeErr)
		result.Emit(i, processors.Emit(schemas.NotificationOutcomes.Spec, schemas.OrgKey(o.OrgID, o.RequestID), value))
	}
	if d.reject != "" {
		result.Reject(i, d.reject, d.detail)
	}
	if err != nil {
		return fmt.Errorf("route: %w", err)
	}
	return nil
}

func emitDelivery(result *processors.Result, i int, to schemas.Topic[schemas.Delivery], key schemas.Key, d *schemas.Delivery) error {
	if d == nil {
		return nil
	}
	value, err := to.Encode(*d)
	if err != nil {
		return err
	}
	result.Emit(i, processors.Emit(to.Spec, key, value))
	return nil
}
