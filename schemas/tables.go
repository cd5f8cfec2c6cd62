package schemas

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Table is a table or view of ClickHouse as all migrations leave it. The data dictionary, the drift check of apply, grants, dbt sources and the form for a
// cluster are all made from it.
type Table struct {
	Name    string
	Kind    TableKind
	Comment string
	Key     string   // of a table: its sorting key
	Columns []Column // none for a view that has those of another, and for a feed
	Of      string   // the table or view whose columns a view has
	Params  []Column // of a parameterized view, without comments
}

// Column is a column, or a parameter.
type Column struct{ Name, Type, Comment string }

// TableKind says what a Table is.
type TableKind string

// The kinds.
const (
	IsTable TableKind = "table"
	IsView  TableKind = "view"
	IsFeed  TableKind = "feed" // a materialized view that fills a table
)

// Has says whether the table, or the view it has its columns of, has a column; all are the tables that there are.
func (t Table) Has(column string, all []Table) bool {
	if i := slices.IndexFunc(all, func(o Table) bool { return o.Name == t.Of }); t.Of != "" && i >= 0 {
		t = all[i]
	}
	return slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == column })
}

// The form of our own migrations: one column a line, indented by four; the comment of the whole last.
var (
	created   = regexp.MustCompile(`^CREATE (?:OR REPLACE )?(TABLE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?(\w+)`)
	column    = regexp.MustCompile(`(?m)^    (\w+) +(\S.*?)(?: +DEFAULT .*?)? +COMMENT '((?:[^']|'')*)'`)
	comment   = regexp.MustCompile(`\nCOMMENT '((?:[^']|'')*)'$`)
	sorting   = regexp.MustCompile(`(?m)^ORDER BY \(?(.*?)\)?$`)
	asOf      = regexp.MustCompile(`AS\s+SELECT \* FROM (\w+)`)
	param     = regexp.MustCompile(`\{(\w+):([^}]+)\}`)
	added     = regexp.MustCompile(`^ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS (\w+) +(\S.*?)(?: +DEFAULT .*?)? +COMMENT '((?:[^']|'')*)'`)
	explained = regexp.MustCompile(`COMMENT COLUMN (\w+) '((?:[^']|'')*)'`)
	altered   = regexp.MustCompile(`^ALTER TABLE (\w+)`)
	commented = regexp.MustCompile(`^ALTER TABLE (\w+) MODIFY COMMENT '((?:[^']|'')*)'`)
)

// Tables are the tables and views after all migrations, and the table of migrations itself, by name.
func Tables() ([]Table, error) {
	steps, err := Migrations()
	if err != nil {
		return nil, err
	}
	all := map[string]*Table{}
	steps = append([]Migration{{Name: "schema_migrations", Statements: []string{MigrationsTable}}}, steps...)
	for _, step := range steps {
		for _, s := range step.Statements {
			if err := read(all, Uncommented(s)); err != nil {
				return nil, fmt.Errorf("migration %s: %w", step.Name, err)
			}
		}
	}
	list := make([]Table, 0, len(all))
	for _, t := range all {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b Table) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// read takes in what a statement makes or changes.
func read(all map[string]*Table, statement string) error {
	if m := created.FindStringSubmatch(statement); m != nil {
		all[m[2]] = declared(m[1], m[2], statement)
		return nil
	}
	if m := added.FindStringSubmatch(statement); m != nil {
		t := all[m[1]]
		if t == nil {
			return fmt.Errorf("a column is added to %s, which is not there", m[1])
		}
		if !t.Has(m[2], nil) {
			t.Columns = append(t.Columns, Column{m[2], m[3], unquoted(m[4])})
		}
	}
	if m := altered.FindStringSubmatch(statement); m != nil && all[m[1]] != nil {
		for _, column := range explained.FindAllStringSubmatch(statement, -1) {
			for i, c := range all[m[1]].Columns {
				if c.Name == column[1] {
					all[m[1]].Columns[i].Comment = unquoted(column[2])
				}
			}
		}
	}
	if m := commented.FindStringSubmatch(statement); m != nil && all[m[1]] != nil {
		all[m[1]].Comment = unquoted(m[2])
	}
	return nil
}

func declared(what, name, statement string) *Table {
	t := &Table{Name: name, Kind: map[string]TableKind{"TABLE": IsTable, "VIEW": IsView, "MATERIALIZED VIEW": IsFeed}[what]}
	if m := comment.FindStringSubmatch(statement); m != nil {
		t.Comment = unquoted(m[1])
	}
	if t.Kind == IsFeed {
		return t
	}
	for _, m := range column.FindAllStringSubmatch(statement, -1) {
		t.Columns = append(t.Columns, Column{m[1], m[2], unquoted(m[3])})
	}
	if t.Kind == IsTable {
		if m := sorting.FindStringSubmatch(statement); m != nil {
			t.Key = m[1]
		}
		return t
	}
	for _, m := range param.FindAllStringSubmatch(statement, -1) {
		if p := (Column{Name: m[1], Type: m[2]}); !slices.Contains(t.Params, p) {
			t.Params = append(t.Params, p)
		}
	}
	if m := asOf.FindStringSubmatch(statement); m != nil && len(t.Columns) == 0 {
		t.Of = m[1]
	}
	return t
}

// ObjectName is the table or view that a statement creates, or nothing.
func ObjectName(statement string) string {
	if m := created.FindStringSubmatch(Uncommented(statement)); m != nil {
		return m[2]
	}
	return ""
}

// Uncommented leaves out the comment lines before a statement.
func Uncommented(statement string) string {
	for strings.HasPrefix(statement, "--") {
		_, statement, _ = strings.Cut(statement, "\n")
	}
	return statement
}

func unquoted(s string) string { return strings.ReplaceAll(s, "''", "'") }
