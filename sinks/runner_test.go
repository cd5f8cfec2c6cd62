package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

func TestNewRunnerRefusesWhatCannotRun(t *testing.T) {
	whole := newStore().define()
	for name, spoil := range map[string]func(*sinks.Definition){
		"name": func(d *sinks.Definition) { d.Name = "" },
		"sink": func(d *sinks.Definition) { d.Sink = nil },
		"in":   func(d *sinks.Definition) { d.In = nil },
		"size": func(d *sinks.Definition) { d.MaxBatch = 0 },
		"wait": func(d *sinks.Definition) { d.MaxWait = 0 },
	} {
		def := whole
		spoil(&def)
		if _, err := sinks.NewRunner(def, sinks.Options{}); err == nil {
			t.Errorf("a definition without %s was taken", name)
		}
	}
}

// What is committed was written: while Write is under way, nothing is.
func TestCommitsOnlyAfterTheWrite(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	writing, release := make(chan struct{}), make(chan struct{})
	s.before = func(context.Context, []*kgo.Record) error {
		close(writing)
		<-release
		return nil
	}
	k.Produce(t, record(0, "a"))
	sinkstest.Start(t, k, s.define())
	<-writing
	if at := k.Committed(t, group, topic.Name, 0); at != -1 {
		t.Errorf("offset %d is committed while the batch is being written", at)
	}
	close(release)
	k.WaitCommitted(t, group, topic.Name)
}

func TestBatchesBySize(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	k.Produce(t, records(0, "r", 23)...)
	def := newStore().define()
	def.MaxBatch, def.MaxWait = 10, time.Hour // only size ends a batch, and then the end of the run
	watched := &sinkstest.Watched{Sink: def.Sink}
	def.Sink = watched
	run := sinkstest.Start(t, k, def)
	sinkstest.Eventually(t, "two full batches", func() bool { return len(watched.Writes()) == 2 })
	run.Stop(t)
	var sizes []int
	for _, w := range watched.Writes() {
		sizes = append(sizes, len(w.Batch))
	}
	if sizes[0] != 10 || sizes[1] != 10 || len(sizes) > 3 {
		t.Errorf("batches of %v records, want 10, 10, and what was polled when it ended", sizes)
	}
}

func TestBatchesByTime(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	def := newStore().define()
	def.MaxBatch = 1_000_000 // only time ends a batch
	sinkstest.Start(t, k, def)
	k.Produce(t, records(0, "r", 3)...)
	k.WaitCommitted(t, group, topic.Name)
}

// A store that refuses a batch for two of its records gets the others, each exactly once, in few attempts.
func TestBisectsUntilTheBadRecordIsAlone(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	all := records(0, "r", 64)
	all[7].Value, all[40].Value = []byte("poison"), []byte("poison")
	k.Produce(t, all...)
	s := newStore()
	attempts := 0
	s.before = func(_ context.Context, batch []*kgo.Record) error {
		attempts++
		if slices.ContainsFunc(batch, func(r *kgo.Record) bool { return string(r.Value) == "poison" }) {
			return fmt.Errorf("insert: %w", sinks.Permanent(errors.New("not a number")))
		}
		return nil
	}
	run := sinkstest.Start(t, k, s.define())
	k.WaitCommitted(t, group, topic.Name)
	run.Stop(t)
	for _, rec := range all {
		want := 1
		if string(rec.Value) == "poison" {
			want = 0
		}
		if got := s.written()[string(rec.Value)]; got != want {
			t.Errorf("%s was written %d times, want %d", rec.Value, got, want)
		}
	}
	letters := k.Letters(t, topic)
	if len(letters) != 2 || letters[0].Offset != 7 || letters[1].Offset != 40 || letters[0].Reason != schemas.RefusedStore || letters[0].Component != "store" {
		t.Errorf("dead letters %+v, want offsets 7 and 40 refused by the store", letters)
	}
	if attempts > 2*2*7 { // two paths of log2(64)+1 halvings, two attempts at each
		t.Errorf("%d attempts", attempts)
	}
}

