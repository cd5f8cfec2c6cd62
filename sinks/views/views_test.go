package views

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

func TestContract(t *testing.T) {
	sinkstest.Check(t, func(t *testing.T, k *sinkstest.Kafka) sinkstest.Subject {
		mini, rdb := newRedis(t)
		return sinkstest.Subject{
			Define: func() sinks.Definition { return define(k, rdb) },
			Topics: schemas.ViewTopics(),
			Good:   func(n int) *kgo.Record { return account(t, n, "good") },
			Bad: func() *kgo.Record {
				return rec(t, schemas.CRMAccounts.Spec, "acme/a9", schemas.Account{OrgID: "globex", AccountID: "a9", Name: "hunter2"})
			},
			Reason: schemas.Malformed, Secret: "hunter2",
			Break: func() func() {
				mini.SetError("LOADING Redis is loading the dataset in memory")
				return func() { mini.SetError("") }
			},
			Effects: func(testing.TB) []string { return live(mini) },
		}
	})
}

// gated lets a batch through for each token, and all of them once it is open.
type gated struct {
	sinks.Sink
	tokens chan struct{}
}

func (g *gated) Write(ctx context.Context, batch []*kgo.Record) (sinks.Result, error) {
	select {
	case <-g.tokens:
	case <-ctx.Done():
		return sinks.Result{}, ctx.Err()
	}
	return g.Sink.Write(ctx, batch)
}

// A Redis that was flushed is noticed and rebuilt from the topics; until the last record is back, 'complete' is absent.
func TestALostRedisIsRebuilt(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"idle", "under way"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			mini, rdb := newRedis(t)
			k := sinkstest.NewKafka(t, 1, schemas.ViewTopics()...)
			def := define(k, rdb)
			def.MaxBatch = 3
			gate := &gated{Sink: def.Sink, tokens: make(chan struct{})}
			def.Sink = gate
			for n := range 10 {
				k.Produce(t, account(t, n, "x"))
			}
			run := sinkstest.Start(t, k, def)
			through := func() {
				select {
				case gate.tokens <- struct{}{}:
				case <-time.After(10 * time.Second):
					t.Fatal("no batch comes")
				}
			}
			for range 3 {
				through()
				if complete(mini) {
					t.Fatal("the views are called complete before the last record is in")
				}
			}
			through()
			sinkstest.Eventually(t, "the views to be complete", func() bool { return complete(mini) })
			before := live(mini)

			mini.FlushAll()
			want := 10
			if when == "under way" {
				k.Produce(t, account(t, 10, "x"))
				through() // the batch that meets an empty Redis
				want = 11
			}
			for range 3 {
				through()
				if complete(mini) {
					t.Fatal("the views are called complete before they are rebuilt")
				}
			}
			through()
			sinkstest.Eventually(t, "the views to be complete again", func() bool { return complete(mini) })
			after := live(mini)
			if len(after) != want {
				t.Errorf("%d entries after the rebuild, want %d", len(after), want)
			}
			if found := searched(mini); len(found) != want {
				t.Errorf("%d accounts are found after the rebuild, want %d", len(found), want)
			}
			if diff := cmp.Diff(before, after[:len(before)]); diff != "" {
				t.Errorf("after the rebuild (-before +after):\n%s", diff)
			}
			run.Stop(t)
		})
	}
}

// flushing loses Redis between the data of a batch and its state.
type flushing struct {
	flush func()
	at    string // the state at which it happens
	once  sync.Once
}

func (f *flushing) DialHook(next redis.DialHook) redis.DialHook { return next }
func (f *flushing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (f *flushing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); len(args) > 6 && args[1] == advance.Hash() && strings.HasSuffix(fmt.Sprint(args[len(args)-2]), f.at) {
			f.once.Do(f.flush)
		}
		return next(ctx, cmd)
	}
}

// With the first batch of a partition too, whose state was nothing before: the epoch tells.
func TestRedisLostBetweenDataAndState(t *testing.T) {
	for _, at := range []string{":1", ":2"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			mini, rdb := newRedis(t)
			rdb.AddHook(&flushing{flush: mini.FlushAll, at: at})
			k := sinkstest.NewKafka(t, 1, schemas.ViewTopics()...)
			k.Produce(t, account(t, 0, "first"))
			sinkstest.Start(t, k, define(k, rdb))
			sinkstest.Eventually(t, "the views to be complete", func() bool { return complete(mini) })
			k.Produce(t, account(t, 1, "second"))
			sinkstest.Eventually(t, "both accounts to be there", func() bool { return complete(mini) && len(live(mini)) == 2 })
		})
	}
}

