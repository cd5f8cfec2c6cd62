package processors

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bigmind/backchannel/schemas"
)

// Ticker is what a processor is that also acts by time: on what it read long ago, and remembers as records of a compacted
// topic.
//
// Tick is called about once a second, by the goroutine that calls Process, with the partitions that are owned. It returns
// what is due: the records to emit, among them the tombstones that end what they were made of, in the partition where that
// is. All are produced in one transaction. An error means 'not now'. Like Process it has no effect of its own, and may be
// called again for what it returned before: the transaction may not have come to pass.
type Ticker interface {
	Tick(ctx context.Context, owned []Owned) ([]*kgo.Record, error)
}

// Owned is a partition of an input topic. Whatever view of it is acted on must show every record before offset After: among
// them are the tombstones of what was emitted already, by us or by the partition's former owner.
type Owned struct {
	Topic     string
	Partition int32
	After     int64
}

// tickEvery paces Tick.
const tickEvery = time.Second

// ownership is which partitions a session has.
//
// Two owners must not both emit what is due. A session commits, in the transaction of a tick, where the tick's tombstones are
// as the partition's offset. A broker takes that from a member of the group's current generation only; and it lets nobody
// fetch the offset while the transaction is open (KIP-447, 'Producer scalability for exactly once semantics'). So the next
// owner begins with an offset that is after every tombstone there is, or ever will be, of the former one, and waits until
// its view has come as far.
type ownership struct {
	mu    sync.Mutex // a rebalance changes it beside the loop
	after map[string]map[int32]int64
}

func newOwnership() *ownership { return &ownership{after: map[string]map[int32]int64{}} }

// assign takes partitions over, with the offsets that the group has committed for them.
func (o *ownership) assign(offsets map[string]map[int32]kgo.Offset) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for topic, parts := range offsets {
		if o.after[topic] == nil {
			o.after[topic] = map[int32]int64{}
		}
		for p, offset := range parts {
			o.after[topic][p] = max(0, offset.EpochOffset().Offset)
		}
	}
}

func (o *ownership) lost(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for topic, parts := range gone {
		for _, p := range parts {
			delete(o.after[topic], p)
		}
	}
}

func (o *ownership) list() []Owned {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Owned
	for topic, parts := range o.after {
		for p, after := range parts {
			all = append(all, Owned{topic, p, after})
		}
	}
	return all
}

// raise notes tombstones that were committed.
func (o *ownership) raise(ended map[string]map[int32]int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for topic, parts := range ended {
		for p, after := range parts {
			if was, ours := o.after[topic][p]; ours && after > was {
				o.after[topic][p] = after
			}
		}
	}
}

// committing makes a transaction commit no offset below those of the tombstones there are, and those of ended in any case.
func (o *ownership) committing(ctx context.Context, ended map[string]map[int32]int64) context.Context {
	return kgo.PreTxnCommitFnContext(ctx, func(req *kmsg.TxnOffsetCommitRequest) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		for i := range req.Topics {
			for j := range req.Topics[i].Partitions {
				p := &req.Topics[i].Partitions[j]
				p.Offset = max(p.Offset, o.after[req.Topics[i].Topic][p.Partition])
			}
		}
		for topic, parts := range ended {
			for p, after := range parts {
				atLeast(req, topic, p, after)
			}
		}
		return nil
	})
}

// atLeast makes req commit at least offset for a partition.
func atLeast(req *kmsg.TxnOffsetCommitRequest, topic string, partition int32, offset int64) {
	t := slices.IndexFunc(req.Topics, func(t kmsg.TxnOffsetCommitRequestTopic) bool { return t.Topic == topic })
	if t < 0 {
		t = len(req.Topics)
		added := kmsg.NewTxnOffsetCommitRequestTopic()
		added.Topic = topic
		req.Topics = append(req.Topics, added)
	}
	parts := &req.Topics[t].Partitions
	i := slices.IndexFunc(*parts, func(p kmsg.TxnOffsetCommitRequestTopicPartition) bool { return p.Partition == partition })
	if i < 0 {
		i = len(*parts)
		added := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		added.Partition = partition
		*parts = append(*parts, added)
	}
	(*parts)[i].Offset = max((*parts)[i].Offset, offset)
}

// tick takes what is due through: decide, produce, commit. What is not now comes with the next tick; records go on meanwhile.
func (r *Runner) tick(ctx context.Context, sess *kgo.GroupTransactSession) error {
	r.overdue = nil
	owned := r.owned.list()
	if len(owned) == 0 {
		return nil
	}
	records, err := r.def.Ticker.Tick(ctx, owned)
	if err == nil {
		err = r.checkTick(records)
	}
	if err != nil {
		r.overdue = fmt.Errorf("look for what is due: %w", err)
		r.opts.Metrics.stalled(r.def.Name)
		return nil
	}
	if len(records) == 0 {
		return nil
	}
	committed, err := r.produce(ctx, sess, records, func() map[string]map[int32]int64 { return r.endedBy(records) })
	if err == nil && committed {
		r.opts.Metrics.ticked(r.def.Name, len(records))
	}
	return err
}

func (r *Runner) checkTick(records []*kgo.Record) error {
	for _, rec := range records {
		if !r.def.writes(rec.Topic) {
			return fmt.Errorf("emitted to %q, which is not among its outputs", rec.Topic)
		}
	}
	return nil
}

// endedBy is where the tombstones among produced records are: after the last one of each partition.
func (r *Runner) endedBy(records []*kgo.Record) map[string]map[int32]int64 {
	ended := map[string]map[int32]int64{}
	for _, rec := range records {
		if !r.def.reads(rec.Topic) {
			continue
		}
		if ended[rec.Topic] == nil {
			ended[rec.Topic] = map[int32]int64{}
		}
		ended[rec.Topic][rec.Partition] = max(ended[rec.Topic][rec.Partition], rec.Offset+1)
	}
	return ended
}

func (d Definition) reads(topic string) bool {
	return slices.ContainsFunc(d.In, func(in schemas.Spec) bool { return in.Name == topic })
}
