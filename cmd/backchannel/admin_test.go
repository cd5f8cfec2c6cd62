package main

import (
	"log/slog"
	"testing"
)

func TestLevelsAreStepsThatEnd(t *testing.T) {
	up := func(l slog.Level) slog.Level { return step(l, false) }
	down := func(l slog.Level) slog.Level { return step(l, true) }
	for _, tt := range []struct {
		name      string
		got, want slog.Level
	}{
		{"more than info", down(slog.LevelInfo), slog.LevelDebug}, {"more than debug", down(slog.LevelDebug), slog.LevelDebug},
		{"less than info", up(slog.LevelInfo), slog.LevelWarn}, {"less than error", up(slog.LevelError), slog.LevelError},
	} {
		if tt.got != tt.want {
			t.Errorf("%s is %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}
