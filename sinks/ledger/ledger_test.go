package ledger

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	id     = schemas.DeliveryID("0a0a0a0a-0000-8000-8000-000000000001")
	settle = 20 * time.Second
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newLedger(t *testing.T) (*Ledger, *miniredis.Miniredis) {
	t.Helper()
	mini := miniredis.NewMiniRedis()
	if err := mini.Start(); err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close(); mini.Close() })
	return New(rdb, settle), mini
}

func read(t *testing.T, mini *miniredis.Miniredis) *Entry {
	t.Helper()
	value, _ := mini.Get(schemas.LedgerKey(id))
	e, err := Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The states of an entry: none, begun, in doubt, begun again, done; and released where nothing was delivered.
func TestStates(t *testing.T) {
	l, mini := newLedger(t)
	ctx := t.Context()
	begin := func(was *Entry, want bool) {
		t.Helper()
		if ours, err := l.Begin(ctx, id, was, began); err != nil || ours != want {
			t.Fatalf("ours %v, %v; want %v", ours, err, want)
		}
	}
	if e := read(t, mini); e != nil {
		t.Fatalf("an entry nobody made: %+v", e)
	}
	begin(nil, true)
	begin(nil, false) // somebody else looked before it was there
	first := read(t, mini)
	if first.Attempts != 1 || first.Ambiguous || !first.BegunAt.Equal(began) || mini.TTL(schemas.LedgerKey(id)) != schemas.LedgerTTL {
		t.Errorf("begun: %+v for %v", first, mini.TTL(schemas.LedgerKey(id)))
	}
	if err := l.Doubt(ctx, id, first.Attempts, began); err != nil {
		t.Fatal(err)
	}
	begin(first, false) // it is not as it was read
	doubt := read(t, mini)
	begin(doubt, true)
	begin(doubt, false) // two replicas found the same doubt
	if e := read(t, mini); e.Attempts != 2 || e.Ambiguous || mini.TTL(schemas.LedgerKey(id)) != schemas.LedgerTTL {
		t.Errorf("begun again: %+v", e)
	}
	outcome := schemas.Outcome{OrgID: "acme", RequestID: "r", DeliveryID: id, Status: schemas.Delivered}
	var published []schemas.Outcome
	publish := func(_ context.Context, o schemas.Outcome) error { published = append(published, o); return nil }
	if err := l.Conclude(ctx, outcome, publish); err != nil {
		t.Fatal(err)
	}
	if e := read(t, mini); e.Done == nil || cmp.Diff(*e.Done, outcome) != "" || len(published) != 1 {
		t.Errorf("done: %+v, published %v", e, published)
	}
	if err := l.Release(ctx, id); err != nil || read(t, mini) != nil {
		t.Errorf("released: %+v, %v", read(t, mini), err)
	}
}

// An attempt in progress is left alone until its owner must have ended; a doubt waits twice as long each time.
func TestWait(t *testing.T) {
	l, _ := newLedger(t)
	for _, tt := range []struct {
		entry schemas.LedgerEntry
		want  time.Duration
	}{
		{schemas.LedgerEntry{BegunAt: began}, settle},
		{schemas.LedgerEntry{BegunAt: began, Attempts: 9}, settle},
		{schemas.LedgerEntry{BegunAt: began, Ambiguous: true}, 2 * time.Second}, // of a version that did not count
		{schemas.LedgerEntry{BegunAt: began, Ambiguous: true, Attempts: 1}, 2 * time.Second},
		{schemas.LedgerEntry{BegunAt: began, Ambiguous: true, Attempts: 2}, 4 * time.Second},
		{schemas.LedgerEntry{BegunAt: began, Ambiguous: true, Attempts: 7}, 128 * time.Second},
		{schemas.LedgerEntry{BegunAt: began, Ambiguous: true, Attempts: 8}, 256 * time.Second},
		{schemas.LedgerEntry{BegunAt: began, Ambiguous: true, Attempts: 9}, 5 * time.Minute},
		{schemas.LedgerEntry{BegunAt: began, Ambiguous: true, Attempts: 1 << 40}, 5 * time.Minute},
	} {
		e := &Entry{LedgerEntry: tt.entry}
		if got := l.Wait(e, began); got != tt.want {
			t.Errorf("%+v waits %v, want %v", tt.entry, got, tt.want)
		}
		if got := l.Wait(e, began.Add(tt.want)); got > 0 {
			t.Errorf("%+v still waits %v", tt.entry, got)
		}
	}
}

// What was concluded while Redis was away is known here until it is written, and published only then.
func TestConcludeWithoutRedis(t *testing.T) {
	l, mini := newLedger(t)
	outcome := schemas.Outcome{OrgID: "acme", RequestID: "r", DeliveryID: id, Status: schemas.Delivered}
	published := 0
	publish := func(context.Context, schemas.Outcome) error { published++; return nil }
	mini.SetError("LOADING")
	if err := l.Conclude(t.Context(), outcome, publish); err == nil || published > 0 {
		t.Fatalf("concluded without Redis: %v, published %d", err, published)
	}
	o, known := l.Unwritten(id)
	if !known || cmp.Diff(o, outcome) != "" {
		t.Fatalf("it knows %+v, %v", o, known)
	}
	mini.SetError("")
	if err := l.Conclude(t.Context(), o, publish); err != nil || published != 1 {
		t.Fatalf("%v, published %d", err, published)
	}
	if _, known := l.Unwritten(id); known {
		t.Error("it is still called unwritten")
	}
}

func TestAnOutcomeThatCannotBePublishedIsInTheLedger(t *testing.T) {
	l, mini := newLedger(t)
	away := errors.New("Kafka is away")
	err := l.Conclude(t.Context(), schemas.Outcome{DeliveryID: id, Status: schemas.Failed}, func(context.Context, schemas.Outcome) error { return away })
	if !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
	if e := read(t, mini); e == nil || e.Done == nil {
		t.Errorf("the ledger says %+v", e)
	}
}

func TestRepeated(t *testing.T) {
	was := schemas.Outcome{RequestID: "r1", DeliveryID: id, Status: schemas.Failed, Reason: schemas.AccountInactive}
	if got := Repeated(&schemas.Delivery{RequestID: "r1"}, was); cmp.Diff(got, was) != "" {
		t.Errorf("the same request: %+v", got)
	}
	got := Repeated(&schemas.Delivery{RequestID: "r2"}, was)
	if got.RequestID != "r2" || got.Reason != schemas.Duplicate || got.Status != schemas.Failed {
		t.Errorf("another request: %+v", got)
	}
}

func TestParseRefusesWhatItDidNotWrite(t *testing.T) {
	if _, err := Parse("hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
