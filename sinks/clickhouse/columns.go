package clickhouse

import (
	"context"
	"fmt"
	"strings"

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

// insert sends what was gathered as one columnar insert. Empty tables are left alone.
func (t *table) insert(ctx context.Context, conn driver.Conn) error {
	if t.rows == 0 {
		return nil
	}
	batch, err := conn.PrepareBatch(ctx, t.query)
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
