package sinkstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Kafka is a broker of one test, with a client and an admin client of it.
type Kafka struct {
	Cluster *kfake.Cluster
	Client  *kgo.Client
	Admin   *kadm.Client
}

// NewKafka starts a broker with the topics, of so many partitions each, and their dead-letter topics.
func NewKafka(t testing.TB, partitions int32, topics ...schemas.Spec) *Kafka {
	t.Helper()
	var names, letters []string
	for _, topic := range topics {
		names = append(names, topic.Name)
		letters = append(letters, topic.DeadLetter())
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, names...), kfake.SeedTopics(1, letters...))
	if err != nil {
		t.Fatalf("start a broker: %v", err)
	}
	k := &Kafka{Cluster: cluster}
	k.Client, err = kgo.NewClient(append(k.Options(), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		cluster.Close()
		t.Fatalf("make a Kafka client: %v", err)
	}
	k.Admin = kadm.NewClient(k.Client)
	t.Cleanup(func() {
		k.Client.Close()
		cluster.Close()
	})
	return k
}

// Options are what a runner needs to find the broker.
func (k *Kafka) Options() []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(k.Cluster.ListenAddrs()...), kgo.FetchMaxWait(100 * time.Millisecond)}
}

// Produce puts records on the partitions that they name; they come back with their offsets.
func (k *Kafka) Produce(t testing.TB, records ...*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := k.Client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
}

// Committed is the offset that a group has committed for a partition, -1 for none.
func (k *Kafka) Committed(t testing.TB, group, topic string, partition int32) int64 {
	t.Helper()
	offsets, err := k.Admin.FetchOffsets(t.Context(), group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return -1 // nobody has joined it yet
	}
	if err != nil {
		t.Fatalf("read committed offsets: %v", err)
	}
	offset, ok := offsets.Lookup(topic, partition)
	if !ok {
		return -1
	}
	return offset.At
}

// WaitCommitted waits until a group has committed everything that is in the topics.
func (k *Kafka) WaitCommitted(t testing.TB, group string, topics ...string) {
	t.Helper()
	Eventually(t, "everything to be committed", func() bool {
		ends, err := k.Admin.ListCommittedOffsets(t.Context(), topics...)
		if err != nil {
			t.Fatalf("list offsets: %v", err)
		}
		done := true
		ends.Each(func(end kadm.ListedOffset) {
			if end.Offset > 0 && k.Committed(t, group, end.Topic, end.Partition) < end.Offset {
				done = false
			}
		})
		return done
	})
}

// Rewind makes a stopped group begin anew.
func (k *Kafka) Rewind(t testing.TB, group string) {
	t.Helper()
	Eventually(t, "the group to be empty", func() bool {
		_, err := k.Admin.DeleteGroup(t.Context(), group)
		return err == nil
	})
}

// Letter is a dead letter with the record that it came as.
type Letter struct {
	schemas.DeadLetter
	Record *kgo.Record
}

// Letters reads a dead-letter topic from its beginning to its end.
func (k *Kafka) Letters(t testing.TB, topic schemas.Spec) []Letter {
	t.Helper()
	var letters []Letter
	for _, rec := range k.ReadCommitted(t, topic.DeadLetter()) {
		headers := make([]schemas.Header, len(rec.Headers))
		for i, h := range rec.Headers {
			headers[i] = schemas.Header{Key: h.Key, Value: string(h.Value)}
		}
		letter, err := schemas.ParseDeadLetter(headers)
		if err != nil {
			t.Fatalf("offset %d of %s: %v", rec.Offset, rec.Topic, err)
		}
		letters = append(letters, Letter{letter, rec})
	}
	return letters
}

// ReadCommitted reads what a read-committed consumer sees of topics, to their ends as of now; the records of a partition are in order. It asks for no partition that
// holds nothing: a client that is closed before its first partitions are assigned assigns them while it closes (franz-go v1.22.3), and leaves a goroutine behind.
func (k *Kafka) ReadCommitted(t testing.TB, topics ...string) []*kgo.Record {
	t.Helper()
	ends, err := k.Admin.ListCommittedOffsets(t.Context(), topics...)
	if err != nil {
		t.Fatalf("list offsets: %v", err)
	}
	from, left := map[string]map[int32]kgo.Offset{}, 0
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset == 0 {
			return
		}
		if from[end.Topic] == nil {
			from[end.Topic] = map[int32]kgo.Offset{}
		}
		from[end.Topic][end.Partition] = kgo.NewOffset().AtStart()
		left++
	})
	if left == 0 {
		return nil
	}
	client, err := kgo.NewClient(append(k.Options(), kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())...)
	if err != nil {
		t.Fatalf("make a Kafka client: %v", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var records []*kgo.Record
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %v: %v", topics, err)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			if !rec.Attrs.IsControl() {
				records = append(records, rec)
			}
			if end, _ := ends.Lookup(rec.Topic, rec.Partition); rec.Offset+1 == end.Offset {
				left--
			}
		})
	}
	return records
}
