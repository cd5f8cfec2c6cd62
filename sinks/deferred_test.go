package sinks_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// holding is a store that puts off whatever begins with "slow" while it is told to.
func holding() (*store, *atomic.Bool) {
	s := newStore()
	hold := &atomic.Bool{}
	hold.Store(true)
	s.judge = func(rec *kgo.Record) string {
		if hold.Load() && strings.HasPrefix(string(rec.Value), "slow") {
			return "later"
		}
		return ""
	}
	return s, hold
}

// A workspace that has to wait holds up nobody else, and its records are not committed past.
func TestDeferredRecordsHoldUpNobodyElse(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 2, topic)
	s, hold := holding()
	k.Produce(t, record(0, "fast0"), record(0, "slow0"), record(0, "fast1"), record(1, "fast2"))
	run := sinkstest.Start(t, k, s.define())
	k.Produce(t, record(0, "slow1"), record(0, "fast3"), record(1, "fast4"))
	sinkstest.Eventually(t, "the others to be written", func() bool { return len(s.written()) == 5 })
	sinkstest.Eventually(t, "partition 1 to be committed", func() bool { return k.Committed(t, group, topic.Name, 1) == 2 })
	if at := k.Committed(t, group, topic.Name, 0); at > 1 {
		t.Errorf("offset %d is committed, past the record at 1 that has to wait", at)
	}
	if err := run.Health(); err == nil || !strings.Contains(err.Error(), "somebody else's turn") {
		t.Errorf("the runner says %v, not what the record waits for", err)
	}
	hold.Store(false)
	k.WaitCommitted(t, group, topic.Name)
	slow := slices.DeleteFunc(s.order(), func(v string) bool { return !strings.HasPrefix(v, "slow") })
	if diff := cmp.Diff([]string{"slow0", "slow1"}, slow); diff != "" {
		t.Errorf("what had to wait came in another order (-want +got):\n%s", diff)
	}
	for value, n := range s.written() {
		if n != 1 {
			t.Errorf("%s was written %d times", value, n)
		}
	}
}

// What records wait for is told also between the attempts: that there is nothing to try shows nothing.
func TestWhatIsWaitedForIsToldBetweenAttempts(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	s.judge = func(*kgo.Record) string { return "tomorrow" }
	var idle atomic.Int64
	def := s.define()
	def.Idle = func(context.Context) error { idle.Add(1); return nil }
	k.Produce(t, record(0, "slow"))
	run := sinkstest.Start(t, k, def)
	sinkstest.Eventually(t, "the runner to say what the record waits for", func() bool { return run.Health() != nil })
	before := idle.Load()
	sinkstest.Eventually(t, "a while in which there is nothing to do", func() bool {
		if err := run.Health(); err == nil || !strings.Contains(err.Error(), "another day") {
			t.Fatalf("the runner says %v while the record waits", err)
		}
		return idle.Load() >= before+2
	})
}

// What was put off when the process ended is read again by the next one.
func TestDeferredRecordsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s, hold := holding()
	k.Produce(t, record(0, "slow0"), record(0, "fast0"))
	run := sinkstest.Start(t, k, s.define())
	sinkstest.Eventually(t, "the other to be written", func() bool { return s.written()["fast0"] == 1 })
	run.Stop(t)
	if at := k.Committed(t, group, topic.Name, 0); at > 0 {
		t.Fatalf("offset %d is committed", at)
	}
	hold.Store(false)
	sinkstest.Start(t, k, s.define())
	k.WaitCommitted(t, group, topic.Name)
	if s.written()["slow0"] != 1 {
		t.Errorf("written: %v", s.written())
	}
}

// A deferred record goes with its partition: the next owner writes it, and the former one no longer holds it.
func TestDeferredRecordsMoveWithTheirPartition(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 2, topic)
	s, hold := holding()
	k.Produce(t, record(0, "slow0"), record(1, "slow1"))
	sinkstest.Start(t, k, s.define())
	k.Produce(t, record(0, "fast0"), record(1, "fast1"))
	sinkstest.Eventually(t, "the others to be written", func() bool { return len(s.written()) == 2 })

	next := newStore()
	sinkstest.Start(t, k, next.define()) // this one holds nothing back
	sinkstest.Eventually(t, "the next owner to write what waited in its partition", func() bool {
		w := next.written()
		return w["slow0"]+w["slow1"] == 1
	})
	hold.Store(false)
	k.WaitCommitted(t, group, topic.Name)
	for _, value := range []string{"slow0", "slow1"} {
		if n := s.written()[value] + next.written()[value]; n != 1 {
			t.Errorf("%s was written %d times", value, n)
		}
	}
}

// What was put off comes ahead of newer records of the same batch.
func TestDeferredRecordsComeFirst(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s, hold := holding()
	s.before = func(_ context.Context, batch []*kgo.Record) error {
		if slices.ContainsFunc(batch, func(r *kgo.Record) bool { return string(r.Value) == "slow1" }) {
			hold.Store(false)
		}
		return nil
	}
	k.Produce(t, record(0, "slow0"), record(0, "fast0"))
	sinkstest.Start(t, k, s.define())
	sinkstest.Eventually(t, "the first batch", func() bool { return s.written()["fast0"] == 1 })
	k.Produce(t, record(0, "slow1"))
	k.WaitCommitted(t, group, topic.Name)
	if diff := cmp.Diff([]string{"fast0", "slow0", "slow1"}, s.order()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}
