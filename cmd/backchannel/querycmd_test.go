package main

import (
	"bytes"
	"context"
	"errors"
	"maps"
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
		"-- why\n/* and\nhow */ (SELECT 1)":    "",
		"WITH 1 AS x SELECT x":                 "",
		"SHOW TABLES":                          "",
		"SELECT 'INSERT INTO it\\'s', 'a'":     "",
		"INSERT INTO FUNCTION file('a.csv', 'CSV', 'a Int8') VALUES (1)":            "nothing can be changed",
		"/* SELECT */ insert into function url('http://127.0.0.1/')":                "nothing can be changed",
		"WITH 1 AS x INSERT\nINTO FUNCTION file('a.csv', 'CSV', 'a Int8') SELECT x": "nothing can be changed",
		"CREATE TEMPORARY TABLE t (a Int8)":                                         "nothing can be changed",
		"SELECTED":                                                                  "nothing can be changed",
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

func TestGivenParameters(t *testing.T) {
	got, err := given([]string{"w=x=1,y=2", "empty="})
	if want := map[string]string{"w": "x=1,y=2", "empty": ""}; err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"w", "=1", ""} {
		if _, err := given([]string{bad}); err == nil || !strings.Contains(err.Error(), "want name=value") {
			t.Errorf("--param %q: %v", bad, err)
		}
	}
}

func TestAskMistaken(t *testing.T) {
	conn := &overHTTP{err: errors.New("sendQuery: [HTTP 400] code: 62, message: Syntax error: failed at position 8 (FRM). Expected one of: " + strings.Repeat("token, ", 500))}
	err := ask(t.Context(), conn, "SELECT FRM", "table", &bytes.Buffer{}, func(uint64) {})
	if err == nil || len(err.Error()) > 300 || strings.Contains(err.Error(), "sendQuery") || !strings.Contains(err.Error(), "failed at position 8 (FRM)") {
		t.Errorf("%v", err)
	}
}
