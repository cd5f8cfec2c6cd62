package schemas

import (
	"regexp"
	"testing"
)

// Whoever opens ClickHouse finds tables that explain themselves.
func TestEverythingIsExplained(t *testing.T) {
	all, err := Tables()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]Table{}
	for _, table := range all {
		names[table.Name] = table
		if table.Comment == "" {
			t.Errorf("%s has no comment: end its statement with COMMENT '…'", table.Name)
		}
		if table.Kind == IsTable && table.Key == "" {
			t.Errorf("%s: its ORDER BY was not found", table.Name)
		}
		for _, c := range table.Columns {
			if c.Comment == "" {
				t.Errorf("%s.%s has no comment", table.Name, c.Name)
			}
		}
	}
	for _, table := range all {
		switch _, there := names[table.Of]; {
		case table.Of != "" && !there:
			t.Errorf("%s has the columns of %s, which is not there", table.Name, table.Of)
		case table.Kind != IsFeed && table.Of == "" && len(table.Columns) == 0:
			t.Errorf("%s declares no columns with comments: name them, as in CREATE VIEW … (name Type COMMENT '…')", table.Name)
		}
	}
	for _, name := range []string{"conversations", "threads", "messages", "message_versions", "channel_associations", "associations_as_of", "accounts", "deals", "people", "sync_coverage", "notification_log", "account_activity"} {
		if names[name].Name == "" {
			t.Errorf("%s is missing", name)
		}
	}
}

// A line that is indented like a column and is none that the parser reads would be a column that nobody checks.
func TestNoColumnIsOverlooked(t *testing.T) {
	steps, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?s)^CREATE [^\n]*\n\((.*?)\n\)`)
	line := regexp.MustCompile(`(?m)^    \w+ `)
	for _, step := range steps {
		for _, s := range step.Statements {
			m := block.FindStringSubmatch(Uncommented(s))
			if m == nil {
				continue
			}
			if want, got := len(line.FindAllString(m[1], -1)), len(column.FindAllString(m[1], -1)); want != got {
				t.Errorf("%s: %s has %d columns, %d were read", step.Name, ObjectName(s), want, got)
			}
		}
	}
}
