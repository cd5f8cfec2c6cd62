package sinks

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"
)

// Traced is ctx in the trace of a record, where that is kept: what a sink calls for the record, and the outcome, then belong to it.
func Traced(ctx context.Context, rec *kgo.Record) context.Context {
	if span := trace.SpanFromContext(rec.Context); span.SpanContext().IsSampled() {
		return trace.ContextWithSpan(ctx, span)
	}
	return ctx
}
