package tabular

import (
	"fmt"
	"io"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/parquet-go/parquet-go"
)

// rowsOfGroup is after how many rows a row group ends: what a reader can skip, and what is held in memory.
const rowsOfGroup = 50_000

// parquetWriter writes numbers, strings, times, days, decimals and lists of them as Parquet's own; what else ClickHouse has becomes its text, or JSON.
type parquetWriter struct {
	w     *parquet.GenericWriter[any]
	cells []cell
	rows  int
}

// group has its columns in the order of the answer; Parquet's own are in that of their names.
type group struct {
	parquet.Group
	fields []parquet.Field
}

func (g group) Fields() []parquet.Field { return g.fields }

func newParquet(out io.Writer, columns []driver.ColumnType) (Writer, error) {
	g, cells := group{Group: parquet.Group{}}, make([]cell, len(columns))
	for i, c := range columns {
		if g.Group[c.Name()] != nil {
			return nil, fmt.Errorf("two columns are called %s: Parquet wants a name of its own for each", c.Name())
		}
		cells[i] = cellOf(c)
		g.Group[c.Name()] = cells[i].node()
	}
	named := map[string]parquet.Field{}
	for _, f := range g.Group.Fields() {
		named[f.Name()] = f
	}
	for _, c := range columns {
		g.fields = append(g.fields, named[c.Name()])
	}
	return &parquetWriter{w: parquet.NewGenericWriter[any](out, parquet.NewSchema("row", g), parquet.Compression(&parquet.Zstd)), cells: cells}, nil
}

func (p *parquetWriter) Row(values []any) error {
	row := make(parquet.Row, 0, len(values))
	for i, v := range values {
		row = p.cells[i].appendTo(row, v, i)
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

func (p *parquetWriter) Close() error {
	if err := p.w.Close(); err != nil {
		return fmt.Errorf("end the Parquet file: %w", err)
	}
	return nil
}
