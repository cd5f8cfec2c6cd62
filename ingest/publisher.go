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

// Publish produces the records and waits for all acknowledgements, or for ctx. After ctx has ended the client may go on
// with a record that was on its way to a broker: it cannot know whether the broker has it, and keeps it, with its place in
// the idempotent sequence, until it does. So the records must not be changed afterwards.
func (k Kafka) Publish(ctx context.Context, records ...*kgo.Record) error {
	result := make(chan error, 1)
	go func() { result <- k.Client.ProduceSync(ctx, records...).FirstErr() }()
	var err error
	select {
	case err = <-result:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("publish to Kafka: %w", err)
	}
	return nil
}
