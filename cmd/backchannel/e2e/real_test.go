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

// deployment is the tiers as processes of their own on real engines: one ingest, two processors, two sinks.
type deployment struct {
	*pipeline
	kafka   *realengines.Kafka
	redis   *realengines.Redis
	ch      *realengines.ClickHouse
	tiers   []*tier
	counted int // ambiguities of processes that were killed since
}

type tier struct {
	name, kind, addr string
	process          *realengines.Process
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{kafka: realengines.StartKafka(t), redis: realengines.StartRedis(t), ch: realengines.StartClickHouse(t)}
	d.pipeline = newPipeline(t, d.kafka.Addr(), d.redis.Addr(), d.ch.Addr())
	d.env = append(d.env, "BACKCHANNEL_SMTP_URL=smtp://"+startMail(t))
	if out, code := d.command("", "apply", "--check"); code != 3 {
		t.Fatalf("apply --check on empty engines: exit code %d, want 3, %s", code, out)
	}
	if out, code := d.command("", "apply"); code != 0 {
		t.Fatalf("apply: exit code %d, %s", code, out)
	}
	addrs := realengines.FreeAddrs(t, 4)
	d.tiers = []*tier{
		{name: "ingest", kind: "ingest", addr: d.http},
		{name: "processors-1", kind: "processors", addr: addrs[0]}, {name: "processors-2", kind: "processors", addr: addrs[1]},
		{name: "sinks-1", kind: "sinks", addr: addrs[2]}, {name: "sinks-2", kind: "sinks", addr: addrs[3]},
	}
	for _, tier := range d.tiers {
		d.run(tier)
	}
	for _, tier := range d.tiers {
		tier.process.Await(2*time.Minute, ready(tier.addr))
	}
	return d
}

func (d *deployment) run(tier *tier) {
	d.t.Helper()
	tier.process = d.start(tier.name, tier.addr, "run", tier.kind)
}

// kill ends a tier's process as a crash does and starts it again at once, as an orchestrator would.
func (d *deployment) kill(tier *tier) {
	d.t.Helper()
	if tier.kind == "sinks" {
		n, err := ambiguities(tier.addr)
		d.must(err)
		d.counted += n
	}
	tier.process.Kill()
	d.run(tier)
}

// ambiguous sums what all sinks counted.
func (d *deployment) ambiguous() (int, error) {
	total := d.counted
	for _, tier := range d.tiers {
		if tier.kind != "sinks" {
			continue
		}
		n, err := ambiguities(tier.addr)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func TestRealScenario(t *testing.T) {
	d := deploy(t)
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
	d := deploy(t)
	w := d.build(true)
	l := startLoad(t, d.pipeline, w)
	faults := []struct {
		name   string
		strike func()
	}{
		{"processors are killed", func() { d.kill(d.tiers[1]) }},
		{"sinks are killed", func() { d.kill(d.tiers[3]) }},
		{"ingest is killed", func() { d.kill(d.tiers[0]) }},
		{"Redis forgets everything", func() { d.must(d.pipeline.redis.FlushAll(t.Context()).Err()) }},
		{"ClickHouse is away", func() { d.ch.Stop(); l.awaitMore(t, 150); d.ch.Restart() }},
		{"Redis is away and comes back empty", func() { d.redis.Kill(); l.awaitMore(t, 100); d.redis.Restart() }},
		{"the broker is killed", func() { d.kafka.Kill(); d.awaitUnready(d.tiers[0]); d.kafka.Restart() }},
	}
	for _, f := range faults {
		l.awaitMore(t, 100)
		t.Log(f.name)
		f.strike()
	}
	l.awaitMore(t, 100)
	requests := l.finish(t)
	reconcile(t, d.pipeline, w, requests, d.ambiguous, 3*time.Minute)
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
