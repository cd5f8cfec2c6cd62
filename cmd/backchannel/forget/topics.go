package forget

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

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
	names := compactedTopics()
	client, err := kgo.NewClient(append(slices.Clone(opts), kgo.ConsumeTopics(names...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())...)
	if err != nil {
		return nil, fmt.Errorf("make the Kafka client: %w", err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, names...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("read the compacted topics: %w", err)
	}
	type part struct {
		topic string
		n     int32
	}
	open, latest := map[part]int64{}, map[string]control{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			open[part{o.Topic, o.Partition}] = o.Offset
		}
	})
	for len(open) > 0 {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read the compacted topics: %w", err)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			id := rec.Topic + " " + string(rec.Key)
			c := control{topic: rec.Topic, key: string(rec.Key), partition: rec.Partition}
			switch {
			case rec.Attrs.IsControl():
			case rec.Value == nil:
				delete(latest, id)
			case json.Unmarshal(rec.Value, &c.fields) == nil: // what cannot be read is nobody's
				latest[id] = c
			}
			if p := (part{rec.Topic, rec.Partition}); rec.Offset+1 >= open[p] {
				delete(open, p)
			}
		})
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
