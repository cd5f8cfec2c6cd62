package scan

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// put produces to partitions in turn: values, and with abort in a transaction that is taken back.
func put(t *testing.T, kafka []kgo.Opt, abort bool, topic string, values ...string) {
	t.Helper()
	opts := slices.Concat(kafka, []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())})
	if abort {
		opts = append(opts, kgo.TransactionalID("taken back"))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if abort {
		err = client.BeginTransaction()
	}
	for i, v := range values {
		rec := &kgo.Record{Topic: topic, Partition: int32(i % 2), Key: []byte(fmt.Sprint("key-", i)), Value: []byte(v)}
		if v == "" {
			rec.Value = nil
		}
		err = errors.Join(err, client.ProduceSync(t.Context(), rec).FirstErr())
	}
	if abort {
		err = errors.Join(err, client.EndTransaction(t.Context(), kgo.TryAbort))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What stands before the ends is read, in the order of each partition, without what was taken back and without what came later; the markers at the end are no
// reason to wait.
func TestRead(t *testing.T) {
	topic := schemas.SyncCheckpoints.Name
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topic, "empty"))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	kafka := []kgo.Opt{kgo.SeedBrokers(broker.ListenAddrs()...)}
	put(t, kafka, false, topic, "a0", "b0", "a1", "b1")
	put(t, kafka, true, topic, "never", "never")
	client, err := Client(kafka)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	spans, err := All(t.Context(), client, topic, "empty")
	if err != nil {
		t.Fatal(err)
	}
	put(t, kafka, false, topic, "later", "later")
	read := func(spans Spans) map[int32][]string {
		t.Helper()
		got := map[int32][]string{}
		err := Read(t.Context(), client, spans, func(rec *kgo.Record) error {
			got[rec.Partition] = append(got[rec.Partition], string(rec.Value))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for name, tt := range map[string]struct {
		spans Spans
		want  map[int32][]string
	}{
		"all":     {spans, map[int32][]string{0: {"a0", "a1"}, 1: {"b0", "b1"}}},
		"again":   {spans, map[int32][]string{0: {"a0", "a1"}, 1: {"b0", "b1"}}},
		"a part":  {Spans{topic: {1: {1, 2}}}, map[int32][]string{1: {"b1"}}},
		"nothing": {Spans{topic: {0: {2, 2}}, "empty": {}}, map[int32][]string{}},
	} {
		if diff := cmp.Diff(tt.want, read(tt.spans)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	enough := errors.New("enough")
	if err := Read(t.Context(), client, spans, func(*kgo.Record) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("what each says is lost: %v", err)
	}
	if _, err := All(t.Context(), client, "nowhere"); err == nil {
		t.Error("a topic that is not there has an end")
	}
}

func TestLatest(t *testing.T) {
	topic := schemas.SyncCheckpoints
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topic.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	kafka := []kgo.Opt{kgo.SeedBrokers(broker.ListenAddrs()...)}
	checkpoint := func(channel string) string {
		return `{"org_id":"acme","team_id":"T1","channel_id":"` + channel + `"}`
	}
	put(t, kafka, false, topic.Name, checkpoint("C0"), checkpoint("C1"), checkpoint("C2"), "{")
	put(t, kafka, false, topic.Name, checkpoint("C9"), "")
	put(t, kafka, true, topic.Name, "", "")
	got, err := Latest(t.Context(), kafka, topic)
	if err != nil {
		t.Fatal(err)
	}
	channels := map[string]schemas.ChannelID{}
	for key, cp := range got {
		channels[key] = cp.ChannelID
	}
	if diff := cmp.Diff(map[string]schemas.ChannelID{"key-0": "C9", "key-2": "C2"}, channels); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
