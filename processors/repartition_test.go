package processors_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

var through = schemas.NotificationAddressed.Spec

// gather works on records "KEY/ANYTHING" where those of KEY come together, and says who it is.
type gather struct {
	name string
	to   *processors.Repartition
}

func (g *gather) Process(_ context.Context, batch []*kgo.Record) (*processors.Result, error) {
	result := processors.NewResult(len(batch))
	for i, rec := range batch {
		if key := keyOf(rec); g.to.Arrived(rec, key) {
			result.Emit(i, processors.Emit(out, key, append(slices.Clone(rec.Value), " by "+g.name...)))
		} else {
			result.Emit(i, processors.Emit(through, key, rec.Value))
		}
	}
	return result, nil
}

func keyOf(rec *kgo.Record) schemas.Key {
	key, _, _ := strings.Cut(string(rec.Value), "/")
	return schemas.Key(key)
}

func gathering(name string) processors.Definition {
	to := &processors.Repartition{From: in, Through: through, Succeeds: "elder"}
	return processors.Definition{
		Name: "echo", In: []schemas.Spec{in, through}, Out: []schemas.Spec{through, out}, Processor: &gather{name, to}, Repartition: to,
	}
}

// earlier is a version of the same processor that reads one of its topics.
func earlier() processors.Definition {
	def := gathering("earlier")
	def.In, def.Out, def.Repartition = []schemas.Spec{through}, []schemas.Spec{out}, nil
	return def
}

// spread makes n records of 20 keys, each in any partition.
func spread(phase string, n int, partitions int32) []*kgo.Record {
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = record(rand.Int32N(partitions), fmt.Sprintf("key%d/%s%d", i%20, phase, i))
	}
	return records
}

// fast notices soon that a topic has more partitions.
func fast(k *sinkstest.Kafka) processors.Options {
	return processors.Options{Kafka: append(k.Options(), kgo.MetadataMinAge(20*time.Millisecond), kgo.MetadataMaxAge(100*time.Millisecond))}
}

// settled waits until so many members share the group, and partition n of both topics has one of them.
func settled(t *testing.T, k *sinkstest.Kafka, members int) {
	t.Helper()
	sinkstest.Eventually(t, "partitions of one number to have one owner", func() bool {
		groups, err := k.Admin.DescribeGroups(t.Context(), group)
		if err != nil {
			return false
		}
		described := groups[group]
		if described.State != "Stable" || len(described.Members) != members {
			return false
		}
		for _, m := range described.Members {
			assigned, ok := m.Assigned.AsConsumer()
			if !ok {
				return false
			}
			owns := map[string][]int32{}
			for _, topic := range assigned.Topics {
				slices.Sort(topic.Partitions)
				owns[topic.Topic] = topic.Partitions
			}
			if len(owns[in.Name]) == 0 || !slices.Equal(owns[in.Name], owns[through.Name]) {
				return false
			}
		}
		return described.AssignedPartitions().Lookup(in.Name, 0)
	})
}

// owners is who worked on each key, of what begins with a phase; and each record must have been worked on once.
func owners(t *testing.T, k *sinkstest.Kafka, phase string, want []*kgo.Record) map[string][]string {
	t.Helper()
	by := map[string][]string{}
	var once []string
	for _, rec := range k.ReadCommitted(t, out.Name) {
		what, who, _ := strings.Cut(string(rec.Value), " by ")
		once = append(once, what)
		if key := string(keyOf(rec)); strings.HasPrefix(what, key+"/"+phase) && !slices.Contains(by[key], who) {
			by[key] = append(by[key], who)
		}
	}
	slices.Sort(once)
	if diff := cmp.Diff(values(want), once); diff != "" {
		t.Errorf("not each of them once (-want +got):\n%s", diff)
	}
	return by
}

func oneOwnerEach(t *testing.T, by map[string][]string) {
	t.Helper()
	if len(by) == 0 {
		t.Error("no key was worked on")
	}
	for key, who := range by {
		if len(who) != 1 {
			t.Errorf("%s was worked on by %q", key, who)
		}
	}
}

