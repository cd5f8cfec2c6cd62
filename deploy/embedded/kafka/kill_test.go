package kafka

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Kill -9 in the middle of a stream of acknowledged writes: afterwards each of them is there.
func TestAcknowledgedRecordsSurviveKill(t *testing.T) {
	dir := t.TempDir()
	addr, kill := startChild(t, dir)
	createTopic(t, addr, "stream", 4, nil)

	cl := client(t, addr, kgo.DefaultProduceTopic("stream"))
	var (
		mu    sync.Mutex
		acked []string
		n     atomic.Int64
	)
	ctx, stop := context.WithCancel(t.Context())
	enough := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			key := strconv.Itoa(i)
			cl.Produce(ctx, record(key, "v"), func(_ *kgo.Record, err error) {
				if err != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				acked = append(acked, key)
				if n.Add(1) == 20_000 {
					close(enough)
				}
			})
		}
	})
	select {
	case <-enough:
	case <-time.After(time.Minute):
		t.Fatalf("only %d records in a minute", n.Load())
	}
	kill()
	stop()
	feeding.Wait()
	cl.Close()

	got := map[string]bool{}
	for _, r := range readAll(t, start(t, options(dir)).Addr(), "stream") {
		key, _, _ := strings.Cut(r, "=")
		got[key] = true
	}
	for _, key := range acked {
		if !got[key] {
			t.Fatalf("acknowledged record %s is lost, of %d", key, len(acked))
		}
	}
	t.Logf("%d acknowledged before the kill, %d there after it", len(acked), len(got))
}

// Committed offsets survive, a committed transaction is there, an open one is not.
func TestOffsetsAndTransactionsSurviveKill(t *testing.T) {
	dir := t.TempDir()
	addr, kill := startChild(t, dir)
	createTopic(t, addr, "in", 1, nil)
	createTopic(t, addr, "out", 1, nil)
	produce(t, addr, "in", record("a", "1"), record("b", "2"), record("c", "3"))
	commitGroup(t, addr, "plain", "in", 2)

	sess, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(addr), kgo.TransactionalID("copy"), kgo.ConsumerGroup("copiers"),
		kgo.ConsumeTopics("in"), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer sess.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	fetches := sess.PollRecords(ctx, 2)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	if err := sess.Begin(); err != nil {
		t.Fatal(err)
	}
	for _, r := range fetches.Records() {
		if err := sess.ProduceSync(ctx, &kgo.Record{Topic: "out", Key: r.Key, Value: r.Value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if committed, err := sess.End(ctx, kgo.TryCommit); err != nil || !committed {
		t.Fatalf("commit: %v %v", committed, err)
	}
	if err := sess.Begin(); err != nil {
		t.Fatal(err)
	}
	if err := sess.ProduceSync(ctx, &kgo.Record{Topic: "out", Key: []byte("open"), Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	kill()
	cancel()

	b := start(t, options(dir))
	for group, want := range map[string]int64{"plain": 2, "copiers": 2} {
		if got := committed(t, b.Addr(), group, "in"); got != want {
			t.Errorf("group %s committed %d, want %d", group, got, want)
		}
	}
	// Offset 2 is the marker of the commit, 3 the record of the transaction that the kill aborted, 4 its marker.
	produceInTransaction(t, b.Addr(), "copy", "out", record("d", "4"))
	if diff := cmp.Diff([]string{"a=1@0", "b=2@1", "d=4@5"}, readAll(t, b.Addr(), "out")); diff != "" {
		t.Error(diff)
	}
}

func commitGroup(t *testing.T, addr, group, topic string, at int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, at, -1)
	if err := kadm.NewClient(client(t, addr)).CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatal(err)
	}
}

func committed(t *testing.T, addr, group, topic string) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(client(t, addr)).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	o, _ := offsets.Lookup(topic, 0)
	return o.At
}

func produceInTransaction(t *testing.T, addr, id, topic string, r *kgo.Record) {
	t.Helper()
	cl := client(t, addr, kgo.TransactionalID(id), kgo.DefaultProduceTopic(topic))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
}
