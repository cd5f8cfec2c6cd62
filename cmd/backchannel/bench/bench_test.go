//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/schemas"
)

func TestMain(m *testing.M) {
	if name := os.Getenv("BENCH_WORKER"); name != "" {
		stop := profile(name)
		err := worker(name)
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(realengines.Main(m))
}

// profile writes a CPU profile of a worker into the folder that BENCH_PROFILE names.
func profile(name string) (stop func()) {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return func() {}
	}
	f, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close() // a profile that is cut short shows when it is read
	}
}

// measure is what one run of a contender took.
type measure struct {
	cpu, wall time.Duration
	memory    int64 // peak resident, bytes
}

func runWorker(t *testing.T, name string, records int, env ...string) measure {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append(env, "BENCH_WORKER="+name, "BENCH_RECORDS="+strconv.Itoa(records), "BENCH_RUN="+strconv.FormatInt(time.Now().UnixNano(), 36))...)
	cmd.Stderr = os.Stderr
	var out bytes.Buffer
	cmd.Stdout = &out
	started := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("worker %s: %v", name, err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	m := measure{
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		wall: time.Since(started), memory: usage.Maxrss << 10,
	}
	if own, err := strconv.ParseInt(strings.TrimSpace(out.String()), 10, 64); err == nil {
		m.cpu = time.Duration(own) // without its preparation
	}
	return m
}

// contest runs contenders in turn, rounds times, and returns the median measure of each.
func contest(t *testing.T, rounds, records int, names []string, env ...string) map[string]measure {
	t.Helper()
	all := map[string][]measure{}
	for round := range rounds {
		for i := range names {
			name := names[(i+round)%len(names)] // nobody is always first
			all[name] = append(all[name], runWorker(t, name, records, env...))
		}
	}
	medians := map[string]measure{}
	for _, name := range names {
		slices.SortFunc(all[name], func(a, b measure) int { return int(a.cpu - b.cpu) })
		m := all[name][rounds/2]
		medians[name] = m
		fmt.Printf("%-10s %8.2f CPU-s per million %10.0f records/s %8.0f MiB peak\n", name,
			m.cpu.Seconds()/float64(records)*1e6, float64(records)/m.wall.Seconds(), float64(m.memory)/(1<<20))
	}
	return medians
}

func setting(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func TestBench(t *testing.T) {
	kafka, rdb, ch := engines(t)
	records, rounds := setting("BENCH_EVENTS", 1_000_000), setting("BENCH_ROUNDS", 3)
	createTopic(t, kafka, schemas.SlackEvents.Name)
	createTopic(t, kafka, schemas.ContextMessages.Name)
	createTopic(t, kafka, schemas.SlackHistory.Name)
	size := produceEvents(t, kafka, schemas.SlackEvents.Name, records)
	client := redis.NewClient(&redis.Options{Addr: rdb})
	t.Cleanup(func() { _ = client.Close() })
	fillViews(t, client)
	fmt.Printf("\n%d events, envelopes of %d bytes, records of %d bytes, %d rounds, medians\n\n", records, len(envelope(0)), size, rounds)

	// enrich's output of this first, unmeasured run is what the sink reads later; runs of the contest append more.
	warm := []string{"BENCH_KAFKA=" + kafka, "BENCH_REDIS=" + rdb, "BENCH_CLICKHOUSE=" + ch}
	runWorker(t, "enrich", records, warm...)
	t.Run("sink", func(t *testing.T) { sinkContest(t, rounds, records, ch, warm) })
	t.Run("enrich", func(t *testing.T) {
		m := contest(t, rounds, records, []string{"copy", "enrich"}, warm...)
		ratio(t, "enrich / bare transactional copy", m["enrich"], m["copy"], 2.0)
	})
}

func sinkContest(t *testing.T, rounds, records int, ch string, env []string) {
	t.Helper()
	opts, err := clickhouse.ParseDSN(ch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := apply.ClickHouse(context.Background(), opts, false); err != nil {
		t.Fatal(err)
	}
	m := contest(t, rounds, records, []string{"insert", "sink", "consume"}, env...)
	ratio(t, "ClickHouse sink / bare columnar inserts", m["sink"], m["insert"], 1.5)
	both := measure{cpu: m["insert"].cpu + m["consume"].cpu}
	fmt.Printf("%-42s %.2f\n\n", "ClickHouse sink / (consume + inserts)", m["sink"].cpu.Seconds()/both.cpu.Seconds())
}

func ratio(t *testing.T, what string, ours, bare measure, goal float64) {
	t.Helper()
	r := ours.cpu.Seconds() / bare.cpu.Seconds()
	fmt.Printf("%-42s %.2f  (goal: at most %.1f)\n", what, r, goal)
	if r > goal {
		t.Errorf("%s: CPU ratio %.2f is over the goal %.1f", what, r, goal)
	}
}