// During an outage the same batch comes again, whole and in order, until it is in; nothing becomes a dead letter.
func TestAnOutageDropsNothing(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	all := records(0, "r", 20)
	k.Produce(t, all...)
	s := newStore()
	failures := 3
	s.before = func(context.Context, []*kgo.Record) error {
		if failures--; failures >= 0 {
			return errors.New("connection refused")
		}
		return nil
	}
	def := s.define()
	watched := &sinkstest.Watched{Sink: s}
	def.Sink = watched
	run := sinkstest.Start(t, k, def)
	k.WaitCommitted(t, group, topic.Name)
	run.Stop(t)
	var want []string
	for _, rec := range all {
		want = append(want, string(rec.Value))
	}
	if diff := cmp.Diff(want, s.order()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
	first := watched.Writes()[0].Batch
	for i, w := range watched.Writes()[:3] {
		if w.Err == nil || len(w.Batch) != len(first) || w.Batch[0].Offset != first[0].Offset {
			t.Errorf("attempt %d had %d records from offset %d and ended with %v", i, len(w.Batch), w.Batch[0].Offset, w.Err)
		}
	}
	if letters := k.Letters(t, topic); len(letters) > 0 {
		t.Errorf("an outage made %d dead letters", len(letters))
	}
	if n := sinkstest.Value(t, run.Metrics, "backchannel_sinks_stalls_total", map[string]string{"sink": "store"}); n != 3 {
		t.Errorf("%v stalls were counted, want 3", n)
	}
}

func TestCountsWhatBecameOfRecords(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	s.judge = func(rec *kgo.Record) string {
		if string(rec.Value) == "bad" {
			return "no name"
		}
		return ""
	}
	k.Produce(t, record(0, "a"), record(0, "bad"), record(0, "b"))
	run := sinkstest.Start(t, k, s.define())
	k.WaitCommitted(t, group, topic.Name)
	run.Stop(t)
	for _, want := range []struct {
		fate, reason string
		n            float64
	}{{"written", "", 2}, {"rejected", "malformed", 1}, {"deferred", "", 0}} {
		labels := map[string]string{"sink": "store", "fate": want.fate, "reason": want.reason}
		if n := sinkstest.Value(t, run.Metrics, "backchannel_sinks_records_total", labels); n != want.n {
			t.Errorf("%v records %s were counted, want %v", n, want.fate, want.n)
		}
	}
}

// A store that lost its data has the runner join the group anew: Start is asked again, and the batch comes again.
func TestStartsOver(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	k.Produce(t, records(0, "r", 5)...)
	s := newStore()
	var mu sync.Mutex
	starts, lost, asked := 0, false, 0
	s.before = func(_ context.Context, batch []*kgo.Record) error {
		if batch[len(batch)-1].Offset == 5 && !lost {
			lost = true
			return fmt.Errorf("the state is gone: %w", sinks.ErrStartOver)
		}
		return nil
	}
	def := s.define()
	def.Start = func(_ context.Context, assigned map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
		mu.Lock()
		defer mu.Unlock()
		starts++
		return map[string]map[int32]kgo.Offset{topic.Name: {0: kgo.NewOffset().AtStart()}}, nil
	}
	def.Lost = func(map[string][]int32) { mu.Lock(); asked++; mu.Unlock() }
	sinkstest.Start(t, k, def)
	k.WaitCommitted(t, group, topic.Name)
	k.Produce(t, record(0, "last"))
	k.WaitCommitted(t, group, topic.Name)
	mu.Lock()
	defer mu.Unlock()
	if starts != 2 || asked != 1 {
		t.Errorf("Start was asked %d times and Lost told %d times, want 2 and 1", starts, asked)
	}
	if n := s.written()["r000"]; n != 2 {
		t.Errorf("the first record was written %d times, want once before and once after", n)
	}
}

// What an idle sink waited for may pass without a record to show it.
func TestAnIdleSinkSaysThatItWorksAgain(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	def := newStore().define()
	calls := 0
	def.Idle = func(context.Context) error {
		if calls++; calls == 1 {
			return errors.New("Redis does not answer")
		}
		return nil
	}
	run := sinkstest.Start(t, k, def)
	sinkstest.Eventually(t, "the sink to say what it waits for", func() bool { return len(run.Told()) > 0 })
	sinkstest.Eventually(t, "the sink to say that it works", func() bool { return run.Health() == nil })
}
