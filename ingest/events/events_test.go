package events_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/ingest/events"
	"github.com/bigmind/backchannel/schemas"
)

func TestAnswers(t *testing.T) {
	padded := func(size int) string {
		return `{"type":"event_callback","team_id":"T1","pad":"` + strings.Repeat("x", size-len(`{"type":"event_callback","team_id":"T1","pad":""}`)) + `"}`
	}
	for name, tt := range map[string]struct {
		body   string
		spoil  func(*http.Request)
		away   error
		want   int
		result string
		says   string
	}{
		"accepted":           {message, nil, nil, 200, "accepted", ""},
		"as large as may be": {padded(900 << 10), nil, nil, 200, "accepted", ""},
		"a byte larger":      {padded(900<<10 + 1), nil, nil, 413, "too_large", "921600 bytes"},
		"ids that would not fit into a record": {
			`{"type":"` + strings.Repeat("x", 500<<10) + `"}`, nil, nil, 413, "too_large", "Kafka",
		},
		"a retry reason that would not": {
			padded(900 << 10), func(r *http.Request) { r.Header.Set("X-Slack-Retry-Reason", strings.Repeat("x", 60<<10)) }, nil, 413, "too_large", "Kafka",
		},
		"Kafka is away":          {message, nil, fmt.Errorf("publish to Kafka: %w", context.DeadlineExceeded), 503, "unavailable", "send it again"},
		"no JSON":                {"s3cret", nil, nil, 400, "malformed", "not a JSON object"},
		"empty":                  {"", nil, nil, 400, "malformed", "not a JSON object"},
		"null":                   {"null", nil, nil, 400, "malformed", "not a JSON object"},
		"an array":               {`[` + message + `]`, nil, nil, 400, "malformed", "not a JSON object"},
		"a string":               {`"s3cret"`, nil, nil, 400, "malformed", "not a JSON object"},
		"cut short":              {message[:len(message)-2], nil, nil, 400, "malformed", "not valid JSON"},
		"two objects":            {message + message, nil, nil, 400, "malformed", "not one JSON object"},
		"a comma after it":       {message + ",", nil, nil, 400, "malformed", "not one JSON object"},
		"closing our record":     {message + `}`, nil, nil, 400, "malformed", "not one JSON object"},
		"no type":                {`{"event":{"type":"message"}}`, nil, nil, 400, "malformed", "no type"},
		"a type of another type": {`{"type":7}`, nil, nil, 400, "malformed", "no type"},
		"nested without end":     {strings.Repeat(`{"a":`, 100_000), nil, nil, 400, "malformed", "not valid JSON"},
		"a form":                 {"payload=%7B%7D", form, nil, 400, "malformed", "url_verification"},
		"a body that breaks off": {
			message, func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(errors.New("s3cret"))) }, nil, 400, "malformed", "did not arrive whole",
		},
		"GET":    {message, func(r *http.Request) { r.Method = http.MethodGet }, nil, 405, "malformed", "POST"},
		"PUT":    {message, func(r *http.Request) { r.Method = http.MethodPut }, nil, 405, "malformed", "POST"},
		"DELETE": {message, func(r *http.Request) { r.Method = http.MethodDelete }, nil, 405, "malformed", "POST"},
	} {
		t.Run(name, func(t *testing.T) {
			r := receive(t)
			r.err = tt.away
			req := request(tt.body)
			if tt.spoil != nil {
				tt.spoil(req)
			}
			w := r.post(req)
			if w.Code != tt.want || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("%d %q, want %d with %q", w.Code, w.Body, tt.want, tt.says)
			}
			if diff := cmp.Diff(map[string]float64{tt.result: 1}, r.results(t)); diff != "" {
				t.Error(diff)
			}
			if got := len(r.records); got != map[int]int{200: 1}[tt.want] {
				t.Errorf("%d records", got)
			}
			for _, record := range r.records {
				if size := len(record.Key) + len(record.Value); size > schemas.MaxRecordBytes {
					t.Errorf("a record of %d bytes", size)
				}
			}
			if allow := w.Header().Get("Allow"); allow != map[int]string{405: "POST"}[tt.want] {
				t.Errorf("Allow: %q", allow)
			}
			if w.Header().Get("Content-Type") != "text/plain; charset=utf-8" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", w.Header())
			}
			silent(t, r, w)
		})
	}
}

func form(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }

// silent says what leaked: nothing of a secret or of what people wrote belongs into an answer, a log line or a label.
func silent(t *testing.T, r receiver, w *httptest.ResponseRecorder) {
	t.Helper()
	seen := r.logged.String() + w.Body.String() + fmt.Sprint(w.Header(), r.results(t))
	for _, private := range []string{"s3cret", secret, "v0=", "xxxxxxxx"} {
		if strings.Contains(seen, private) {
			t.Errorf("%q is in what was answered, logged or counted: %.300s", private, seen)
		}
	}
}

// Slack checks a new address by a challenge, which must come back. It is signed like any other request, and no event.
func TestURLVerification(t *testing.T) {
	const challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
	body := `{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"` + challenge + `","type":"url_verification"}`
	for name, tt := range map[string]struct{ contentType, body, want string }{
		"JSON":                  {"application/json", body, challenge},
		"JSON with a charset":   {"application/json; charset=utf-8", body, challenge},
		"plain text":            {"text/plain", body, challenge},
		"no content type":       {"", body, challenge},
		"a form":                {"application/x-www-form-urlencoded", "token=x&type=url_verification&challenge=" + challenge, challenge},
		"a form with a charset": {"Application/X-WWW-Form-URLencoded; charset=utf-8", "type=url_verification&challenge=a%26b+c", "a&b c"},
		"escapes":               {"application/json", `{"type":"url_verification","challenge":"\u003cb\u003e\n"}`, "<b>\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := receive(t)
			req := request(tt.body)
			req.Header.Set("Content-Type", tt.contentType)
			w := r.post(req)
			if w.Code != http.StatusOK || w.Body.String() != tt.want || len(r.records) != 0 {
				t.Errorf("%d %q, %d records", w.Code, w.Body, len(r.records))
			}
			if kind := w.Header().Get("Content-Type"); kind != "text/plain; charset=utf-8" {
				t.Errorf("what the asker chose is served as %s", kind)
			}
			if diff := cmp.Diff(map[string]float64{"challenge": 1}, r.results(t)); diff != "" {
				t.Error(diff)
			}
			req = request(tt.body)
			req.Header.Set("X-Slack-Signature", signature("another", req.Header.Get("X-Slack-Request-Timestamp"), tt.body))
			if w := r.post(req); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("forged: %d %q", w.Code, w.Body)
			}
		})
	}
	for contentType, body := range map[string]string{
		"application/json": `{"type":"url_verification"}`, "application/x-www-form-urlencoded": "type=url_verification",
	} {
		r := receive(t)
		req := request(body)
		req.Header.Set("Content-Type", contentType)
		if w := r.post(req); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "challenge") {
			t.Errorf("without a challenge: %d %q", w.Code, w.Body)
		}
	}
}

// Without a secret anybody's request would be Slack's.
func TestNoSecretIsRefused(t *testing.T) {
	for _, secrets := range [][]string{nil, {}, {""}, {"", ""}} {
		_, err := events.New(events.Options{Secrets: secrets, Publisher: &kept{}, Now: time.Now, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), "signing secret") {
			t.Errorf("%q: %v", secrets, err)
		}
	}
}
