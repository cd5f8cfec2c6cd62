// Package ledger brackets every delivery, so that each is made once: an entry before, an entry after.
package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Ledger is kept in Redis. The views sink rebuilds it from notification.outcomes, and delivering sinks wait for the views,
// so that a lost Redis does not deliver twice what was decided.
type Ledger struct{ Redis redis.UniversalClient }

// Settle is how long an entry that was begun and not done may still be somebody's attempt in progress: longer than an
// attempt can take (clients give up before). After it the attempt is ambiguous.
const Settle = 20 * time.Second

// Parse reads an entry as Redis holds it. No value is no entry.
func Parse(value string) (*schemas.LedgerEntry, error) {
	if value == "" {
		return nil, nil
	}
	var e schemas.LedgerEntry
	if err := json.Unmarshal([]byte(value), &e); err != nil {
		return nil, fmt.Errorf("read a ledger entry: %w", err)
	}
	return &e, nil
}

// Begin notes that an attempt is about to be made, unless somebody else's note is there.
func (l Ledger) Begin(ctx context.Context, id schemas.DeliveryID, now time.Time) (ours bool, err error) {
	value, err := json.Marshal(schemas.LedgerEntry{BegunAt: now})
	if err != nil {
		return false, fmt.Errorf("encode a ledger entry: %w", err)
	}
	ours, err = l.Redis.SetNX(ctx, schemas.LedgerKey(id), value, schemas.LedgerTTL).Result()
	if err != nil {
		return false, fmt.Errorf("write the ledger: %w", err)
	}
	return ours, nil
}

// Set replaces the entry.
func (l Ledger) Set(ctx context.Context, id schemas.DeliveryID, e schemas.LedgerEntry) error {
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode a ledger entry: %w", err)
	}
	if err := l.Redis.Set(ctx, schemas.LedgerKey(id), value, schemas.LedgerTTL).Err(); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

// Release takes the note back: nothing was delivered.
func (l Ledger) Release(ctx context.Context, id schemas.DeliveryID) error {
	if err := l.Redis.Del(ctx, schemas.LedgerKey(id)).Err(); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

// Repeated is the outcome of a delivery that was decided before: the same again for the same request, and for another
// request with the same dedup id its status under that request's name.
func Repeated(d *schemas.Delivery, was schemas.Outcome) schemas.Outcome {
	if was.RequestID != d.RequestID {
		was.RequestID, was.Reason = d.RequestID, schemas.Duplicate
	}
	return was
}

// Conclude writes the ledger, then the outcome. A crash in between repeats the outcome from the ledger.
func (l Ledger) Conclude(ctx context.Context, o schemas.Outcome, publish func(context.Context, schemas.Outcome) error) error {
	if err := l.Set(ctx, o.DeliveryID, schemas.LedgerEntry{Done: &o}); err != nil {
		return err
	}
	return publish(ctx, o)
}
