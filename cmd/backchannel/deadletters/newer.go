package deadletters

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// Newer says, for each letter, where its compacted topic has a newer record of its key, over which a replay would put the older one; empty: nowhere.
func (r Reader) Newer(ctx context.Context, letters ...Letter) ([]string, error) {
	type source struct {
		topic     string
		partition int32 // a key stays where it is
		key       string
	}
	at, of, spans := make([]string, len(letters)), map[source][]int{}, scan.Spans{}
	for i, l := range letters {
		spec, known := schemas.TopicByName(l.Topic)
		if !known || spec.Cleanup != schemas.Compact || l.Offset < 0 {
			continue
		}
		from := source{l.Topic, l.Partition, string(l.Key)}
		of[from] = append(of[from], i)
		if spans[l.Topic] == nil {
			spans[l.Topic] = map[int32]scan.Span{}
		}
		span, begun := spans[l.Topic][l.Partition]
		if behind := l.Offset + 1; !begun || behind < span.From {
			spans[l.Topic][l.Partition] = scan.Span{From: behind}
		}
	}
	if len(of) == 0 {
		return at, nil
	}
	all, err := scan.All(ctx, r.Client, slices.Sorted(maps.Keys(spans))...)
	if err != nil {
		return nil, err
	}
	for topic, partitions := range spans {
		for partition, span := range partitions {
			has := all[topic][partition]
			partitions[partition] = scan.Span{From: max(span.From, has.From), To: has.To}
		}
	}
	return at, scan.Read(ctx, r.Client, spans, func(rec *kgo.Record) error {
		for _, i := range of[source{rec.Topic, rec.Partition, string(rec.Key)}] {
			if rec.Offset > letters[i].Offset {
				at[i] = fmt.Sprintf("%s/%d/%d", rec.Topic, rec.Partition, rec.Offset)
			}
		}
		return nil
	})
}
