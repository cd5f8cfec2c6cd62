package processors_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// Whatever fails first, a read-committed consumer sees each output once, and the offsets follow.
func TestExactlyOnce(t *testing.T) {
	for name, fail := range map[string]func(*sinkstest.Kafka, *echo){
		"nothing fails": func(*sinkstest.Kafka, *echo) {},
		"Process fails": func(_ *sinkstest.Kafka, e *echo) {
			failures := 2
			e.before = func(context.Context, []*kgo.Record) error {
				if failures--; failures >= 0 {
					return errors.New("connection refused")
				}
				return nil
			}
		},
		"the produce is refused": func(k *sinkstest.Kafka, _ *echo) { refuseOnce(k, kmsg.Produce) },
		"the commit is refused":  func(k *sinkstest.Kafka, _ *echo) { refuseOnce(k, kmsg.TxnOffsetCommit) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKafka(t, 1)
			e := &echo{}
			k.Produce(t, record(0, "a"), record(0, "b"), record(0, "drop"), record(0, "c"))
			fail(k, e)
			run := start(t, e.define(), processors.Options{Kafka: k.Options()})
			k.WaitCommitted(t, group, in.Name)
			k.Produce(t, record(0, "d"))
			k.WaitCommitted(t, group, in.Name)
			run.stop(t)
			if diff := cmp.Diff([]string{"a", "b", "c", "d"}, values(k.ReadCommitted(t, out.Name))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if _, told := run.saying(); (len(told) == 0) != (name == "nothing fails") {
				t.Errorf("it said that it waits for %v", told)
			}
		})
	}
}

