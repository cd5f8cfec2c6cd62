package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bigmind/backchannel/schemas"
)

// Topics creates missing topics and updates partitions, cleanup policy, retention and timestamps of those that differ. It never
// removes a partition (Kafka cannot) and never adds one to a compacted topic: keys would move to other partitions, and
// the old ones would keep values that no tombstone reaches.
func Topics(ctx context.Context, admin *kadm.Client, replication int16, check bool) (Report, error) {
	var report Report
	specs := schemas.AllTopics()
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.Name
	}
	existing, err := admin.ListTopics(ctx, names...)
	if err != nil {
		return report, fmt.Errorf("list topics: %w", err)
	}
	var present []string
	for _, s := range specs {
		if existing.Has(s.Name) {
			present = append(present, s.Name)
			continue
		}
		report.changed("topic %s: create with %d partitions, %s", s.Name, s.Partitions, retention(s))
		if check {
			continue
		}
		if _, err := admin.CreateTopic(ctx, s.Partitions, replication, configs(s), s.Name); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) { // another apply was faster
			return report, fmt.Errorf("create topic %s: %w", s.Name, err)
		}
	}
	for _, s := range specs {
		if existing.Has(s.Name) {
			if err := partitions(ctx, admin, s, len(existing[s.Name].Partitions), check, &report); err != nil {
				return report, err
			}
		}
	}
	return report, alterConfigs(ctx, admin, present, check, &report)
}

func partitions(ctx context.Context, admin *kadm.Client, s schemas.Spec, has int, check bool, report *Report) error {
	want := int(s.Partitions)
	switch {
	case has == want:
		return nil
	case s.Cleanup == schemas.Compact:
		report.problem("topic %s has %d partitions, declared are %d; the partitions of a compacted topic cannot change in place, since its keys would move: "+
			"produce its records to a new topic, or delete it and let its writers fill it again", s.Name, has, want)
		return nil
	case has > want:
		// More than declared is somebody's decision to scale out, and works.
		return nil
	}
	report.changed("topic %s: from %d to %d partitions", s.Name, has, want)
	if check {
		return nil
	}
	answer, err := admin.UpdatePartitions(ctx, want, s.Name)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		return fmt.Errorf("add partitions to %s: %w", s.Name, err)
	}
	return nil
}

// alterConfigs compares the configs that are declared and leaves every other one to the operator.
func alterConfigs(ctx context.Context, admin *kadm.Client, present []string, check bool, report *Report) error {
	if len(present) == 0 {
		return nil
	}
	described, err := admin.DescribeTopicConfigs(ctx, present...)
	if err != nil {
		return fmt.Errorf("read topic configs: %w", err)
	}
	slices.SortFunc(described, func(a, b kadm.ResourceConfig) int { return strings.Compare(a.Name, b.Name) })
	for _, d := range described {
		if d.Err != nil {
			return fmt.Errorf("read the config of topic %s: %w", d.Name, d.Err)
		}
		spec, _ := schemas.TopicByName(d.Name)
		now := map[string]string{}
		for _, c := range d.Configs {
			now[c.Key] = c.MaybeValue()
		}
		var alter []kadm.AlterConfig
		declared := configs(spec)
		for _, key := range slices.Sorted(maps.Keys(declared)) {
			if want := declared[key]; now[key] != *want {
				report.changed("topic %s: %s from %q to %q", d.Name, key, now[key], *want)
				alter = append(alter, kadm.AlterConfig{Op: kadm.SetConfig, Name: key, Value: want})
			}
		}
		for _, c := range d.Configs {
			if c.Source == kmsg.ConfigSourceDynamicTopicConfig && c.MaybeValue() == schemas.AtOnce && slices.Contains(schemas.HastyConfigs(), c.Key) {
				report.changed("topic %s: %s from %q, which a 'backchannel forget' that broke off has left, to the broker's", d.Name, c.Key, schemas.AtOnce)
				alter = append(alter, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: c.Key})
			}
		}
		if check || len(alter) == 0 {
			continue
		}
		answers, err := admin.AlterTopicConfigs(ctx, alter, d.Name)
		if err == nil && len(answers) > 0 {
			err = answers[0].Err
		}
		if err != nil {
			return fmt.Errorf("change the config of topic %s: %w", d.Name, err)
		}
	}
	return nil
}

func configs(s schemas.Spec) map[string]*string {
	c := map[string]*string{"cleanup.policy": kadm.StringPtr(string(s.Cleanup))}
	switch s.Cleanup {
	case schemas.Delete:
		c["retention.ms"] = kadm.StringPtr(strconv.FormatInt(s.Retention.Milliseconds(), 10))
	case schemas.Compact: // the order of a key's records by the broker's clock, not by those of its producers
		c["message.timestamp.type"] = kadm.StringPtr("LogAppendTime")
	}
	return c
}

func retention(s schemas.Spec) string {
	if s.Cleanup == schemas.Compact {
		return "compacted"
	}
	return fmt.Sprintf("kept for %s", s.Retention)
}
