package backup

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/deploy/apply/applytest"
	"github.com/bigmind/backchannel/deploy/embedded/chdb/chdbtest"
	"github.com/bigmind/backchannel/schemas"
)

var engineAddr string

func TestMain(m *testing.M) {
	chdbtest.Main(m, func(_ context.Context, addr string) error {
		engineAddr = addr
		return nil
	})
}

var systems atomic.Int64

// system is an empty Kafka, as apply leaves it.
type system struct {
	Options
	t      *testing.T
	client *kgo.Client
}

func newSystem(t *testing.T) *system {
	t.Helper()
	var seeds []kfake.Opt
	for _, topic := range schemas.AllTopics() {
		seeds = append(seeds, kfake.SeedTopics(topic.Partitions, topic.Name))
	}
	broker, err := kfake.NewCluster(append(seeds, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	s := &system{t: t, Options: Options{
		Kafka: []kgo.Opt{kgo.SeedBrokers(broker.ListenAddrs()...)}, Version: "test", Progress: io.Discard,
		Groups: []string{"backchannel-route", "backchannel-views", "backchannel-clickhouse"},
	}}
	if s.client, err = kgo.NewClient(append(s.Kafka, kgo.RecordPartitioner(kgo.ManualPartitioner()))...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	return s
}

// withTables gives it an empty ClickHouse as well.
func (s *system) withTables() *system {
	s.t.Helper()
	opts := s.database()
	if _, err := apply.ClickHouse(s.t.Context(), opts, false); err != nil {
		s.t.Fatal(err)
	}
	s.open(opts)
	return s
}

func (s *system) database() *clickhouse.Options {
	return applytest.Options(engineAddr, fmt.Sprintf("backup_%d", systems.Add(1)))
}

func (s *system) open(opts *clickhouse.Options) {
	s.t.Helper()
	conn, err := clickhouse.Open(opts)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	s.ClickHouse = conn
}

func (s *system) exec(sql string) {
	s.t.Helper()
	if err := s.ClickHouse.Exec(s.t.Context(), sql); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// put produces a record and returns its offset; no value is a tombstone.
func (s *system) put(topic string, partition int32, key, value string, headers ...kgo.RecordHeader) int64 {
	s.t.Helper()
	r := &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Headers: headers, Timestamp: time.UnixMilli(1_790_000_000_123)}
	if value != "" {
		r.Value = []byte(value)
	}
	if err := s.client.ProduceSync(s.t.Context(), r).FirstErr(); err != nil {
		s.t.Fatal(err)
	}
	return r.Offset
}

// held reads what a topic holds, as partition, time, key, value and headers: a partition after the other, since Kafka says nothing of the order between them.
func (s *system) held(topic string) []string {
	s.t.Helper()
	spec, _ := schemas.TopicByName(topic)
	dir := s.t.TempDir()
	reader, err := kgo.NewClient(append(s.Kafka, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())...)
	if err != nil {
		s.t.Fatal(err)
	}
	defer reader.Close()
	copied, err := copyTopic(s.t.Context(), reader, spec, dir)
	if err != nil {
		s.t.Fatal(err)
	}
	of := map[int32][]string{}
	err = each(dir, copied.File, func(r record) error {
		of[r.Partition] = append(of[r.Partition], fmt.Sprintf("%d %d %s=%s %s", r.Partition, r.Time, r.Key, r.Value, r.Headers))
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	var all []string
	for _, p := range slices.Sorted(maps.Keys(of)) {
		all = append(all, of[p]...)
	}
	return all
}
