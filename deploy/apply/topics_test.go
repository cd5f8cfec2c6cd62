package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// cluster is a broker's address.
type cluster string

func newCluster(t *testing.T) cluster {
	t.Helper()
	broker, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return cluster(broker.ListenAddrs()[0])
}

// admin is a new client, as each 'backchannel apply' is: one that knows what was there may answer from memory.
func (c cluster) admin(t *testing.T) *kadm.Client {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(string(c)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

func topics(t *testing.T, c cluster, check bool) Report {
	t.Helper()
	report, err := Topics(t.Context(), c.admin(t), 1, check)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestTopicsAreCreatedOnceAndCheckChangesNothing(t *testing.T) {
	c := newCluster(t)
	would := topics(t, c, true)
	if len(would.Changes) != len(schemas.AllTopics()) {
		t.Errorf("check would make %d changes, want one for each of %d topics", len(would.Changes), len(schemas.AllTopics()))
	}
	if found, err := c.admin(t).ListTopics(t.Context()); err != nil || len(found) != 0 {
		t.Fatalf("check made %d topics, %v", len(found), err)
	}
	if diff := cmp.Diff(would, topics(t, c, false)); diff != "" {
		t.Errorf("applying did something else than check said (-said +did):\n%s", diff)
	}
	for _, check := range []bool{true, false} {
		if diff := cmp.Diff(Report{}, topics(t, c, check)); diff != "" {
			t.Errorf("again, check %t (-want +got):\n%s", check, diff)
		}
	}
}

// twoTopics are one that is compacted and one that is not.
func twoTopics(t *testing.T) (compacted, kept schemas.Spec) {
	t.Helper()
	for _, s := range schemas.AllTopics() {
		if s.Cleanup == schemas.Compact {
			compacted = s
		} else if s.Partitions > 1 {
			kept = s
		}
	}
	if compacted.Name == "" || kept.Name == "" {
		t.Fatal("no topics of both kinds are declared")
	}
	return compacted, kept
}

func TestTopicDrift(t *testing.T) {
	compacted, kept := twoTopics(t)
	other := func(key, value string) map[string]*string { return map[string]*string{key: &value} }
	tests := []struct {
		name       string
		topic      schemas.Spec
		partitions int32
		configs    map[string]*string // that differ from the declared ones
		change     string
		problem    string
	}{
		{name: "too few partitions", topic: kept, partitions: 1, change: "topic " + kept.Name + ": from 1 to "},
		{name: "more partitions, as somebody wished", topic: kept, partitions: kept.Partitions + 3},
		{name: "other partitions of a compacted topic", topic: compacted, partitions: compacted.Partitions + 2, problem: "keys would move"},
		{name: "retention", topic: kept, partitions: kept.Partitions, configs: other("retention.ms", "1000"), change: `retention.ms from "1000" to `},
		{name: "cleanup policy", topic: compacted, partitions: compacted.Partitions, configs: other("cleanup.policy", "delete"), change: `cleanup.policy from "delete" to "compact"`},
		{name: "left by a forget that broke off", topic: compacted, partitions: compacted.Partitions, configs: other("segment.ms", "1"), change: "segment.ms from \"1\", which a 'backchannel forget' that broke off has left"},
		{name: "segments as the operator wants them", topic: compacted, partitions: compacted.Partitions, configs: other("segment.ms", "3600000")},
		{name: "a config that is the operator's", topic: kept, partitions: kept.Partitions, configs: other("max.message.bytes", "2000000")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newCluster(t)
			set := configs(tt.topic)
			for k, v := range tt.configs {
				set[k] = v
			}
			if _, err := c.admin(t).CreateTopic(t.Context(), tt.partitions, 1, set, tt.topic.Name); err != nil {
				t.Fatal(err)
			}
			for _, check := range []bool{true, true, false} { // check twice: the first must not have mended it
				matches(t, tt.topic.Name, topics(t, c, check), tt.change, tt.problem)
			}
			matches(t, tt.topic.Name, topics(t, c, true), "", tt.problem)
		})
	}
}

// matches looks at what a report says of one topic or table.
func matches(t *testing.T, of string, r Report, change, problem string) {
	t.Helper()
	for what, lists := range map[string]struct {
		got  []string
		want string
	}{"changes": {r.Changes, change}, "problems": {r.Problems, problem}} {
		var about []string
		for _, line := range lists.got {
			if strings.Contains(line, " "+of+" ") || strings.Contains(line, " "+of+":") {
				about = append(about, line)
			}
		}
		switch {
		case lists.want == "" && len(about) > 0:
			t.Errorf("%s of %s: %q, want none", what, of, about)
		case lists.want != "" && (len(about) != 1 || !strings.Contains(about[0], lists.want)):
			t.Errorf("%s of %s: %q, want one with %q", what, of, about, lists.want)
		}
	}
}
