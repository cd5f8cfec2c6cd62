package tabular

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
)

type csvWriter struct {
	w     *csv.Writer
	forms []form
	line  []string
}

func newCSV(out io.Writer, names []string, forms []form) (Writer, error) {
	c := &csvWriter{w: csv.NewWriter(out), forms: forms, line: make([]string, len(names))}
	return c, c.w.Write(names)
}

func (c *csvWriter) Row(values []any) error {
	for i, v := range values {
		switch v := c.forms[i].json(v).(type) {
		case []any, map[string]any: // as JSON, so that it can be read again
			b, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("write a list: %w", err)
			}
			c.line[i] = string(b)
		default:
			c.line[i] = c.forms[i].text(values[i])
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
	out   io.Writer
	keys  [][]byte
	forms []form
	line  []byte
}

func newJSON(out io.Writer, names []string, forms []form) (Writer, error) {
	j := &jsonWriter{out: out, forms: forms}
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
		value, err := json.Marshal(j.forms[i].json(v))
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
