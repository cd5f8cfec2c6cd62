package tabular

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/rivo/uniseg"
)

type csvWriter struct {
	w    *csv.Writer
	line []string
}

func newCSV(out io.Writer, names []string) (Writer, error) {
	c := &csvWriter{w: csv.NewWriter(out), line: make([]string, len(names))}
	return c, c.w.Write(names)
}

func (c *csvWriter) Row(values []any) error {
	for i, v := range values {
		c.line[i] = text(v)
		if v != nil && reflect.TypeOf(v).Kind() == reflect.Slice { // as JSON, so that it can be read again
			b, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("write a list: %w", err)
			}
			c.line[i] = string(b)
		}
	}
	return c.w.Write(c.line)
}

func (c *csvWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}

// jsonWriter writes a JSON object a line, its fields in the order of the columns.
type jsonWriter struct {
	out  io.Writer
	keys [][]byte
	line []byte
}

func newJSON(out io.Writer, names []string) (Writer, error) {
	j := &jsonWriter{out: out}
	for i, name := range names {
		key, err := json.Marshal(name)
		if err != nil {
			return nil, fmt.Errorf("write a column's name: %w", err)
		}
		before := byte(',')
		if i == 0 {
			before = '{'
		}
		j.keys = append(j.keys, append(append([]byte{before}, key...), ':'))
	}
	return j, nil
}

func (j *jsonWriter) Row(values []any) error {
	j.line = j.line[:0]
	for i, v := range values {
		value, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write a value as JSON: %w", err)
		}
		j.line = append(append(j.line, j.keys[i]...), value...)
	}
	j.line = append(j.line, '}', '\n')
	_, err := j.out.Write(j.line)
	return err
}

func (*jsonWriter) Close() error { return nil }

// table is for people: columns in line, control characters shown as spaces.
type table struct {
	out   io.Writer
	names []string
	rows  [][]string
}

func (t *table) Row(values []any) error {
	line := make([]string, len(values))
	for i, v := range values {
		line[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, text(v))
	}
	t.rows = append(t.rows, line)
	return nil
}

func (t *table) Close() error {
	widths := make([]int, len(t.names))
	for _, line := range append([][]string{t.names}, t.rows...) {
		for i, word := range line {
			widths[i] = max(widths[i], uniseg.StringWidth(word))
		}
	}
	var b strings.Builder
	for n, line := range append([][]string{t.names}, t.rows...) {
		for i, word := range line {
			if i < len(line)-1 {
				word += strings.Repeat(" ", widths[i]-uniseg.StringWidth(word)+2)
			}
			b.WriteString(word)
		}
		b.WriteByte('\n')
		if n == 0 {
			for i, width := range widths {
				b.WriteString(strings.Repeat("-", width))
				if i < len(widths)-1 {
					b.WriteString("  ")
				}
			}
			b.WriteByte('\n')
		}
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}
