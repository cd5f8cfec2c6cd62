package processors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// inVirtualTime runs a test with a broker on a network in memory, where time passes when nobody works. produce puts values
// on the input topic's one partition.
func inVirtualTime(t *testing.T, test func(t *testing.T, opts processors.Options, cluster *kfake.Cluster, produce func(...*kgo.Record))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var network kfake.VirtualNetwork
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(1, in.Name, out.Name, in.DeadLetter()))
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		opts := processors.Options{Kafka: []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext)}}
		client, err := kgo.NewClient(append(opts.Kafka, kgo.ProducerBatchMaxBytes(1<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))...)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		test(t, opts, cluster, func(records ...*kgo.Record) {
			if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// While what a batch needs is away, it comes again after 100 ms, then after twice as long each time up to 5 s, says so, and
// is emitted once when that is back. Minutes pass meanwhile, and the group keeps the partition.
func TestAStallBacksOffAndResumes(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, opts processors.Options, cluster *kfake.Cluster, produce func(...*kgo.Record)) {
		const failures = 40
		var attempts []time.Time
		resumed := make(chan struct{})
		e := &echo{before: func(_ context.Context, batch []*kgo.Record) error {
			attempts = append(attempts, time.Now())
			if len(attempts) <= failures {
				return errors.New("connection refused")
			}
			close(resumed)
			return nil
		}}
		produce(record(0, "a"))
		run := start(t, e.define(), opts)
		<-resumed
		run.stop(t)
		pause := 100 * time.Millisecond
		for i := 1; i < len(attempts); i++ {
			if got := attempts[i].Sub(attempts[i-1]); got != pause {
				t.Errorf("pause %d was %v, want %v", i, got, pause)
			}
			pause = min(2*pause, 5*time.Second)
		}
		if len(attempts) != failures+1 {
			t.Errorf("%d attempts, want %d", len(attempts), failures+1)
		}
		now, told := run.saying()
		if now != nil || len(told) != failures {
			t.Errorf("it says %v, and said %d times that it waits, want %d", now, len(told), failures)
		}
		if diff := cmp.Diff([]string{"a"}, seen(t, opts)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Told to stop while it stalls, it is gone within its deadline to the moment, and the batch is the next owner's.
func TestAStallEndsWithTheDrain(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, opts processors.Options, _ *kfake.Cluster, produce func(...*kgo.Record)) {
		stalled := make(chan struct{}, 100)
		e := &echo{before: func(context.Context, []*kgo.Record) error {
			stalled <- struct{}{}
			return errors.New("connection refused")
		}}
		produce(record(0, "a"))
		opts.Drain = 7 * time.Second
		run := start(t, e.define(), opts)
		<-stalled
		<-stalled
		told := time.Now()
		run.stop(t)
		if took := time.Since(told); took < opts.Drain || took > opts.Drain+time.Second {
			t.Errorf("it took %v to stop, its deadline is %v", took, opts.Drain)
		}
		next := start(t, (&echo{}).define(), opts)
		waitFor(t, opts, 1)
		next.stop(t)
		if diff := cmp.Diff([]string{"a"}, seen(t, opts)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// reject gives every record that begins with "bad" the detail of another's making.
type reject struct {
	echo
	detail string
}

func (r *reject) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	result, err := r.echo.Process(ctx, batch)
	for i, rec := range batch {
		if err == nil && bytes.HasPrefix(rec.Value, []byte("bad")) {
			result.Reject(i, schemas.Malformed, r.detail)
		}
	}
	return result, err
}

// No record is so large, and no reason so long, that its dead letter cannot be produced: the partition would stand still.
func TestNoPoisonIsTooLargeForADeadLetter(t *testing.T) {
	const most = 1_000_000 // franz-go's producer takes no more, nor does a broker by its default
	for name, tt := range map[string]struct{ key, value, detail int }{
		"value":              {1, most, 10},
		"key":                {most, 3, 10},
		"key and value":      {most / 2, most / 2, 10},
		"value and detail":   {1, schemas.MaxRecordBytes - 1, most},
		"all of them":        {most / 2, most / 2, most},
		"just what may stay": {1, schemas.MaxRecordBytes - 1, 10},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, opts processors.Options, _ *kfake.Cluster, produce func(...*kgo.Record)) {
				bad := &kgo.Record{Topic: in.Name, Key: bytes.Repeat([]byte("k"), tt.key), Value: append([]byte("bad"), bytes.Repeat([]byte("x"), tt.value-3)...)}
				produce(record(0, "a"))
				produce(bad)
				produce(record(0, "b"))
				e := &reject{detail: string(bytes.Repeat([]byte("d"), tt.detail))}
				def := e.define()
				def.Processor = e
				run := start(t, def, opts)
				waitFor(t, opts, 2)
				run.stop(t)
				if _, told := run.saying(); len(told) > 0 {
					t.Errorf("it waited for %v", told)
				}
			})
		})
	}
}

// seen is what a read-committed consumer finds on the output topic.
func seen(t *testing.T, opts processors.Options) []string {
	t.Helper()
	return read(t, opts, 0)
}

// waitFor returns when a read-committed consumer has found so many outputs.
func waitFor(t *testing.T, opts processors.Options, n int) {
	t.Helper()
	if got := read(t, opts, n); len(got) != n {
		t.Fatalf("%d outputs, want %d: %q", len(got), n, got)
	}
}

// read consumes the output topic until n records are there, or for a minute of virtual time.
func read(t *testing.T, opts processors.Options, n int) (got []string) {
	t.Helper()
	client, err := kgo.NewClient(append(opts.Kafka, kgo.ConsumeTopics(out.Name), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n == 0 || len(got) < n {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return got
		}
		fetches.EachRecord(func(rec *kgo.Record) { got = append(got, fmt.Sprintf("%.20s", rec.Value)) })
	}
	return got
}

// A runner that has to go while the group waits for a member that does not come does not wait with it.
func TestAStopDuringARebalance(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, opts processors.Options, _ *kfake.Cluster, produce func(...*kgo.Record)) {
		produce(record(0, "a"))
		// It reads, and then neither works nor lets its partition go, as a process that hangs does.
		other, err := kgo.NewClient(append(opts.Kafka, kgo.ConsumerGroup(group), kgo.ConsumeTopics(in.Name), kgo.BlockRebalanceOnPoll(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
		if err != nil {
			t.Fatal(err)
		}
		defer other.CloseAllowingRebalance()
		if other.PollFetches(t.Context()).NumRecords() != 1 {
			t.Fatal("it read nothing")
		}
		run := start(t, (&echo{}).define(), opts)
		time.Sleep(5 * time.Second) // of virtual time: by now it waits to join
		stopped := time.Now()
		run.stop(t)
		if took := time.Since(stopped); took > 4*time.Second {
			t.Errorf("it took %v to stop", took)
		}
	})
}
