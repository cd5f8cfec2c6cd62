package redis

import (
	"testing"
	"time"
)

// Keys expire by the clock: not before their time, and at the first tick after it.
func TestExpiry(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	c, ctx := connect(t, s.Addr()), t.Context()
	c.Set(ctx, "other", "x", time.Hour)
	c.Set(ctx, "keep:x", "x", time.Hour)
	c.Eval(ctx, "redis.call('SET', KEYS[1], 'x', 'EX', 3600)", []string{"keep:script"})
	s.tick(time.Now().Add(59 * time.Minute))
	if n := c.DBSize(ctx).Val(); n != 3 {
		t.Errorf("%d keys a minute before their time", n)
	}
	s.tick(time.Now().Add(61 * time.Minute))
	if n := c.DBSize(ctx).Val(); n != 0 {
		t.Errorf("%d keys a minute after their time", n)
	}
}

// The ticker itself runs.
func TestTheClockRuns(t *testing.T) {
	t.Parallel()
	c, ctx := connect(t, start(t, t.TempDir()).Addr()), t.Context()
	c.Set(ctx, "short", "x", 200*time.Millisecond)
	eventually(t, "a key of 200 ms to expire", func() bool { return c.Exists(ctx, "short").Val() == 0 })
}

// Connections that come and go leave nothing behind.
func TestConnectionsAreForgotten(t *testing.T) {
	t.Parallel()
	s := start(t, t.TempDir())
	for range 20 {
		c := connect(t, s.Addr())
		if err := c.Set(t.Context(), "keep:x", "1", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all connections to be forgotten", func() bool {
		s.peers.Lock()
		defer s.peers.Unlock()
		return len(s.peers.by) == 0
	})
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline, poll := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

// A tick that waited for a core, as on a busy machine, does not stop the clock: a pause of a workspace had lasted more than a minute.
func TestABusyMachineDoesNotStopTheClock(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{0: shortestTick, 4 * time.Millisecond: 200 * time.Millisecond, 1500 * time.Millisecond: time.Second, time.Hour: time.Second} {
		if got := pauseAfter(took); got != want {
			t.Errorf("after a tick of %s the next comes in %s, want %s", took, got, want)
		}
	}
}
