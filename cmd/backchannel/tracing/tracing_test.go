package tracing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/bigmind/backchannel/schemas"
)

func TestTheEnvironmentDecides(t *testing.T) {
	for name, c := range map[string]struct {
		env    map[string]string
		wanted bool
		says   string
	}{
		"nothing is set":         {},
		"an endpoint":            {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, wanted: true},
		"an endpoint for traces": {env: map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, wanted: true},
		"switched off":           {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"}},
		"no exporter":            {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "none"}},
		"another exporter":       {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_TRACES_EXPORTER": "zipkin"}, says: "want otlp or none"},
		"gRPC":                   {env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, says: "4318"},
	} {
		wanted, err := Wanted(func(key string) string { return c.env[key] })
		if wanted != c.wanted || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v", name, wanted, err)
		}
	}
}

// Without traces there is nothing in the way: handlers and logs are the caller's own, clients get no hook.
func TestWithoutTracesNothingIsThere(t *testing.T) {
	traces, err := Start(t.Context(), func(string) string { return "" }, "v1", nil)
	if traces != nil || err != nil {
		t.Fatal(traces, err)
	}
	log, mux := slog.New(slog.DiscardHandler), http.NewServeMux()
	if traces.Log(log) != log || traces.Handler(mux) != http.Handler(mux) || traces.Kafka() != nil || traces.Close(t.Context()) != nil {
		t.Error("something was put in between")
	}
}

func recording(options ...sdk.TracerProviderOption) (*Tracing, *tracetest.InMemoryExporter) {
	spans := tracetest.NewInMemoryExporter()
	return New(sdk.NewTracerProvider(append(options, sdk.WithSyncer(spans))...)), spans
}

// A request's span has the route and the status, not the path; what it brings is linked to; probes have none.
func TestRequests(t *testing.T) {
	traces, spans := recording()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/people/{email}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	for _, path := range []string{"/api/people/ada@acme.example", "/readyz"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		traces.Handler(mux).ServeHTTP(httptest.NewRecorder(), r)
	}
	all := spans.GetSpans()
	if len(all) != 1 || all[0].Name != "GET /api/people/{email}" || all[0].Status.Code != codes.Error || all[0].Parent.IsValid() || len(all[0].Links) != 1 {
		t.Fatalf("%+v", all)
	}
	for _, a := range all[0].Attributes {
		if strings.Contains(a.Value.String(), "ada") {
			t.Errorf("%s=%s", a.Key, a.Value.String())
		}
	}
}

func TestLinesOfATraceHaveItsID(t *testing.T) {
	traces, _ := recording()
	var out bytes.Buffer
	log := traces.Log(slog.New(slog.NewJSONHandler(&out, nil))).With("component", "x")
	ctx, span := traces.tracer.Start(t.Context(), "x")
	log.InfoContext(ctx, "in it")
	if !strings.Contains(out.String(), `"trace_id":"`+span.SpanContext().TraceID().String()+`"`) {
		t.Error(out.String())
	}
	out.Reset()
	log.Info("not in it")
	if strings.Contains(out.String(), "trace_id") {
		t.Error(out.String())
	}
}

// A batch's span links to the sampled records alone, and they to it. One that did not take effect says so.
func TestBatches(t *testing.T) {
	traces, spans := recording()
	ctx, first := traces.tracer.Start(t.Context(), "first")
	records := []*kgo.Record{{Context: t.Context()}, {Context: ctx}, {}}
	if b := traces.Batch("enrich", records[:1], time.Now()); b != nil || b.Of(0) != nil {
		t.Error("a batch without a sampled record has spans")
	}
	b := traces.Batch("enrich", records, time.Now())
	if b.Of(0) != nil || b.Of(1) == nil || b.Of(2) != nil {
		t.Error("the contexts are of other records")
	}
	b.End(false)
	all := spans.GetSpans()
	if len(all) != 2 || all[0].Name != "enrich" || all[1].Name != "enrich batch" {
		t.Fatalf("%+v", all)
	}
	if len(all[1].Links) != 1 || all[1].Links[0].SpanContext.SpanID() != first.SpanContext().SpanID() || len(all[0].Links) != 1 ||
		all[0].Links[0].SpanContext.SpanID() != all[1].SpanContext.SpanID() || all[0].Status.Code != codes.Error {
		t.Errorf("%+v", all)
	}
}

// What is not sampled is not carried on, and no trace begins in the middle, but at a notification request.
func TestRecordsOfNoTrace(t *testing.T) {
	traces, spans := recording()
	h := hooks{traces.kafka}
	plain := &kgo.Record{Topic: "slack.users", Context: context.Background()}
	h.OnProduceRecordBuffered(plain)
	h.OnProduceRecordUnbuffered(plain, nil)
	h.OnFetchRecordBuffered(plain)
	h.OnFetchRecordUnbuffered(plain, true)
	if len(spans.GetSpans()) > 0 || len(plain.Headers) > 0 {
		t.Error(spans.GetSpans(), plain.Headers)
	}
	request := &kgo.Record{Topic: schemas.NotificationRequests.Name, Key: []byte("acme/ada@acme.example"), Context: context.Background()}
	h.OnFetchRecordBuffered(request)
	h.OnFetchRecordUnbuffered(request, true)
	if all := spans.GetSpans(); len(all) != 1 || all[0].Parent.IsValid() {
		t.Errorf("%+v", all)
	}
}

// A call's error can hold a URL with a secret in it: the span has none of it.
func TestCalls(t *testing.T) {
	traces, spans := recording()
	ctx, _ := traces.tracer.Start(t.Context(), "x")
	req := httptest.NewRequest(http.MethodPost, "https://hooks.slack.com/actions/T1/hunter2", nil).WithContext(ctx)
	if resp, err := traces.Call(req, "other", refusing{}); err == nil {
		_ = resp.Body.Close()
		t.Fatal("no error")
	}
	all := spans.GetSpans()
	if len(all) != 1 || all[0].Name != "other" || all[0].Status.Description != "no answer" || len(all[0].Attributes) > 0 || len(all[0].Events) > 0 {
		t.Errorf("%+v", all)
	}
}

type refusing struct{}

func (refusing) RoundTrip(req *http.Request) (*http.Response, error) {
	return nil, errors.New("refused: " + req.URL.String())
}

// What a fetched record costs that belongs to no trace, with traces on: compare with a bare one.
func BenchmarkRecordOfNoTrace(b *testing.B) {
	traces, _ := recording()
	h := hooks{traces.kafka}
	batch := make([]*kgo.Record, 500)
	for i := range batch {
		batch[i] = &kgo.Record{Topic: schemas.SlackEvents.Name, Context: b.Context(), Headers: []kgo.RecordHeader{{Key: "retry"}}}
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, rec := range batch {
			h.OnFetchRecordBuffered(rec)
			h.OnFetchRecordUnbuffered(rec, true)
		}
		traces.Batch("enrich", batch, time.Time{}).End(true)
	}
}
