package ingest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bigmind/backchannel/ingest"
)

// Acknowledged means by all in-sync replicas, and a repeat on the wire is recognised by its producer's sequence.
func TestPublishAsksForAllAcksAndIsIdempotent(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, cluster *kfake.Cluster, client *kgo.Client) {
		asked := make(chan *kmsg.ProduceRequest, 1)
		cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
			asked <- r.(*kmsg.ProduceRequest)
			return nil, nil, false
		})
		if err := (ingest.Kafka{Client: client}).Publish(t.Context(), record("v")); err != nil {
			t.Fatal(err)
		}
		request := <-asked
		var batch kmsg.RecordBatch
		if err := batch.ReadFrom(request.Topics[0].Partitions[0].Records); err != nil {
			t.Fatal(err)
		}
		if request.Acks != -1 || batch.ProducerID < 0 {
			t.Errorf("acks %d by producer %d, want -1 by one with an id", request.Acks, batch.ProducerID)
		}
	})
}

// What the client refuses itself is an error as much as what the broker refuses.
func TestPublishReportsWhatNeverLeft(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, _ *kfake.Cluster, client *kgo.Client) {
		publisher := ingest.Kafka{Client: client}
		if err := publisher.Publish(t.Context()); err != nil {
			t.Errorf("nothing to publish: %v", err)
		}
		large := &kgo.Record{Topic: topic, Value: make([]byte, 2<<20)}
		if err := publisher.Publish(t.Context(), record("a"), large, record("b")); !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("one record of three is too large: %v", err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := publisher.Publish(cancelled, record("a")); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v", err)
		}
		client.Close()
		if err := publisher.Publish(t.Context(), record("a")); !errors.Is(err, kgo.ErrClientClosed) {
			t.Errorf("after the client was closed: %v", err)
		}
	})
}
