// Package health knows what the process waits for: one log line per change, and the answer of /readyz.
package health

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Tracker holds the state of named parts. As a prometheus.Collector it exports them.
type Tracker struct {
	*prometheus.GaugeVec
	log   *slog.Logger
	made  time.Time
	mu    sync.Mutex
	parts map[string]*state
}

type state struct {
	waiting error
	worked  bool // at least once
	told    slog.Level
}

// starting is how long a part may wait for what it has not had yet without a warning: the views are built, engines come up.
const starting = time.Minute

// New makes a tracker that logs changes to log.
func New(log *slog.Logger) *Tracker {
	return &Tracker{log: log, made: time.Now(), parts: map[string]*state{}, GaugeVec: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "backchannel_waiting", Help: "1 while this part of the process waits for something, which /readyz says; else 0.",
	}, []string{"part"})}
}

// Expect registers a part that is not ready yet.
func (t *Tracker) Expect(part, waitingFor string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts[part] = &state{waiting: fmt.Errorf("%s", waitingFor), told: slog.LevelWarn}
	t.WithLabelValues(part).Set(1)
}

// Set says what a part waits for, or with nil that it works. A change is logged once: when it begins to wait, and when it
// works again. While it waits, its reason may change without a line of its own. A part that has not worked yet in a process
// that starts is no reason to warn; if it still waits after a minute, that has a line.
func (t *Tracker) Set(part string, waiting error) {
	t.mu.Lock()
	p := t.parts[part]
	if p == nil {
		p = &state{}
		t.parts[part] = p
	}
	level := slog.LevelWarn
	if !p.worked && time.Since(t.made) < starting {
		level = slog.LevelInfo
	}
	begins, ends := waiting != nil && (p.waiting == nil || p.told < level), waiting == nil && p.waiting != nil
	if begins {
		p.told = level
	}
	p.waiting, p.worked = waiting, p.worked || waiting == nil
	t.mu.Unlock()
	if waiting == nil {
		t.WithLabelValues(part).Set(0)
	} else {
		t.WithLabelValues(part).Set(1)
	}
	switch {
	case begins:
		t.log.Log(context.Background(), level, "waiting", "part", part, "for", waiting.Error())
	case ends:
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
		if waiting := t.parts[part].waiting; waiting != nil {
			list = append(list, part+": "+strings.ReplaceAll(waiting.Error(), "\n", "; "))
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
