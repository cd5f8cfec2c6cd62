package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A duration in the log is one that a person reads.
func TestDurationsInTheLog(t *testing.T) {
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: readable})).Info("waiting", "again_in", 90*time.Second, "n", 2)
	if !strings.Contains(out.String(), `"again_in":"1m30s","n":2}`) {
		t.Error(out.String())
	}
}
