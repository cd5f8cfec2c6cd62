package sinks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

func TestPausesDoubleUpToALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Runner{def: Definition{Name: "x"}, opts: Options{Health: func(error) {}, Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler)}}
		var pauses []time.Duration
		last := time.Now()
		err := r.untilDone(t.Context(), func() error {
			pauses = append(pauses, time.Since(last))
			last = time.Now()
			if len(pauses) == 10 {
				return nil
			}
			return errors.New("away")
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, firstPause, 2 * firstPause, 4 * firstPause, 8 * firstPause, 16 * firstPause, 32 * firstPause, lastPause, lastPause, lastPause}
		if diff := cmp.Diff(want, pauses); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
	})
}

func TestUntilDoneEndsWithItsContextAndSaysWhatItWaitedFor(t *testing.T) {
	r := &Runner{def: Definition{Name: "x"}, opts: Options{Health: func(error) {}, Metrics: NewMetrics(prometheus.NewRegistry())}}
	ctx, cancel := context.WithCancel(t.Context())
	away := errors.New("away")
	if err := r.untilDone(ctx, func() error { cancel(); return away }); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}

func TestDrainableOutlivesItsParentByTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		work, stop := drainable(parent, 10*time.Second)
		defer stop()
		cancel()
		began := time.Now()
		<-work.Done()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it outlived its parent by %v", took)
		}
	})
}

func TestPermanentIsSeenThroughWrapping(t *testing.T) {
	err := errors.New("no")
	if !IsPermanent(fmt.Errorf("insert: %w", Permanent(err))) || !errors.Is(Permanent(err), err) || IsPermanent(err) || IsPermanent(nil) {
		t.Error("Permanent and IsPermanent do not agree")
	}
}

// What may be committed: everything before the first record that waits, for each partition by itself.
func TestHeldCommitsUpToTheFirstDeferredRecord(t *testing.T) {
	rec := func(p int32, offset int64) *kgo.Record { return &kgo.Record{Topic: "t", Partition: p, Offset: offset} }
	h := newHeld(nil)
	h.seen([]*kgo.Record{rec(0, 10), rec(0, 11), rec(0, 12)})
	h.seen([]*kgo.Record{rec(1, 7)})
	h.seen(nil)
	h.settle(Result{Deferred: []*kgo.Record{rec(0, 12), rec(0, 11), rec(2, 3)}}, time.Now()) // 2 is not ours any more
	want := map[string]map[int32]kgo.EpochOffset{"t": {0: {Offset: 11}, 1: {Offset: 8}}}
	if diff := cmp.Diff(want, h.offsets()); diff != "" {
		t.Errorf("offsets (-want +got):\n%s", diff)
	}
	if n := h.waiting(); n != 2 {
		t.Errorf("%d records wait, want 2", n)
	}
	h.forget(map[string][]int32{"t": {0}})
	if diff := cmp.Diff(map[string]map[int32]kgo.EpochOffset{"t": {1: {Offset: 8}}}, h.offsets()); diff != "" {
		t.Errorf("offsets after partition 0 went (-want +got):\n%s", diff)
	}
	if taken, _ := h.offer(time.Now()); len(taken) != 0 {
		t.Errorf("records of a partition that went are still held: %v", taken)
	}
}

// The value of a private topic stays where its short retention ends it.
func TestDeadLettersOfPrivateTopicsCarryNoValue(t *testing.T) {
	for _, topic := range schemas.Topics() {
		in := &kgo.Record{Topic: topic.Name, Key: []byte("k"), Value: []byte("text"), Partition: 3, Offset: 9, Timestamp: time.Unix(1, 0)}
		out := deadLetter("x", Rejection{Record: in, Reason: schemas.Malformed, Detail: "why"})
		if kept := len(out.Value) > 0; kept == topic.Private {
			t.Errorf("%s: private is %v, the dead letter keeps the value: %v", topic.Name, topic.Private, kept)
		}
		if out.Topic != topic.DeadLetter() || string(out.Key) != "k" || len(out.Headers) != 7 {
			t.Errorf("%s: dead letter %+v", topic.Name, out)
		}
	}
}
