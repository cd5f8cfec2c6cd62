package forget

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// control is the last record of a key of a compacted topic.
type control struct {
	topic, key string
	partition  int32
	fields
}

func compactedTopics() []string {
	var names []string
	for _, t := range schemas.AllTopics() {
		if t.Cleanup == schemas.Compact {
			names = append(names, t.Name)
		}
	}
	return names
}

// controls reads all compacted topics to their ends.
func controls(ctx context.Context, opts []kgo.Opt) ([]control, error) {
	client, err := scan.Client(opts)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	spans, err := scan.All(ctx, client, compactedTopics()...)
	if err != nil {
		return nil, err
	}
	latest := map[string]control{}
	err = scan.Read(ctx, client, spans, func(rec *kgo.Record) error {
		id := rec.Topic + " " + string(rec.Key)
		c := control{topic: rec.Topic, key: string(rec.Key), partition: rec.Partition}
		if rec.Value == nil {
			delete(latest, id)
		} else if json.Unmarshal(rec.Value, &c.fields) == nil { // what cannot be read is nobody's
			latest[id] = c
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := make([]control, 0, len(latest))
	for _, c := range latest {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b control) int { return strings.Compare(a.topic+" "+a.key, b.topic+" "+b.key) })
	return all, nil
}

// bury writes a tombstone for each, into the partition in which it is.
func bury(ctx context.Context, opts []kgo.Opt, all []control) error {
	if len(all) == 0 {
		return nil
	}
	client, err := kgo.NewClient(append(slices.Clone(opts), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		return fmt.Errorf("make the Kafka client: %w", err)
	}
	defer client.Close()
	records := make([]*kgo.Record, len(all))
	for i, c := range all {
		records[i] = &kgo.Record{Topic: c.topic, Partition: c.partition, Key: []byte(c.key)}
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("write tombstones: %w", err)
	}
	return nil
}