// What an upstream transaction took back is no input.
func TestReadsOnlyWhatIsCommitted(t *testing.T) {
	t.Parallel()
	k := newKafka(t, 1)
	upstream, err := kgo.NewClient(append(k.Options(), kgo.TransactionalID("upstream"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	for value, end := range map[string]kgo.TransactionEndTry{"kept": kgo.TryCommit, "taken back": kgo.TryAbort} {
		if err := upstream.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := upstream.ProduceSync(t.Context(), record(0, value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := upstream.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	start(t, (&echo{}).define(), processors.Options{Kafka: k.Options()})
	k.Produce(t, record(0, "last"))
	k.WaitCommitted(t, group, in.Name)
	if diff := cmp.Diff([]string{"kept", "last"}, values(k.ReadCommitted(t, out.Name))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A poison record becomes a dead letter with its coordinates, in the transaction of the others, and stops nobody.
// An input that is written in transactions ends with a marker, which is read too: lag that never ends would hide lag.
func TestOffsetsAreCommittedPastMarkers(t *testing.T) {
	t.Parallel()
	k := newKafka(t, 1)
	producer, err := kgo.NewClient(append(k.Options(), kgo.TransactionalID("upstream"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	start(t, (&echo{}).define(), processors.Options{Kafka: k.Options()})
	for n := range 3 {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(t.Context(), record(0, "value")).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := producer.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		sinkstest.Eventually(t, "the offset past the marker", func() bool { return k.Committed(t, group, in.Name, 0) == int64(2*(n+1)) })
	}
	if got := k.ReadCommitted(t, out.Name); len(got) != 3 {
		t.Errorf("%d records came out of 3", len(got))
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, in, out, schemas.SlackEvents.Spec)
	def := (&echo{}).define()
	def.In = append(def.In, schemas.SlackEvents.Spec)
	private := &kgo.Record{Topic: schemas.SlackEvents.Name, Key: []byte("T1/C1"), Value: []byte("bad secret")}
	k.Produce(t, record(0, "a"), record(0, "bad"), record(0, "b"), private)
	run := start(t, def, processors.Options{Kafka: k.Options()})
	k.WaitCommitted(t, group, in.Name, schemas.SlackEvents.Name)
	run.stop(t)
	if diff := cmp.Diff([]string{"a", "b"}, values(k.ReadCommitted(t, out.Name))); diff != "" {
		t.Errorf("emitted (-want +got):\n%s", diff)
	}
	for topic, want := range map[schemas.Spec]struct {
		offset     int64
		key, value string
	}{in: {1, "k", "bad"}, schemas.SlackEvents.Spec: {0, "T1/C1", ""}} {
		letters := k.ReadCommitted(t, topic.DeadLetter())
		if len(letters) != 1 {
			t.Fatalf("%d dead letters of %s, want 1", len(letters), topic.Name)
		}
		var headers []schemas.Header
		for _, h := range letters[0].Headers {
			headers = append(headers, schemas.Header{Key: h.Key, Value: string(h.Value)})
		}
		got, err := schemas.ParseDeadLetter(headers)
		if err != nil {
			t.Fatal(err)
		}
		if got.Reason != schemas.Malformed || got.Detail != "no name" || got.Component != "echo" || got.Topic != topic.Name || got.Offset != want.offset {
			t.Errorf("the letter says %+v", got)
		}
		if string(letters[0].Key) != want.key || string(letters[0].Value) != want.value {
			t.Errorf("the letter of %s has key %q and value %q", topic.Name, letters[0].Key, letters[0].Value)
		}
	}
	for fate, want := range map[[2]string]float64{{"emitted", ""}: 2, {"rejected", "malformed"}: 2, {"dropped", "not_a_message"}: 0} {
		labels := map[string]string{"processor": "echo", "fate": fate[0], "reason": fate[1]}
		if n := sinkstest.Value(t, run.metrics, "backchannel_processors_records_total", labels); n != want {
			t.Errorf("%v records %s were counted, want %v", n, fate[0], want)
		}
	}
}

// A record of which no account is given is a fault in our code: it is said aloud, nothing of the batch takes effect.
func TestAnUnaccountedRecordIsLoud(t *testing.T) {
	t.Parallel()
	k := newKafka(t, 1)
	k.Produce(t, record(0, "a"), record(0, "lost"))
	run := start(t, (&echo{}).define(), processors.Options{Kafka: k.Options()})
	sinkstest.Eventually(t, "the runner to say so twice", func() bool {
		_, told := run.saying()
		return len(told) >= 2
	})
	run.stop(t)
	if _, told := run.saying(); !strings.Contains(told[0].Error(), "record 1 of 2 is unaccounted for") {
		t.Errorf("it said %v", told[0])
	}
	if at := k.Committed(t, group, in.Name, 0); at != -1 {
		t.Errorf("offset %d is committed", at)
	}
	if got := k.ReadCommitted(t, out.Name); len(got) != 0 {
		t.Errorf("%d records were emitted", len(got))
	}
}

// SIGTERM in the middle of a batch: it is finished and committed. One that cannot be finished is left, uncommitted.
func TestDrain(t *testing.T) {
	for name, tt := range map[string]struct {
		drain    time.Duration
		finishes bool
	}{"a batch that can be finished": {0, true}, "a batch that cannot": {time.Millisecond, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKafka(t, 1)
			working, release := make(chan struct{}), make(chan struct{})
			var once sync.Once
			e := &echo{before: func(ctx context.Context, _ []*kgo.Record) error {
				once.Do(func() { close(working) })
				if tt.finishes {
					<-release
					return ctx.Err()
				}
				<-ctx.Done()
				return ctx.Err()
			}}
			k.Produce(t, record(0, "a"))
			run := start(t, e.define(), processors.Options{Kafka: k.Options(), Drain: tt.drain})
			<-working
			run.cancel()
			close(release)
			run.stop(t)
			wantOffset, wantRecords := int64(-1), 0
			if tt.finishes {
				wantOffset, wantRecords = 1, 1
			}
			if at := k.Committed(t, group, in.Name, 0); at < wantOffset || !tt.finishes && at != -1 {
				t.Errorf("offset %d is committed, want %d", at, wantOffset)
			}
			if got := k.ReadCommitted(t, out.Name); len(got) != wantRecords {
				t.Errorf("%d records were emitted, want %d", len(got), wantRecords)
			}
		})
	}
}

// Two replicas share the partitions while a third comes and goes in the middle of the stream: each output is there once.
func TestRebalanceEmitsEachOnce(t *testing.T) {
	t.Parallel()
	const partitions, each = 4, 60
	k := newKafka(t, partitions)
	opts := processors.Options{Kafka: k.Options(), MaxBatch: 5}
	start(t, (&echo{}).define(), opts)
	start(t, (&echo{}).define(), opts)
	var want []string
	produce := func(from, to int) {
		for i := from; i < to; i++ {
			for p := range int32(partitions) {
				k.Produce(t, record(p, fmt.Sprintf("%d-%03d", p, i)))
				want = append(want, fmt.Sprintf("%d-%03d", p, i))
			}
		}
	}
	produce(0, each/3)
	var once sync.Once
	busy := make(chan struct{})
	third := start(t, (&echo{before: func(context.Context, []*kgo.Record) error {
		once.Do(func() { close(busy) })
		return nil
	}}).define(), opts)
	produce(each/3, 2*each/3)
	sinkstest.Eventually(t, "the third replica to work", func() bool {
		select {
		case <-busy:
			return true
		default:
			n := len(want)
			produce(each+n, each+n+1)
			return false
		}
	})
	third.stop(t)
	produce(2*each/3, each)
	k.WaitCommitted(t, group, in.Name)
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), values(k.ReadCommitted(t, out.Name))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
