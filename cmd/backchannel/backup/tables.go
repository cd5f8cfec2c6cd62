package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/schemas"
)

// tables are those that a backup has: all but the table of migrations, which apply writes.
func tables() (all []schemas.Table, err error) {
	declared, err := schemas.Tables()
	for _, t := range declared {
		if t.Kind == schemas.IsTable && t.Name != "schema_migrations" {
			all = append(all, t)
		}
	}
	return all, err
}

func copyTables(ctx context.Context, o Options, dir string) (all []Table, err error) {
	list, err := tables()
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		copied, err := copyTable(ctx, o.ClickHouse, t, dir)
		if err != nil {
			return nil, err
		}
		all = append(all, copied)
		o.tell("table %s: %d rows", t.Name, copied.Lines)
	}
	return all, nil
}

// copyTable writes the rows of a table as they are stored, versions that a merge would leave out among them. Of two rows of one version the one that was inserted last
// is what is seen, so that order is kept. Beyond the sorting key it costs little: ClickHouse reads in that order, and sorts within a key.
func copyTable(ctx context.Context, conn driver.Conn, t schemas.Table, dir string) (copied Table, err error) {
	copied.Table = t.Name
	for _, c := range t.Columns {
		copied.Columns = append(copied.Columns, c.Name)
	}
	order := t.Key
	for _, c := range []string{"version", "inserted_at"} {
		if slices.Contains(copied.Columns, c) && !strings.HasSuffix(order, c) {
			order += ", " + c
		}
	}
	rows, err := conn.Query(ctx, "SELECT "+strings.Join(copied.Columns, ", ")+" FROM "+t.Name+" ORDER BY "+order)
	if err != nil {
		return copied, fmt.Errorf("read table %s: %w", t.Name, err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	out, err := create(dir, "clickhouse."+t.Name+".jsonl.gz")
	if err != nil {
		return copied, err
	}
	values := places(rows.ColumnTypes())
	for err == nil && rows.Next() {
		if err = rows.Scan(values...); err == nil {
			err = out.add(values)
		}
	}
	copied.File, err = closed(out, errors.Join(err, rows.Err()))
	if err != nil {
		return copied, fmt.Errorf("copy table %s: %w", t.Name, err)
	}
	return copied, nil
}

// places are pointers to a value of each column's Go type.
func places(types []driver.ColumnType) []any {
	all := make([]any, len(types))
	for i, t := range types {
		all[i] = reflect.New(t.ScanType()).Interface()
	}
	return all
}

// rowsAtOnce is how many rows one insert of a restore has.
const rowsAtOnce = 50_000

// fillTable inserts the rows of a copy. Columns that the table has beside those of the copy get their defaults.
func fillTable(ctx context.Context, conn driver.Conn, t Table, dir string) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_partitions_per_insert_block": 0, "distributed_foreground_insert": 1}))
	var batch driver.Batch
	send := func() (err error) {
		if batch != nil {
			err = batch.Send()
			batch = nil
		}
		return err
	}
	err := each(dir, t.File, func(row []json.RawMessage) (err error) {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("a row has %d values for %d columns", len(row), len(t.Columns))
		}
		if batch == nil {
			if batch, err = conn.PrepareBatch(ctx, "INSERT INTO "+t.Table+" ("+strings.Join(t.Columns, ", ")+")"); err != nil {
				return err
			}
		}
		values := make([]any, len(row))
		for i, c := range batch.Columns() {
			value := reflect.New(c.ScanType())
			if err := json.Unmarshal(row[i], value.Interface()); err != nil {
				return fmt.Errorf("column %s: %w", t.Columns[i], err)
			}
			values[i] = value.Elem().Interface()
		}
		if err := batch.Append(values...); err != nil {
			return err
		}
		if batch.Rows() >= rowsAtOnce {
			return send()
		}
		return nil
	})
	if err == nil {
		err = send()
	}
	if batch != nil {
		_ = batch.Abort() // the error is told already
	}
	if err != nil {
		return fmt.Errorf("fill table %s: %w", t.Table, err)
	}
	return nil
}

// filled lists the tables that have rows.
func filled(ctx context.Context, conn driver.Conn) (names []string, err error) {
	list, err := tables()
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		var n uint64
		if err := conn.QueryRow(ctx, "SELECT count() FROM "+t.Name).Scan(&n); err != nil {
			return nil, fmt.Errorf("count the rows of %s (does it exist? 'backchannel apply' makes it): %w", t.Name, err)
		}
		if n > 0 {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

// foreign lists the tables and columns of a backup that this version does not have.
func foreign(copied []Table) (problems []error, err error) {
	list, err := tables()
	for _, t := range copied {
		i := slices.IndexFunc(list, func(o schemas.Table) bool { return o.Name == t.Table })
		if i < 0 {
			problems = append(problems, fmt.Errorf("the backup has a table %s, which this version does not: restore it with the version that made it, or a later one", t.Table))
			continue
		}
		for _, c := range t.Columns {
			if !list[i].Has(c, nil) {
				problems = append(problems, fmt.Errorf("the backup's table %s has a column %s, which this version does not", t.Table, c))
			}
		}
	}
	return problems, err
}
