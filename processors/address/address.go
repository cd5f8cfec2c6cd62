package address

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// Processor addresses notification requests.
type Processor struct {
	redis redis.UniversalClient
	now   func() time.Time
}

// Definition is the node of the graph. now is the clock of its outcomes.
func Definition(rdb redis.UniversalClient, now func() time.Time) processors.Definition {
	return processors.Definition{
		Name:      "address",
		In:        []schemas.Spec{schemas.NotificationRequests.Spec},
		Out:       []schemas.Spec{schemas.NotificationAddressed.Spec, schemas.NotificationOutcomes.Spec},
		Processor: &Processor{redis: rdb, now: now},
	}
}

// work is one person whom a request names.
type work struct {
	index   int // of the record
	request *schemas.NotificationRequest
	named   schemas.Recipient
	found   found
	as      []byte // the record's value, when it is a request for this one person already; nil: it has to be made
}

// Process checks the batch, asks Redis about whoever is not named by id, and emits a request for each person.
func (p *Processor) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	result := processors.NewResult(len(batch))
	now := p.now().UTC()
	var todo []*work
	for i, rec := range batch {
		r, err := schemas.NotificationRequests.Decode(rec.Value)
		if err == nil {
			err = r.Check()
		}
		if err != nil {
			if err := processors.RefuseRequest(result, i, &r, err, now); err != nil {
				return nil, fmt.Errorf("address: %w", err)
			}
			continue
		}
		var as []byte
		if len(r.Recipients) == 0 && !r.CreatedAt.IsZero() && r.Named == nil {
			as = rec.Value
		}
		if r.CreatedAt.IsZero() {
			r.CreatedAt = rec.Timestamp.UTC() // so that a replay is as old as it is
		}
		for _, named := range r.Everybody() {
			todo = append(todo, &work{index: i, request: &r, named: named, as: as})
		}
	}
	if err := p.find(ctx, todo); err != nil {
		return nil, err
	}
	if err := emit(result, todo, now); err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	return result, nil
}

// emit makes a request for each person whom a record means, once, however often they are named.
func emit(result *processors.Result, todo []*work, now time.Time) error {
	type person struct {
		index int
		who   string
	}
	seen := map[person]bool{}
	for _, w := range todo {
		to := w.recipient()
		unknownOrg := w.found.reason == schemas.UnknownOrg
		key := person{w.index, to.KeyPart()}
		if unknownOrg {
			key.who = "" // the request ends as a whole
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		if unknownOrg {
			if err := processors.RejectRequest(result, w.index, w.request, schemas.UnknownOrg, noSuchOrg, now); err != nil {
				return err
			}
			continue
		}
		rec, err := w.record(to, now)
		if err != nil {
			return err
		}
		result.Emit(w.index, rec)
	}
	return nil
}

const noSuchOrg = "no installation, user or preference names the request's organization"

// recipient is who was found; or as named, when it is route that says why nobody is.
func (w *work) recipient() schemas.Recipient {
	if w.found.user == "" || w.found.reason != "" {
		return w.named
	}
	return schemas.Recipient{UserID: w.found.user, Email: w.found.email}
}

// record is the request for one person, or the outcome that says why there is none.
func (w *work) record(to schemas.Recipient, now time.Time) (*kgo.Record, error) {
	if w.found.reason != "" {
		o := schemas.Outcome{
			OrgID: w.request.OrgID, RequestID: w.request.RequestID, Type: w.request.Type, Recipient: w.named,
			Status: schemas.Failed, Reason: w.found.reason, Detail: w.found.detail, RequestedAt: w.request.CreatedAt, At: now,
		}
		return processors.EmitOutcome(&o)
	}
	if w.as != nil && to == w.named {
		return processors.Emit(schemas.NotificationAddressed.Spec, schemas.Key(w.request.OrgID), w.as), nil
	}
	one := *w.request
	one.Recipient, one.Recipients, one.Named = to, nil, nil
	if to != w.named {
		one.Named = &w.named
	}
	value, err := schemas.NotificationAddressed.Encode(one)
	if err != nil {
		return nil, err
	}
	return processors.Emit(schemas.NotificationAddressed.Spec, schemas.Key(one.OrgID), value), nil
}
