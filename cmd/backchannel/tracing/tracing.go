// Package tracing makes OpenTelemetry traces of what the pipeline does, from the HTTP request or the notification request to the insert or the post,
// across Kafka by the header traceparent (W3C Trace Context). It is off until an OTLP endpoint is set, and what it is made of is then not there at all.
//
// A trace begins at an HTTP request, or at a notification request that brings none; a sampler decides there, once, for all that follows. A record of a trace
// that is not sampled costs a look at its headers. Spans say what was done, where and how long it took, never what was said or to whom: no key, no text, no address.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracing makes spans. Nil makes none: each of its methods then gives back what it was given.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	kafka    *kotel.Tracer
}

// scope is what the spans are said to come from.
const scope = "github.com/bigmind/backchannel"

var propagator = propagation.TraceContext{}

// Wanted says whether the environment asks for traces, by OpenTelemetry's own variables: an endpoint is set, and nothing switches them off.
func Wanted(getenv func(string) string) (bool, error) {
	endpoint := getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	if endpoint == "" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := getenv(name); p != "" && p != "http/protobuf" {
			return false, fmt.Errorf("%s is %q; traces are sent by http/protobuf only (a collector takes it at port 4318)", name, p)
		}
	}
	if e := getenv("OTEL_TRACES_EXPORTER"); e != "" && e != "otlp" {
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER is %q; want otlp or none", e)
	}
	return true, nil
}

// Start begins to send traces to where the environment says. A collector that is away costs nothing but traces.
func Start(ctx context.Context, getenv func(string) string, version string, log *slog.Logger) (*Tracing, error) {
	wanted, err := Wanted(getenv)
	if err != nil || !wanted {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx) // reads OTEL_EXPORTER_OTLP_…
	if err != nil {
		return nil, fmt.Errorf("make the exporter of traces: %w", err)
	}
	of, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "backchannel"), attribute.String("service.version", version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv()) // the last wins: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("say what traces come from: %w", err)
	}
	otel.SetErrorHandler(&complaints{log: log})
	return New(sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(of))), nil // its sampler by OTEL_TRACES_SAMPLER
}

// New makes spans by a provider of the caller's.
func New(provider *sdk.TracerProvider) *Tracing {
	return &Tracing{
		provider: provider, tracer: provider.Tracer(scope),
		kafka: kotel.NewTracer(kotel.TracerProvider(provider), kotel.TracerPropagator(propagator), kotel.KeyFormatter(noKey)),
	}
}

// Close sends what is left, as far as ctx allows.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// complaints logs that traces cannot be sent, once a minute at most.
type complaints struct {
	log  *slog.Logger
	last atomic.Int64
}

func (c *complaints) Handle(err error) {
	now, last := time.Now().Unix(), c.last.Load()
	if now-last >= 60 && c.last.CompareAndSwap(last, now) {
		c.log.Warn("traces are lost", "error", err)
	}
}
