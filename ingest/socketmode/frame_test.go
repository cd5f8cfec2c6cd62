package socketmode_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bigmind/backchannel/ingest/events"
	"github.com/bigmind/backchannel/ingest/socketmode"
	"github.com/bigmind/backchannel/schemas"
)

// message is an event as Slack sends it, in a channel shared with another company.
const message = `{"token":"s3cret-token","team_id":"T0OTHER","context_team_id":"T0NORTHWIND","api_app_id":"A0BIGMIND",` +
	`"event":{"type":"message","user":"U0ADA","ts":"1531420617.000200","text":"s3cret words","channel":"C0ACME","event_ts":"1531420617.000200"},` +
	`"type":"event_callback","event_id":"Ev0000001","event_time":1531420617,"authorizations":[{"team_id":"T0NORTHWIND","user_id":"U0BOT"}],"is_ext_shared_channel":true}`

// bare is Slack's end of one connection, which a test writes frames to.
type bare struct {
	*running
	*kept
	t    *testing.T
	conn *websocket.Conn
	got  chan map[string]any // what we sent
}

// onBare runs a test with the component connected to a Slack that the test plays.
func onBare(t *testing.T, opts socketmode.Options, test func(t *testing.T, b *bare)) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{conns: make(chan net.Conn), done: make(chan struct{})}
		b := &bare{t: t, kept: &kept{}, got: make(chan map[string]any, 1000)}
		up := make(chan *websocket.Conn, 1)
		mux := http.NewServeMux()
		mux.HandleFunc("/api/apps.connections.open", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"ok":true,"url":"ws://slack.test/link"}`)
		})
		mux.HandleFunc("/link", func(w http.ResponseWriter, r *http.Request) {
			if conn, err := new(websocket.Upgrader).Upgrade(w, r, nil); err == nil {
				select {
				case up <- conn:
				default: // a test has one connection; the next is not greeted
					_ = conn.Close()
				}
			}
		})
		server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(n) }()
		opts.AppToken, opts.APIURL, opts.HTTP, opts.Connections = "xapp-1", "http://slack.test/api/", &http.Client{Transport: inProcess{mux}}, 1
		opts.Dial = &websocket.Dialer{NetDialContext: n.dial}
		if opts.Publisher == nil {
			opts.Publisher = b.kept
		}
		b.running = run(t, opts)
		b.conn = <-up
		b.send(`{"type":"hello","num_connections":1,"connection_info":{"app_id":"A1"}}`)
		reading := make(chan struct{})
		go func() {
			defer close(reading)
			for {
				var m map[string]any
				if b.conn.ReadJSON(&m) != nil {
					return
				}
				b.got <- m
			}
		}()
		synctest.Wait()
		test(t, b)
		b.stop()
		<-reading
		_ = b.conn.Close()
		select {
		case next := <-up:
			_ = next.Close()
		default:
		}
		_ = server.Close()
		<-served
	})
}

func (b *bare) send(frame string) {
	b.t.Helper()
	if err := b.conn.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		b.t.Fatal(err)
	}
}

// acks are what has been sent to Slack since.
func (b *bare) acks() (all []map[string]any) {
	time.Sleep(time.Millisecond)
	synctest.Wait()
	for {
		select {
		case m := <-b.got:
			all = append(all, m)
		default:
			return all
		}
	}
}

// An event makes the same record as over HTTP, byte for byte, retries included.
func TestTheRecordIsThatOfHTTP(t *testing.T) {
	onBare(t, socketmode.Options{}, func(t *testing.T, b *bare) {
		for _, retry := range []struct {
			num    int
			reason string
		}{{0, ""}, {2, "http_timeout"}} {
			b.send(`{"envelope_id":"e1","type":"events_api","accepts_response_payload":false,"retry_attempt":` + strconv.Itoa(retry.num) + `,"retry_reason":"` + retry.reason + `","payload":` + message + `}`)
			synctest.Wait()
			over := b.take()
			want, err := overHTTP(b, message, retry.num, retry.reason)
			if err != nil || len(over) != 1 {
				t.Fatalf("%d records, %v", len(over), err)
			}
			if diff := cmp.Diff(want, over[0].Topic+" "+string(over[0].Key)+" "+string(over[0].Value)); diff != "" {
				t.Errorf("over HTTP, over Socket Mode:\n%s", diff)
			}
		}
		if diff := cmp.Diff([]map[string]any{{"envelope_id": "e1"}, {"envelope_id": "e1"}}, b.acks()); diff != "" {
			t.Error(diff)
		}
	})
}

// overHTTP is the record of the same event over HTTP.
func overHTTP(b *bare, body string, num int, reason string) (string, error) {
	k := &kept{}
	h, err := events.New(events.Options{Secrets: []string{"x"}, Publisher: k, Now: time.Now, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return "", err
	}
	r := signed("x", body)
	if num > 0 {
		r.Header.Set("X-Slack-Retry-Num", strconv.Itoa(num))
		r.Header.Set("X-Slack-Retry-Reason", reason)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	records := k.take()
	if w.Code != http.StatusOK || len(records) != 1 {
		b.t.Fatalf("over HTTP: %d %s", w.Code, w.Body)
	}
	return records[0].Topic + " " + string(records[0].Key) + " " + string(records[0].Value), nil
}

// Whatever comes, the connection goes on: what cannot be taken is not acknowledged, and counted; nothing of it is in the log.
func TestFrames(t *testing.T) {
	large := `"` + strings.Repeat("x", 900<<10) + `"`
	for name, tt := range map[string]struct {
		frame  string
		result string
		acked  bool
	}{
		"an event":                         {`{"envelope_id":"e","type":"events_api","payload":` + message + `}`, "accepted", true},
		"an attempt that is a string":      {`{"envelope_id":"e","type":"events_api","retry_attempt":"1","payload":` + message + `}`, "accepted", true},
		"an attempt that is null":          {`{"envelope_id":"e","type":"events_api","retry_attempt":null,"retry_reason":null,"payload":` + message + `}`, "accepted", true},
		"an event that nobody knows":       {`{"envelope_id":"e","type":"events_api","payload":{"type":"event_callback","event":{"type":"invented_in_2031"}}}`, "accepted", true},
		"a notice":                         {`{"envelope_id":"e","type":"events_api","payload":{"type":"app_rate_limited","team_id":"T1"}}`, "accepted", true},
		"a payload without a type":         {`{"envelope_id":"e","type":"events_api","payload":{"s3cret":1}}`, "malformed", false},
		"a payload that is a string":       {`{"envelope_id":"e","type":"events_api","payload":"s3cret"}`, "malformed", false},
		"no payload":                       {`{"envelope_id":"e","type":"events_api"}`, "malformed", false},
		"a payload that is too large":      {`{"envelope_id":"e","type":"events_api","payload":{"type":"x","pad":` + large + `}}`, "too_large", false},
		"no JSON":                          {`s3cret`, "malformed", false},
		"an array":                         {`["s3cret"]`, "malformed", false},
		"a type that is a number":          {`{"envelope_id":"e","type":7}`, "malformed", false},
		"an interaction":                   {`{"envelope_id":"e","type":"interactive","payload":{"type":"block_actions"}}`, "unhandled", false},
		"a slash command":                  {`{"envelope_id":"e","type":"slash_commands","payload":{"text":"s3cret"}}`, "unhandled", false},
		"a kind that Slack has yet to add": {`{"envelope_id":"e","type":"invented_in_2032","payload":{"text":"s3cret"}}`, "unhandled", false},
		"another greeting":                 {`{"type":"hello","num_connections":3}`, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			onBare(t, socketmode.Options{}, func(t *testing.T, b *bare) {
				b.send(tt.frame)
				b.send(`{"envelope_id":"next","type":"events_api","payload":` + message + `}`)
				acks := b.acks()
				if len(acks) == 0 || acks[len(acks)-1]["envelope_id"] != "next" || (len(acks) == 2) != tt.acked {
					t.Errorf("acknowledged %v", acks)
				}
				if n := b.metric("envelopes_total", tt.result); tt.result != "" && n != map[bool]float64{true: 2, false: 1}[tt.result == "accepted"] {
					t.Errorf("%v counted as %s", n, tt.result)
				}
				if strings.Contains(b.logged(), "s3cret") || strings.Contains(b.logged(), "xxxx") {
					t.Errorf("logged %.300s", b.logged())
				}
			})
		})
	}
}

// Events keep the order in which they came, and come in batches while Kafka is busy; only what Kafka has is acknowledged.
func TestOrder(t *testing.T) {
	onBare(t, socketmode.Options{}, func(t *testing.T, b *bare) {
		const n = 300
		for i := range n {
			b.send(`{"envelope_id":"e` + strconv.Itoa(i) + `","type":"events_api","payload":{"type":"event_callback","team_id":"T1","event_id":"Ev` + strconv.Itoa(i) + `","event":{"type":"message","channel":"C1"}}}`)
		}
		synctest.Wait()
		records := b.take()
		for i, rec := range records {
			if e, err := schemas.SlackEvents.Decode(rec.Value); err != nil || e.EventID != "Ev"+strconv.Itoa(i) {
				t.Fatalf("record %d is %s, %v", i, e.EventID, err)
			}
		}
		if len(records) != n || b.metric("envelopes_total", "accepted") != n {
			t.Errorf("%d records, %v accepted", len(records), b.metric("envelopes_total", "accepted"))
		}
		b.away = true
		b.acks()
		b.send(`{"envelope_id":"e","type":"events_api","payload":` + message + `}`)
		if acks := b.acks(); len(acks) != 0 || b.metric("envelopes_total", "unavailable") != 1 {
			t.Errorf("acknowledged %v while Kafka was away", acks)
		}
	})
}

// An answer goes with the acknowledgement where one is taken. What Slack would drop without a word is not sent.
func TestAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		takes  bool
		want   []map[string]any
		result string
	}{
		"nothing":             {"", true, []map[string]any{{"envelope_id": "e"}}, "answered"},
		"errors in a modal":   {`{"response_action":"errors"}`, true, []map[string]any{{"envelope_id": "e", "payload": map[string]any{"response_action": "errors"}}}, "answered"},
		"nobody wants it":     {`{"x":1}`, false, []map[string]any{{"envelope_id": "e"}}, "answered"},
		"20 kB":               {`{"x":"` + strings.Repeat("x", 20<<10) + `"}`, true, nil, "failed"},
		"an answer no JSON":   {`{"x":`, true, nil, "failed"},
		"just below 20,480 B": {`{"x":"` + strings.Repeat("x", 20<<10-len(`{"envelope_id":"e","payload":{"x":""}}`)-1) + `"}`, true, []map[string]any{{"envelope_id": "e", "payload": map[string]any{"x": strings.Repeat("x", 20<<10-len(`{"envelope_id":"e","payload":{"x":""}}`)-1)}}}, "answered"},
	} {
		t.Run(name, func(t *testing.T) {
			onBare(t, socketmode.Options{Interactions: &answering{answer: tt.answer}}, func(t *testing.T, b *bare) {
				b.send(`{"envelope_id":"e","type":"interactive","accepts_response_payload":` + strconv.FormatBool(tt.takes) + `,"payload":{"type":"view_submission"}}`)
				if diff := cmp.Diff(tt.want, b.acks()); diff != "" || b.metric("envelopes_total", tt.result) != 1 {
					t.Errorf("%v %s:\n%s", b.metric("envelopes_total", tt.result), tt.result, diff)
				}
			})
		})
	}
}

// What Slack's Python SDK plays to its tests: events are taken, and nothing breaks.
func TestRecordedFrames(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(os.Getenv("BACKCHANNEL_SLACK_PAYLOADS"), "python-sdk", "*.json"))
	if len(files) == 0 || os.Getenv("BACKCHANNEL_SLACK_PAYLOADS") == "" {
		t.Skip("BACKCHANNEL_SLACK_PAYLOADS names no folder with recorded payloads")
	}
	onBare(t, socketmode.Options{Interactions: &answering{}}, func(t *testing.T, b *bare) {
		sent := map[string]int{}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var recorded struct {
				Payload struct {
					Type string `json:"type"`
					ID   string `json:"envelope_id"`
				} `json:"payload"`
			}
			var raw struct {
				Payload json.RawMessage `json:"payload"`
			}
			if json.Unmarshal(content, &recorded) != nil || json.Unmarshal(content, &raw) != nil || recorded.Payload.ID == "" {
				continue
			}
			sent[recorded.Payload.Type]++
			b.send(string(raw.Payload))
		}
		acks := b.acks()
		if want := sent["events_api"] + sent["interactive"]; want == 0 || len(acks) != want || b.metric("envelopes_total", "accepted") != float64(sent["events_api"]) {
			t.Errorf("%d acknowledgements for %v", len(acks), sent)
		}
	})
}

// FuzzFrame: no frame ends the process, and an acknowledged event is one that was published.
func FuzzFrame(f *testing.F) {
	for _, frame := range []string{
		`{"envelope_id":"e","type":"events_api","payload":` + message + `}`, `{"type":"disconnect","reason":"warning"}`, `{"type":"hello"}`, `{}`, `[]`, `null`, ``, `"x"`,
		`{"type":"events_api","payload":{"type":"x"}}{}`, `{"type":"events_api","retry_attempt":{},"payload":{"type":"x"}}`, `{"type":"interactive","payload":{}}`,
	} {
		f.Add(frame)
	}
	f.Fuzz(func(t *testing.T, frame string) {
		onBare(t, socketmode.Options{}, func(t *testing.T, b *bare) {
			b.send(frame)
			acks := b.acks()
			if len(acks) != len(b.take()) {
				t.Errorf("%q was acknowledged as %v", frame, acks)
			}
		})
	})
}

// signed is a delivery over HTTP, as Slack signs it.
func signed(secret, body string) *http.Request {
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, "v0:"+stamp+":"+body)
	r := httptest.NewRequest(http.MethodPost, "/slack/events", strings.NewReader(body))
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return r
}
