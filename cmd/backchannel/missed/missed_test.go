package missed

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const name = "reader"

var (
	topic = schemas.NotificationRequests.Spec
	group = sinks.Group(name)
	quiet = slog.New(slog.DiscardHandler)
)

type runner interface{ Run(context.Context) error }

// reader is a component that reads, whichever it is.
type reader struct{}

func (reader) Process(_ context.Context, batch []*kgo.Record) (*processors.Result, error) {
	result := processors.NewResult(len(batch))
	for i := range batch {
		result.Drop(i, schemas.NotAMessage)
	}
	return result, nil
}

func (reader) Write(context.Context, []*kgo.Record) (sinks.Result, error) { return sinks.Result{}, nil }

// What retention deleted while a component of either tier was away is counted, once; the component goes on with what is there.
func TestWhatRetentionDeletedIsCounted(t *testing.T) {
	for _, tier := range []struct {
		label, metric string
		make          func(*sinkstest.Kafka, *Counter, *prometheus.Registry) (runner, error)
	}{
		{"processor", "backchannel_processors_lost_records_total", func(k *sinkstest.Kafka, c *Counter, reg *prometheus.Registry) (runner, error) {
			def := processors.Definition{Name: name, In: []schemas.Spec{topic}, Out: []schemas.Spec{schemas.NotificationOutcomes.Spec}, Processor: reader{}}
			return processors.NewRunner(def, processors.Options{Kafka: k.Options(), Metrics: processors.NewMetrics(reg), Log: quiet, Missed: c.Count})
		}},
		{"sink", "backchannel_sinks_lost_records_total", func(k *sinkstest.Kafka, c *Counter, reg *prometheus.Registry) (runner, error) {
			def := sinks.Definition{Name: name, In: []schemas.Spec{topic}, Sink: reader{}, MaxBatch: 10, MaxWait: time.Millisecond}
			return sinks.NewRunner(def, sinks.Options{Kafka: k.Options(), Metrics: sinks.NewMetrics(reg), Log: quiet, Missed: c.Count})
		}},
	} {
		t.Run(tier.label, func(t *testing.T) {
			k := sinkstest.NewKafka(t, 1, topic, schemas.NotificationOutcomes.Spec)
			// reads has a process of the component read to the end, and tells what it has counted.
			reads := func() float64 {
				t.Helper()
				reg := prometheus.NewRegistry()
				run, err := tier.make(k, New(name, k.Options(), quiet), reg)
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- run.Run(ctx) }()
				k.WaitCommitted(t, group, topic.Name)
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
				return sinkstest.Value(t, reg, tier.metric, map[string]string{tier.label: name})
			}
			produce := func(n int) {
				for range n {
					k.Produce(t, &kgo.Record{Topic: topic.Name, Value: []byte("x")})
				}
			}
			produce(3)
			if n := reads(); n != 0 {
				t.Errorf("the first of the group has missed %v", n)
			}
			committed := k.Committed(t, group, topic.Name, 0)
			produce(4)
			deletes(t, k, committed+3)
			if n := reads(); n != 3 {
				t.Errorf("3 were deleted, %v counted", n)
			}
			produce(1)
			if n := reads(); n != 0 {
				t.Errorf("nothing was deleted since, %v counted", n)
			}
		})
	}
}

func deletes(t *testing.T, k *sinkstest.Kafka, before int64) {
	t.Helper()
	if _, err := k.Admin.DeleteRecords(t.Context(), kadm.OffsetsList{{Topic: topic.Name, At: before}}.Offsets()); err != nil {
		t.Fatal(err)
	}
}

// Another session of the process, before anything is committed, counts only what was deleted since.
func TestTheNextSessionCountsNothingAgain(t *testing.T) {
	k := sinkstest.NewKafka(t, 2, topic)
	for range 9 {
		k.Produce(t, &kgo.Record{Topic: topic.Name, Value: []byte("x")})
	}
	var log bytes.Buffer
	c := New(name, k.Options(), slog.New(slog.NewTextHandler(&log, nil)))
	assigned := map[string]map[int32]kgo.Offset{topic.Name: {0: kgo.NewOffset().At(2), 1: kgo.NewOffset().AtStart()}, "unknown": {0: kgo.NewOffset().At(5)}}
	for _, step := range []struct{ before, counted int64 }{{2, 0}, {5, 3}, {5, 0}, {9, 4}, {9, 0}} {
		deletes(t, k, step.before)
		if n := c.Count(t.Context(), assigned); n != step.counted {
			t.Errorf("deleted up to %d: %d counted, want %d", step.before, n, step.counted)
		}
	}
	assigned[topic.Name][0] = kgo.NewOffset().At(9)
	if n := c.Count(t.Context(), assigned); n != 0 {
		t.Errorf("committed to the end: %d counted", n)
	}
	if text := log.String(); strings.Count(text, "level=ERROR") != 2 || !strings.Contains(text, "component=reader topic=notification.requests partition=0 records=3") {
		t.Errorf("logged:\n%s", text)
	}
}

// Brokers that do not answer keep nobody from going on, and that it is not known is said.
func TestBrokersThatDoNotSay(t *testing.T) {
	k := sinkstest.NewKafka(t, 1, topic)
	var log bytes.Buffer
	c := New(name, k.Options(), slog.New(slog.NewTextHandler(&log, nil)))
	assigned := map[string]map[int32]kgo.Offset{topic.Name: {0: kgo.NewOffset().At(2)}}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Hour))
	defer cancel()
	if n := c.Count(ctx, assigned); n != 0 || !strings.Contains(log.String(), "it is not known") {
		t.Errorf("%d counted, and logged:\n%s", n, log.String())
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if n := c.Count(stopped, assigned); n != 0 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("told to stop, %d counted, and logged:\n%s", n, log.String())
	}
	if n := c.Count(ctx, nil); n != 0 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("of nothing %d counted, and logged:\n%s", n, log.String())
	}
}
