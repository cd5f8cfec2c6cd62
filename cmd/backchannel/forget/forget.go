package forget

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Options are where to forget.
type Options struct {
	Kafka      []kgo.Opt
	ClickHouse driver.Conn
	Cluster    string // of ClickHouse; empty: one server
	Redis      redis.UniversalClient
	// Settle is how long those who sync a channel may take to note that it has ended.
	Settle   time.Duration
	Now      func() time.Time
	Progress io.Writer
}

// Receipt says what was, or would be, forgotten, and how to see that it is. It holds ids, and nothing that anybody said.
type Receipt struct {
	Target Target           `json:"target"`
	At     time.Time        `json:"at"`
	Done   bool             `json:"done"` // false: only shown
	Keys   map[string]int   `json:"keys"` // of compacted topics, that get tombstones
	Rows   []Rows           `json:"rows"`
	Redis  int              `json:"redis"` // keys, and members of keys, beside the views that tombstones empty
	Gone   map[string]Until `json:"gone"`  // by when the rest has ended by itself
	// Ends say up to where, in compacted topics, nothing may be that a tombstone replaced, and Traces how many such values the brokers have still.
	Ends   Ends           `json:"ends,omitempty"`
	Traces map[string]int `json:"traces,omitempty"`
}

// Found says whether anything of the target was there.
func (r Receipt) Found() bool {
	return len(r.Keys) > 0 || r.Redis > 0 || slices.ContainsFunc(r.Rows, func(rows Rows) bool { return rows.Rows > 0 })
}

// Rows are those of a table, and the query that counts what is left of them.
type Rows struct {
	Table string `json:"table"`
	Rows  uint64 `json:"rows"`
	Check string `json:"check"`
}

// Until is when the retention of a topic ends what it has now.
type Until = time.Time

// Run forgets, or with dry shows what it would.
func Run(ctx context.Context, o Options, target Target, dry bool) (Receipt, error) {
	r := Receipt{Target: target, At: o.Now().UTC(), Keys: map[string]int{}, Gone: map[string]Until{}}
	all, err := controls(ctx, o.Kafka)
	if err != nil {
		return r, err
	}
	k := &known{Target: target}
	k.learn(all)
	if err := k.learnRows(ctx, o.ClickHouse); err != nil {
		return r, err
	}
	r.Target = k.Target // with what it is known by
	doomed := k.doomed(all)
	for _, c := range doomed {
		r.Keys[c.topic]++
	}
	conditions, err := k.conditions()
	if err != nil {
		return r, err
	}
	for _, c := range conditions {
		n, err := count(ctx, o.ClickHouse, c.check())
		if err != nil {
			return r, err
		}
		r.Rows = append(r.Rows, Rows{c.table, n, c.check()})
	}
	spots, err := k.spots(ctx, o.Redis)
	if err != nil {
		return r, err
	}
	if r.Redis, err = present(ctx, o.Redis, spots); err != nil {
		return r, err
	}
	for _, t := range schemas.AllTopics() {
		if t.Cleanup == schemas.Delete {
			r.Gone[t.Name] = r.At.Add(t.Retention).Truncate(time.Second)
		}
	}
	r.Gone[ledger] = r.At.Add(schemas.LedgerTTL).Truncate(time.Second)
	if dry {
		return r, nil
	}
	if err := k.forget(ctx, o, doomed, conditions); err != nil {
		return r, err
	}
	if r.Ends, r.Traces, err = compact(ctx, o); err != nil {
		return r, err
	}
	r.Done = true
	return r, nil
}

// ledger is what Redis remembers of deliveries, so that none is repeated: it names recipients, and ends by itself.
const ledger = "redis: what was delivered"

// forget goes twice through what goes: the end of a channel's sync is noted by whoever reads it, which is to be forgotten as well. What leads to a person goes the
// second time, after everything that is found by it.
func (k *known) forget(ctx context.Context, o Options, doomed []control, conditions []condition) error {
	ends := func(c control) bool { return c.topic == schemas.ChannelAssociations.Name }
	first := slices.DeleteFunc(slices.Clone(doomed), control.leads)
	if err := bury(ctx, o.Kafka, first); err != nil { // before anything else: it ends the sync
		return err
	}
	for i, c := range conditions {
		fmt.Fprintf(o.Progress, "%d of %d: %s\n", i+1, len(conditions), c.table)
		if err := k.remove(ctx, o.ClickHouse, o.Cluster, c); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(doomed, ends) {
		ingest.Sleep(ctx, o.Settle)
	}
	all, err := controls(ctx, o.Kafka)
	if err != nil {
		return err
	}
	spots, err := k.spots(ctx, o.Redis)
	if err != nil {
		return err
	}
	if err := vacate(ctx, o.Redis, spots); err != nil {
		return err
	}
	if err := bury(ctx, o.Kafka, k.doomed(all)); err != nil {
		return err
	}
	return k.removeRest(ctx, o, conditions)
}

// removeRest deletes what has come since it was deleted.
func (k *known) removeRest(ctx context.Context, o Options, conditions []condition) error {
	for _, c := range conditions {
		n, err := count(ctx, o.ClickHouse, c.check())
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		if err := k.remove(ctx, o.ClickHouse, o.Cluster, c); err != nil {
			return err
		}
	}
	return nil
}

// Check runs the receipt's checks again, and returns what is left, by table.
func Check(ctx context.Context, conn driver.Conn, r Receipt) (map[string]uint64, error) {
	left := map[string]uint64{}
	for _, rows := range r.Rows {
		n, err := count(ctx, conn, rows.Check)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			left[rows.Table] += n
		}
	}
	return left, nil
}
