// Package health knows what the process waits for: one log line per change, and the answer of /readyz.
package health

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Tracker holds the state of named parts. As a prometheus.Collector it exports them.
type Tracker struct {
	*prometheus.GaugeVec
	log   *slog.Logger
	mu    sync.Mutex
	parts map[string]error
}

// New makes a tracker that logs changes to log.
func New(log *slog.Logger) *Tracker {
	return &Tracker{log: log, parts: map[string]error{}, GaugeVec: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "backchannel_waiting", Help: "1 while this part of the process waits for something, which /readyz says; else 0.",
	}, []string{"part"})}
}

// Expect registers a part that is not ready yet.
func (t *Tracker) Expect(part, waitingFor string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts[part] = fmt.Errorf("%s", waitingFor)
	t.WithLabelValues(part).Set(1)
}

// Set says what a part waits for, or with nil that it works. A change is logged once: when it begins to wait, and when it
// works again. While it waits, its reason may change without a line of its own.
func (t *Tracker) Set(part string, waiting error) {
	t.mu.Lock()
	was, known := t.parts[part]
	t.parts[part] = waiting
	t.mu.Unlock()
	if waiting == nil {
		t.WithLabelValues(part).Set(0)
	} else {
		t.WithLabelValues(part).Set(1)
	}
	switch {
	case waiting != nil && (!known || was == nil):
		t.log.Warn("waiting", "part", part, "for", waiting.Error())
	case waiting == nil && was != nil:
		t.log.Info("ready", "part", part)
	}
}

// Of returns Set for one part.
func (t *Tracker) Of(part string) func(error) {
	return func(waiting error) { t.Set(part, waiting) }
}

// Waiting lists what is not ready, as "part: reason", sorted.
func (t *Tracker) Waiting() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []string
	for _, part := range slices.Sorted(maps.Keys(t.parts)) {
		if err := t.parts[part]; err != nil {
			list = append(list, part+": "+strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
	return list
}

// Ready answers /readyz: 200 "ready", or 503 with what it waits for, a line each.
func (t *Tracker) Ready(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	waiting := t.Waiting()
	if len(waiting) == 0 {
		fmt.Fprintln(w, "ready")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	for _, line := range waiting {
		fmt.Fprintln(w, "waiting for", line)
	}
}
