//go:build real || faults

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/realengines"
)

// deployment is the tiers as processes of their own on real engines: two processors, two sinks, one ingest or two behind a
// balancer.
type deployment struct {
	*pipeline
	brokers []*realengines.Kafka
	redis   *realengines.Redis
	ch      *realengines.ClickHouse
	tiers   []*tier
}

type tier struct {
	name, kind, addr string
	process          *realengines.Process
}

func deploy(t *testing.T, brokers, ingests int) *deployment {
	t.Helper()
	return deployOf(t, "", brokers, ingests)
}

// deployOf deploys another build of the program than the one under test.
func deployOf(t *testing.T, program string, brokers, ingests int) *deployment {
	t.Helper()
	d := &deployment{brokers: realengines.StartKafkaCluster(t, brokers), redis: realengines.StartRedis(t), ch: realengines.StartClickHouse(t)}
	d.pipeline = newPipeline(t, d.bootstrap(), d.redis.Addr(), d.ch.Addr())
	d.program = program
	d.env = append(d.env, "BACKCHANNEL_SMTP_URL=smtp://"+startMail(t))
	if out, code := d.command("", "apply", "--check"); code != 3 {
		t.Fatalf("apply --check on empty engines: exit code %d, want 3, %s", code, out)
	}
	if out, code := d.command("", "apply"); code != 0 {
		t.Fatalf("apply: exit code %d, %s", code, out)
	}
	addrs := realengines.FreeAddrs(t, 4+ingests)
	d.tiers = []*tier{
		{name: "processors-1", kind: "processors", addr: addrs[0]}, {name: "processors-2", kind: "processors", addr: addrs[1]},
		{name: "sinks-1", kind: "sinks", addr: addrs[2]}, {name: "sinks-2", kind: "sinks", addr: addrs[3]},
	}
	for i := range ingests {
		d.tiers = append(d.tiers, &tier{name: fmt.Sprint("ingest-", i+1), kind: "ingest", addr: addrs[4+i]})
	}
	balance(t, d.http, addrs[4:])
	for _, tier := range d.tiers {
		d.run(tier)
	}
	for _, tier := range d.tiers {
		tier.process.Await(2*time.Minute, ready(tier.addr))
	}
	return d
}

func (d *deployment) bootstrap() string {
	addrs := make([]string, len(d.brokers))
	for i, b := range d.brokers {
		addrs[i] = b.Addr()
	}
	return strings.Join(addrs, ",")
}

// of lists the tiers of a kind.
func (d *deployment) of(kind string) (tiers []*tier) {
	for _, t := range d.tiers {
		if t.kind == kind {
			tiers = append(tiers, t)
		}
	}
	return tiers
}

func (d *deployment) run(tier *tier) {
	d.t.Helper()
	tier.process = d.start(tier.name, tier.addr, "run", tier.kind)
}

// kill ends a tier's process as a crash does and starts it again at once, as an orchestrator would.
func (d *deployment) kill(tier *tier) {
	d.t.Helper()
	tier.process.Kill()
	d.run(tier)
}

// balance sends what comes to addr to the first of some backends that takes it, as a load balancer does.
func balance(t *testing.T, addr string, backends []string) {
	t.Helper()
	var turn atomic.Int64
	client := &http.Client{Timeout: 1400 * time.Millisecond} // a backend that hangs leaves time for the other, within Slack's 3 s
	server := &http.Server{Addr: addr, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller is gone
		}
		first := int(turn.Add(1))
		for i := range backends {
			req := r.Clone(r.Context())
			req.RequestURI, req.URL.Scheme, req.URL.Host = "", "http", backends[(first+i)%len(backends)]
			req.Body = io.NopCloser(bytes.NewReader(body))
			resp, err := client.Do(req)
			if err != nil {
				continue
			}
			defer resp.Body.Close()
			maps.Copy(w.Header(), resp.Header)
			w.WriteHeader(resp.StatusCode)
			_, _ = io.Copy(w, resp.Body) // the caller may be gone
			return
		}
		http.Error(w, "no backend answers", http.StatusBadGateway)
	})}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ln) }() // ends with Close
	t.Cleanup(func() { _ = server.Close(); <-done })
}
