package sinks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recallTimeout bounds fetching what waited: a broker that is away then delays only what has to be fetched.
const recallTimeout = 5 * time.Second

// recall fetches records that wait and are kept in Kafka alone.
func (r *Runner) recall(ctx context.Context, wanted map[part][]int64) error {
	if len(wanted) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	from := map[string]map[int32]kgo.Offset{}
	for at, offsets := range wanted {
		slices.Sort(offsets)
		if from[at.topic] == nil {
			from[at.topic] = map[int32]kgo.Offset{}
		}
		from[at.topic][at.partition] = kgo.NewOffset().At(offsets[0])
	}
	opts := append([]kgo.Opt{
		kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // what has gone is older than what is there
	}, r.opts.Kafka...)
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return fmt.Errorf("make a client that fetches what waits: %w", err)
	}
	defer client.Close()
	found, reached := map[part]map[int64]*kgo.Record{}, map[part]int64{}
	for open := len(wanted); open > 0; {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("fetch what waits: %w", err)
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			at := part{p.Topic, p.Partition}
			last := wanted[at][len(wanted[at])-1]
			if reached[at] > last {
				return
			}
			for _, rec := range p.Records {
				if found[at] == nil {
					found[at] = map[int64]*kgo.Record{}
				}
				if _, wants := slices.BinarySearch(wanted[at], rec.Offset); wants {
					found[at][rec.Offset] = rec
				}
				reached[at] = rec.Offset + 1
			}
			if reached[at] > last {
				open--
				client.PauseFetchPartitions(map[string][]int32{p.Topic: {p.Partition}})
			}
		})
	}
	for at, offsets := range wanted {
		if gone := r.held.recalled(at, offsets, found[at]); gone > 0 {
			r.opts.Metrics.gone(r.def.Name, gone)
			r.opts.Log.Error("records that waited were deleted by their topic's retention", "sink", r.def.Name, "topic", at.topic, "partition", at.partition, "records", gone)
		}
	}
	return nil
}
