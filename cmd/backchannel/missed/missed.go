// Package missed counts what retention has deleted before a consumer group had read it: its component was away, or held up, for longer than the topic keeps
// records. Kafka's answer to such an offset is that it is out of range, upon which a client starts at what is there, and says nothing.
//
// A group that was away for longer than the brokers keep what it has committed (offsets.retention.minutes, a week unless set) is as new, and nothing of it is counted.
package missed

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// timeout bounds the question where partitions begin: a member of a group that does not get on holds up the others.
const timeout = 5 * time.Second

// Counter counts for one component. It belongs to the process, and not to a session with the group, so that the next session counts nothing again.
type Counter struct {
	component string
	kafka     []kgo.Opt
	log       *slog.Logger

	mu      sync.Mutex
	counted map[part]int64 // up to where
}

type part struct {
	topic     string
	partition int32
}

// New makes a counter. kafka is what every client has: none of the hooks that only one can have, since the component's own is beside it.
func New(component string, kafka []kgo.Opt, log *slog.Logger) *Counter {
	return &Counter{component: component, kafka: kafka, log: log, counted: map[part]int64{}}
}

// Count tells how many records are gone between what was committed of partitions that were just assigned and where they begin now, and logs which.
// Where the brokers do not say it is 0, and logged: the component has to go on.
func (c *Counter) Count(ctx context.Context, assigned map[string]map[int32]kgo.Offset) (records int64) {
	begins, err := c.begins(ctx, slices.Collect(maps.Keys(assigned)))
	switch {
	case errors.Is(ctx.Err(), context.Canceled): // the component is told to stop
		return 0
	case err != nil:
		c.log.Warn("it is not known whether retention has deleted what was not read", "component", c.component, "error", err)
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	begins.Each(func(begin kadm.ListedOffset) {
		from, ok := assigned[begin.Topic][begin.Partition]
		at, committed := part{begin.Topic, begin.Partition}, from.EpochOffset().Offset
		if !ok || begin.Err != nil || committed < 0 { // none was committed yet
			return
		}
		if gone := begin.Offset - max(committed, c.counted[at]); gone > 0 {
			c.counted[at] = begin.Offset
			records += gone
			c.log.Error("records that were not read were deleted by their topic's retention", "component", c.component, "topic", begin.Topic, "partition", begin.Partition, "records", gone)
		}
	})
	return records
}

// begins lists where partitions begin now. The component's own client is not there yet when its first assignment comes.
func (c *Counter) begins(ctx context.Context, topics []string) (kadm.ListedOffsets, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	client, err := kgo.NewClient(c.kafka...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return kadm.NewClient(client).ListStartOffsets(ctx, topics...)
}
