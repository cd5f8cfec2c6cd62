package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

// Another process at http-addr that is ready does not make the demo so: it is told why its own pipeline ended.
func TestAwaitReady(t *testing.T) {
	served := make(chan error, 1)
	served <- errors.New("listen on http-addr")
	tracker := newTracker(slog.New(slog.DiscardHandler))
	if err := awaitReady(t.Context(), tracker, served); err == nil || !strings.Contains(err.Error(), "listen on http-addr") {
		t.Errorf("a pipeline that ended is waited for: %v", err)
	}
	tracker.Set("start", nil)
	if err := awaitReady(t.Context(), tracker, served); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := awaitReady(ctx, newTracker(slog.New(slog.DiscardHandler)), served); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
