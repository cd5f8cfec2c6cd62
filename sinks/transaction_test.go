package sinks_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// A transaction leaves its marker behind its records. It is no record, and it is committed like one: a sink that has
// written everything has no lag.
func TestMarkersAreCommittedAndNotWritten(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s := newStore()
	def := s.define()
	watched := &sinkstest.Watched{Sink: def.Sink}
	def.Sink = watched
	producer, err := kgo.NewClient(append(k.Options(), kgo.TransactionalID("upstream"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
		if err := producer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(t.Context(), records(0, "r", 3)...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := producer.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	run := sinkstest.Start(t, k, def)
	k.WaitCommitted(t, group, topic.Name)
	run.Stop(t)
	for _, w := range watched.Writes() {
		for _, rec := range w.Batch {
			if rec.Attrs.IsControl() {
				t.Errorf("the marker at offset %d was given to the sink", rec.Offset)
			}
		}
	}
	if got := s.written(); len(got) != 3 {
		t.Errorf("written: %v, want the three records of the committed transaction", got)
	}
}
