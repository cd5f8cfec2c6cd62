package sinks_test

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// refuseCommit answers offset commits with the error code whenever again says so.
func refuseCommit(k *sinkstest.Kafka, code int16, again func() bool) {
	k.Cluster.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.Cluster.KeepControl()
		in, ok := req.(*kmsg.OffsetCommitRequest)
		if !ok || !again() {
			return nil, nil, false
		}
		out, _ := in.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, t := range in.Topics {
			topic := kmsg.NewOffsetCommitResponseTopic()
			topic.Topic, topic.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				part := kmsg.NewOffsetCommitResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, code
				topic.Partitions = append(topic.Partitions, part)
			}
			out.Topics = append(out.Topics, topic)
		}
		return out, nil, true
	})
}

// refuseProduce answers every produce request with TOPIC_AUTHORIZATION_FAILED until release; failing is closed at the first.
func refuseProduce(k *sinkstest.Kafka) (failing chan struct{}, release func()) {
	failing = make(chan struct{})
	var first sync.Once
	var mu sync.Mutex
	refusing := true
	k.Cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.Cluster.KeepControl()
		in, ok := req.(*kmsg.ProduceRequest)
		mu.Lock()
		defer mu.Unlock()
		if !ok || !refusing {
			return nil, nil, false
		}
		first.Do(func() { close(failing) })
		out, _ := in.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range in.Topics {
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic, topic.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				part := kmsg.NewProduceResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, 29
				topic.Partitions = append(topic.Partitions, part)
			}
			out.Topics = append(out.Topics, topic)
		}
		return out, nil, true
	})
	return failing, func() { mu.Lock(); refusing = false; mu.Unlock() }
}
