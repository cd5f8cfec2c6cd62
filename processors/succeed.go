package processors

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// succeed has partitions of which the group has committed nothing begin where the processor that used to read them had come
// to. While some replicas still run that one, both read what comes: what is decided twice has the same ids. Neither leaves out
// anything, for what the other one had committed when we began, it has sent through.
func (r *Runner) succeed(ctx context.Context, offsets map[string]map[int32]kgo.Offset) error {
	re := r.def.Repartition
	if re == nil || re.Succeeds == "" {
		return nil
	}
	var begin []int32
	for p, o := range offsets[re.From.Name] {
		if o.EpochOffset().Offset < 0 {
			begin = append(begin, p)
		}
	}
	if len(begin) == 0 {
		return nil
	}
	client, err := kgo.NewClient(r.opts.Kafka...) // not the session's, which waits for us
	if err != nil {
		return fmt.Errorf("processor %s: open Kafka: %w", r.def.Name, err)
	}
	defer client.Close()
	committed, err := kadm.NewClient(client).FetchOffsets(ctx, Group(re.Succeeds))
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil // it never ran here
	}
	if err != nil {
		return fmt.Errorf("processor %s: read how far %s had come: %w", r.def.Name, Group(re.Succeeds), err)
	}
	for _, p := range begin {
		if o, is := committed.Lookup(re.From.Name, p); is && o.Err == nil && o.At >= 0 {
			offsets[re.From.Name][p] = kgo.NewOffset().At(o.At)
		}
	}
	return nil
}
