package ingest

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Publisher writes records to Kafka. Publish returns nil when the brokers have all of them, on all in-sync replicas. After
// an error each record may or may not be there: publishing again is safe for whoever may see a record twice.
type Publisher interface {
	Publish(ctx context.Context, records ...*kgo.Record) error
}

// Kafka is the Publisher. Its client must produce with acks=all, which is franz-go's default, as is idempotence.
type Kafka struct{ Client *kgo.Client }

// Publish produces the records and waits for all acknowledgements, or for ctx. It does not leave the latter to the client:
// once a record may be in a log, an idempotent producer goes on until it knows, however long that takes, and a caller who
// has to answer Slack would wait with it.
func (k Kafka) Publish(ctx context.Context, records ...*kgo.Record) error {
	produced := make(chan error, 1)
	go func() { produced <- k.Client.ProduceSync(ctx, records...).FirstErr() }()
	select {
	case err := <-produced:
		if err != nil {
			return fmt.Errorf("publish to Kafka: %w", err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("publish to Kafka: no acknowledgement in time: %w", ctx.Err())
	}
}
