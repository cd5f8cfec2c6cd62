package schemas

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var idempotent = regexp.MustCompile(`^(CREATE TABLE IF NOT EXISTS|CREATE MATERIALIZED VIEW IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE \w+ (ADD|DROP|MODIFY|RENAME) (COLUMN|INDEX|PROJECTION) IF (NOT )?EXISTS) `)

// Migrations come in the order of their numbers, without a gap, and each statement can run again: apply that was killed in
// the middle of a step begins the step anew.
func TestMigrationsAreOrderedAndCanRunAgain(t *testing.T) {
	all, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("clickhouse/*.sql")
	if err != nil || len(files) != len(all) || len(all) == 0 {
		t.Fatalf("%d files, %d migrations, %v", len(files), len(all), err)
	}
	for i, m := range all {
		if !strings.HasPrefix(m.Name, fmt.Sprintf("%04d_", i+1)) {
			t.Errorf("migration %d is called %s", i+1, m.Name)
		}
		if len(m.Statements) == 0 || len(m.Checksum) != 64 {
			t.Errorf("%s: %d statements, checksum %q", m.Name, len(m.Statements), m.Checksum)
		}
		content, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if creates := strings.Count("\n"+string(content), "\nCREATE ") + strings.Count("\n"+string(content), "\nALTER "); creates != len(m.Statements) {
			t.Errorf("%s has %d statements, %d were found", m.Name, creates, len(m.Statements))
		}
		for _, statement := range m.Statements {
			if sql := uncommented(statement); !idempotent.MatchString(sql + " ") {
				t.Errorf("%s: cannot run again: %.60s", m.Name, sql)
			}
			if strings.HasSuffix(statement, ";") {
				t.Errorf("%s: a statement keeps its semicolon", m.Name)
			}
		}
	}
	if !idempotent.MatchString(MigrationsTable) {
		t.Error("the table of migrations cannot be created again")
	}
}

// uncommented leaves out the comment lines before a statement.
func uncommented(statement string) string {
	for strings.HasPrefix(statement, "--") {
		_, statement, _ = strings.Cut(statement, "\n")
	}
	return statement
}

// Data teams read the tables in their tools: each column and each table says what it is.
func TestEveryColumnIsCommented(t *testing.T) {
	all, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	column := regexp.MustCompile(`^    \w+ +[A-Z]`)
	columns := 0
	for _, m := range all {
		for _, statement := range m.Statements {
			sql := uncommented(statement)
			if !strings.HasPrefix(sql, "CREATE TABLE") {
				continue
			}
			if !strings.Contains(sql, "\nCOMMENT '") {
				t.Errorf("%s: a table without a comment: %.60s", m.Name, sql)
			}
			for line := range strings.Lines(sql) {
				if !column.MatchString(line) {
					continue
				}
				columns++
				if !strings.Contains(line, " COMMENT '") {
					t.Errorf("%s: no comment: %s", m.Name, strings.TrimSpace(line))
				}
			}
		}
	}
	if columns < 40 {
		t.Errorf("the test sees %d columns only", columns)
	}
}

func TestStatementsAreCutAtSemicolonsThatEndALine(t *testing.T) {
	got := statements("CREATE a; b\n;\n\nCREATE c COMMENT 'x; y';")
	if len(got) != 2 || got[0] != "CREATE a; b" || got[1] != "CREATE c COMMENT 'x; y'" {
		t.Errorf("%q", got)
	}
	if got := statements(" \n;\n"); len(got) != 0 {
		t.Errorf("%q", got)
	}
}
