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

// Processor addresses notification requests. It keeps buffers between batches, never records.
type Processor struct {
	redis    redis.UniversalClient
	now      func() time.Time
	requests []schemas.NotificationRequest
	todo     []work
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
	if err := p.read(batch, result, now); err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	if err := p.find(ctx, p.todo); err != nil {
		return nil, err
	}
	if err := emit(result, p.todo, now); err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	return result, nil
}

// read notes everybody whom the batch's requests name, those of one request beside each other.
func (p *Processor) read(batch []*kgo.Record, result *processors.Result, now time.Time) error {
	if len(p.requests) < len(batch) {
		p.requests = make([]schemas.NotificationRequest, len(batch))
	}
	p.todo = p.todo[:0]
	for i, rec := range batch {
		r := &p.requests[i]
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
		var as []byte
		if len(r.Recipients) == 0 && !r.CreatedAt.IsZero() && r.Named == nil {
			as = rec.Value
		}
		if r.CreatedAt.IsZero() {
			r.CreatedAt = rec.Timestamp.UTC() // so that a replay is as old as it is
		}
		if len(r.Recipients) == 0 {
			p.todo = append(p.todo, work{index: i, request: r, named: r.Recipient, as: as})
		}
		for _, named := range r.Recipients {
			p.todo = append(p.todo, work{index: i, request: r, named: named})
		}
	}
	return nil
}

// emit makes a request for each person whom a record means, once, however often they are named.
func emit(result *processors.Result, todo []work, now time.Time) error {
	out := processors.NewSlab(len(todo), typicalKey)
	for len(todo) > 0 {
		n := 1
		for n < len(todo) && todo[n].index == todo[0].index {
			n++
		}
		if err := emitOne(result, out, todo[:n], now); err != nil {
			return err
		}
		todo = todo[n:]
	}
	return nil
}

const typicalKey = 32 // bytes

// emitOne makes the requests of one record.
func emitOne(result *processors.Result, out *processors.Slab, people []work, now time.Time) error {
	if w := &people[0]; w.found.reason == schemas.UnknownOrg { // the request ends as a whole
		return processors.RejectRequest(result, w.index, w.request, schemas.UnknownOrg, noSuchOrg, now)
	}
	var seen map[string]bool
	if len(people) > 1 {
		seen = make(map[string]bool, len(people))
	}
	for i := range people {
		w := &people[i]
		to := w.recipient()
		if seen != nil {
			if seen[to.KeyPart()] {
				continue
			}
			seen[to.KeyPart()] = true
		}
		rec, err := w.record(out, to, now)
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
func (w *work) record(out *processors.Slab, to schemas.Recipient, now time.Time) (*kgo.Record, error) {
	if w.found.reason != "" {
		o := schemas.Outcome{
			OrgID: w.request.OrgID, RequestID: w.request.RequestID, Type: w.request.Type, Recipient: w.named,
			Status: schemas.Failed, Reason: w.found.reason, Detail: w.found.detail, RequestedAt: w.request.CreatedAt, At: now,
		}
		return processors.EmitOutcome(&o)
	}
	if w.as != nil && to == w.named {
		return out.Copy(schemas.NotificationAddressed.Name, schemas.Key(w.request.OrgID), w.as), nil
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
