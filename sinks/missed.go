package sinks

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// missed counts, at each assignment, what retention has deleted of what was not committed while nobody held it: a process that ended, or was away, for longer
// than the topic keeps. Kafka's answer to such an offset is that it is out of range, upon which a client starts at what is there, and says nothing.
func (r *Runner) missed() func(context.Context, map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	counted := map[part]int64{} // up to where, so that another assignment before the next commit does not count it again
	return func(ctx context.Context, assigned map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
		begins, err := r.begins(ctx, slices.Collect(maps.Keys(assigned)))
		if err != nil {
			r.opts.Log.Warn("it is not known whether retention has deleted what was not delivered", "sink", r.def.Name, "error", err)
			return assigned, nil
		}
		begins.Each(func(begin kadm.ListedOffset) {
			from, ok := assigned[begin.Topic][begin.Partition]
			at, committed := part{begin.Topic, begin.Partition}, from.EpochOffset().Offset
			if !ok || begin.Err != nil || committed < 0 { // none was committed yet
				return
			}
			if gone := begin.Offset - max(committed, counted[at]); gone > 0 {
				counted[at] = begin.Offset
				r.opts.Metrics.gone(r.def.Name, int(gone))
				r.opts.Log.Error("records that were not delivered were deleted by their topic's retention", "sink", r.def.Name, "topic", begin.Topic, "partition", begin.Partition, "records", gone)
			}
		})
		return assigned, nil
	}
}

// begins lists where partitions begin now. The runner's own client is not there yet when the first assignment comes.
func (r *Runner) begins(ctx context.Context, topics []string) (kadm.ListedOffsets, error) {
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	client, err := kgo.NewClient(r.opts.Kafka...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return kadm.NewClient(client).ListStartOffsets(ctx, topics...)
}
