package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/deploy/slacksim"
)

const signingSecret = "e2e-signing-secret-8f742231b10e"

// pipeline is the system under test as the outside sees it: addresses, and clients of its engines.
type pipeline struct {
	t          *testing.T
	dir        string
	program    string // another build than the one under test; empty: that one
	http       string // of ingest
	simulator  string // the address of the simulator's page
	slackClock *clock
	env        []string
	slack      *slacksim.Client // the simulator runs in the test, so that its record survives every kill
	kafka      *kgo.Client
	redis      *redis.Client
	clickhouse driver.Conn
}

// newPipeline makes clients of engines at these addresses; nothing has to run there yet.
func newPipeline(t *testing.T, kafka, rdb, ch string) *pipeline {
	t.Helper()
	slackClock := &clock{}
	simulator := startSimulator(t, slackClock)
	p := &pipeline{t: t, slackClock: slackClock, dir: t.TempDir(), http: realengines.FreeAddrs(t, 1)[0], simulator: "http://" + simulator}
	p.slack = slacksim.NewClient(p.simulator, nil)
	p.env = []string{
		"BACKCHANNEL_KAFKA_BROKERS=" + kafka, "BACKCHANNEL_REDIS_URL=redis://" + rdb + "/0", "BACKCHANNEL_CLICKHOUSE_URL=http://" + ch,
		"BACKCHANNEL_SLACK_API_URL=http://" + simulator + "/api/", "BACKCHANNEL_SLACK_SIGNING_SECRET=" + signingSecret,
		"BACKCHANNEL_DATA=" + filepath.Join(p.dir, "data"), "BACKCHANNEL_HTTP_ADDR=" + p.http,
		// What tests post by hand is older, and Slack has nothing of it: polled, it would be found to be deleted.
		"BACKCHANNEL_BACKFILL_WINDOW=24h",
	}
	keys, code := p.command("", "seal", "--new-key-set")
	if code != 0 {
		t.Fatalf("seal --new-key-set: exit code %d", code)
	}
	p.env = append(p.env, "BACKCHANNEL_TOKEN_KEYS="+strings.TrimSpace(keys))
	var err error
	if p.kafka, err = kgo.NewClient(kgo.SeedBrokers(strings.Split(kafka, ",")...)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kafka.Close)
	p.redis = redis.NewClient(&redis.Options{Addr: rdb})
	t.Cleanup(func() { _ = p.redis.Close() })
	p.clickhouse, err = clickhouse.Open(&clickhouse.Options{Addr: []string{ch}, Protocol: clickhouse.HTTP, Auth: clickhouse.Auth{Database: "backchannel"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.clickhouse.Close() })
	return p
}

// newEmbedded is a pipeline whose engines the binary brings; startAll starts it.
func newEmbedded(t *testing.T) *pipeline {
	t.Helper()
	addrs := realengines.FreeAddrs(t, 3)
	return newPipeline(t, addrs[0], addrs[1], addrs[2])
}

func (p *pipeline) startAll() *realengines.Process {
	p.t.Helper()
	process := p.start("all", p.http, "run", "all", "--embedded")
	process.Await(time.Minute, ready(p.http))
	return process
}

// start runs one process of the binary that answers HTTP at addr.
func (p *pipeline) start(name, addr string, args ...string) *realengines.Process {
	p.t.Helper()
	return realengines.Start(p.t, name, p.dir, append(p.env, "BACKCHANNEL_HTTP_ADDR="+addr), append([]string{p.executable()}, args...)...)
}

// setting is what the processes are told of one, or nothing.
func (p *pipeline) setting(name string) (value string) {
	for _, assignment := range p.env {
		if v, is := strings.CutPrefix(assignment, "BACKCHANNEL_"+name+"="); is {
			value = v
		}
	}
	return value
}

func (p *pipeline) executable() string {
	if p.program != "" {
		return p.program
	}
	return binary(p.t)
}

// ready asks /readyz.
func ready(addr string) func() error {
	return func() error {
		status, text, err := get("http://" + addr + "/readyz")
		if err == nil && status != http.StatusOK {
			err = errors.New(text)
		}
		return err
	}
}

func get(url string) (int, string, error) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// command runs the binary to its end and returns standard output and the exit code.
func (p *pipeline) command(stdin string, args ...string) (string, int) {
	p.t.Helper()
	program := p.executable() // building it the first time takes longer than any command may
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stdin = append(os.Environ(), p.env...), strings.NewReader(stdin)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatalf("backchannel %v: %v", args, err)
	}
	if problems.Len() > 0 {
		p.t.Logf("backchannel %s: %s", args[0], problems.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// clock is the simulator's: the time of day, and so much earlier.
type clock struct{ behind atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(-time.Duration(c.behind.Load())) }

func startSimulator(t *testing.T, is *clock) (addr string) {
	t.Helper()
	soon := 0.02 // of Slack's pauses: retries at once, after 1.2 s and after 6 s
	sim, err := slacksim.New(slacksim.Options{Clock: is.now, Settings: slacksim.Settings{RetryScale: &soon, IgnoreClientMsgID: true, ReplyEvents: true}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-served, sim.Close()); err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// patience makes Slack's pauses before it sends an event again (at once, after a minute, after five) so much of what they are. With 0.2 the
// last is longer than a start takes on a busy machine, so that Slack gives nothing up.
func (p *pipeline) patience(scale float64) {
	p.t.Helper()
	_, err := p.slack.SetSettings(p.t.Context(), slacksim.Settings{RetryScale: &scale, IgnoreClientMsgID: true, ReplyEvents: true, EventsPerHour: 1_000_000})
	p.must(err)
}

// sql scans one row.
func (p *pipeline) sql(into []any, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	if err := p.clickhouse.QueryRow(ctx, query, args...).Scan(into...); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}
