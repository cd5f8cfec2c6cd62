package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// Replayer replays.
type Replayer struct {
	Kafka []kgo.Opt
	// Group is whose committed offsets say how far the replay is. Nobody is a member.
	Group string
	// Live and Shadow are connections whose databases are Of and Into.
	Live, Shadow driver.Conn
	Of, Into     string
	// Enrich makes records of context.messages of records of the private topics; how many it left out, and how many could not be read.
	Enrich func(ctx context.Context, batch []*kgo.Record) (made []*kgo.Record, dropped, rejected int, err error)
	// Write puts records of context.messages into the shadow, and WriteLive into the live tables; how many could not be read.
	Write, WriteLive func(ctx context.Context, batch []*kgo.Record) (rejected int, err error)
	Now              func() time.Time
	Progress         io.Writer
}

// Topics are those of which messages are made.
func Topics() []string {
	return []string{schemas.SlackEvents.Name, schemas.SlackHistory.Name, schemas.ContextMessages.Name}
}

// Counts are what a run has done.
type Counts struct {
	Copied   uint64 // rows from before
	Read     int64  // records
	Left     int64  // records still to be read
	Dropped  int64  // records that enrich leaves out
	Rejected int64  // records that cannot be read
	Written  int64  // records that became rows, or windows that were applied
}

// String is a line of progress.
func (c *Counts) String() string {
	return fmt.Sprintf("%d records read, %d to go; %d written, %d left out, %d refused", c.Read, c.Left, c.Written, c.Dropped, c.Rejected)
}

// Run replays topics from a time on, to where they end now. The first run for a shadow decides the time; later ones go on where it ended.
func (r *Replayer) Run(ctx context.Context, topics []string, from time.Time) (c Counts, err error) {
	if err := check(topics); err != nil {
		return c, err
	}
	client, admin, err := r.client()
	if err != nil {
		return c, err
	}
	defer client.Close()
	at, err := r.begin(ctx, admin, topics, from, &c)
	if err != nil {
		return c, err
	}
	ended := r.Now()
	if err := r.read(ctx, client, at, r.Write, &c); err != nil {
		return c, err
	}
	return c, r.note(ctx, ended)
}

func (r *Replayer) client() (*kgo.Client, *kadm.Client, error) {
	client, err := scan.Client(r.Kafka)
	if err != nil {
		return nil, nil, err
	}
	return client, kadm.NewClient(client), nil
}

func check(topics []string) error {
	for _, t := range topics {
		if !slices.Contains(Topics(), t) {
			return fmt.Errorf("messages are made of %s; %s has no part in them. What a compacted topic says is in its table as soon as the sink has read it again: see 'backchannel restore', or reset the group backchannel-clickhouse",
				strings.Join(Topics(), ", "), t)
		}
	}
	switch made := slices.Contains(topics, schemas.ContextMessages.Name); {
	case made && len(topics) > 1:
		return errors.New("context.messages is what the other two become: replay it, or those")
	case !made && len(topics) != 2: // one alone would lack what the other one brought
		return errors.New("slack.events and slack.history are replayed together: a message comes by either")
	}
	return nil
}

// begin finds where to go on. The first time it copies what was received before, and notes where it begins.
func (r *Replayer) begin(ctx context.Context, admin *kadm.Client, topics []string, from time.Time, c *Counts) (map[string]map[int32]int64, error) {
	at, err := r.committed(ctx, admin)
	if err != nil {
		return nil, err
	}
	if len(at) > 0 {
		for _, t := range topics {
			if at[t] == nil {
				return nil, fmt.Errorf("a shadow is there already, of other topics than %s: 'backchannel replay drop' first", t)
			}
		}
		for t := range at {
			if !slices.Contains(topics, t) {
				return nil, fmt.Errorf("the shadow that is there is of %s too: name it, or 'backchannel replay drop' first", t)
			}
		}
		fmt.Fprintln(r.Progress, "going on where the last run ended")
		return at, nil
	}
	if from.IsZero() {
		return nil, errors.New("from when on? There is no replay to go on with")
	}
	first, err := admin.ListOffsetsAfterMilli(ctx, from.UnixMilli(), topics...)
	if err == nil {
		err = first.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("find where %s is on the topics: %w", from.Format(time.RFC3339), err)
	}
	if err := r.reaches(topics, from); err != nil {
		return nil, err
	}
	if c.Copied, err = r.seed(ctx, from); err != nil {
		return nil, err
	}
	first.Each(func(o kadm.ListedOffset) { put(at, o.Topic, o.Partition, o.Offset) })
	return at, r.commit(ctx, admin, at)
}

// committed is how far the replay is; empty: there is none.
func (r *Replayer) committed(ctx context.Context, admin *kadm.Client) (map[string]map[int32]int64, error) {
	at := map[string]map[int32]int64{}
	answer, err := admin.FetchOffsets(ctx, r.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("ask how far the replay is: %w", err)
	}
	answer.Each(func(o kadm.OffsetResponse) {
		if o.At >= 0 {
			put(at, o.Topic, o.Partition, o.At)
		}
	})
	return at, nil
}

// reaches says whether the topics still have what came since a time: what is gone would be missing in the shadow.
func (r *Replayer) reaches(topics []string, from time.Time) error {
	for _, t := range topics {
		spec, _ := schemas.TopicByName(t)
		if oldest := r.Now().Add(-spec.Retention); from.Before(oldest) {
			return fmt.Errorf("%s keeps records for %s: begin at %s or later, or the shadow would lack what was received before", t, spec.Retention, oldest.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

func put(at map[string]map[int32]int64, topic string, partition int32, offset int64) {
	if at[topic] == nil {
		at[topic] = map[int32]int64{}
	}
	at[topic][partition] = offset
}

func (r *Replayer) commit(ctx context.Context, admin *kadm.Client, at map[string]map[int32]int64) error {
	var offsets kadm.Offsets
	for topic, parts := range at {
		for p, offset := range parts {
			offsets.AddOffset(topic, p, offset, -1)
		}
	}
	if err := admin.CommitAllOffsets(ctx, r.Group, offsets); err != nil {
		return fmt.Errorf("note how far the replay is: %w", err)
	}
	return nil
}
