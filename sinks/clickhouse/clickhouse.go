package clickhouse

import (
	"context"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
)

// Sink inserts batches. Column buffers are reused between batches.
type Sink struct {
	conn     driver.Conn
	tables   map[string][]*table // by topic
	order    []*table
	messages *messageTable
}

// Definition is the node of the graph. maxBatch and maxWait trade freshness for fewer, larger parts; a MergeTree wants
// thousands of rows an insert, or few inserts a second (ClickHouse documentation, 'Insert in large batches').
func Definition(conn driver.Conn, maxBatch int, maxWait time.Duration) sinks.Definition {
	s := &Sink{conn: conn, tables: map[string][]*table{}, messages: messages()}
	var in []schemas.Spec
	for _, t := range []struct {
		topic schemas.Spec
		table *table
	}{
		{schemas.ContextMessages.Spec, s.messages.table},
		{schemas.ChannelAssociations.Spec, associations()},
		{schemas.SyncCheckpoints.Spec, coverage()},
		{schemas.OrgsSettings.Spec, policies()},
		{schemas.CRMAccounts.Spec, accounts()},
		{schemas.CRMDeals.Spec, deals()},
		{schemas.DirectoryUsers.Spec, directoryUsers()},
		{schemas.SlackUsers.Spec, slackUsers()},
		{schemas.SlackChannels.Spec, slackChannels()},
		{schemas.NotificationOutcomes.Spec, outcomes()},
		{schemas.NotificationOutcomes.Spec, notificationLog()},
	} {
		if s.tables[t.topic.Name] == nil {
			in = append(in, t.topic)
		}
		s.tables[t.topic.Name] = append(s.tables[t.topic.Name], t.table)
		s.order = append(s.order, t.table)
	}
	return sinks.Definition{Name: "clickhouse", In: in, Sink: s, MaxBatch: maxBatch, MaxWait: maxWait}
}

// Write inserts a batch, one insert a table. Tables that were written before a later one failed are written again with
// the next attempt: row identity makes that the same rows.
func (s *Sink) Write(ctx context.Context, batch []*kgo.Record) (sinks.Result, error) {
	var result sinks.Result
	for _, t := range s.order {
		t.reset()
	}
	s.messages.windows, s.messages.happened, s.messages.edits = s.messages.windows[:0], s.messages.happened[:0], s.messages.edits[:0]
	for _, rec := range batch {
		for _, t := range s.tables[rec.Topic] {
			if err := t.add(rec); err != nil { // the tables of one topic refuse the same
				result.Reject(rec, schemas.Malformed, err.Error())
				break
			}
			t.rows++
		}
	}
	if err := s.nameOrgs(ctx); err != nil {
		return sinks.Result{}, err
	}
	if err := s.keepReplaced(ctx); err != nil {
		return sinks.Result{}, err
	}
	for _, t := range s.order {
		if err := t.insert(ctx, s.conn); err != nil {
			return sinks.Result{}, err
		}
	}
	if err := s.applyWindows(ctx); err != nil {
		return sinks.Result{}, err
	}
	result.Happened = s.messages.happened
	return result, nil
}
