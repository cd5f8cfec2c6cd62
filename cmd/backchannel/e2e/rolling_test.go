//go:build faults

package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// The freshness objective of deploy/prometheus, and how soon after a restart it has to hold again.
const (
	freshWithin = 10 * time.Second
	freshAgain  = 30 * time.Second
)

// While people talk and upstream notifies, every process of two replicas of each tier is restarted in order, one at a time. Nothing is lost, nothing is twice, and rows are
// as fresh as they should be within half a minute. With OLD_BINARY those that run first are of an earlier build: half way, old and new share the work.
func TestRollingRestart(t *testing.T) {
	d := deployOf(t, os.Getenv("OLD_BINARY"), 1, 2)
	defer d.explain()
	d.patience(0.2)
	w := d.build(true)
	if d.program != "" {
		d.program = ""
		if out, code := d.command("", "apply"); code != 0 { // as deploy/README.md has it: before the first new process
			t.Fatalf("apply of the new version: exit code %d\n%s", code, out)
		}
	}
	l := startLoadOf(t, d.pipeline, w, 25*time.Millisecond)
	l.awaitMore(t, 100)
	d.awaitRows()
	steady := time.Now()
	l.awaitMore(t, 400)
	began := time.Now()
	for replica := range 2 {
		for _, kind := range []string{"ingest", "processors", "sinks"} {
			tier := d.of(kind)[replica]
			from := time.Now()
			d.restart(tier)
			tier.process.Await(2*time.Minute, ready(tier.addr))
			t.Logf("%s is ready again after %s", tier.name, time.Since(from).Round(10*time.Millisecond))
		}
		l.awaitMore(t, 200) // half way: each tier has one of both
	}
	ended := time.Now()
	eventually(t, 2*time.Minute, func() error {
		if left := time.Until(ended.Add(freshAgain + freshWithin)); left > 0 {
			return fmt.Errorf("the load goes on for %s", left)
		}
		return nil
	})
	until := time.Now()
	requests := l.finish(t)
	reconcile(t, d.pipeline, w, requests, 3*time.Minute)
	d.atRest()
	for delivery, n := range posts(t, d.pipeline, w) {
		if n != 1 {
			t.Errorf("delivery %s was posted %d times", delivery, n)
		}
	}
	before, p99 := d.freshness(steady, began), d.freshness(ended.Add(freshAgain), until)
	t.Logf("freshness p99: %s before, %s while processes were restarted, %s in the %s after, %s from then on", before, d.freshness(began, ended), d.freshness(ended, ended.Add(freshAgain)), freshAgain, p99)
	if before > freshWithin {
		t.Skipf("nothing was lost or twice; but 99 of 100 messages took %s to become rows before anything was restarted: this machine is too busy to tell how soon it is again as it was", before)
	}
	if p99 > freshWithin {
		t.Errorf("%s after the last restart 99 of 100 messages took %s to become rows, the objective is %s", freshAgain, p99, freshWithin)
	}
}

// freshness is within what time 99 of 100 messages that were said in a span became rows.
func (p *pipeline) freshness(from, to time.Time) time.Duration {
	p.t.Helper()
	var seconds float64
	var n uint64
	p.must(p.sql([]any{&seconds, &n}, `SELECT quantileExact(0.99)(toFloat64(queryable_at) - toFloat64(ts_time)), count() FROM
(SELECT ts_time, min(queryable_at) AS queryable_at FROM message_origins GROUP BY org_id, team_id, channel_id, ts_time)
WHERE ts_time >= fromUnixTimestamp64Micro(?) AND ts_time < fromUnixTimestamp64Micro(?)`, max(from.UnixMicro(), 0), to.UnixMicro()))
	if n < 50 {
		p.t.Errorf("only %d messages were said from %s to %s: nothing to measure", n, from, to)
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
}
