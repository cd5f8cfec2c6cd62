package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kgo"
)

// table gathers rows of one table in columns and inserts them as one block.
type table struct {
	name    string
	columns []column
	// add decodes a record and appends its row. It appends to all columns or, with an error, to none.
	add   func(rec *kgo.Record) error
	rows  int
	query string
	// orgs and teams are set where a tombstone names its team only; see nameOrgs.
	orgs, teams *values[string]
}

// ofTeams says that the table's tombstones name their team only.
func (t *table) ofTeams(orgs, teams *values[string]) *table {
	t.orgs, t.teams = orgs, teams
	return t
}

// column is one buffer, reused between inserts.
type column struct {
	name   string
	append func(driver.BatchColumn) error
	reset  func()
}

// values is a column buffer of one Go type that clickhouse-go appends as a whole.
type values[T any] []T

func (v *values[T]) add(x T) { *v = append(*v, x) }

func (v *values[T]) as(name string) column {
	return column{
		name:   name,
		append: func(c driver.BatchColumn) error { return c.Append([]T(*v)) },
		reset:  func() { clear(*v); *v = (*v)[:0] }, // cleared, so that no record stays reachable through a string
	}
}

// lowCardinality is a column buffer of a LowCardinality(String). clickhouse-go appends those row by row through 'any':
// boxing each string would cost an allocation a row, and looking it up two hashes. So each distinct string is boxed once a
// batch, and the empty one is nil, which the library takes for the column's default without looking it up.
type lowCardinality struct {
	rows  []any
	boxes map[string]any
	last  string
	box   any // of last
}

func (c *lowCardinality) add(s string) {
	if s != c.last {
		c.last, c.box = s, c.boxed(s)
	}
	c.rows = append(c.rows, c.box)
}

func (c *lowCardinality) boxed(s string) any {
	if s == "" {
		return nil
	}
	box, ok := c.boxes[s]
	if !ok {
		box = s
		c.boxes[s] = box
	}
	return box
}

func (c *lowCardinality) as(name string) column {
	c.boxes = map[string]any{}
	return column{
		name:   name,
		append: func(b driver.BatchColumn) error { return b.Append(c.rows) },
		reset: func() {
			clear(c.rows)
			clear(c.boxes)
			c.rows, c.last, c.box = c.rows[:0], "", nil
		},
	}
}

func newTable(name string, columns []column, add func(*kgo.Record) error) *table {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return &table{name: name, columns: columns, add: add, query: "INSERT INTO " + name + " (" + strings.Join(names, ", ") + ")"}
}

func (t *table) reset() {
	t.rows = 0
	for _, c := range t.columns {
		c.reset()
	}
}

// inserting is how blocks are inserted. A block has rows of any number of partitions, which are months: ClickHouse refuses more than 100 by
// default, with the code of 'too many parts' which passes; a backfill of nine years of a channel would wait for ever.
// On a cluster an insert is answered when the shards have it, not when it waits on this node to be sent.
// Versions of one row are not merged in the block, once for each table that the rows feed, since merges do so later: it takes a quarter of an insert's CPU
// (make bench-context). The indexes of words and ids are made by merges alone: they make them anew whether or not what they merge has them. What no merge
// has had yet is searched by reading it; retention merges every part, once in retain-every.
var inserting = clickhouse.WithSettings(clickhouse.Settings{
	"max_partitions_per_insert_block": 0, "distributed_foreground_insert": 1, "optimize_on_insert": 0, "exclude_materialize_skip_indexes_on_insert": "words, ids",
})

// insert sends what was gathered as one columnar insert. Empty tables are left alone.
func (t *table) insert(ctx context.Context, conn driver.Conn) error {
	if t.rows == 0 {
		return nil
	}
	batch, err := conn.PrepareBatch(clickhouse.Context(ctx, inserting), t.query)
	if err != nil {
		return refine(t.name, err)
	}
	defer func() { _ = batch.Close() }() // after Send it has nothing left to do; before, its error adds nothing to ours
	for i, c := range t.columns {
		if err := c.append(batch.Column(i)); err != nil {
			return fmt.Errorf("insert into %s: column %s: %w", t.name, c.name, err)
		}
	}
	if err := batch.Send(); err != nil {
		return refine(t.name, err)
	}
	return nil
}
