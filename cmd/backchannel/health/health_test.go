package health

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func tracker() (*Tracker, *bytes.Buffer) {
	var out bytes.Buffer
	return New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))), &out
}

func TestOneLinePerChange(t *testing.T) {
	tr, out := tracker()
	away, still := errors.New("connection refused"), errors.New("connection refused, again")
	set := tr.Of("Kafka")
	for _, err := range []error{nil, nil, away, away, still, nil, nil, away} {
		set(err)
	}
	want := `level=WARN msg=waiting part=Kafka for="connection refused"
level=INFO msg=ready part=Kafka
level=WARN msg=waiting part=Kafka for="connection refused"
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// What a process has not had yet is no warning while it starts, unless that takes long.
func TestNoWarningWhileItStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, out := tracker()
		views := errors.New("the views are not complete yet")
		for _, passed := range []time.Duration{0, starting / 2, starting, starting} {
			time.Sleep(passed)
			tr.Set("enrich", views)
		}
		tr.Set("enrich", nil)
		tr.Set("route", views)
		want := `level=INFO msg=waiting part=enrich for="the views are not complete yet"
level=WARN msg=waiting part=enrich for="the views are not complete yet"
level=INFO msg=ready part=enrich
level=WARN msg=waiting part=route for="the views are not complete yet"
`
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestReadySaysWhatItWaitsFor(t *testing.T) {
	tr, _ := tracker()
	ask := func() (int, string) {
		w := httptest.NewRecorder()
		tr.Ready(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return w.Code, w.Body.String()
	}
	tr.Expect("start", "its engines")
	tr.Set("views", errors.New("two\nlines"))
	tr.Set("Kafka", nil)
	if code, body := ask(); code != http.StatusServiceUnavailable || body != "waiting for start: its engines\nwaiting for views: two; lines\n" {
		t.Errorf("%d %q", code, body)
	}
	tr.Set("start", nil)
	tr.Set("views", nil)
	if code, body := ask(); code != http.StatusOK || body != "ready\n" {
		t.Errorf("%d %q, want 200 ready", code, body)
	}
}

// Parts report from goroutines of their own, while probes ask.
func TestManyAtOnce(t *testing.T) {
	var lines safeBuffer
	tr := New(slog.New(slog.NewTextHandler(&lines, nil)))
	var group sync.WaitGroup
	for _, part := range []string{"a", "b", "c", "d"} {
		group.Go(func() {
			for range 100 {
				tr.Set(part, errors.New("away"))
				tr.Waiting()
				tr.Set(part, nil)
			}
		})
	}
	group.Wait()
	if waiting := tr.Waiting(); waiting != nil {
		t.Errorf("waiting for %v, want nothing", waiting)
	}
	if n := strings.Count(lines.String(), "msg=waiting"); n != 400 {
		t.Errorf("%d lines of 400 changes", n)
	}
}

type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}
