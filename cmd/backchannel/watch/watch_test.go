package watch

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

type world struct {
	t      *testing.T
	client *kgo.Client
	reg    *prometheus.Registry
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &world{t: t, client: client, reg: prometheus.NewRegistry()}
}

// produce puts one record on each of a topic's two partitions.
func (w *world) produce(topic string) {
	w.t.Helper()
	for p := range int32(2) {
		if err := w.client.ProduceSync(w.t.Context(), &kgo.Record{Topic: topic, Partition: p, Value: []byte("x")}).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// exported are the values of a metric by its last label.
func (w *world) exported(name string) map[string]float64 {
	w.t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			label := ""
			for _, l := range m.GetLabel() {
				label = l.GetValue()
			}
			values[label] = m.GetGauge().GetValue()
		}
	}
	return values
}

func TestLagGrowsWhileNobodyConsumes(t *testing.T) {
	w := newWorld(t)
	admin, ctx := kadm.NewClient(w.client), t.Context()
	w.produce("in")
	var committed kadm.Offsets
	committed.AddOffset("in", 0, 1, -1)
	committed.AddOffset("in", 1, 0, -1)
	if err := admin.CommitAllOffsets(ctx, "g", committed); err != nil {
		t.Fatal(err)
	}
	watch := New(Options{Admin: admin, Groups: []string{"g", "not there yet"}, Metrics: w.reg})
	start := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for i, want := range []struct{ records, seconds float64 }{{1, 0}, {3, 15}, {5, 30}} {
		if err := watch.lag(ctx, start.Add(time.Duration(i)*every)); err != nil {
			t.Fatal(err)
		}
		records, seconds := w.exported("backchannel_consumer_lag_records"), w.exported("backchannel_consumer_lag_seconds")
		if diff := cmp.Diff(map[string]float64{"in": want.records}, records); diff != "" {
			t.Errorf("records, asked %d times (-want +got):\n%s", i+1, diff)
		}
		if diff := cmp.Diff(map[string]float64{"in": want.seconds}, seconds); diff != "" {
			t.Errorf("seconds, asked %d times (-want +got):\n%s", i+1, diff)
		}
		w.produce("in")
	}
}

func TestAgeOfAnOffset(t *testing.T) {
	start := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	var p passage
	for i, end := range []int64{10, 10, 14, 30} {
		p.note(at(15*i), end)
	}
	for offset, want := range map[int64]time.Duration{0: 60 * time.Second, 9: 60 * time.Second, 10: 30 * time.Second, 13: 30 * time.Second, 14: 15 * time.Second, 30: 0} {
		if got := p.since(at(60), offset); got != want {
			t.Errorf("the record at %d was there for %v, want %v", offset, got, want)
		}
	}
	p.note(at(75), 2) // the topic was made anew
	if got := p.since(at(90), 0); got != 15*time.Second {
		t.Errorf("in a new topic: %v, want 15 s", got)
	}
	for i := range 100_000 {
		p.note(at(90+15*i), int64(3+i))
	}
	if len(p.seen) > maxMarks {
		t.Errorf("%d marks are remembered, want at most %d", len(p.seen), maxMarks)
	}
	last := at(90 + 15*100_000)
	if got, exact := p.since(last, 0), last.Sub(at(75)); got != exact {
		t.Errorf("the oldest record was there for %v, want %v: thinning out must not lose it", got, exact)
	}
}

func TestViewsAreCompleteOnlyWhenRedisSaysSo(t *testing.T) {
	w, server := newWorld(t), miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	defer rdb.Close()
	watch := New(Options{Admin: kadm.NewClient(w.client), Redis: rdb, Metrics: w.reg})
	expect := func(when string, want float64) {
		t.Helper()
		watch.complete(t.Context())
		if got := w.exported("backchannel_views_complete")[""]; got != want {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	expect("an empty Redis", 0)
	if err := server.Set(schemas.ViewsCompleteKey, "1"); err != nil {
		t.Fatal(err)
	}
	expect("complete views", 1)
	server.Close()
	expect("no Redis", 0)
}
