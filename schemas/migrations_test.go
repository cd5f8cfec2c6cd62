package schemas

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What is inserted must be into a table for which a row that comes twice is one.
var idempotent = regexp.MustCompile(`^(CREATE TABLE IF NOT EXISTS|CREATE MATERIALIZED VIEW IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE \w+ (ADD|DROP|MODIFY|RENAME) (COLUMN|INDEX|PROJECTION) IF (NOT )?EXISTS` +
	`|ALTER TABLE \w+ MATERIALIZE INDEX|ALTER TABLE \w+ MODIFY (COMMENT|SETTING)|ALTER TABLE \w+ MODIFY QUERY|ALTER TABLE \w+\s+COMMENT COLUMN|INSERT INTO message_texts|INSERT INTO message_origins)\s`)

// Migrations come in the order of their numbers, and each statement can run again: apply that was killed in
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
		if i > 0 && m.Name[:4] <= all[i-1].Name[:4] {
			t.Errorf("migration %s does not come after %s", m.Name, all[i-1].Name)
		}
		if len(m.Statements) == 0 || len(m.Checksum) != 64 {
			t.Errorf("%s: %d statements, checksum %q", m.Name, len(m.Statements), m.Checksum)
		}
		content, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if creates := strings.Count("\n"+string(content), "\nCREATE ") + strings.Count("\n"+string(content), "\nALTER ") + strings.Count("\n"+string(content), "\nINSERT "); creates != len(m.Statements) {
			t.Errorf("%s has %d statements, %d were found", m.Name, creates, len(m.Statements))
		}
		for _, statement := range m.Statements {
			if sql := Uncommented(statement); !idempotent.MatchString(sql + " ") {
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
