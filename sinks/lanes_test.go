package sinks_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// laned is a store with lanes: a record's value is "lane/…". Lanes that are shut have everything wait.
type laned struct {
	mu      sync.Mutex
	shut    map[string]bool
	written []string
	asked   map[string]int
}

func (s *laned) Write(_ context.Context, batch []*kgo.Record) (sinks.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var result sinks.Result
	for _, rec := range batch {
		name := laneOf(rec).Name
		s.asked[name]++
		if s.shut[name] && !strings.Contains(string(rec.Value), "expired") {
			result.DeferLane(rec, 50*time.Millisecond)
			continue
		}
		s.written = append(s.written, strings.TrimRight(string(rec.Value), "."))
	}
	return result, nil
}

func (s *laned) of(name string) (values []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.written {
		if strings.HasPrefix(v, name+"/") {
			values = append(values, v)
		}
	}
	return values
}

func laneOf(rec *kgo.Record) sinks.Lane {
	name, _, _ := bytes.Cut(rec.Value, []byte("/"))
	lane := sinks.Lane{Name: string(name)}
	if bytes.Contains(rec.Value, []byte("expired")) {
		lane.Expires = time.Unix(1, 0)
	}
	return lane
}

// However much waits in one lane, far more than is kept in memory, others go on; what has expired in it is said; and when it
// opens, everything comes, once and in order, also what had to be fetched again.
func TestALaneThatWaitsDelaysNoOther(t *testing.T) {
	t.Parallel()
	const many = 600
	k := sinkstest.NewKafka(t, 1, topic)
	s := &laned{shut: map[string]bool{"sick": true}, asked: map[string]int{}}
	large := strings.Repeat(".", 80_000) // 48 MB in all: more than the runner holds
	var want []string
	for n := range many {
		want = append(want, fmt.Sprintf("sick/%d", n))
		k.Produce(t, record(0, want[n]+large))
	}
	k.Produce(t, record(0, "sick/expired"), record(0, "well/1"))
	def := sinks.Definition{Name: "store", In: newStore().define().In, Sink: s, MaxBatch: 256, MaxWait: 5 * time.Millisecond, Lane: laneOf}
	sinkstest.Start(t, k, def)
	sinkstest.Eventually(t, "the other lane, and what has expired", func() bool { return len(s.of("well")) == 1 && len(s.of("sick")) == 1 })
	k.Produce(t, record(0, "well/2"))
	sinkstest.Eventually(t, "the other lane again", func() bool { return len(s.of("well")) == 2 })
	if at := k.Committed(t, group, topic.Name, 0); at > 0 {
		t.Errorf("offset %d is committed, past what waits", at)
	}
	s.mu.Lock()
	s.shut["sick"], s.written = false, nil
	s.mu.Unlock()
	k.WaitCommitted(t, group, topic.Name)
	if diff := cmp.Diff(want, s.of("sick")); diff != "" {
		t.Errorf("what waited (-want +got):\n%s", diff)
	}
}
