package processors_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

var in, out = schemas.NotificationRequests.Spec, schemas.NotificationOutcomes.Spec

const group = "backchannel-echo"

// echo emits each record's value as it is, but for 'drop…' and 'bad…', and 'lost…', of which it gives no account.
type echo struct {
	before func(ctx context.Context, batch []*kgo.Record) error
}

func (e *echo) Process(ctx context.Context, batch []*kgo.Record) (*processors.Result, error) {
	if e.before != nil {
		if err := e.before(ctx, batch); err != nil {
			return nil, err
		}
	}
	result := processors.NewResult(len(batch))
	for i, rec := range batch {
		switch value := string(rec.Value); {
		case strings.HasPrefix(value, "drop"):
			result.Drop(i, schemas.NotAMessage)
		case strings.HasPrefix(value, "bad"):
			result.Reject(i, schemas.Malformed, "no name")
		case strings.HasPrefix(value, "lost"):
		default:
			result.Emit(i, processors.Emit(out, schemas.Key(rec.Key), rec.Value))
		}
	}
	return result, nil
}

func (e *echo) define() processors.Definition {
	return processors.Definition{Name: "echo", In: []schemas.Spec{in}, Out: []schemas.Spec{out}, Processor: e}
}

func newKafka(t *testing.T, partitions int32) *sinkstest.Kafka {
	return sinkstest.NewKafka(t, partitions, in, out)
}

func record(partition int32, value string) *kgo.Record {
	return &kgo.Record{Topic: in.Name, Partition: partition, Key: []byte("k"), Value: []byte(value)}
}

// running is a runner at work.
type running struct {
	metrics *prometheus.Registry
	cancel  context.CancelFunc
	done    chan error

	mu     sync.Mutex
	health error
	told   []error
	log    bytes.Buffer
}

func start(t *testing.T, def processors.Definition, opts processors.Options) *running {
	t.Helper()
	r := &running{metrics: prometheus.NewRegistry(), done: make(chan error, 1)}
	opts.Metrics, opts.Health, opts.Log = processors.NewMetrics(r.metrics), r.hear, slog.New(slog.NewTextHandler(r, nil))
	runner, err := processors.NewRunner(def, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r.cancel = cancel
	go func() { r.done <- runner.Run(ctx) }()
	t.Cleanup(func() { r.stop(t) })
	return r
}

// stop ends the runner as SIGTERM does and waits until it has drained. A second call does nothing.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	if r.done == nil {
		return
	}
	select {
	case err := <-r.done:
		if err != nil {
			t.Errorf("the runner ended with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the runner did not end")
	}
	r.done = nil
}

func (r *running) hear(waiting error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.health = waiting
	if waiting != nil {
		r.told = append(r.told, waiting)
	}
}

func (r *running) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(line)
}

// saying is what the runner waits for now, and all that it has said it waits for.
func (r *running) saying() (now error, told []error) { //nolint:revive,staticcheck // the error is not this call's
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.health, slices.Clone(r.told)
}

func values(records []*kgo.Record) []string {
	var all []string
	for _, rec := range records {
		all = append(all, string(rec.Value))
	}
	slices.Sort(all)
	return all
}
