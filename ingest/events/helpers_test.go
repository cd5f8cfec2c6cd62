package events_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/events"
	"github.com/bigmind/backchannel/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The secret, time, body and signature of the example in Slack's 'Verifying requests from Slack'.
const (
	secret         = "8f742231b10e8888abcd99yyyzzz85a5"
	exampleTime    = 1531420618
	exampleBody    = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	exampleSigned  = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
	messageContent = "s3cret-words of a customer"
)

var now = time.Unix(exampleTime, 0).UTC()

// message is an event as Slack sends it, in a shared channel of another company: only authorizations names our workspace.
const message = `{"token":"s3cret-token","team_id":"T0OTHER","context_team_id":"T0NORTHWIND","context_enterprise_id":null,` +
	`"api_app_id":"A0BIGMIND","event":{"type":"message","user":"U0ADA","ts":"1531420617.000200","client_msg_id":"c6a1","text":"` + messageContent + `",` +
	`"team":"T0NORTHWIND","channel":"C0ACME","event_ts":"1531420617.000200","channel_type":"channel"},"type":"event_callback",` +
	`"event_id":"Ev0000001","event_time":1531420617,"authorizations":[{"enterprise_id":null,"team_id":"T0NORTHWIND","user_id":"U0BOT",` +
	`"is_bot":true,"is_enterprise_install":false}],"is_ext_shared_channel":true}`

func signature(secret, timestamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, "v0:"+timestamp+":"+body)
	return "v0=" + hex.EncodeToString(mac.Sum(nil))
}

// request is a delivery as Slack would send it now.
func request(body string) *http.Request {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	r := httptest.NewRequest(http.MethodPost, "/slack/events", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Slack-Request-Timestamp", timestamp)
	r.Header.Set("X-Slack-Signature", signature(secret, timestamp, body))
	return r
}

// kept is a Publisher that keeps what it is given, unless err says that Kafka is away.
type kept struct {
	mu      sync.Mutex
	records []*kgo.Record
	err     error
}

func (k *kept) Publish(_ context.Context, records ...*kgo.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		k.records = append(k.records, records...)
	}
	return k.err
}

// receiver is the handler under test and what can be seen of it from outside.
type receiver struct {
	http.Handler
	*kept
	metrics *prometheus.Registry
	logged  *strings.Builder
}

func receive(t testing.TB, secrets ...string) receiver {
	t.Helper()
	k := &kept{}
	r := receiver{kept: k, metrics: prometheus.NewRegistry(), logged: &strings.Builder{}}
	r.Handler = handler(t, k, r.metrics, r.logged, secrets...)
	return r
}

func handler(t testing.TB, publisher ingest.Publisher, metrics prometheus.Registerer, log io.Writer, secrets ...string) http.Handler {
	t.Helper()
	if len(secrets) == 0 {
		secrets = []string{secret}
	}
	h, err := events.New(events.Options{
		Secrets: secrets, Publisher: publisher, Now: func() time.Time { return now }, Metrics: metrics,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (r receiver) post(req *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// only returns the one record that was published since the last call, decoded.
func (r receiver) only(t testing.TB) (*kgo.Record, schemas.SlackEvent) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.records) != 1 {
		t.Fatalf("%d records were published, want 1", len(r.records))
	}
	record := r.records[0]
	r.records = nil
	event, err := schemas.SlackEvents.Decode(record.Value)
	if err != nil {
		t.Fatal(err)
	}
	return record, event
}

// results counts answers by the label of the metric.
func (r receiver) results(t testing.TB) map[string]float64 {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if n := m.GetCounter().GetValue(); n > 0 {
					counts[label.GetValue()] += n
				}
			}
		}
	}
	return counts
}
