package scan

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Latest reads a compacted topic to its end: the last record of each key, without those that are gone or cannot be read.
func Latest[T any](ctx context.Context, kafka []kgo.Opt, topic schemas.Topic[T]) (map[string]T, error) {
	client, err := Client(kafka)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	spans, err := All(ctx, client, topic.Name)
	if err != nil {
		return nil, err
	}
	latest := map[string]T{}
	return latest, Read(ctx, client, spans, func(rec *kgo.Record) error {
		if rec.Value == nil {
			delete(latest, string(rec.Key))
		} else if v, err := topic.Decode(rec.Value); err == nil {
			latest[string(rec.Key)] = v
		}
		return nil
	})
}
