package e2e

import (
	"testing"
	"time"
)

// The embedded mode is killed twice in the middle of work and started again on the same data.
func TestEmbeddedSurvivesKills(t *testing.T) {
	p := newEmbedded(t)
	p.patience(0.2)
	process := p.startAll()
	w := p.build(true)
	l := startLoad(t, p, w)
	for range 2 {
		l.awaitMore(t, 150)
		process.Kill()
		process = p.startAll()
	}
	l.awaitMore(t, 100)
	requests := l.finish(t)
	reconcile(t, p, w, requests, 90*time.Second)
}
