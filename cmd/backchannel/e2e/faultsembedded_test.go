//go:build faults

package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/realengines"
)

// TestEmbeddedFaults is TestFaults for 'run all --embedded': one process, with its engines in it.
func TestEmbeddedFaults(t *testing.T) {
	count, seed := number(t, "FAULTS", 12), number(t, "FAULTS_SEED", uint64(time.Now().UnixNano()%1_000_000))
	t.Logf("%d faults; again with: make test-faults FAULTS=%d FAULTS_SEED=%d", count, count, seed)
	p := newEmbedded(t)
	e := &embedded{pipeline: p, process: p.startAll()}
	p.patience(pauses(count))
	w := p.build(true)
	l := startLoad(t, p, w)
	random := rand.New(rand.NewPCG(seed, 2))
	for n := range count {
		l.awaitMore(t, 20+random.IntN(80))
		name, strike := e.fault(random, l)
		t.Logf("%3d %s", n+1, name)
		strike()
		if random.IntN(3) == 0 {
			p.awaitRows()
		}
	}
	l.awaitMore(t, 100)
	p.must(p.slack.ClearFaults(t.Context()))
	requests := l.finish(t)
	reconcile(t, p, w, requests, 3*time.Minute)
	p.atRest()
}

// embedded is the one process.
type embedded struct {
	*pipeline
	process *realengines.Process
}

func (e *embedded) fault(random *rand.Rand, l *load) (name string, strike func()) {
	more := 20 + random.IntN(150)
	switch kind := random.IntN(100); {
	case kind < 40:
		return "it is killed", func() { e.process.Kill(); e.process = e.startAll() }
	case kind < 52:
		return "it is restarted in order", func() {
			e.process.Terminate()
			if code := e.process.Wait(time.Minute); code != 0 {
				e.t.Errorf("after SIGTERM it ended with exit code %d:\n%s", code, e.process.Tail())
			}
			e.process = e.startAll()
		}
	case kind < 64:
		return "it hangs for a while", func() { e.process.Pause(); l.awaitMore(e.t, more); e.process.Resume() }
	case kind < 72:
		return "Redis forgets everything", func() { e.must(e.redis.FlushAll(e.t.Context()).Err()) }
	case kind < 82:
		return "the ClickHouse engine is killed", e.killChildren
	}
	return e.slackTrouble(random, l)
}

// killChildren kills the processes that the one has started: the ClickHouse engine.
func (e *embedded) killChildren() {
	e.t.Helper()
	eventually(e.t, within, func() error {
		lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", e.process.PID()))
		e.must(err)
		for _, list := range lists {
			children, _ := os.ReadFile(list) // the thread may have ended
			for id := range strings.FieldsSeq(string(children)) {
				pid, err := strconv.Atoi(id)
				e.must(err)
				return syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		return errors.New("it has started no process")
	})
}
