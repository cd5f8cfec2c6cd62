package tracing

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// mostLinks bounds what a span of a batch links to, as the SDK does by itself.
const mostLinks = 128

// Batch are the spans of a batch: one of its own, which links to its sampled records, and one for each of these, in its own trace, which links back.
type Batch struct {
	span    trace.Span
	records map[int]trace.Span
	of      map[int]context.Context
}

// Batch begins them, as of when the batch was begun. It is nil where no record of the batch is sampled.
func (t *Tracing) Batch(name string, records []*kgo.Record, started time.Time) *Batch {
	var indexes []int
	for i, rec := range records {
		if sampled(rec.Context) {
			indexes = append(indexes, i)
		}
	}
	if len(indexes) == 0 {
		return nil
	}
	var links []trace.Link
	for _, i := range indexes[:min(len(indexes), mostLinks)] {
		links = append(links, trace.Link{SpanContext: trace.SpanContextFromContext(records[i].Context)})
	}
	// Sampled, whatever the sampler would say of a trace of its own: it begins as a part of the first record's.
	size := attribute.Int("messaging.batch.message_count", len(records))
	_, span := t.tracer.Start(records[indexes[0]].Context, name+" batch", trace.WithTimestamp(started), trace.WithLinks(links...), trace.WithAttributes(size))
	b := &Batch{span: span, records: make(map[int]trace.Span, len(indexes)), of: make(map[int]context.Context, len(indexes))}
	back := trace.WithLinks(trace.Link{SpanContext: span.SpanContext()})
	for _, i := range indexes {
		b.of[i], b.records[i] = t.tracer.Start(records[i].Context, name, trace.WithTimestamp(started), trace.WithSpanKind(trace.SpanKindConsumer), back, trace.WithAttributes(size))
	}
	return b
}

// Of is the context of what record i becomes, or nil where it is not sampled.
func (b *Batch) Of(i int) context.Context {
	if b == nil {
		return nil
	}
	return b.of[i]
}

// End ends the spans. A batch that did not take effect comes again, and says so; why is in the log.
func (b *Batch) End(done bool) {
	if b == nil {
		return
	}
	for _, span := range b.records {
		end(span, done)
	}
	end(b.span, done)
}

func end(span trace.Span, done bool) {
	if !done {
		span.SetStatus(codes.Error, "not now")
	}
	span.End()
}