// A paused replica wakes up with an old batch after another has taken over: its data changes nothing.
func TestAnOlderOffsetNeverWins(t *testing.T) {
	t.Parallel()
	mini, rdb := newRedis(t)
	older, newer := account(t, 1, "older"), account(t, 1, "newer")
	older.Offset, newer.Offset = 9, 10 // as numbers: as strings, 9 would be the greater
	for _, r := range []*kgo.Record{newer, older} {
		w := newWrites(owners{})
		if err := w.apply(r); err != nil {
			t.Fatal(err)
		}
		if err := w.run(t.Context(), rdb); err != nil {
			t.Fatal(err)
		}
	}
	if got := live(mini); len(got) != 1 || !strings.Contains(got[0], "newer") {
		t.Errorf("the views say %v", got)
	}
	if got := searched(mini); !slices.Equal(got, []string{"nnewer\x00a001"}) {
		t.Errorf("it is found by %q", got)
	}
}

// A control topic that was deleted and made again starts its offsets anew, and its former keys may not come back.
func TestATopicMadeAnew(t *testing.T) {
	t.Parallel()
	mini, rdb := newRedis(t)
	k := sinkstest.NewKafka(t, 1, schemas.ViewTopics()...)
	k.Produce(t, account(t, 1, "old"), account(t, 2, "old"), rec(t, schemas.SlackInstallations.Spec, "T1", schemas.Installation{OrgID: "acme", TeamID: "T1"}))
	run := sinkstest.Start(t, k, define(k, rdb))
	sinkstest.Eventually(t, "the views to be complete", func() bool { return complete(mini) && len(live(mini)) == 4 })
	run.Stop(t)

	name := schemas.CRMAccounts.Name
	if _, err := k.Admin.DeleteTopic(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Admin.CreateTopic(t.Context(), 1, 1, nil, name); err != nil {
		t.Fatal(err)
	}
	fresh, err := kgo.NewClient(k.Options()...) // the other still knows the topic's former id
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if err := fresh.ProduceSync(t.Context(), account(t, 1, "new")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	sinkstest.Start(t, k, define(k, rdb))
	sinkstest.Eventually(t, "the new topic's view", func() bool {
		got := live(mini)
		return complete(mini) && slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, `"new"`) })
	})
	got := live(mini)
	if len(got) != 3 || slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, `"old"`) }) {
		t.Errorf("the views say %v", got)
	}
}

// A topic that ends in a transaction's marker is caught up when the marker is reached.
func TestCatchesUpWithTransactions(t *testing.T) {
	t.Parallel()
	mini, rdb := newRedis(t)
	k := sinkstest.NewKafka(t, 1, schemas.ViewTopics()...)
	route, err := kgo.NewClient(append(k.Options(), kgo.TransactionalID("route"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer route.Close()
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := route.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		outcome := schemas.Outcome{OrgID: "acme", RequestID: "r1", DeliveryID: "d1", Status: schemas.Delivered}
		if commit == kgo.TryAbort {
			outcome.DeliveryID = "d2"
		}
		if err := route.ProduceSync(t.Context(), rec(t, schemas.NotificationOutcomes.Spec, "acme/r1", outcome)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := route.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	sinkstest.Start(t, k, define(k, rdb))
	sinkstest.Eventually(t, "the views to be complete", func() bool { return complete(mini) })
	if !mini.Exists(schemas.LedgerKey("d1")) {
		t.Error("the ledger lacks what was delivered")
	}
	if mini.Exists(schemas.LedgerKey("d2")) {
		t.Error("the ledger has an outcome that was never committed")
	}
}

// Views are complete when every replica has caught up with its partitions, not the first.
func TestCompleteNeedsEveryReplica(t *testing.T) {
	t.Parallel()
	mini, rdb := newRedis(t)
	k := sinkstest.NewKafka(t, 1, schemas.ViewTopics()...)
	last := account(t, 1, "x")
	k.Produce(t, last)
	var replicas [2]*Sink
	for i := range replicas {
		s, ok := define(k, rdb).Sink.(*Sink)
		if !ok {
			t.Fatal("the definition holds another sink")
		}
		assigned := map[string]map[int32]kgo.Offset{}
		for _, topic := range schemas.ViewTopics() {
			if mine := topic.Name == last.Topic; mine == (i == 1) {
				assigned[topic.Name] = map[int32]kgo.Offset{0: kgo.NewOffset()}
			}
		}
		if _, err := s.start(t.Context(), assigned); err != nil {
			t.Fatal(err)
		}
		replicas[i] = s
	}
	if err := replicas[0].idle(t.Context()); err != nil { // it has nothing to catch up with
		t.Fatal(err)
	}
	if complete(mini) {
		t.Error("the views are called complete with a record of the other replica missing")
	}
	if _, err := replicas[1].Write(t.Context(), []*kgo.Record{last}); err != nil {
		t.Fatal(err)
	}
	if !complete(mini) {
		t.Error("the views are not called complete")
	}
}
