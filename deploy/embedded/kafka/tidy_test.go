package kafka

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var compacted = map[string]string{"cleanup.policy": "compact"}

// tidyNow asks for a pass and sends requests until it is done.
func tidyNow(t *testing.T, b *Broker) {
	t.Helper()
	b.tidy.ask()
	adm := kadm.NewClient(client(t, b.Addr()))
	for {
		if _, err := adm.ListBrokers(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.tidy.mu.Lock()
		done := !b.tidy.asked
		b.tidy.mu.Unlock()
		if done {
			return
		}
	}
}

func (t *tidier) compactions() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.runs
}

// fill writes n records of keys 0..9, one batch each.
func fill(t *testing.T, addr, topic string, n int) {
	t.Helper()
	for i := range n {
		produce(t, addr, topic, record(strconv.Itoa(i%10), strconv.Itoa(i)))
	}
}

func lastOfTen(n int) (want []string) {
	for i := n - 10; i < n; i++ {
		want = append(want, fmt.Sprintf("%d=%d@%d", i%10, i, i))
	}
	return want
}

func TestCompactionKeepsTheLastOfEachKey(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.CompactAfter = 20
	b := start(t, o)
	createTopic(t, b.Addr(), "state", 1, compacted)
	fill(t, b.Addr(), "state", 25)
	closeNow(t, b)

	b = start(t, o) // kfake's own cleaner would not run after this
	tidyNow(t, b)
	if b.tidy.compactions() != 1 {
		t.Fatalf("%d compactions, want 1", b.tidy.compactions())
	}
	want := lastOfTen(25)
	// The last batch never supersedes: it counts as the active segment. So its key is there twice.
	want = append([]string{"4=14@14"}, want...)
	if diff := cmp.Diff(want, readAll(t, b.Addr(), "state")); diff != "" {
		t.Error(diff)
	}
	tidyNow(t, b)
	if b.tidy.compactions() != 1 {
		t.Error("compacted again though nothing was added")
	}
	if _, err := os.Stat(filepath.Join(dir, shadowName)); !os.IsNotExist(err) {
		t.Errorf("%s is left behind: %v", shadowName, err)
	}
}

func TestTickerCompacts(t *testing.T) {
	o := options(t.TempDir())
	o.CompactAfter, o.TidyEvery = 5, time.Millisecond
	b := start(t, o)
	createTopic(t, b.Addr(), "state", 1, compacted)
	deadline := time.Now().Add(time.Minute)
	for b.tidy.compactions() == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no compaction within a minute")
		}
		fill(t, b.Addr(), "state", 1)
	}
}

// An open transaction may yet be aborted: what it supersedes must stay.
func TestCompactionWaitsForOpenTransactions(t *testing.T) {
	o := options(t.TempDir())
	o.CompactAfter = 1
	b := start(t, o)
	createTopic(t, b.Addr(), "state", 1, compacted)
	fill(t, b.Addr(), "state", 1) // 0=0
	cl := client(t, b.Addr(), kgo.TransactionalID("x"), kgo.DefaultProduceTopic("state"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // more than one batch, since the last is never compacted
		if err := cl.ProduceSync(t.Context(), record("0", "uncommitted")).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	b.tidy.ask()
	if _, err := kadm.NewClient(client(t, b.Addr())).ListBrokers(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.tidy.compactions(); n != 0 {
		t.Fatalf("%d compactions during a transaction", n)
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	tidyNow(t, b)
	if n := b.tidy.compactions(); n != 1 {
		t.Fatalf("%d compactions after it, want 1", n)
	}
}

// kfake's compaction would drop the marker of the abort, and consumers then what the producer commits next.
func TestCompactionAfterAnAbort(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.CompactAfter = 1
	b := start(t, o)
	createTopic(t, b.Addr(), "state", 1, compacted)
	cl := client(t, b.Addr(), kgo.TransactionalID("x"), kgo.DefaultProduceTopic("state"))
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := cl.ProduceSync(t.Context(), record("k", strconv.Itoa(i))).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := cl.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	tidyNow(t, b)
	if n := b.tidy.compactions(); n != 0 {
		t.Fatalf("%d compactions with aborted records", n)
	}
	// Offsets 0-2: committed, 3-5: aborted, 6-8: committed.
	if diff := cmp.Diff([]string{"k=0@0", "k=0@1", "k=2@6", "k=2@7"}, readAll(t, b.Addr(), "state")); diff != "" {
		t.Error(diff)
	}
	closeNow(t, b)

	b = start(t, o)
	tidyNow(t, b)
	if n := b.tidy.compactions(); n != 1 {
		t.Fatalf("%d compactions after a restart, want 1", n)
	}
	if diff := cmp.Diff([]string{"k=2@7"}, readAll(t, b.Addr(), "state")); diff != "" {
		t.Error(diff)
	}
}

// A partition emptied by retention goes on from where it was after an orderly stop and after a kill.
func TestEmptiedPartitionKeepsItsEnd(t *testing.T) {
	short := map[string]string{"retention.ms": "1"}
	for name, stop := range map[string]func(*testing.T, *Broker){
		"orderly": closeNow,
		"killed": func(t *testing.T, b *Broker) {
			closeNow(t, b)
			if err := os.Remove(filepath.Join(b.claim.Path, "partitions", "brief-0", "snapshot.json")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := start(t, options(dir))
			createTopic(t, b.Addr(), "brief", 1, short)
			old := record("k", "v")
			old.Timestamp = time.Now().Add(-time.Hour)
			produce(t, b.Addr(), "brief", old, old, old)
			tidyNow(t, b)
			stop(t, b)

			b = start(t, options(dir))
			produce(t, b.Addr(), "brief", record("new", "v"))
			if diff := cmp.Diff([]string{"new=v@3"}, readAll(t, b.Addr(), "brief")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
