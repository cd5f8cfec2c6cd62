// Package ledger brackets every delivery, so that each is made once: an entry before, an entry after.
package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Ledger is kept in Redis. The views sink rebuilds it from notification.outcomes, and delivering sinks wait for the views,
// so that a lost Redis does not deliver twice what was decided.
type Ledger struct {
	redis  redis.UniversalClient
	settle time.Duration

	mu        sync.Mutex
	unwritten map[schemas.DeliveryID]schemas.Outcome
}

// New makes a ledger. Settle is how long an entry that was begun and not done may still be somebody's attempt in progress:
// longer than an attempt can take. After it the attempt is ambiguous.
func New(rdb redis.UniversalClient, settle time.Duration) *Ledger {
	return &Ledger{redis: rdb, settle: settle, unwritten: map[schemas.DeliveryID]schemas.Outcome{}}
}

// Entry is what the ledger knows of a delivery.
type Entry struct {
	schemas.LedgerEntry
	raw string // as Redis holds it: what Begin compares with
}

// Parse reads an entry as Redis holds it. No value is no entry.
func Parse(value string) (*Entry, error) {
	if value == "" {
		return nil, nil
	}
	e := Entry{raw: value}
	if err := json.Unmarshal([]byte(value), &e.LedgerEntry); err != nil {
		return nil, errors.New("read a ledger entry: it is not the JSON that the ledger writes")
	}
	return &e, nil
}

// Pauses between attempts of which each may have arrived: a side that takes a message and answers with an error must not
// make a person's inbox fill up.
const (
	firstRepeat = 2 * time.Second
	lastRepeat  = 5 * time.Minute
)

// Wait is how long an entry that is not done keeps everybody from another attempt.
func (l *Ledger) Wait(e *Entry, now time.Time) time.Duration {
	pause := l.settle
	if e.Ambiguous {
		pause = lastRepeat
		if doublings := max(e.Attempts-1, 0); doublings < 8 {
			pause = min(firstRepeat<<doublings, lastRepeat)
		}
	}
	return e.BegunAt.Add(pause).Sub(now)
}

// swap replaces an entry that is as it was read. KEYS: entry. ARGV: as read, new, milliseconds to live.
var swap = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`)

// Begin notes that an attempt is about to be made. It is not ours when somebody else has noted something since was was read.
func (l *Ledger) Begin(ctx context.Context, id schemas.DeliveryID, was *Entry, now time.Time) (ours bool, err error) {
	next := schemas.LedgerEntry{BegunAt: now, Attempts: 1}
	if was != nil {
		next.Attempts += was.Attempts
	}
	value, err := json.Marshal(next)
	if err != nil {
		return false, fmt.Errorf("encode a ledger entry: %w", err)
	}
	if was == nil {
		ours, err = l.redis.SetNX(ctx, schemas.LedgerKey(id), value, schemas.LedgerTTL).Result()
	} else {
		ours, err = swap.Run(ctx, l.redis, []string{schemas.LedgerKey(id)}, was.raw, value, schemas.LedgerTTL.Milliseconds()).Bool()
	}
	if err != nil {
		return false, fmt.Errorf("write the ledger: %w", err)
	}
	return ours, nil
}

// Doubt notes that so many attempts ended without anybody knowing whether one of them arrived.
func (l *Ledger) Doubt(ctx context.Context, id schemas.DeliveryID, attempts int, now time.Time) error {
	return l.set(ctx, id, schemas.LedgerEntry{BegunAt: now, Ambiguous: true, Attempts: attempts})
}

func (l *Ledger) set(ctx context.Context, id schemas.DeliveryID, e schemas.LedgerEntry) error {
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode a ledger entry: %w", err)
	}
	if err := l.redis.Set(ctx, schemas.LedgerKey(id), value, schemas.LedgerTTL).Err(); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

// Release takes the note back: nothing was delivered.
func (l *Ledger) Release(ctx context.Context, id schemas.DeliveryID) error {
	if err := l.redis.Del(ctx, schemas.LedgerKey(id)).Err(); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

// Conclude writes the ledger, then the outcome. A crash in between repeats the outcome from the ledger. When the ledger
// cannot be written, the outcome is remembered (Unwritten): a Redis that is away must not make a message that was accepted
// look as if nobody knew.
func (l *Ledger) Conclude(ctx context.Context, o schemas.Outcome, publish func(context.Context, schemas.Outcome) error) error {
	if err := l.set(ctx, o.DeliveryID, schemas.LedgerEntry{Done: &o}); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unwritten[o.DeliveryID] = o
		return err
	}
	l.mu.Lock()
	delete(l.unwritten, o.DeliveryID)
	l.mu.Unlock()
	return publish(ctx, o)
}

// Unwritten is the outcome of a delivery that this process concluded and could not write: conclude it again.
func (l *Ledger) Unwritten(id schemas.DeliveryID) (o schemas.Outcome, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, known = l.unwritten[id]
	return o, known
}

// Repeated is the outcome of a delivery that was decided before: the same again for the same request, and for another
// request with the same dedup id its status under that request's name.
func Repeated(d *schemas.Delivery, was schemas.Outcome) schemas.Outcome {
	if was.RequestID != d.RequestID {
		was.RequestID, was.Reason = d.RequestID, schemas.Duplicate
	}
	return was
}
