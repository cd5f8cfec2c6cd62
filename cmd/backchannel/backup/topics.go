package backup

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
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
	spans, err := scan.All(ctx, client, spec.Name)
	if err != nil {
		return t, err
	}
	t = Topic{Topic: spec.Name, Ends: map[int32]int64{}}
	for partition, s := range spans[spec.Name] {
		t.Ends[partition] = s.To
	}
	wanted := func(*kgo.Record) bool { return true }
	if spec.Cleanup == schemas.Compact {
		last := map[string]int64{} // by key; keys do not leave their partition
		err := scan.Read(ctx, client, spans, func(r *kgo.Record) error { last[string(r.Key)] = r.Offset; return nil })
		if err != nil {
			return t, err
		}
		wanted = func(r *kgo.Record) bool { return r.Value != nil && last[string(r.Key)] == r.Offset }
	}
	out, err := create(dir, spec.Name+".jsonl.gz")
	if err != nil {
		return t, err
	}
	err = scan.Read(ctx, client, spans, func(r *kgo.Record) error {
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
