package processors_test

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// refuseOnce answers the first request of a transaction's producer that has this key with TOPIC_AUTHORIZATION_FAILED.
func refuseOnce(k *sinkstest.Kafka, key kmsg.Key) {
	var once sync.Once
	k.Cluster.ControlKey(int16(key), func(req kmsg.Request) (answer kmsg.Response, err error, handled bool) {
		k.Cluster.KeepControl()
		switch in := req.(type) {
		case *kmsg.ProduceRequest:
			if in.TransactionID != nil {
				once.Do(func() { answer, handled = refusedProduce(in), true })
			}
		case *kmsg.TxnOffsetCommitRequest:
			once.Do(func() { answer, handled = refusedCommit(in), true })
		}
		return answer, nil, handled
	})
}

const topicAuthorizationFailed = 29

func refusedProduce(in *kmsg.ProduceRequest) kmsg.Response {
	out, _ := in.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range in.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			part := kmsg.NewProduceResponseTopicPartition()
			part.Partition, part.ErrorCode = p.Partition, topicAuthorizationFailed
			topic.Partitions = append(topic.Partitions, part)
		}
		out.Topics = append(out.Topics, topic)
	}
	return out
}

func refusedCommit(in *kmsg.TxnOffsetCommitRequest) kmsg.Response {
	out, _ := in.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	for _, t := range in.Topics {
		topic := kmsg.NewTxnOffsetCommitResponseTopic()
		topic.Topic = t.Topic
		for _, p := range t.Partitions {
			part := kmsg.NewTxnOffsetCommitResponseTopicPartition()
			part.Partition, part.ErrorCode = p.Partition, topicAuthorizationFailed
			topic.Partitions = append(topic.Partitions, part)
		}
		out.Topics = append(out.Topics, topic)
	}
	return out
}
