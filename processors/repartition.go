package processors

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Repartition brings the records of one key together with one owner, whichever partitions their producers chose. A record of
// From that is not where its key belongs goes through Through, which the processor writes by that key, and reads as well.
//
// Partition n of both topics has the same owner (copartition), so a record of From that is in its key's partition is already
// where the others arrive: it goes through nothing. That takes as many partitions of the one topic as of the other; while
// they differ, every record of From goes through. Nothing goes through twice, which the runner checks, so nothing goes round.
type Repartition struct {
	From, Through schemas.Spec
	// Succeeds names a processor that used to read From, in its own group. Where this one has committed no offset yet, it
	// begins where that one had come to.
	Succeeds string

	partitions  int // of either topic; 0: they differ, or are not known
	partitioner kgo.TopicPartitioner
	keyed       kgo.Record // for the partitioner
}

// Know says how many partitions the topics have. The runner does before each batch.
func (r *Repartition) Know(from, through int) {
	r.partitions = 0
	if from == through {
		r.partitions = from
	}
}

// Arrived reports whether a record, which is of From or Through, is to be worked on where it is; else it goes through first.
func (r *Repartition) Arrived(rec *kgo.Record, key schemas.Key) bool {
	if rec.Topic == r.Through.Name {
		return true
	}
	if r.partitions == 0 {
		return false
	}
	if r.partitioner == nil {
		r.partitioner = kgo.StickyKeyPartitioner(nil).ForTopic(r.Through.Name) // of a key, it is NewPartitioner's
	}
	r.keyed.Key = append(r.keyed.Key[:0], key...)
	return int(rec.Partition) == r.partitioner.Partition(&r.keyed, r.partitions)
}

// learn asks the client, which keeps it up to date. What it cannot say now is as it was.
func (r *Repartition) learn(client *kgo.Client) {
	from, known := countPartitions(client, r.From.Name)
	through, both := countPartitions(client, r.Through.Name)
	if known && both {
		r.Know(from, through)
	}
}

func countPartitions(client *kgo.Client, topic string) (n int, known bool) {
	for {
		leader, _, err := client.PartitionLeader(topic, int32(n))
		switch {
		case err != nil:
			return 0, false
		case leader < 0:
			return n, n > 0
		}
		n++
	}
}
