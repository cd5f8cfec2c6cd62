package e2e

import (
	"bufio"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The embedded mode is killed twice in the middle of work and started again on the same data.
func TestEmbeddedSurvivesKills(t *testing.T) {
	p := newEmbedded(t)
	process := p.startAll()
	w := p.build(true)
	l := startLoad(t, p, w)
	counted := 0 // by processes that were killed since
	for range 2 {
		l.awaitMore(t, 150)
		n, err := ambiguities(p.http)
		p.must(err)
		counted += n
		process.Kill()
		process = p.startAll()
	}
	l.awaitMore(t, 100)
	requests := l.finish(t)
	reconcile(t, p, w, requests, func() (int, error) {
		n, err := ambiguities(p.http)
		return counted + n, err
	}, 90*time.Second)
}

// ambiguities is how many posts this process found in doubt since it started: the doubt of a killed one is found, and
// counted, by its successor.
func ambiguities(addr string) (int, error) {
	_, text, err := get("http://" + addr + "/metrics")
	if err != nil {
		return 0, err
	}
	total := 0.0
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok && strings.HasPrefix(name, "backchannel_sinks_slack_ambiguous_total") {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return int(total), nil
}
