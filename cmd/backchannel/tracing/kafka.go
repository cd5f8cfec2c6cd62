package tracing

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/trace"

	"github.com/bigmind/backchannel/schemas"
)

// errNoKey keeps keys out of spans: some name a person.
var errNoKey = errors.New("a key is nobody's business")

func noKey(*kgo.Record) (string, error) { return "", errNoKey }

// Kafka is what a Kafka client needs to carry traces on: nothing, when there are none.
func (t *Tracing) Kafka() []kgo.Opt {
	if t == nil {
		return nil
	}
	return []kgo.Opt{kgo.WithHooks(hooks{t.kafka})}
}

// hooks are kotel's, for records that belong to a sampled trace. kotel alone would begin a trace at each of a million records of a compacted topic.
type hooks struct{ kotel *kotel.Tracer }

// OnProduceRecordBuffered begins the span of a produced record, and has its headers carry it.
func (h hooks) OnProduceRecordBuffered(rec *kgo.Record) {
	if sampled(rec.Context) {
		h.kotel.OnProduceRecordBuffered(rec)
	}
}

// OnProduceRecordUnbuffered ends it.
func (h hooks) OnProduceRecordUnbuffered(rec *kgo.Record, err error) {
	if sampled(rec.Context) {
		h.kotel.OnProduceRecordUnbuffered(rec, err)
	}
}

// OnFetchRecordBuffered goes on with the trace that a record brings. A notification request that brings none begins one.
func (h hooks) OnFetchRecordBuffered(rec *kgo.Record) {
	if kotel.NewRecordCarrier(rec).Get("traceparent") != "" || rec.Topic == schemas.NotificationRequests.Name {
		h.kotel.OnFetchRecordBuffered(rec)
	}
}

// OnFetchRecordUnbuffered ends the span of a fetched record.
func (h hooks) OnFetchRecordUnbuffered(rec *kgo.Record, polled bool) {
	if sampled(rec.Context) {
		h.kotel.OnFetchRecordUnbuffered(rec, polled)
	}
}

func sampled(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsSampled() }
