// Package events receives Slack's Events API over HTTP, and makes the record of an event, whichever way it came.
package events

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/signed"
)

// Options of the handler.
type Options struct {
	// Secrets are the signing secrets of the apps, tried in turn.
	Secrets   []string
	Publisher ingest.Publisher
	Now       func() time.Time
	Metrics   prometheus.Registerer
	Log       *slog.Logger
}

// Handler answers POST /slack/events: 200 when Kafka has the event; 401 unsigned, stale or forged; 400 malformed; 413
// too large; 503 when Kafka did not answer in time, upon which Slack sends the event again.
type Handler struct {
	signed   *signed.Reader
	opts     Options
	requests *prometheus.CounterVec
	duration prometheus.Histogram
}

// New makes the handler. Without a secret nothing could be verified, so it refuses.
func New(opts Options) (*Handler, error) {
	h := &Handler{
		opts: opts,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_ingest_requests_total",
			Help: "Requests to `/slack/events` by result: `accepted`, `challenge` (Slack checked the URL), `unsigned`, `stale`, `forged`, `too_large`, `malformed`, `unavailable` (Kafka did not take it in time).",
		}, []string{"result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "backchannel_ingest_request_seconds", Help: "Time to answer a request to `/slack/events`. Slack allows 3 s.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 13), NativeHistogramBucketFactor: 1.1,
		}),
	}
	var err error
	if h.signed, err = signed.NewReader(opts.Secrets, maxBody, opts.Now); err != nil {
		return nil, err
	}
	opts.Metrics.MustRegister(h.requests, h.duration)
	for _, result := range []string{"accepted", "unavailable", "forged", "stale", "unsigned"} { // so that the first is an increase
		h.requests.WithLabelValues(result)
	}
	return h, nil
}

// ServeHTTP handles one delivery.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	status, result, text := h.handle(w, r)
	h.requests.WithLabelValues(result).Inc()
	h.duration.Observe(time.Since(started).Seconds())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) //nolint:gosec // plain text, and nosniff; a client that is gone has nobody to tell
}

func (h *Handler) handle(w http.ResponseWriter, r *http.Request) (status int, result, text string) {
	body, now, refusal := h.signed.Read(w, r)
	if refusal != nil {
		return refusal.Status, refusal.Result, refusal.Text
	}
	e, err := parse(r.Header.Get("Content-Type"), body)
	if err != nil {
		return http.StatusBadRequest, "malformed", err.Error() + "\n"
	}
	switch {
	case e.kind == "":
		return http.StatusBadRequest, "malformed", "The body has no type.\n"
	case e.kind == urlVerification && e.challenge == "":
		return http.StatusBadRequest, "malformed", "The url_verification has no challenge.\n"
	case e.kind == urlVerification:
		return http.StatusOK, "challenge", e.challenge
	}
	return h.publish(r, e.record(body, retryOf(r.Header), now))
}

// retryOf reads how often Slack has sent an event before.
func retryOf(header http.Header) Retry {
	retry := Retry{Reason: header.Get("X-Slack-Retry-Reason")}
	if n, err := strconv.Atoi(header.Get("X-Slack-Retry-Num")); err == nil {
		retry.Num = n
	}
	return retry
}

func (h *Handler) publish(r *http.Request, record *kgo.Record) (status int, result, text string) {
	if tooLarge(record) {
		return http.StatusRequestEntityTooLarge, "too_large", "The event with its ids and headers is larger than Kafka takes.\n"
	}
	ctx, cancel := context.WithTimeout(r.Context(), PublishWithin)
	defer cancel()
	if err := h.opts.Publisher.Publish(ctx, record); err != nil {
		h.opts.Log.DebugContext(r.Context(), "event not accepted", "key", string(record.Key), "error", err)
		return http.StatusServiceUnavailable, "unavailable", "Kafka did not take the event in time; send it again.\n"
	}
	return http.StatusOK, "accepted", ""
}
