package processors

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// partitioner is Kafka's own (murmur2 of the key), except that notification.held is partitioned by the part of the key that
// names the person: all that waits for one is released by one owner.
type partitioner struct{ kgo.Partitioner }

// NewPartitioner is what every producer of notification.held has to use.
func NewPartitioner() kgo.Partitioner {
	return partitioner{kgo.UniformBytesPartitioner(64<<10, true, true, nil)} // franz-go's default
}

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	if topic == schemas.NotificationHeld.Name {
		return byPerson{kgo.StickyKeyPartitioner(nil).ForTopic(topic)}
	}
	return p.Partitioner.ForTopic(topic)
}

type byPerson struct{ kgo.TopicPartitioner }

func (b byPerson) Partition(r *kgo.Record, n int) int {
	return b.TopicPartitioner.Partition(&kgo.Record{Key: schemas.HeldPartKey(r.Key)}, n)
}
