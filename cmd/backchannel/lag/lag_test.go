package lag

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestLagGrowsWhileNobodyConsumes(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "in"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("in"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin, ctx := kadm.NewClient(client), t.Context()
	produce := func() {
		t.Helper()
		for p := range int32(2) {
			if err := client.ProduceSync(ctx, &kgo.Record{Partition: p, Value: []byte("x")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	produce()
	var committed kadm.Offsets
	committed.AddOffset("in", 0, 1, -1)
	committed.AddOffset("in", 1, 0, -1)
	if err := admin.CommitAllOffsets(ctx, "g", committed); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	w := New(admin, reg, "g", "not there yet")
	for _, want := range []float64{1, 3} {
		if err := w.ask(ctx); err != nil {
			t.Fatal(err)
		}
		exported, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if len(exported) != 1 || len(exported[0].GetMetric()) != 1 || exported[0].GetMetric()[0].GetGauge().GetValue() != want {
			t.Errorf("exported %v, want one lag of %v", exported, want)
		}
		produce()
	}
}
