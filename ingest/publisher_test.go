package ingest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/ingest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "slack.events"

// inVirtualTime runs a test with a broker and a client on a network in memory, where time passes when nobody works.
func inVirtualTime(t *testing.T, test func(t *testing.T, cluster *kfake.Cluster, client *kgo.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var network kfake.VirtualNetwork
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(1, topic))
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		test(t, cluster, client)
	})
}

func record(value string) *kgo.Record { return &kgo.Record{Topic: topic, Value: []byte(value)} }

// Nil means that the brokers have it: while their answer is out, Publish waits.
func TestPublishReturnsAfterTheAck(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, cluster *kfake.Cluster, client *kgo.Client) {
		const slow = 1700 * time.Millisecond
		delayed := false
		cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			if !delayed {
				delayed = true
				cluster.SleepControl(func() { time.Sleep(slow) })
			}
			return nil, nil, false
		})
		started := time.Now()
		if err := (ingest.Kafka{Client: client}).Publish(t.Context(), record("a"), record("b")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); !delayed || took < slow {
			t.Errorf("it returned after %v, before the broker answered", took)
		}
		if n := stored(t, cluster); n != 2 {
			t.Errorf("the topic has %d records, want 2", n)
		}
	})
}

// A broker that takes the request and never answers, or that says it does not know whether it has the record, must not
// hold up the caller beyond its deadline: franz-go does not give up a record that may be in a log. The trouble ends some
// time, so that the test does too.
func TestPublishEndsAtItsDeadline(t *testing.T) {
	const trouble = 20 * time.Second
	for name, begin := range map[string]func(c *kfake.Cluster, over <-chan struct{}){
		"silent": func(c *kfake.Cluster, over <-chan struct{}) {
			c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.SleepControl(func() {
					select {
					case <-over:
					case <-time.After(trouble):
					}
				})
				return nil, nil, false
			})
		},
		"in doubt": func(c *kfake.Cluster, _ <-chan struct{}) {
			time.AfterFunc(trouble, c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: -1}).Remove)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T, cluster *kfake.Cluster, client *kgo.Client) {
				over := make(chan struct{})
				defer close(over)
				begin(cluster, over)
				const deadline = 2500 * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				started := time.Now()
				err := ingest.Kafka{Client: client}.Publish(ctx, record("a"))
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(started); took != deadline {
					t.Errorf("it returned after %v, want %v", took, deadline)
				}
			})
		})
	}
}

// Nobody there at all: the deadline holds as well.
func TestPublishWithoutBrokersEndsAtItsDeadline(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, cluster *kfake.Cluster, client *kgo.Client) {
		cluster.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started := time.Now()
		if err := (ingest.Kafka{Client: client}).Publish(ctx, record("a")); err == nil {
			t.Error("it says that brokers which are away have the record")
		}
		if took := time.Since(started); took > time.Second {
			t.Errorf("it returned after %v", took)
		}
	})
}

// One record of several that is refused makes the whole an error, and the error says what was being done.
func TestPublishReportsARefusal(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, cluster *kfake.Cluster, client *kgo.Client) {
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed})
		err := ingest.Kafka{Client: client}.Publish(t.Context(), record("s3cret"))
		if !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.HasPrefix(err.Error(), "publish to Kafka: ") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v", err)
		}
	})
}

func stored(t *testing.T, cluster *kfake.Cluster) int64 {
	t.Helper()
	return cluster.PartitionInfo(topic, 0).HighWatermark
}
