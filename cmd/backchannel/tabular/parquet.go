package tabular

import (
	"fmt"
	"io"
	"reflect"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/parquet-go/parquet-go"
)

// rowsOfGroup is after how many rows a row group ends: what a reader can skip, and what is held in memory.
const rowsOfGroup = 50_000

// parquetWriter writes numbers, strings, times and lists of strings as Parquet's own; what else ClickHouse has becomes its text.
type parquetWriter struct {
	w    *parquet.GenericWriter[any]
	rows int
}

// group has its columns in the order of the answer; Parquet's own are in that of their names.
type group struct {
	parquet.Group
	fields []parquet.Field
}

func (g group) Fields() []parquet.Field { return g.fields }

func newParquet(out io.Writer, columns []driver.ColumnType) (Writer, error) {
	g := group{Group: parquet.Group{}}
	for _, c := range columns {
		if g.Group[c.Name()] != nil {
			return nil, fmt.Errorf("two columns are called %s: Parquet wants a name of its own for each", c.Name())
		}
		g.Group[c.Name()] = node(c)
	}
	named := map[string]parquet.Field{}
	for _, f := range g.Group.Fields() {
		named[f.Name()] = f
	}
	for _, c := range columns {
		g.fields = append(g.fields, named[c.Name()])
	}
	return &parquetWriter{w: parquet.NewGenericWriter[any](out, parquet.NewSchema("row", g), parquet.Compression(&parquet.Zstd))}, nil
}

// node is the type of a column. All are optional, so that a view's column may become Nullable without a break of the file's form.
func node(c driver.ColumnType) parquet.Node {
	t := c.ScanType()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time](): // of a day its beginning
		return parquet.Optional(parquet.Timestamp(parquet.Microsecond))
	case t == reflect.TypeFor[[]string]():
		return parquet.Repeated(parquet.String())
	}
	switch t.Kind() {
	case reflect.Bool:
		return parquet.Optional(parquet.Leaf(parquet.BooleanType))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return parquet.Optional(parquet.Int(64))
	case reflect.Uint64:
		return parquet.Optional(parquet.Uint(64))
	case reflect.Float32, reflect.Float64:
		return parquet.Optional(parquet.Leaf(parquet.DoubleType))
	default:
		return parquet.Optional(parquet.String())
	}
}

func (p *parquetWriter) Row(values []any) error {
	var row parquet.Row
	for i, v := range values {
		row = append(row, cell(v, i)...)
	}
	if _, err := p.w.WriteRows([]parquet.Row{row}); err != nil {
		return fmt.Errorf("write a row of Parquet: %w", err)
	}
	if p.rows++; p.rows%rowsOfGroup == 0 {
		if err := p.w.Flush(); err != nil {
			return fmt.Errorf("write a row group of Parquet: %w", err)
		}
	}
	return nil
}

// cell is a value of the column that stands n-th, with its levels: a NULL is not defined; of a list all but the first repeat.
func cell(v any, n int) []parquet.Value {
	if list, ok := v.([]string); ok {
		if len(list) == 0 {
			return []parquet.Value{parquet.NullValue().Level(0, 0, n)}
		}
		all := make([]parquet.Value, len(list))
		for i, s := range list {
			all[i] = parquet.ByteArrayValue([]byte(s)).Level(min(i, 1), 1, n)
		}
		return all
	}
	if v == nil {
		return []parquet.Value{parquet.NullValue().Level(0, 0, n)}
	}
	return []parquet.Value{single(v).Level(0, 1, n)}
}

func single(v any) parquet.Value {
	if at, ok := v.(time.Time); ok {
		return parquet.Int64Value(at.UTC().UnixMicro())
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Bool:
		return parquet.BooleanValue(r.Bool())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return parquet.Int64Value(r.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return parquet.Int64Value(int64(r.Uint()))
	case reflect.Float32, reflect.Float64:
		return parquet.DoubleValue(r.Float())
	default:
		return parquet.ByteArrayValue([]byte(text(v)))
	}
}

func (p *parquetWriter) Close() error {
	if err := p.w.Close(); err != nil {
		return fmt.Errorf("end the Parquet file: %w", err)
	}
	return nil
}
