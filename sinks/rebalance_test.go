package sinks_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// Two replicas share the partitions while one joins and one leaves in the middle of the stream. No record is lost, none is
// written twice (each leaves in order: it commits before it lets a partition go), and each partition keeps its order.
func TestRebalanceLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	const partitions, each = 4, 100
	k := sinkstest.NewKafka(t, partitions, topic)
	shared := newStore()
	def := shared.define()
	def.MaxBatch = 7
	one := sinkstest.Start(t, k, def)

	var producing sync.WaitGroup
	produced := make(chan struct{}, partitions*each)
	for p := range int32(partitions) {
		producing.Go(func() {
			for i := range each {
				k.Produce(t, record(p, fmt.Sprintf("%d-%03d", p, i)))
				produced <- struct{}{}
			}
		})
	}
	for range partitions * each / 4 {
		<-produced
	}
	second := shared.define()
	second.MaxBatch = 7
	owned := &sinkstest.Watched{Sink: second.Sink}
	second.Sink = owned
	two := sinkstest.Start(t, k, second)
	sinkstest.Eventually(t, "the second replica to get a partition", func() bool {
		select {
		case <-produced: // the stream goes on meanwhile
		default:
			if len(owned.Writes()) == 0 {
				k.Produce(t, record(0, fmt.Sprint("more-0-", len(shared.order()))), record(1, fmt.Sprint("more-1-", len(shared.order()))),
					record(2, fmt.Sprint("more-2-", len(shared.order()))), record(3, fmt.Sprint("more-3-", len(shared.order()))))
			}
		}
		return len(owned.Writes()) > 0
	})
	one.Stop(t)
	producing.Wait()
	k.WaitCommitted(t, group, topic.Name)
	two.Stop(t)

	last := map[string]string{}
	numbered := 0
	for _, value := range shared.order() {
		if strings.HasPrefix(value, "more") {
			continue
		}
		numbered++
		p, n, _ := strings.Cut(value, "-")
		if n <= last[p] {
			t.Errorf("partition %s: %s was written after %s", p, n, last[p])
		}
		last[p] = n
	}
	if numbered != partitions*each {
		t.Errorf("%d records were written, want %d", numbered, partitions*each)
	}
}

// A replica that the group has given up on must not commit over its successor: its commit is refused, and it goes on.
func TestACommitThatTheGroupRefusesIsNotTheEnd(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	var refused sync.Once
	refuseCommit(k, 22, func() (again bool) { // ILLEGAL_GENERATION
		refused.Do(func() { again = true })
		return again
	})
	k.Produce(t, record(0, "a"))
	run := sinkstest.Start(t, k, s.define())
	sinkstest.Eventually(t, "the first batch to be written", func() bool { return s.written()["a"] == 1 })
	k.Produce(t, record(0, "b"))
	k.WaitCommitted(t, group, topic.Name)
	run.Stop(t)
	if told := run.Told(); len(told) > 0 {
		t.Errorf("it said that it waits: %v", told)
	}
	if n := s.written()["b"]; n != 1 {
		t.Errorf("b was written %d times", n)
	}
}

// A commit that fails is tried again, and the batch is not written again for it.
func TestACommitThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	failures := 2
	refuseCommit(k, 29, func() bool { failures--; return failures >= 0 }) // TOPIC_AUTHORIZATION_FAILED
	k.Produce(t, record(0, "a"))
	run := sinkstest.Start(t, k, s.define())
	k.WaitCommitted(t, group, topic.Name)
	run.Stop(t)
	if n := s.written()["a"]; n != 1 {
		t.Errorf("the batch was written %d times", n)
	}
	if len(run.Told()) != 2 {
		t.Errorf("it said %v, want to hear of both failures", run.Told())
	}
}

// Dead letters are with the brokers before the record is committed.
func TestADeadLetterIsThereBeforeTheCommit(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	s.judge = func(*kgo.Record) string { return "no name" }
	k.Produce(t, record(0, "a"))
	failing, release := refuseProduce(k)
	sinkstest.Start(t, k, s.define())
	<-failing
	if at := k.Committed(t, group, topic.Name, 0); at != -1 {
		t.Errorf("offset %d is committed, and the dead letter is not there", at)
	}
	release()
	k.WaitCommitted(t, group, topic.Name)
	if letters := k.Letters(t, topic); len(letters) != 1 {
		t.Errorf("%d dead letters, want 1", len(letters))
	}
}
