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
	forgottenIsInNoSegmentAndNoView(t, w)
	client, err := kgo.NewClient(w.Kafka...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).DescribeTopicConfigs(t.Context(), schemas.SlackUsers.Name)
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
