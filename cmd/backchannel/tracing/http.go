package tracing

import (
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// quiet are the paths that are asked by machines all day.
var quiet = map[string]bool{"/livez": true, "/readyz": true, "/metrics": true}

// Handler makes a span of each request, named by its route. Whoever asks does not decide whether it is sampled: a trace that a request
// brings is linked to, not gone on with.
func (t *Tracing) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if quiet[r.URL.Path] {
			next.ServeHTTP(w, r)
			return
		}
		opts := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attribute.String("http.request.method", r.Method))}
		if from := trace.SpanContextFromContext(propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))); from.IsValid() {
			opts = append(opts, trace.WithLinks(trace.Link{SpanContext: from}))
		}
		ctx, span := t.tracer.Start(r.Context(), r.Method, opts...)
		defer span.End()
		answered := &status{ResponseWriter: w, code: http.StatusOK}
		r = r.WithContext(ctx)
		next.ServeHTTP(answered, r)
		if r.Pattern != "" { // the route, not the path, which may name a channel or a person
			span.SetName(named(r))
			span.SetAttributes(attribute.String("http.route", r.Pattern))
		}
		span.SetAttributes(attribute.Int("http.response.status_code", answered.code))
		if answered.code/100 == 5 {
			span.SetStatus(codes.Error, "")
		}
	})
}

// named is the method and the route: a pattern may lack the former.
func named(r *http.Request) string {
	if strings.Contains(r.Pattern, " ") {
		return r.Pattern
	}
	return r.Method + " " + r.Pattern
}

// status remembers what was answered.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach what is below.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Call makes a span of one call of another's API, which is sampled if what it is made for is. name says which.
func (t *Tracing) Call(req *http.Request, name string, next http.RoundTripper) (*http.Response, error) {
	if t == nil || !sampled(req.Context()) {
		return next.RoundTrip(req)
	}
	ctx, span := t.tracer.Start(req.Context(), name, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	resp, err := next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		span.SetStatus(codes.Error, "no answer")
		return resp, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", resp.StatusCode))
	if resp.StatusCode >= http.StatusBadRequest {
		span.SetStatus(codes.Error, "")
	}
	return resp, nil
}
