package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// repeated finds the requests of a batch that were decided before, by index: their outcomes come again, as many as there are,
// and nothing is decided anew, whatever has changed since. What has no outcome yet is on its way, since all that is decided
// of a request is emitted in one transaction. The sinks' ledger knows what was sent twice before its first outcome was seen.
func (p *Processor) repeated(ctx context.Context, requests []*schemas.NotificationRequest, people []person) (map[int]*decision, error) {
	known := map[int][]*redis.StringCmd{}
	err := func() error {
		if !slices.ContainsFunc(people, func(p person) bool { return len(p.done) > 0 }) {
			return nil
		}
		return processors.Lookup(ctx, p.redis, func(pipe redis.Pipeliner) {
			for n, r := range requests {
				if len(people[n].done) == 0 {
					continue
				}
				for _, id := range ledgerIDs(r) {
					if slices.Contains(people[n].done, string(id)) {
						known[n] = append(known[n], pipe.Get(ctx, schemas.LedgerKey(id)))
					} else if slices.Contains(people[n].done, schemas.DoneHeld+string(id)) && known[n] == nil {
						known[n] = []*redis.StringCmd{}
					}
				}
			}
		})
	}()
	if err != nil {
		return nil, err
	}
	again := make(map[int]*decision, len(known))
	for n, entries := range known {
		d := &decision{}
		for _, cmd := range entries {
			if errors.Is(cmd.Err(), redis.Nil) {
				continue // it has just expired
			}
			var entry schemas.LedgerEntry
			if err := json.Unmarshal([]byte(cmd.Val()), &entry); err != nil {
				return nil, fmt.Errorf("read the ledger: %w", err)
			}
			if o := entry.Done; o != nil {
				if o.RequestID != requests[n].RequestID {
					o.RequestID, o.Reason = requests[n].RequestID, schemas.Duplicate
				}
				d.outcomes = append(d.outcomes, *o)
			}
		}
		again[n] = d
	}
	return again, nil
}

// ledgerIDs are all under which a request may be over: before a channel was chosen, and by each channel.
func ledgerIDs(r *schemas.NotificationRequest) []schemas.DeliveryID {
	person := r.Recipient.KeyPart()
	ids := []schemas.DeliveryID{schemas.NewDeliveryID(r.OrgID, r.RequestID, "", person, "")}
	for _, by := range []schemas.DeliveryChannel{schemas.BySlack, schemas.ByEmail} {
		ids = append(ids, schemas.NewDeliveryID(r.OrgID, r.RequestID, "", person, by))
		if r.DedupID != "" {
			ids = append(ids, schemas.NewDeliveryID(r.OrgID, r.RequestID, r.DedupID, person, by))
		}
	}
	return ids
}
