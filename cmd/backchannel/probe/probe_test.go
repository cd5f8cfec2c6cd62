package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/slack-go/slack"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a Slack, a pipeline and a reader of rows, in which one thing may be broken.
type world struct {
	mu      sync.Mutex
	broken  Stage
	posted  string // its text
	rows    uint64
	request string // title of the notification
}

func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	answer := `{"ok":true}`
	switch strings.TrimPrefix(r.URL.Path, "/") {
	case "chat.postMessage":
		if w.broken == Post {
			answer = `{"ok":false,"error":"not_in_channel"}`
			break
		}
		answer, w.posted = `{"ok":true,"channel":"C1","ts":"1790000000.000100"}`, r.FormValue("text")
		if w.broken != Row {
			w.rows = 1
		}
	case "chat.delete":
		answer = `{"ok":true,"channel":"C1","ts":"1790000000.000100"}`
		if w.broken == Delete {
			answer = `{"ok":false,"error":"cant_delete_message"}`
		} else if w.broken != Gone {
			w.rows = 0
		}
		w.posted = ""
	case "conversations.history":
		if w.broken == DM {
			w.request = "another"
		}
		answer = fmt.Sprintf(`{"ok":true,"messages":[{"type":"message","ts":%q,"text":"…","blocks":[{"type":"header","text":{"type":"plain_text","text":%q}}]}]}`, r.FormValue("latest"), w.request)
	}
	fmt.Fprint(out, answer)
}

func (w *world) notify(ctx context.Context, r schemas.NotificationRequest, each func(schemas.Outcome)) error {
	w.mu.Lock()
	w.request = r.Content.Title
	w.mu.Unlock()
	if err := r.Check(); err != nil {
		return err
	}
	switch w.broken {
	case Request:
		return errors.New("the brokers are away")
	case Outcome:
		each(schemas.Outcome{Status: schemas.Suppressed, Reason: schemas.TypeOff})
	default:
		each(schemas.Outcome{Status: schemas.Delivered, Channel: schemas.ByEmail})
		each(schemas.Outcome{Status: schemas.Delivered, Channel: schemas.BySlack, ChannelID: "D1", TS: "1790000001.000100"})
	}
	<-ctx.Done() // it listens until it was heard, or time is up
	return nil
}

func (w *world) probe(t *testing.T) *Options {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	client := slack.New("xoxb-probe", slack.OptionAPIURL(server.URL+"/"), slack.OptionHTTPClient(server.Client()))
	return &Options{
		Slack: client, DMs: client, Team: "T1", Org: "acme", Channel: "C1", User: "usr-probe", Type: "coaching.insight", Timeout: 400 * time.Millisecond,
		Rows: func(context.Context, schemas.TS) (uint64, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.rows, nil
		},
		Notify: w.notify,
	}
}

// Each stage that breaks is named, with why, counted, and no later one of its half is said to have worked. The message never stays.
func TestEachStageIsNamed(t *testing.T) {
	for broken, want := range map[Stage]struct{ said, says string }{
		"":      {"post row delete gone request outcome dm", ""},
		Post:    {"post! request outcome dm", "add who posts"},
		Row:     {"post row! delete request outcome dm", "0 rows of the message, want 1"},
		Delete:  {"post row delete! request outcome dm", "cant_delete_message"},
		Gone:    {"post row delete gone! request outcome dm", "1 rows of the message, want 0"},
		Request: {"post row delete gone request!", "the brokers are away"},
		Outcome: {"post row delete gone request outcome!", "suppressed type_off"},
		DM:      {"post row delete gone request outcome dm!", "does not have the message"},
	} {
		t.Run(string(broken), func(t *testing.T) {
			w := &world{broken: broken}
			o := w.probe(t)
			if broken == "" {
				o.Timeout = time.Minute
			}
			reg := prometheus.NewPedanticRegistry()
			metrics := NewMetrics(reg)
			metrics.success.Reset()
			round := o.Round(t.Context())
			metrics.Observe(round)
			var said []string
			for _, r := range round {
				name := string(r.Stage)
				if r.Err != nil {
					name += "!"
					if r.Stage != broken || !strings.Contains(r.Err.Error(), want.says) {
						t.Errorf("%s failed with %v", r.Stage, r.Err)
					}
				}
				said = append(said, name)
			}
			if diff := cmp.Diff(want.said, strings.Join(said, " ")); diff != "" {
				t.Errorf("stages (-want +got):\n%s", diff)
			}
			for _, s := range Stages {
				if got, expected := testutil.ToFloat64(metrics.failures.WithLabelValues(string(s))), map[bool]float64{true: 1}[s == broken]; got != expected {
					t.Errorf("%s failed %v times, want %v", s, got, expected)
				}
			}
			worked := 0
			for _, s := range Waits {
				if strings.Contains(" "+want.said+" ", " "+string(s)+" ") {
					worked++
				}
			}
			if got := testutil.CollectAndCount(metrics.success); got != worked {
				t.Errorf("%d stages are said to have worked, want %d", got, worked)
			}
			if w.posted != "" && broken != Delete {
				t.Errorf("the message stays: %s", w.posted)
			}
		})
	}
}

// Without a token that reads the direct message, the outcome's word for it is enough.
func TestWithoutATokenForDirectMessages(t *testing.T) {
	w := &world{broken: DM}
	o := w.probe(t)
	o.DMs, o.Timeout = nil, time.Minute
	for _, r := range o.Round(t.Context()) {
		if r.Err != nil {
			t.Errorf("%s: %v", r.Stage, r.Err)
		}
	}
}
