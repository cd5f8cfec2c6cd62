package forget

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Options are where to forget.
type Options struct {
	Kafka      []kgo.Opt
	ClickHouse driver.Conn
	Cluster    string // of ClickHouse; empty: one server
	Now        func() time.Time
	Progress   io.Writer
}

// Receipt says what was, or would be, forgotten, and how to see that it is. It holds ids, and nothing that anybody said.
type Receipt struct {
	Target Target           `json:"target"`
	At     time.Time        `json:"at"`
	Done   bool             `json:"done"` // false: only shown
	Keys   map[string]int   `json:"keys"` // of compacted topics, that get tombstones
	Rows   []Rows           `json:"rows"`
	Gone   map[string]Until `json:"gone"` // by when the rest has ended by itself
	// Ends say up to where, in compacted topics, nothing may be that a tombstone replaced, and Traces how many such values the brokers have still.
	Ends   Ends           `json:"ends,omitempty"`
	Traces map[string]int `json:"traces,omitempty"`
}

// Found says whether anything of the target was there.
func (r Receipt) Found() bool {
	return len(r.Keys) > 0 || slices.ContainsFunc(r.Rows, func(rows Rows) bool { return rows.Rows > 0 })
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
	r.Target = k.Target // with what it is known by
	var doomed []control
	for _, c := range all {
		if k.meant(c) {
			doomed = append(doomed, c)
			r.Keys[c.topic]++
		}
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
	for _, t := range schemas.AllTopics() {
		if t.Cleanup == schemas.Delete {
			r.Gone[t.Name] = r.At.Add(t.Retention).Truncate(time.Second)
		}
	}
	if dry {
		return r, nil
	}
	if err := bury(ctx, o.Kafka, doomed); err != nil { // before anything else: it ends the sync
		return r, err
	}
	for i, c := range conditions {
		fmt.Fprintf(o.Progress, "%d of %d: %s\n", i+1, len(conditions), c.table)
		if err := k.remove(ctx, o.ClickHouse, o.Cluster, c); err != nil {
			return r, err
		}
	}
	if r.Ends, r.Traces, err = compact(ctx, o); err != nil {
		return r, err
	}
	r.Done = true
	return r, nil
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
