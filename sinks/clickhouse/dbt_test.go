package clickhouse

import (
	"fmt"
	"os"
	"strings"
	"testing"

	conn "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.yaml.in/yaml/v3"

	"github.com/bigmind/backchannel/schemas"
)

// dbtTest is a test of schemas/dbt-sources.yml, of a table or of a column.
type dbtTest struct {
	Name      string `yaml:"name"`
	Arguments struct {
		ColumnName string `yaml:"column_name"`
		Values     []any  `yaml:"values"`
	} `yaml:"arguments"`
	Config struct {
		Where    string `yaml:"where"`
		Severity string `yaml:"severity"`
	} `yaml:"config"`
}

type dbtTests []map[string]dbtTest

// dbt runs the tests of the dbt sources as dbt does: what is right passes them, and what is doubled, emptied or replaced does not.
func dbt(t *testing.T, c conn.Conn) {
	t.Helper()
	content, err := os.ReadFile("../../schemas/dbt-sources.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Sources []struct {
			Tables []struct {
				Name      string   `yaml:"name"`
				DataTests dbtTests `yaml:"data_tests"`
				Columns   []struct {
					Name      string   `yaml:"name"`
					DataTests dbtTests `yaml:"data_tests"`
				} `yaml:"columns"`
			} `yaml:"tables"`
		} `yaml:"sources"`
	}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(string(content), "{{ var('backchannel_database', 'backchannel') }}.", "")), &file); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, table := range file.Sources[0].Tables {
		all := table.DataTests
		for _, column := range table.Columns {
			for _, of := range column.DataTests {
				for kind, test := range of {
					test.Name, test.Arguments.ColumnName = table.Name+"."+column.Name, column.Name
					all = append(all, map[string]dbtTest{kind: test})
				}
			}
		}
		for _, of := range all {
			for kind, test := range of {
				test.try(t, c, kind, table.Name)
				ran++
			}
		}
	}
	if ran < 60 {
		t.Errorf("%d tests of dbt", ran)
	}
}

// nulls holds the views to the same answers whatever whoever asks has set for joins.
func nulls(t *testing.T, c conn.Conn) {
	t.Helper()
	tables, err := schemas.Tables()
	if err != nil {
		t.Fatal(err)
	}
	calls := orgViews(t, c, tables, "org-northwind", "T1")
	for _, table := range tables {
		if table.Kind == schemas.IsView && len(table.Params) == 0 {
			calls[table.Name] = table.Name
		}
	}
	calls["current_associations"] = "(SELECT * EXCEPT (kept_from, worded_from) FROM current_associations)" // these two move with the clock
	for _, call := range calls {
		ask := "SELECT count(), sum(cityHash64(toString(tuple(*)))) FROM " + call
		var got []string
		for _, setting := range []string{"0", "1"} {
			got = append(got, rows(t, c, ask+" SETTINGS join_use_nulls = "+setting)...)
		}
		if got[0] != got[1] {
			t.Errorf("%s: %s with join_use_nulls, else %s", call, got[1], got[0])
		}
	}
}

func (d dbtTest) try(t *testing.T, c conn.Conn, kind, table string) {
	t.Helper()
	failures := func(from, where string) int {
		if where != "" {
			from = "(SELECT * FROM " + from + " WHERE " + where + ")"
		}
		return len(rows(t, c, d.sql(kind, from)))
	}
	if n := failures(table, d.Config.Where); n > 0 && d.Config.Severity != "warn" {
		t.Errorf("dbt's %s finds %d rows", d.Name, n)
	}
	if rows(t, c, "SELECT count() FROM "+table)[0] == "(0)" {
		return // of nothing, nothing is wrong
	}
	wrong, where := "", d.Config.Where
	switch {
	case kind == "unique":
		wrong = "(SELECT * FROM " + table + " UNION ALL SELECT * FROM " + table + ")"
	case kind == "accepted_values":
		value := "'none of them'"
		if _, flag := d.Arguments.Values[0].(int); flag {
			value = "toUInt8(2)"
		}
		wrong = fmt.Sprintf("(SELECT * REPLACE (%s AS %s) FROM %s)", value, d.Arguments.ColumnName, table)
	case strings.HasSuffix(d.Name, "_has_ids"):
		id, _, _ := strings.Cut(strings.TrimPrefix(d.Arguments.ColumnName, "if("), " = ")
		wrong = fmt.Sprintf("(SELECT * REPLACE ('' AS %s) FROM %s)", id, table)
	case strings.Contains(where, " NOT IN (SELECT "):
		wrong, where = table, strings.Replace(where, " FROM ", " FROM (SELECT * FROM ", 1)
		at := strings.Index(where, " FROM (SELECT * FROM ") + len(" FROM (SELECT * FROM ")
		name, rest, _ := strings.Cut(where[at:], ")")
		name, settings, _ := strings.Cut(name, " ")
		where = where[:at] + name + " WHERE 0) " + settings + ")" + rest
	default:
		return // a rule of its own
	}
	if failures(wrong, where) == 0 {
		t.Errorf("dbt's %s finds nothing in\n%s\nWHERE %s", d.Name, wrong, where)
	}
}

// sql is what dbt asks, which is the rows that are wrong.
func (d dbtTest) sql(kind, from string) string {
	of := d.Arguments.ColumnName
	switch kind {
	case "unique":
		return fmt.Sprintf("SELECT %[1]s AS one, count() AS n FROM %[2]s WHERE %[1]s IS NOT NULL GROUP BY %[1]s HAVING n > 1", of, from)
	case "accepted_values":
		values := strings.ReplaceAll(fmt.Sprintf("%q", d.Arguments.Values), `"`, "'")
		if _, flag := d.Arguments.Values[0].(int); flag {
			values = fmt.Sprint(d.Arguments.Values)
		}
		return fmt.Sprintf("SELECT %[1]s AS one FROM %[2]s WHERE %[1]s NOT IN (%[3]s)", of, from, strings.ReplaceAll(strings.Trim(values, "[]"), " ", ", "))
	default:
		return fmt.Sprintf("SELECT 1 FROM %[2]s WHERE %[1]s IS NULL", of, from)
	}
}
