package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// record is a line of a topic's file. Bytes are base64: what is on a topic need not be JSON.
type record struct {
	Partition int32    `json:"p"`
	Offset    int64    `json:"o"`
	Time      int64    `json:"t"` // milliseconds
	Key       []byte   `json:"k"`
	Value     []byte   `json:"v"` // null: a tombstone
	Headers   []header `json:"h,omitempty"`
}

type header struct {
	Key   string `json:"k"`
	Value []byte `json:"v"`
}

// copyTopic writes what a topic holds now. Of a compacted one that is the last record of each key: what a later one or a tombstone has ended is on the broker until it
// compacts, and has no place in a copy.
func copyTopic(ctx context.Context, client *kgo.Client, spec schemas.Spec, dir string) (t Topic, err error) {
	admin := kadm.NewClient(client)
	begin, err1 := admin.ListStartOffsets(ctx, spec.Name)
	end, err2 := admin.ListCommittedOffsets(ctx, spec.Name)
	if err := errors.Join(err1, err2, begin.Error(), end.Error()); err != nil {
		return t, fmt.Errorf("find where %s ends: %w", spec.Name, err)
	}
	t = Topic{Topic: spec.Name, Ends: map[int32]int64{}}
	spans := map[int32]span{}
	end.Each(func(o kadm.ListedOffset) {
		first, _ := begin.Lookup(o.Topic, o.Partition)
		t.Ends[o.Partition] = o.Offset
		spans[o.Partition] = span{first.Offset, o.Offset}
	})
	wanted := func(*kgo.Record) bool { return true }
	if spec.Cleanup == schemas.Compact {
		last := map[string]int64{} // by key; keys do not leave their partition
		err := scan(ctx, client, spec, spans, func(r *kgo.Record) error { last[string(r.Key)] = r.Offset; return nil })
		if err != nil {
			return t, err
		}
		wanted = func(r *kgo.Record) bool { return r.Value != nil && last[string(r.Key)] == r.Offset }
	}
	out, err := create(dir, spec.Name+".jsonl.gz")
	if err != nil {
		return t, err
	}
	err = scan(ctx, client, spec, spans, func(r *kgo.Record) error {
		if !wanted(r) {
			return nil
		}
		line := record{Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			line.Headers = append(line.Headers, header{h.Key, h.Value})
		}
		return out.add(line)
	})
	t.File, err = closed(out, err)
	return t, err
}

// closed closes a file that was written, or was not with an error.
func closed(out *lines, err error) (File, error) {
	file, closeErr := out.close()
	return file, errors.Join(err, closeErr)
}

// span is from a first offset up to, and without, a last.
type span struct{ from, to int64 }

// quiet is how long a scan waits for the next record before it asks whether there is one.
const quiet = 10 * time.Second

// scan reads the spans of a topic's partitions. Each partition comes in order.
func scan(ctx context.Context, client *kgo.Client, spec schemas.Spec, spans map[int32]span, do func(*kgo.Record) error) error {
	next, parts := map[int32]int64{}, map[int32]kgo.Offset{}
	for p, s := range spans {
		if s.from < s.to {
			next[p], parts[p] = s.from, kgo.NewOffset().At(s.from)
		}
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{spec.Name: parts})
	var read []int32
	for p := range parts {
		read = append(read, p)
	}
	defer client.RemoveConsumePartitions(map[string][]int32{spec.Name: read})
	for len(next) > 0 {
		bounded, cancel := context.WithTimeout(ctx, quiet)
		fetches := client.PollFetches(bounded)
		cancel()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read %s: %w", spec.Name, err)
		}
		if err := fetches.Err(); errors.Is(err, context.DeadlineExceeded) {
			// Of a compacted topic the records before its end may be gone, when they were tombstones: then nothing comes any more.
			if spec.Cleanup == schemas.Compact && client.Ping(ctx) == nil {
				return nil
			}
			return fmt.Errorf("read %s: the brokers sent nothing for %s, and %d partitions are not read to their end", spec.Name, quiet, len(next))
		} else if err != nil {
			return fmt.Errorf("read %s: %w", spec.Name, err)
		}
		for _, r := range fetches.Records() {
			at, open := next[r.Partition]
			if r.Topic != spec.Name || !open || r.Offset < at {
				continue
			}
			end := spans[r.Partition].to
			if r.Offset < end && !r.Attrs.IsControl() {
				if err := do(r); err != nil {
					return err
				}
			}
			next[r.Partition] = r.Offset + 1
			if r.Offset+1 >= end {
				delete(next, r.Partition)
			}
		}
	}
	return nil
}
