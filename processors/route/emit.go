package route

import (
	"time"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

const noSuchOrg = "no installation, user or preference names the request's organization"

// emit makes what records become, one by one.
func (p *Processor) emit(result *processors.Result, repeats map[int]*decision, now time.Time) error {
	for todo := p.todo; len(todo) > 0; {
		n := 1
		for n < len(todo) && todo[n].index == todo[0].index {
			n++
		}
		if err := p.emitRecord(result, todo[:n], repeats, now); err != nil {
			return err
		}
		todo = todo[n:]
	}
	return nil
}

// emitRecord serves everybody whom a record means, once, however often they are named.
func (p *Processor) emitRecord(result *processors.Result, people []work, repeats map[int]*decision, now time.Time) error {
	if first := &people[0]; p.unknownOrg(first) { // the request ends as a whole
		return processors.RejectRequest(result, first.index, first.read, schemas.UnknownOrg, noSuchOrg, now)
	}
	var seen map[string]bool
	if len(people) > 1 {
		seen = make(map[string]bool, len(people))
	}
	for i := range people {
		w := &people[i]
		if seen != nil {
			who := w.request.Recipient
			if w.found.reason != "" || !w.here {
				who = w.recipient()
			}
			if seen[who.KeyPart()] {
				continue
			}
			seen[who.KeyPart()] = true
		}
		if err := p.emitOne(result, w, repeats, now); err != nil {
			return err
		}
	}
	if f := result.Fate(people[0].index); f.Emitted == 0 && f.Rejected == "" {
		result.Drop(people[0].index, schemas.AlreadyHeld)
	}
	return nil
}

func (p *Processor) unknownOrg(w *work) bool {
	return w.found.reason == schemas.UnknownOrg || w.here && w.found.reason == "" && !p.people[w.nth].known
}

// emitOne makes what becomes of a request for one person: the decision, the request itself where it goes on to, or why nobody was found.
func (p *Processor) emitOne(result *processors.Result, w *work, repeats map[int]*decision, now time.Time) error {
	if w.found.reason != "" {
		o := schemas.Outcome{
			OrgID: w.request.OrgID, RequestID: w.request.RequestID, Type: w.request.Type, Recipient: w.named,
			Status: schemas.Failed, Reason: w.found.reason, Detail: w.found.detail, RequestedAt: w.request.CreatedAt, At: now,
		}
		return result.EmitOutcome(w.index, &o)
	}
	if !w.here {
		return w.forward(result)
	}
	d := repeats[w.nth]
	if d == nil {
		d = p.decide(w.request, &p.people[w.nth], now)
	}
	for n := range d.now {
		one := &d.now[n].delivery
		key := schemas.OrgKey(one.OrgID, one.Recipient.KeyPart())
		result.EmitValue(w.index, processors.DeliveryTopic(d.now[n].by, one.Priority), key, one)
	}
	for n := range d.held {
		result.EmitValue(w.index, schemas.NotificationHeld.Spec, d.held[n].Key(), &d.held[n])
	}
	for n := range d.outcomes {
		if err := result.EmitOutcome(w.index, &d.outcomes[n]); err != nil {
			return err
		}
	}
	return nil
}

// forward sends a request for one person to its organization's partition.
func (w *work) forward(result *processors.Result) error {
	to, org := w.recipient(), schemas.Key(w.request.OrgID)
	if w.as != nil && to == w.named {
		result.EmitCopy(w.index, schemas.NotificationAddressed.Spec, org, w.as)
		return nil
	}
	one := *w.request
	one.Recipients = nil
	w.meet(&one, to)
	value, err := schemas.NotificationAddressed.Encode(one)
	if err != nil {
		return err
	}
	result.EmitCopy(w.index, schemas.NotificationAddressed.Spec, org, value)
	return nil
}
