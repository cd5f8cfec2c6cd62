// Package slackcalls counts what is asked of Slack's Web API, whoever asks.
package slackcalls

import (
	"net/http"
	"path"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// methods are what the program calls. A label is bounded: anything else is "other".
var methods = map[string]bool{
	"auth.test": true, "apps.connections.open": true, "chat.postMessage": true, "chat.update": true, "conversations.history": true,
	"conversations.info": true, "conversations.list": true, "conversations.members": true, "conversations.open": true, "conversations.replies": true, "oauth.v2.access": true,
	"openid.connect.token": true, "team.info": true, "users.conversations": true, "users.info": true, "users.list": true,
	"users.lookupByEmail": true, "views.open": true, "views.push": true, "views.update": true,
}

// Metrics of all calls of a process.
type Metrics struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	allowed  *prometheus.GaugeVec
	// Via, when set, makes a call in the place of next.RoundTrip: traces are made by it.
	Via func(req *http.Request, method string, next http.RoundTripper) (*http.Response, error)
}

// New registers the metrics.
func New(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backchannel_slack_calls_total",
			Help: "Calls of Slack's Web API by method and what came of them: `answered` (with HTTP 200; Slack's own `ok: false` with them), `limited` (429), `unavailable` (5xx), `refused` (any other status), `lost` (no answer).",
		}, []string{"method", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backchannel_slack_call_seconds", Help: "Time until Slack began to answer, by method.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12), NativeHistogramBucketFactor: 1.1,
		}, []string{"method"}),
		allowed: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "backchannel_slack_allowed_calls_per_minute", Help: "Calls of a method that are made in a minute of a workspace at most, as configured: Slack's limits are by method, workspace and minute.",
		}, []string{"method"}),
	}
	reg.MustRegister(m.calls, m.duration, m.allowed)
	return m
}

// Allow notes how many calls of a method a workspace has a minute.
func (m *Metrics) Allow(method string, perMinute float64) {
	m.allowed.WithLabelValues(method).Set(perMinute)
}

// Client is an HTTP client whose calls are counted.
func (m *Metrics) Client(timeout time.Duration) *http.Client {
	return &http.Client{Timeout: timeout, Transport: &counted{m, http.DefaultTransport}}
}

type counted struct {
	*Metrics
	next http.RoundTripper
}

// RoundTrip makes one call.
func (c *counted) RoundTrip(req *http.Request) (*http.Response, error) {
	method := path.Base(req.URL.Path)
	if !methods[method] {
		method = "other"
	}
	started := time.Now()
	resp, err := c.via(req, method)
	result := "lost"
	if err == nil {
		c.duration.WithLabelValues(method).Observe(time.Since(started).Seconds())
		result = resultOf(resp.StatusCode)
	}
	c.calls.WithLabelValues(method, result).Inc()
	return resp, err
}

func (c *counted) via(req *http.Request, method string) (*http.Response, error) {
	if c.Via == nil {
		return c.next.RoundTrip(req)
	}
	return c.Via(req, method, c.next)
}

func resultOf(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "limited"
	case status/100 == 5:
		return "unavailable"
	case status != http.StatusOK:
		return "refused"
	}
	return "answered"
}
