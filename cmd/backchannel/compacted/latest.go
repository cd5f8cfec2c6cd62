// Package compacted reads a compacted topic as it stands, for commands that ask Kafka rather than the views.
package compacted

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Latest reads a topic to its end: the last record of each key, without those that are gone or cannot be read.
func Latest[T any](ctx context.Context, opts []kgo.Opt, topic schemas.Topic[T]) (map[string]T, error) {
	client, err := kgo.NewClient(append(opts[:len(opts):len(opts)], kgo.ConsumeTopics(topic.Name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())...)
	if err != nil {
		return nil, fmt.Errorf("make the Kafka client: %w", err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic.Name)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", topic.Name, err)
	}
	last, latest := map[int32]int64{}, map[string]T{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			last[o.Partition] = o.Offset
		}
	})
	for len(last) > 0 {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", topic.Name, err)
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			v, err := topic.Decode(rec.Value)
			switch {
			case rec.Attrs.IsControl():
			case rec.Value == nil:
				delete(latest, string(rec.Key))
			case err == nil:
				latest[string(rec.Key)] = v
			}
			if rec.Offset+1 >= last[rec.Partition] {
				delete(last, rec.Partition)
			}
		})
	}
	return latest, nil
}
