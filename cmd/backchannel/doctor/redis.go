package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// redis asks whether Redis answers and keeps what it is given, whether the views are complete, and how far they are behind.
func (d *Doctor) redis(ctx context.Context) {
	bounded, cancel := d.bounded(ctx)
	defer cancel()
	if err := d.Redis.Ping(bounded).Err(); err != nil {
		d.fail("redis", "reachable", "", fmt.Sprintf("Redis does not answer at %s: %s.", d.RedisAt, reason(err)), "Start Redis, or mend redis-url and redis-password.")
		return
	}
	d.up.redis = true
	d.pass("redis", "reachable", "Redis answers.")
	if !d.redisKeeps(bounded) {
		d.unknown("redis", "views", "How far the views are behind is not asked: they stand still while Redis takes nothing.", "")
		return
	}
	d.views(ctx)
}

// position is how far the views have a partition of a control topic.
type position struct {
	topic     string
	partition int32
	next, end int64
}

func (d *Doctor) views(ctx context.Context) {
	bounded, cancel := d.bounded(ctx)
	defer cancel()
	complete, err1 := d.Redis.Exists(bounded, schemas.ViewsCompleteKey).Result()
	ready, err2 := d.Redis.HGetAll(bounded, schemas.ViewsReadyKey).Result()
	stored, err3 := d.Redis.HGetAll(bounded, schemas.ViewsOffsetsKey).Result()
	if err1 != nil || err2 != nil || err3 != nil {
		d.unknown("redis", "views", "The state of the views could not be read.", "Ask again.")
		return
	}
	const next = "Run 'backchannel run views' and wait; /readyz of its process says what it waits for."
	if !d.up.kafka {
		if complete == 0 {
			d.fail("redis", "views", "", "The views are not complete; how far they are is not known while Kafka is away.", next)
		} else {
			d.unknown("redis", "views", "The views were complete once; how far they are behind is not known while Kafka is away.", "")
		}
		return
	}
	positions, err := d.positions(ctx, stored)
	if err != nil {
		d.unknown("redis", "views", "How far the views are could not be compared with Kafka: "+reason(err)+".", "Ask again.")
		return
	}
	if complete == 0 {
		var missing []string
		for _, p := range positions {
			if ready[p.field()] != "1" && !slices.Contains(missing, p.topic) {
				missing = append(missing, p.topic)
			}
		}
		d.fail("redis", "views", "", fmt.Sprintf("The views are not complete: %d of %d partitions are built; missing of %s. Until then processors and sinks wait.", len(ready), len(positions), strings.Join(missing, ", ")), next)
		return
	}
	d.behind(ctx, positions, next)
}

func (p position) field() string { return p.topic + "/" + strconv.Itoa(int(p.partition)) }

// positions compares what Redis says with where the topics end.
func (d *Doctor) positions(ctx context.Context, stored map[string]string) ([]position, error) {
	ctx, cancel := d.bounded(ctx)
	defer cancel()
	var names []string
	for _, t := range schemas.ViewTopics() {
		names = append(names, t.Name)
	}
	ends, err := kadm.NewClient(d.client).ListCommittedOffsets(ctx, names...)
	if err != nil {
		return nil, err
	}
	var all []position
	ends.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			return // a topic that is missing is told of elsewhere
		}
		p := position{topic: o.Topic, partition: o.Partition, end: o.Offset}
		_, offset, _ := strings.Cut(stored[p.field()], ":")
		p.next, _ = strconv.ParseInt(offset, 10, 64) // absent: nothing was applied
		all = append(all, p)
	})
	slices.SortFunc(all, func(a, b position) int { return strings.Compare(a.field(), b.field()) })
	return all, nil
}

// behind tells how many records the views have not applied, and for how long the oldest has waited.
func (d *Doctor) behind(ctx context.Context, positions []position, next string) {
	var waiting int64
	from := map[string]map[int32]kgo.Offset{}
	for _, p := range positions {
		if p.next >= p.end {
			continue
		}
		waiting += p.end - p.next
		if from[p.topic] == nil {
			from[p.topic] = map[int32]kgo.Offset{}
		}
		from[p.topic][p.partition] = kgo.NewOffset().At(p.next)
	}
	oldest, records := time.Duration(0), false
	if waiting > 0 {
		oldest, records = d.oldest(ctx, from)
	}
	if records && oldest >= d.Behind {
		d.fail("redis", "views", "", fmt.Sprintf("The views are behind: %d records of %s wait, the oldest for %s.", waiting, strings.Join(sorted(from), ", "), round(oldest)), next)
		return
	}
	d.pass("redis", "views", fmt.Sprintf("The views are complete, and no more than %s behind.", round(oldest)))
}
