package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A process must not be taken out of service by an engine that it does not use.
func TestAProcessWaitsOnlyForWhatItsComponentsNeed(t *testing.T) {
	tests := []struct {
		args []string
		want []string
	}{
		{[]string{"ingest"}, []string{engineKafka}},
		{[]string{"processors"}, []string{engineKafka, engineRedis}},
		{[]string{"clickhouse"}, []string{engineClickHouse, engineKafka}},
		{[]string{"sinks"}, []string{engineClickHouse, engineKafka, engineRedis}},
		{nil, []string{engineClickHouse, engineKafka, engineRedis}},
	}
	for _, tt := range tests {
		chosen, err := choose(tt.args)
		if err != nil {
			t.Fatalf("choose(%v): %v", tt.args, err)
		}
		if diff := cmp.Diff(tt.want, needed(chosen)); diff != "" {
			t.Errorf("run %v waits for other engines (-want +got):\n%s", tt.args, diff)
		}
	}
}

func TestAnUnknownComponentIsNamed(t *testing.T) {
	if _, err := choose([]string{"sinks", "clickhose"}); err == nil {
		t.Fatal("choose accepted a component that does not exist")
	}
}

// Whoever asks for the lag of what consumes nothing is told that nobody consumes.
func TestRetainHasNoConsumerGroup(t *testing.T) {
	groups := consumerGroups(everyComponent)
	if slices.Contains(groups, "backchannel-retain") || !slices.Contains(groups, "backchannel-views") || len(groups) != 11 {
		t.Errorf("the consumer groups are %v", groups)
	}
}
