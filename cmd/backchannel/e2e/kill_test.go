package e2e

import (
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// The embedded mode is killed twice in the middle of work and started again on the same data.
func TestEmbeddedSurvivesKills(t *testing.T) {
	p := newEmbedded(t)
	patience := 0.1 // longer than a start takes on a busy machine: Slack gives nothing up
	_, err := p.slack.SetSettings(t.Context(), slacksim.Settings{RetryScale: &patience, IgnoreClientMsgID: true, ReplyEvents: true})
	p.must(err)
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
