package forget

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Ends say up to which offset, by topic and partition, what tombstones replaced must be gone.
type Ends map[string]map[int32]int64

// What a tombstone replaced stays in the segment that is written to, which Kafka closes after a week, and only when somebody writes to it; and a closed one until
// half of the topic is new (kafka.apache.org, topic configs segment.ms, min.cleanable.dirty.ratio, max.compaction.lag.ms). hasty makes a broker close segments
// at once, and compact all that is closed.
var hasty = schemas.HastyConfigs()

// compactEvery is how often it is seen whether the values are gone, compactWithin how long that is waited for: a broker's cleaner looks every 15 s (log.cleaner.backoff.ms).
const (
	compactEvery  = time.Second
	compactWithin = 2 * time.Minute
)

// compact has the brokers remove what tombstones have replaced, also such of a run that broke off, and returns up to where it looked, and how many values are
// left, by topic. The topics' settings are as before afterwards. Brokers that do not let us change them compact in their own time.
func compact(ctx context.Context, o Options) (Ends, map[string]int, error) {
	client, err := scan.Client(o.Kafka)
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	spans, err := scan.All(ctx, client, compactedTopics()...)
	if err != nil {
		return nil, nil, err
	}
	replaced, err := traces(ctx, client, spans)
	if err != nil || len(replaced) == 0 {
		return nil, nil, err
	}
	fmt.Fprintf(o.Progress, "compaction: brokers hold %d values that tombstones have replaced\n", len(replaced))
	ends := Ends{}
	for _, c := range replaced {
		if ends[c.topic] == nil {
			ends[c.topic] = map[int32]int64{}
		}
		ends[c.topic][c.partition] = spans[c.topic][c.partition].To
	}
	restore, err := hasten(ctx, kadm.NewClient(client), slices.Sorted(maps.Keys(ends)), o.Progress)
	if err != nil {
		return nil, nil, err
	}
	ingest.Sleep(ctx, 10*time.Millisecond) // the segments with the values are older than segment.ms then
	err = bury(ctx, o.Kafka, replaced)     // what is written closes them
	var left map[string]int
	if err == nil {
		left, err = await(ctx, client, ends)
	}
	return ends, left, errors.Join(err, restore())
}

// await waits until the brokers have compacted, or for compactWithin.
func await(ctx context.Context, client *kgo.Client, ends Ends) (map[string]int, error) {
	for until := time.Now().Add(compactWithin); ; ingest.Sleep(ctx, compactEvery) {
		left, err := before(ctx, client, ends)
		if err != nil || len(left) == 0 || time.Now().After(until) {
			return left, err
		}
	}
}

// hasten sets hasty, and returns how to set back what was changed.
func hasten(ctx context.Context, admin *kadm.Client, topics []string, progress io.Writer) (restore func() error, err error) {
	was, err := admin.DescribeTopicConfigs(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("read the settings of topics: %w", err)
	}
	type change struct {
		topic string
		back  kadm.AlterConfig
	}
	var changed []change
	restore = func() (err error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		for _, c := range changed {
			err = errors.Join(err, alter(ctx, admin, c.topic, c.back))
		}
		return err
	}
	told := false
	for _, topic := range was {
		for _, name := range hasty { // one by one: a broker that does not know the one may know the other
			value := schemas.AtOnce
			err := alter(ctx, admin, topic.Name, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
			_, refused := errors.AsType[*kerr.Error](err)
			switch {
			case err == nil:
				changed = append(changed, change{topic.Name, own(topic, name)})
			case !refused:
				return nil, errors.Join(err, restore())
			case !told && !errors.Is(err, kerr.InvalidConfig):
				told = true
				fmt.Fprintf(progress, "the brokers compact in their own time: %v\n", err)
			}
		}
	}
	return restore, nil
}

func alter(ctx context.Context, admin *kadm.Client, topic string, change kadm.AlterConfig) error {
	answers, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{change}, topic)
	if err == nil && len(answers) > 0 {
		err = answers[0].Err
	}
	if err != nil {
		return fmt.Errorf("change %s of topic %s: %w", change.Name, topic, err)
	}
	return nil
}

// own is the change that sets a topic's setting to what it was: its own value, or none; what a run left that broke off is none.
func own(topic kadm.ResourceConfig, name string) kadm.AlterConfig {
	for _, c := range topic.Configs {
		if c.Key == name && c.Source == kmsg.ConfigSourceDynamicTopicConfig && c.MaybeValue() != schemas.AtOnce {
			return kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: c.Value}
		}
	}
	return kadm.AlterConfig{Op: kadm.DeleteConfig, Name: name}
}

// Traces counts, by topic, the values before the ends that a later tombstone replaced and that the brokers have not removed yet.
func Traces(ctx context.Context, kafka []kgo.Opt, ends Ends) (map[string]int, error) {
	if len(ends) == 0 {
		return nil, nil
	}
	client, err := scan.Client(kafka)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return before(ctx, client, ends)
}

// before counts them with a client that is there.
func before(ctx context.Context, client *kgo.Client, ends Ends) (map[string]int, error) {
	spans, err := scan.All(ctx, client, slices.Sorted(maps.Keys(ends))...)
	if err != nil {
		return nil, err
	}
	for topic, parts := range spans {
		for n, span := range parts {
			parts[n] = scan.Span{From: span.From, To: min(span.To, ends[topic][n])}
		}
	}
	all, err := traces(ctx, client, spans)
	counts := map[string]int{}
	for _, c := range all {
		counts[c.topic]++
	}
	return counts, err
}

// traces are the keys of which there is a value, and a tombstone after it.
func traces(ctx context.Context, client *kgo.Client, spans scan.Spans) ([]control, error) {
	type place struct {
		topic, key string
		partition  int32
	}
	valued, replaced := map[place]bool{}, map[place]bool{}
	err := scan.Read(ctx, client, spans, func(rec *kgo.Record) error {
		p := place{rec.Topic, string(rec.Key), rec.Partition}
		if rec.Value != nil {
			valued[p] = true
		} else if valued[p] {
			replaced[p] = true
		}
		return nil
	})
	all := make([]control, 0, len(replaced))
	for p := range replaced {
		all = append(all, control{topic: p.topic, key: p.key, partition: p.partition})
	}
	return all, err
}
