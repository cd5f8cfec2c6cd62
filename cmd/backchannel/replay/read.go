package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// atOnce bounds the records of a batch; quiet is how long the brokers may be silent; tellEvery is how often progress is told.
const (
	atOnce    = 5000
	quiet     = 30 * time.Second
	tellEvery = 5 * time.Second
)

// writer puts a batch somewhere.
type writer func(ctx context.Context, batch []*kgo.Record) (rejected int, err error)

// read takes the topics from at to where they end now, batch by batch: written, then noted.
func (r *Replayer) read(ctx context.Context, client *kgo.Client, at map[string]map[int32]int64, to writer, c *Counts) error {
	admin := kadm.NewClient(client)
	ends, err := admin.ListCommittedOffsets(ctx, slices.Collect(maps.Keys(at))...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("find where the topics end: %w", err)
	}
	begins, err := admin.ListStartOffsets(ctx, slices.Collect(maps.Keys(at))...)
	if err != nil {
		return fmt.Errorf("find where the topics begin: %w", err)
	}
	from := map[string]map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		next, known := at[o.Topic][o.Partition]
		first, _ := begins.Lookup(o.Topic, o.Partition)
		if !known || next < first.Offset { // a partition that was added, or what its retention has ended meanwhile
			next = first.Offset
			at[o.Topic][o.Partition] = next
		}
		if next < o.Offset {
			if from[o.Topic] == nil {
				from[o.Topic] = map[int32]kgo.Offset{}
			}
			from[o.Topic][o.Partition] = kgo.NewOffset().At(next)
			c.Left += o.Offset - next
		}
	})
	client.AddConsumePartitions(from)
	defer client.PurgeTopicsFromConsuming(slices.Collect(maps.Keys(from))...)
	told := time.Now()
	for c.Left > 0 {
		bounded, cancel := context.WithTimeout(ctx, quiet)
		fetches := client.PollRecords(bounded, atOnce)
		cancel()
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if err := fetches.Err(); errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("the brokers sent nothing for %s, and %d records are still to be read: run it again, it goes on here", quiet, c.Left)
		} else if err != nil {
			return fmt.Errorf("read the topics: %w", err)
		}
		var batch []*kgo.Record
		for _, rec := range fetches.Records() {
			next := at[rec.Topic][rec.Partition]
			end, _ := ends.Lookup(rec.Topic, rec.Partition)
			if rec.Offset >= end.Offset {
				continue // it came since: the next run's
			}
			c.Left -= rec.Offset + 1 - next
			at[rec.Topic][rec.Partition] = rec.Offset + 1
			if !rec.Attrs.IsControl() {
				batch = append(batch, rec)
			}
		}
		if err := r.write(ctx, batch, to, c); err != nil {
			return err
		}
		if err := r.commit(ctx, admin, at); err != nil {
			return err
		}
		if time.Since(told) > tellEvery {
			told = time.Now()
			fmt.Fprintln(r.Progress, c)
		}
	}
	return nil
}

func (r *Replayer) write(ctx context.Context, batch []*kgo.Record, to writer, c *Counts) error {
	c.Read += int64(len(batch))
	if len(batch) > 0 && batch[0].Topic != schemas.ContextMessages.Name {
		made, dropped, rejected, err := r.Enrich(ctx, batch)
		if err != nil {
			return fmt.Errorf("enrich: %w", err)
		}
		c.Dropped, c.Rejected = c.Dropped+int64(dropped), c.Rejected+int64(rejected)
		batch = made
	}
	if len(batch) == 0 {
		return nil
	}
	rejected, err := to(ctx, batch)
	if err != nil {
		return fmt.Errorf("write the messages: %w", err)
	}
	c.Written, c.Rejected = c.Written+int64(len(batch)-rejected), c.Rejected+int64(rejected)
	return nil
}
