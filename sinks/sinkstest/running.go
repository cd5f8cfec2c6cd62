package sinkstest

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/sinks"
)

// patience ends a wait for what ought to happen. It is no measure of speed: a wait ends as soon as the thing has happened.
const patience = 30 * time.Second

// Eventually waits until cond holds, and fails the test when it never does.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
		pause := time.NewTimer(5 * time.Millisecond)
		select {
		case <-pause.C:
		case <-t.Context().Done():
			pause.Stop()
			t.Fatalf("the test ended while it waited for %s", what)
		}
	}
}

// Running is a runner at work.
type Running struct {
	Metrics *prometheus.Registry
	cancel  context.CancelFunc
	done    chan error

	mu     sync.Mutex
	health error
	told   []error
	log    bytes.Buffer
}

// Start runs a sink on the broker until Stop, or until the test ends.
func Start(t testing.TB, k *Kafka, def sinks.Definition) *Running {
	t.Helper()
	return StartWith(t, def, sinks.Options{Kafka: k.Options()})
}

// StartWith runs a sink with options of the test's own; what is missing is filled in.
func StartWith(t testing.TB, def sinks.Definition, opts sinks.Options) *Running {
	t.Helper()
	r := &Running{Metrics: prometheus.NewRegistry(), done: make(chan error, 1)}
	opts.Metrics, opts.Health = sinks.NewMetrics(r.Metrics), r.hear
	opts.Consumer = append(opts.Consumer, kgo.WithHooks(&single{t: t}))
	if opts.Log == nil {
		opts.Log = slog.New(slog.NewTextHandler(r, nil))
	}
	runner, err := sinks.NewRunner(def, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r.cancel = cancel
	go func() { r.done <- runner.Run(ctx) }()
	t.Cleanup(func() { r.Stop(t) })
	return r
}

// Stop ends the runner as SIGTERM does and waits until it has drained. A second call does nothing.
func (r *Running) Stop(t testing.TB) {
	t.Helper()
	if r.cancel == nil {
		return
	}
	r.Signal()
	r.cancel = nil
	select {
	case err := <-r.done:
		if err != nil {
			t.Errorf("the runner ended with %v", err)
		}
	case <-time.After(patience):
		t.Errorf("the runner did not end within %v", patience)
	}
}

// Signal tells the runner to stop, and does not wait.
func (r *Running) Signal() { r.cancel() }

func (r *Running) hear(waiting error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.health = waiting
	if waiting != nil {
		r.told = append(r.told, waiting)
	}
}

// Write takes a line of the runner's log.
func (r *Running) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(line)
}

// Logged is what the runner has logged.
func (r *Running) Logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// Health is what the runner waits for now.
func (r *Running) Health() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.health
}

// Told is everything that the runner has said it waits for.
func (r *Running) Told() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.told)
}

// Watched counts the batches that a sink is given, and how each ended.
type Watched struct {
	sinks.Sink
	// Twice writes every batch a second time after it succeeded, as after a crash between write and commit. The second
	// result is the one that counts.
	Twice bool

	mu     sync.Mutex
	writes []Written
}

// Written is one call of Write.
type Written struct {
	Batch []*kgo.Record
	Err   error
}

// Write hands on to the sink.
func (w *Watched) Write(ctx context.Context, batch []*kgo.Record) (sinks.Result, error) {
	result, err := w.Sink.Write(ctx, batch)
	if err == nil && w.Twice && len(result.Deferred) == 0 {
		result, err = w.Sink.Write(ctx, batch)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = append(w.writes, Written{Batch: slices.Clone(batch), Err: err})
	return result, err
}

// Writes lists the calls so far.
func (w *Watched) Writes() []Written {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.writes)
}

// single is a hook as those that register metrics are: a second client that has it, while the first is there, is an error.
type single struct {
	t  testing.TB
	mu sync.Mutex
	of *kgo.Client
}

// OnNewClient is called by a client that is made with the hook.
func (s *single) OnNewClient(client *kgo.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of != nil {
		s.t.Error("two clients at once have the hooks that are the consumer's")
	}
	s.of = client
}

// OnClientClosed is called by it when it is closed.
func (s *single) OnClientClosed(*kgo.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of = nil
}
