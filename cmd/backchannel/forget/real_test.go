//go:build real

package forget

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/schemas"
)

// Apache Kafka would have the values for a week and longer. The topics' settings are as before afterwards.
func TestRealKafkaForgets(t *testing.T) {
	broker := realengines.StartKafka(t)
	w := worldOn(t, broker.Addr(), broker.DataDir())
	client, err := kgo.NewClient(w.Kafka...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin, soon := kadm.NewClient(client), "100"
	if _, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "file.delete.delay.ms", Value: &soon}}, compactedTopics()...); err != nil {
		t.Fatal(err)
	}
	forgottenIsInNoSegmentAndNoView(t, w)
	topics, err := admin.DescribeTopicConfigs(t.Context(), schemas.SlackUsers.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range topics[0].Configs {
		for _, name := range hasty {
			if c.Key == name && c.Source == kmsg.ConfigSourceDynamicTopicConfig {
				t.Errorf("%s is %s still", name, c.MaybeValue())
			}
		}
	}
}