// Whatever partition records are in, those of a key come to one owner: while an earlier version shares the group, which reads
// only one of the topics, each is worked on once; when it has gone and members share the partitions, and when one of them goes, by one.
func TestRecordsOfAKeyMeet(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 6, in, through, out)
	var all []*kgo.Record
	produce := func(phase string) {
		t.Helper()
		records := spread(phase, 120, 6)
		k.Produce(t, records...)
		all = append(all, records...)
	}
	done := func() {
		t.Helper()
		k.WaitCommitted(t, group, in.Name)
		k.WaitCommitted(t, group, in.Name, through.Name)
	}
	older := start(t, earlier(), fast(k))
	a := start(t, gathering("a"), fast(k))
	produce("mixed")
	done()
	older.stop(t)
	b := start(t, gathering("b"), fast(k))
	produce("moving")
	settled(t, k, 2)
	done()
	produce("shared")
	done()
	oneOwnerEach(t, owners(t, k, "shared", all))
	a.stop(t)
	produce("alone")
	settled(t, k, 1)
	done()
	b.stop(t)
	oneOwnerEach(t, owners(t, k, "alone", all))
	if n := len(k.ReadCommitted(t, through.Name)); n == 0 || n >= len(all) {
		t.Errorf("%d of %d records went through the other topic", n, len(all))
	}
}

// With other numbers of partitions every record goes through, once; they may change while records flow.
func TestRecordsMeetWhateverTheNumbersOfPartitions(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 3, in, out)
	if _, err := k.Admin.CreateTopic(t.Context(), 5, 1, nil, through.Name); err != nil {
		t.Fatal(err)
	}
	done := func() {
		t.Helper()
		k.WaitCommitted(t, group, in.Name)
		k.WaitCommitted(t, group, in.Name, through.Name)
	}
	a, b := start(t, gathering("a"), fast(k)), start(t, gathering("b"), fast(k))
	sinkstest.Eventually(t, "both members", func() bool {
		groups, err := k.Admin.DescribeGroups(t.Context(), group)
		return err == nil && groups[group].State == "Stable" && len(groups[group].Members) == 2
	})
	all := spread("differ", 120, 3)
	k.Produce(t, all...)
	done()
	oneOwnerEach(t, owners(t, k, "differ", all))
	went := len(k.ReadCommitted(t, through.Name))
	if went != len(all) {
		t.Errorf("%d of %d records went through the other topic", went, len(all))
	}
	more := spread("growing", 120, 3)
	k.Produce(t, more[:60]...)
	if _, err := k.Admin.UpdatePartitions(t.Context(), 5, in.Name); err != nil {
		t.Fatal(err)
	}
	k.Produce(t, more[60:]...)
	settled(t, k, 2)
	all = append(all, more...)
	done()
	last := spread("alike", 120, 5)
	client, err := kgo.NewClient(append(k.Options(), kgo.RecordPartitioner(kgo.ManualPartitioner()))...) // which knows of the new ones
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), last...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	all = append(all, last...)
	done()
	a.stop(t)
	b.stop(t)
	oneOwnerEach(t, owners(t, k, "alike", all))
}

// Where the group has committed nothing, it begins where the processor was that read the topic before; where that one neither, at the start.
func TestAProcessorBeginsWhereItsElderEnded(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 2, in, through, out)
	k.Produce(t, record(0, "k/a"), record(0, "k/b"), record(0, "k/c"), record(1, "k/d"), record(1, "k/e"))
	var read kadm.Offsets
	read.AddOffset(in.Name, 0, 2, -1)
	if _, err := k.Admin.CommitOffsets(t.Context(), "backchannel-elder", read); err != nil {
		t.Fatal(err)
	}
	want := []string{"k/c", "k/d", "k/e"}
	for range 2 {
		run := start(t, gathering("it"), processors.Options{Kafka: k.Options()})
		k.WaitCommitted(t, group, in.Name)
		k.WaitCommitted(t, group, in.Name, through.Name)
		run.stop(t)
		var got []string
		for _, value := range values(k.ReadCommitted(t, out.Name)) {
			got = append(got, strings.TrimSuffix(value, " by it"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		k.Produce(t, record(0, "k/f")) // what it has committed itself counts
		want = append(want, "k/f")
	}
}
