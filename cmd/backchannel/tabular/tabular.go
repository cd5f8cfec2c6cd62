// Package tabular writes the answer to a query as a table for people, as CSV, as JSON lines or as Parquet, row by row in bounded memory (a table for
// people is the exception: its columns are as wide as their widest value).
package tabular

import (
	"fmt"
	"io"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/chcol"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Writer takes the rows of one answer. Close ends it; what it writes to stays open.
type Writer interface {
	Row(values []any) error
	Close() error
}

// Formats are the names that New knows.
func Formats() []string { return []string{"table", "csv", "json", "parquet"} }

// Known fails for a name that is no format's.
func Known(format string) error {
	if !slices.Contains(Formats(), format) {
		return fmt.Errorf("there is no format %q; want one of %s", format, strings.Join(Formats(), ", "))
	}
	return nil
}

// New writes rows of these columns in a format.
func New(format string, out io.Writer, columns []driver.ColumnType) (Writer, error) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name()
	}
	switch format {
	case "table":
		forms := formsOf(columns)
		for i := range forms {
			forms[i].asked = true
		}
		return &table{out: out, names: names, forms: forms}, nil
	case "csv":
		return newCSV(out, names, formsOf(columns))
	case "json":
		return newJSON(out, names, formsOf(columns))
	case "parquet":
		return newParquet(out, columns)
	}
	return nil, Known(format)
}

// described is a column that is known by the name of its type.
type described struct {
	name, is string
	scan     reflect.Type
}

func (d described) Name() string             { return d.name }
func (d described) DatabaseTypeName() string { return d.is }
func (d described) ScanType() reflect.Type   { return d.scan }
func (d described) Nullable() bool           { return strings.HasPrefix(d.is, "Nullable(") }

// Column is a column with the name of its type in ClickHouse.
func Column(name, is string) (driver.ColumnType, error) {
	c, err := column.Type(is).Column(name, &column.ServerContext{Timezone: time.UTC})
	if err != nil {
		return nil, fmt.Errorf("the type of %s: %w", name, err)
	}
	return described{name, is, c.ScanType()}, nil
}

// Copy writes all rows of an answer, and calls told after each. It does not close rows.
func Copy(rows driver.Rows, w Writer, told func(done uint64)) error {
	columns := rows.ColumnTypes()
	targets, values := make([]any, len(columns)), make([]any, len(columns))
	for i, c := range columns {
		targets[i] = reflect.New(c.ScanType()).Interface()
	}
	var n uint64
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		for i, t := range targets {
			values[i] = plain(reflect.ValueOf(t).Elem())
		}
		if err := w.Row(values); err != nil {
			return err
		}
		n++
		told(n)
	}
	return rows.Err()
}

// plain is a value without pointers; a NULL is nil. Big numbers and objects are the exception: they are known as pointers.
func plain(v reflect.Value) any {
	for (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.Type() != reflect.TypeFor[*big.Int]() && v.Type() != reflect.TypeFor[*chcol.JSON]() {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	switch is := v.Interface().(type) {
	case chcol.Variant: // a value of any type
		if is.Nil() {
			return nil
		}
		return plain(reflect.ValueOf(is.Any()))
	case chcol.JSON:
		return &is
	default:
		return is
	}
}
