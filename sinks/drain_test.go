package sinks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// SIGTERM in the middle of a write: the write is not cancelled, and what it wrote is committed before the runner ends.
func TestDrainFinishesTheBatch(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	writing, release := make(chan struct{}), make(chan struct{})
	s.before = func(ctx context.Context, _ []*kgo.Record) error {
		close(writing)
		<-release
		return ctx.Err()
	}
	k.Produce(t, record(0, "a"))
	run := sinkstest.Start(t, k, s.define())
	<-writing
	run.Signal()
	close(release)
	run.Stop(t)
	if s.written()["a"] != 1 {
		t.Errorf("written: %v", s.written())
	}
	if at := k.Committed(t, group, topic.Name, 0); at != 1 {
		t.Errorf("offset %d is committed, want 1", at)
	}
}

// A store that does not answer is left when the deadline of draining is over; nothing of it is committed.
func TestDrainHasADeadline(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	writing := make(chan struct{})
	s.before = func(ctx context.Context, _ []*kgo.Record) error {
		close(writing)
		<-ctx.Done()
		return ctx.Err()
	}
	k.Produce(t, record(0, "a"))
	run := sinkstest.StartWith(t, s.define(), sinks.Options{Kafka: k.Options(), Drain: time.Millisecond})
	<-writing
	run.Stop(t)
	if at := k.Committed(t, group, topic.Name, 0); at != -1 {
		t.Errorf("offset %d is committed", at)
	}
}

// A record of another producer can be as large as a batch may be. With our headers it is larger than the broker takes;
// were its dead letter tried for ever, the partition would stand still.
func TestADeadLetterThatIsTooLargeLeavesItsValueOut(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	s.judge = func(rec *kgo.Record) string {
		if len(rec.Value) > 1000 {
			return "no name"
		}
		return ""
	}
	upstream, err := kgo.NewClient(append(k.Options(), kgo.ProducerBatchMaxBytes(1_048_588), kgo.ProducerBatchCompression(kgo.NoCompression()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	large := record(0, "large")
	large.Value = []byte(strings.Repeat("x", 1_048_400))
	if err := upstream.ProduceSync(t.Context(), large).FirstErr(); err != nil {
		t.Fatal(err)
	}
	k.Produce(t, record(0, "next"))
	sinkstest.Start(t, k, s.define())
	k.WaitCommitted(t, group, topic.Name)
	letters := k.Letters(t, topic)
	if len(letters) != 1 || letters[0].Offset != 0 || letters[0].Reason != schemas.Malformed || letters[0].Record.Value != nil {
		t.Fatalf("%d dead letters, want one without its value", len(letters))
	}
	if s.written()["next"] != 1 {
		t.Error("the next record was not written")
	}
}

// A write that hangs is given up after its timeout and tried again: the attempt ends, the batch does not.
func TestAWriteThatHangsIsTriedAgain(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	attempts := 0
	s.before = func(ctx context.Context, _ []*kgo.Record) error {
		if attempts++; attempts > 1 {
			return nil
		}
		<-ctx.Done()
		return errors.New("no answer")
	}
	def := s.define()
	def.WriteTimeout = 10 * time.Millisecond
	k.Produce(t, record(0, "a"))
	sinkstest.Start(t, k, def)
	k.WaitCommitted(t, group, topic.Name)
}

// A runner that has to go while the group waits for a member that does not come does not wait with it.
func TestAStopDuringARebalance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network kfake.VirtualNetwork
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(1, topic.Name))
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		opts := []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext)}
		// It reads, and then neither works nor lets its partition go, as a process that hangs does.
		other, err := kgo.NewClient(append(opts, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic.Name), kgo.BlockRebalanceOnPoll(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
		if err != nil {
			t.Fatal(err)
		}
		defer other.CloseAllowingRebalance()
		if err := other.ProduceSync(t.Context(), record(0, "a")).FirstErr(); err != nil || other.PollFetches(t.Context()).NumRecords() != 1 {
			t.Fatalf("it read nothing: %v", err)
		}
		run := sinkstest.StartWith(t, newStore().define(), sinks.Options{Kafka: opts})
		time.Sleep(5 * time.Second) // of virtual time: by now it waits to join
		stopped := time.Now()
		run.Stop(t)
		if took := time.Since(stopped); took > 4*time.Second {
			t.Errorf("it took %v to stop", took)
		}
	})
}
