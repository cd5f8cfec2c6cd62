package processors_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// away is a ticker that cannot look for what is due.
type away struct{ asked atomic.Int64 }

func (a *away) Tick(context.Context, []processors.Owned) ([]*kgo.Record, error) {
	a.asked.Add(1)
	return nil, errors.New("connection refused")
}

// A ticker that cannot look waits until it can: neither that there is nothing to read nor that records are processed meanwhile says that it works.
func TestATickThatWaitsIsToldUntilItDoesNot(t *testing.T) {
	t.Parallel()
	k := newKafka(t, 1)
	a, e := &away{}, &echo{}
	def := e.define()
	def.Ticker = a
	run := start(t, def, processors.Options{Kafka: k.Options()})
	sinkstest.Eventually(t, "the runner to say what it waits for", func() bool { _, told := run.saying(); return len(told) > 0 })
	k.Produce(t, record(0, "a"))
	k.WaitCommitted(t, group, in.Name)
	before := a.asked.Load()
	sinkstest.Eventually(t, "two ticks more", func() bool {
		if now, _ := run.saying(); now == nil || !strings.Contains(now.Error(), "look for what is due: connection refused") {
			t.Fatalf("the runner says %v while its ticker waits", now)
		}
		return a.asked.Load() >= before+2
	})
}
