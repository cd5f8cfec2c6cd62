package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
)

// overHTTP is a ClickHouse whose answers without rows have no columns, as over HTTP.
type overHTTP struct {
	driver.Conn
	asked []string
	err   error
}

func (c *overHTTP) Query(_ context.Context, query string, _ ...any) (driver.Rows, error) {
	c.asked = append(c.asked, query)
	rows := &noRows{}
	if strings.Contains(query, "DESCRIBE") {
		rows.left = [][3]string{{"account_name", "String", ""}, {"n", "UInt64", ""}}
	}
	return rows, c.err
}

type noRows struct {
	driver.Rows
	left [][3]string
	now  [3]string
}

func (r *noRows) Next() bool {
	if len(r.left) == 0 {
		return false
	}
	r.now, r.left = r.left[0], r.left[1:]
	return true
}

func (r *noRows) Scan(dest ...any) error {
	for i, d := range dest {
		*d.(*string) = r.now[i]
	}
	return nil
}
func (*noRows) Columns() []string                { return []string{"name", "type", "comment"} }
func (*noRows) ColumnTypes() []driver.ColumnType { return nil }
func (*noRows) Close() error                     { return nil }
func (*noRows) Err() error                       { return nil }

// An answer without rows still says what its columns are.
func TestAskNoRows(t *testing.T) {
	for format, want := range map[string]string{"csv": "account_name,n\n", "table": "account_name  n\n------------  -\nno rows\n", "json": ""} {
		var out bytes.Buffer
		conn := &overHTTP{}
		if err := ask(t.Context(), conn, "SELECT account_name, n FROM t WHERE 0;\n", format, &out, func(uint64) {}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
		if last := conn.asked[len(conn.asked)-1]; !strings.Contains(last, "WHERE 0\n)") {
			t.Errorf("described %q: a comment or a ; at the end takes the bracket away", last)
		}
	}
}

func TestAskable(t *testing.T) {
	for query, want := range map[string]string{
		"":                                     "the query is empty",
		" ;\n":                                 "the query is empty",
		"SELECT 1 FORMAT Vertical":             "leave FORMAT Vertical out",
		"select 1\nformat JSONEachRow ; ":      "leave FORMAT JSONEachRow out",
		"SELECT format FROM t":                 "",
		"SELECT a FROM t ORDER BY format DESC": "",
		"SELECT 'FORMAT CSV'":                  "",
	} {
		err := askable(query, "table", &bytes.Buffer{})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", query, err, want)
		}
	}
	if err := askable("SELECT 1", "xml", nil); err == nil || !strings.Contains(err.Error(), "want one of table") {
		t.Errorf("a format that does not exist is found out after the question: %v", err)
	}
}

func TestAskMistaken(t *testing.T) {
	conn := &overHTTP{err: errors.New("sendQuery: [HTTP 400] code: 62, message: Syntax error: failed at position 8 (FRM). Expected one of: " + strings.Repeat("token, ", 500))}
	err := ask(t.Context(), conn, "SELECT FRM", "table", &bytes.Buffer{}, func(uint64) {})
	if err == nil || len(err.Error()) > 300 || strings.Contains(err.Error(), "sendQuery") || !strings.Contains(err.Error(), "failed at position 8 (FRM)") {
		t.Errorf("%v", err)
	}
}
