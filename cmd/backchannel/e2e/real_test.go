//go:build real

package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/realengines"
)

func TestRealScenario(t *testing.T) {
	d := deploy(t, 1, 1)
	prometheus := realengines.StartPrometheus(t, d.targets())
	scenario(t, d.pipeline)
	t.Run("metrics", func(t *testing.T) { d.scraped(t, prometheus) })
	for _, tier := range d.tiers {
		tier.process.Terminate()
	}
	for _, tier := range d.tiers {
		if code := tier.process.Wait(time.Minute); code != 0 {
			t.Errorf("%s: after SIGTERM it drained with exit code %d", tier.name, code)
		}
	}
}

func (d *deployment) targets() map[string][]string {
	targets := map[string][]string{}
	for _, tier := range d.tiers {
		targets[tier.kind] = append(targets[tier.kind], tier.addr)
	}
	return targets
}

// scraped checks that Prometheus reaches every process, and that the series that the runbooks speak of are there.
func (d *deployment) scraped(t *testing.T, prometheus *realengines.Prometheus) {
	for _, want := range []string{
		fmt.Sprintf("count(up == 1) == %d", len(d.tiers)),
		`sum(backchannel_ingest_requests_total{result="accepted",job="ingest"}) > 0`,
		`sum(backchannel_ingest_requests_total{result="forged"}) > 0`,
		`sum(rate(backchannel_ingest_request_seconds_count[5m])) >= 0`,
		`sum(backchannel_processors_records_total{job="processors"}) > 0`,
		`sum(backchannel_processors_transaction_seconds_count) > 0`,
		`sum(backchannel_sinks_records_total{job="sinks"}) > 0`,
		`sum(backchannel_sinks_write_seconds_count) > 0`,
		`count(backchannel_build_info) > 0`,
	} {
		eventually(t, within, func() error {
			samples, err := prometheus.Query(want)
			if err == nil && len(samples) == 0 {
				err = fmt.Errorf("%s does not hold", want)
			}
			return err
		})
	}
}

// While people talk and upstream notifies, everything is taken away in turn; in the end nothing is missing and nothing twice.
func TestRealFaults(t *testing.T) {
	d := deploy(t, 1, 1)
	d.patience(0.2)
	w := d.build(true)
	l := startLoad(t, d.pipeline, w)
	faults := []struct {
		name   string
		strike func()
	}{
		{"processors are killed", func() { d.kill(d.of("processors")[0]) }},
		{"sinks are killed", func() { d.kill(d.of("sinks")[0]) }},
		{"ingest is killed", func() { d.kill(d.of("ingest")[0]) }},
		{"Redis forgets everything", func() { d.must(d.pipeline.redis.FlushAll(t.Context()).Err()) }},
		{"ClickHouse is away", func() { d.ch.Stop(); l.awaitMore(t, 150); d.ch.Restart() }},
		{"Redis is away and comes back empty", func() { d.redis.Kill(); l.awaitMore(t, 100); d.redis.Restart() }},
		{"the broker is killed", func() { d.brokers[0].Kill(); d.awaitUnready(d.of("ingest")[0]); d.brokers[0].Restart() }},
	}
	for _, f := range faults {
		l.awaitMore(t, 100)
		t.Log(f.name)
		f.strike()
	}
	l.awaitMore(t, 100)
	requests := l.finish(t)
	reconcile(t, d.pipeline, w, requests, 3*time.Minute)
}

// awaitUnready waits until a process says that it waits for Kafka.
func (d *deployment) awaitUnready(tier *tier) {
	d.t.Helper()
	eventually(d.t, time.Minute, func() error {
		status, text, err := get("http://" + tier.addr + "/readyz")
		if err == nil && status != http.StatusServiceUnavailable {
			err = errors.New(tier.name + " says: " + text)
		}
		return err
	})
}
