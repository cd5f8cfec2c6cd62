package backup

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// recordsAtOnce is how many records are produced before the brokers are waited for.
const recordsAtOnce = 2000

// fillTopic produces the records of a copy, each into its partition, in order. Of dead letters the notes come last: a note names its letter by where it is, which must be
// known, and its partition may be another one.
func (p *Plan) fillTopic(ctx context.Context, client *kgo.Client, t Topic, dir string, moved *moves) (n int64, err error) {
	if p.ReadAgain && t.Topic == schemas.SyncCheckpoints.Name {
		return 0, nil
	}
	passes := []func(*kgo.Record) bool{func(*kgo.Record) bool { return true }}
	if strings.HasSuffix(t.Topic, ".dlq") {
		passes = []func(*kgo.Record) bool{func(r *kgo.Record) bool { return !closes(r) }, closes}
	}
	for _, wanted := range passes {
		filled, err := fillWith(ctx, client, t, dir, moved, wanted)
		n += filled
		if err != nil {
			return n, err
		}
	}
	if n != t.Lines {
		return n, fmt.Errorf("fill topic %s: %d records, the manifest says %d", t.Topic, n, t.Lines)
	}
	return n, nil
}

// fillWith produces those records of a copy that are wanted.
func fillWith(ctx context.Context, client *kgo.Client, t Topic, dir string, moved *moves, wanted func(*kgo.Record) bool) (n int64, err error) {
	var waiting []*kgo.Record
	var were []int64
	flush := func() error {
		if err := client.ProduceSync(ctx, waiting...).FirstErr(); err != nil {
			return fmt.Errorf("fill topic %s: %w", t.Topic, err)
		}
		for i, r := range waiting {
			moved.to(t.Topic, r.Partition, were[i], r.Offset)
		}
		n += int64(len(waiting))
		waiting, were = waiting[:0], were[:0]
		return nil
	}
	err = each(dir, t.File, func(line record) error {
		r := &kgo.Record{Topic: t.Topic, Partition: line.Partition, Timestamp: time.UnixMilli(line.Time), Key: line.Key, Value: line.Value}
		for _, h := range line.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		if !wanted(r) {
			return nil
		}
		moved.rename(r)
		waiting, were = append(waiting, r), append(were, line.Offset)
		if len(waiting) >= recordsAtOnce {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	return n, err
}

func closes(r *kgo.Record) bool {
	for _, h := range r.Headers {
		if h.Key == schemas.HeaderCloses {
			return true
		}
	}
	return false
}

// place is where a record is.
type place struct {
	topic     string
	partition int32
	offset    int64
}

// moves says where what was at an offset is now. It remembers what is asked for: dead letters, and where groups go on.
type moves struct {
	groups map[string]map[string]map[int32]int64
	first  map[place]int64 // by a committed offset of the backup: the first record at or after it
	last   map[place]int64 // by partition: behind its last record
	letter map[string]string
}

func newMoves(groups map[string]map[string]map[int32]int64) *moves {
	m := &moves{groups: groups, first: map[place]int64{}, last: map[place]int64{}, letter: map[string]string{}}
	for _, topics := range groups {
		for topic, parts := range topics {
			for p, at := range parts {
				m.first[place{topic, p, at}] = -1
			}
		}
	}
	return m
}

func (m *moves) to(topic string, partition int32, was, is int64) {
	m.last[place{topic, partition, 0}] = is + 1
	if strings.HasSuffix(topic, ".dlq") {
		m.letter[fmt.Sprintf("%s/%d/%d", topic, partition, was)] = fmt.Sprintf("%s/%d/%d", topic, partition, is)
	}
	for group := range m.groups {
		at, has := m.groups[group][topic][partition]
		if k := (place{topic, partition, at}); has && was >= at && m.first[k] < 0 {
			m.first[k] = is
		}
	}
}

// rename makes a note of what was done about a dead letter name it by where it is now.
func (m *moves) rename(r *kgo.Record) {
	for i, h := range r.Headers {
		if now, moved := m.letter[string(h.Value)]; moved && h.Key == schemas.HeaderCloses {
			r.Headers[i].Value = []byte(now)
		}
	}
}

// resume puts the groups where they were. The views sink goes by what Redis says; the ClickHouse sink has everything before it
// again, unless the rows were restored, or kept.
func (p *Plan) resume(ctx context.Context, admin *kadm.Client, m *moves) error {
	for group, topics := range p.Manifest.Groups {
		if group == "backchannel-views" || group == "backchannel-clickhouse" && p.ReadAgain {
			continue
		}
		var offsets kadm.Offsets
		for topic, parts := range topics {
			for partition, at := range parts {
				end, filled := m.last[place{topic, partition, 0}]
				if !filled { // nothing of it is in the backup: what is there, if anything, is not ours to skip
					continue
				}
				if now := m.first[place{topic, partition, at}]; now >= 0 {
					end = now
				}
				offsets.AddOffset(topic, partition, end, -1)
			}
		}
		if len(offsets) == 0 {
			continue
		}
		if err := admin.CommitAllOffsets(ctx, group, offsets); err != nil {
			return fmt.Errorf("put %s where it was: %w", group, err)
		}
	}
	return nil
}
