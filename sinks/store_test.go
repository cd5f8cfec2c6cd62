package sinks_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

var topic = schemas.CRMAccounts.Spec

// store is a sink into memory that does as its hook says.
type store struct {
	// before is asked about each batch; an error is Write's answer.
	before func(ctx context.Context, batch []*kgo.Record) error
	// judge is asked about each record: "" to write it, else "later" or the detail of a rejection.
	judge func(rec *kgo.Record) string

	mu   sync.Mutex
	rows map[string]int // by value: how often it was written
	log  []string       // values in the order of writing
}

func newStore() *store { return &store{rows: map[string]int{}} }

func (s *store) Write(ctx context.Context, batch []*kgo.Record) (sinks.Result, error) {
	var result sinks.Result
	if s.before != nil {
		if err := s.before(ctx, batch); err != nil {
			return result, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, rec := range batch {
		verdict := ""
		if s.judge != nil {
			verdict = s.judge(rec)
		}
		switch verdict {
		case "":
			s.rows[string(rec.Value)]++
			s.log = append(s.log, string(rec.Value))
		case "later":
			result.Defer(rec)
			result.Waiting = errors.New("somebody else's turn")
		case "tomorrow":
			result.DeferFor(rec, 24*time.Hour)
			result.Waiting = errors.New("another day")
		default:
			result.Reject(rec, schemas.Malformed, verdict)
		}
	}
	return result, nil
}

func (s *store) written() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.rows)
}

func (s *store) order() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

func (s *store) define() sinks.Definition {
	return sinks.Definition{Name: "store", In: []schemas.Spec{topic}, Sink: s, MaxBatch: 100, MaxWait: 5 * time.Millisecond}
}

const group = "backchannel-store"

func record(partition int32, value string) *kgo.Record {
	return &kgo.Record{Topic: topic.Name, Partition: partition, Key: []byte("acme/" + value), Value: []byte(value)}
}

func records(partition int32, prefix string, n int) []*kgo.Record {
	all := make([]*kgo.Record, n)
	for i := range all {
		all[i] = record(partition, fmt.Sprintf("%s%03d", prefix, i))
	}
	return all
}

func TestContract(t *testing.T) {
	sinkstest.Check(t, func(t *testing.T, _ *sinkstest.Kafka) sinkstest.Subject {
		s := newStore()
		var mu sync.Mutex
		var away error
		s.before = func(_ context.Context, batch []*kgo.Record) error {
			mu.Lock()
			defer mu.Unlock()
			if slices.ContainsFunc(batch, func(r *kgo.Record) bool { return string(r.Value) == "poison" }) {
				return sinks.Permanent(errors.New("the store has no room for this"))
			}
			return away
		}
		set := func(err error) { mu.Lock(); away = err; mu.Unlock() }
		return sinkstest.Subject{
			Define: s.define,
			Good:   func(n int) *kgo.Record { return record(0, fmt.Sprint("good", n)) },
			Bad:    func() *kgo.Record { return record(0, "poison") },
			Reason: schemas.RefusedStore,
			Break:  func() func() { set(errors.New("away")); return func() { set(nil) } },
			Effects: func(testing.TB) []string {
				return slices.Collect(maps.Keys(s.written()))
			},
		}
	})
}
