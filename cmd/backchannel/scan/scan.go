// Package scan reads what topics hold, for commands that ask Kafka rather than the views.
package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Span is from an offset up to, and without, another.
type Span struct{ From, To int64 }

// Spans are by topic and partition.
type Spans map[string]map[int32]Span

// Client makes a client for Read: it consumes nothing by itself, waits for the end of transactions, and sees their markers, which have offsets too.
func Client(kafka []kgo.Opt, more ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(slices.Concat(kafka, more, []kgo.Opt{kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords()})...)
	if err != nil {
		return nil, fmt.Errorf("make the Kafka client: %w", err)
	}
	return client, nil
}

// All are the spans of what topics hold now.
func All(ctx context.Context, client *kgo.Client, topics ...string) (Spans, error) {
	admin := kadm.NewClient(client)
	begin, err1 := admin.ListStartOffsets(ctx, topics...)
	end, err2 := admin.ListCommittedOffsets(ctx, topics...)
	if err := cmp.Or(err1, err2, begin.Error(), end.Error()); err != nil { // one cause has them all
		what := strings.Join(topics, ", ")
		if len(topics) > fewTopics {
			what = fmt.Sprintf("%s and %d more topics", topics[0], len(topics)-1)
		}
		return nil, fmt.Errorf("find where %s ends: %w", what, err)
	}
	all := Spans{}
	end.Each(func(o kadm.ListedOffset) {
		if all[o.Topic] == nil {
			all[o.Topic] = map[int32]Span{}
		}
		first, _ := begin.Lookup(o.Topic, o.Partition)
		all[o.Topic][o.Partition] = Span{first.Offset, o.Offset}
	})
	return all, nil
}

// fewTopics is how many are named in an error.
const fewTopics = 3

// Quiet is how long the brokers may send nothing. Before the end of a topic that is not compacted there always is a record.
const Quiet = 15 * time.Second

// part is a partition of a topic.
type part struct {
	topic string
	n     int32
}

// compacted says whether all partitions are of compacted topics.
func compacted(parts iter.Seq[part]) bool {
	for p := range parts {
		if spec, known := schemas.TopicByName(p.topic); !known || spec.Cleanup != schemas.Compact {
			return false
		}
	}
	return true
}

// Read calls each for every record of the spans, those of a partition in order, without the markers of transactions. The client is one that consumes nothing else.
// Of a compacted topic the records before its end may be gone, when they were tombstones: then nothing comes any more, and what had come was all.
func Read(ctx context.Context, client *kgo.Client, spans Spans, each func(*kgo.Record) error) error {
	next, from, read := map[part]int64{}, map[string]map[int32]kgo.Offset{}, map[string][]int32{}
	for topic, parts := range spans {
		from[topic] = map[int32]kgo.Offset{}
		for n, s := range parts {
			if s.From < s.To {
				next[part{topic, n}], from[topic][n] = s.From, kgo.NewOffset().At(s.From)
				read[topic] = append(read[topic], n)
			}
		}
	}
	client.AddConsumePartitions(from)
	defer client.RemoveConsumePartitions(read)
	names := strings.Join(slices.Sorted(maps.Keys(spans)), ", ")
	for len(next) > 0 {
		bounded, cancel := context.WithTimeout(ctx, Quiet)
		fetches := client.PollFetches(bounded)
		cancel()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read %s: %w", names, err)
		}
		if err := fetches.Err(); errors.Is(err, context.DeadlineExceeded) {
			if compacted(maps.Keys(next)) && client.Ping(ctx) == nil {
				return nil
			}
			return fmt.Errorf("read %s: the brokers sent nothing for %s, and %d partitions are not read to their end", names, Quiet, len(next))
		} else if err != nil {
			return fmt.Errorf("read %s: %w", names, err)
		}
		for _, rec := range fetches.Records() {
			p := part{rec.Topic, rec.Partition}
			if at, open := next[p]; !open || rec.Offset < at {
				continue
			}
			end := spans[p.topic][p.n].To
			if rec.Offset < end && !rec.Attrs.IsControl() {
				if err := each(rec); err != nil {
					return err
				}
			}
			if next[p] = rec.Offset + 1; next[p] >= end {
				delete(next, p)
			}
		}
	}
	return nil
}
