package apply

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/schemas"
)

// column matches a column of our own migrations: one a line, name, type, then DEFAULT or COMMENT.
var column = regexp.MustCompile(`(?m)^    (\w+)\s+(\S.*?)(?:\s+DEFAULT .*?)?\s+COMMENT '`)

// added matches a column that a later migration added.
var added = regexp.MustCompile(`^ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS (\w+)\s+(\S.*?)(?:\s+DEFAULT .*?)?\s+COMMENT '`)

// declaredColumns reads the columns of a CREATE TABLE statement: types by name.
func declaredColumns(statement string) map[string]string {
	if !strings.Contains(statement, "CREATE TABLE") {
		return nil
	}
	all := map[string]string{}
	for _, m := range column.FindAllStringSubmatch(statement, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// columns reports tables whose columns are not the declared ones: somebody changed them by hand. Tables that are not there
// are migrate's to make.
func columns(ctx context.Context, conn driver.Conn, steps []schemas.Migration, report *Report) error {
	has, err := presentColumns(ctx, conn)
	if err != nil {
		return err
	}
	all := declaredTables(steps)
	for _, table := range slices.Sorted(maps.Keys(all)) {
		if has[table] != nil {
			compareColumns(table, all[table], has[table], report)
		}
	}
	return nil
}

// declaredTables are the columns of each table after all migrations.
func declaredTables(steps []schemas.Migration) map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, step := range steps {
		for _, s := range step.Statements {
			if declared := declaredColumns(s); declared != nil {
				all[objectName(s)] = declared
			}
			if m := added.FindStringSubmatch(uncommented(s)); m != nil {
				all[m[1]][m[2]] = m[3]
			}
		}
	}
	return all
}

// uncommented leaves out the comment lines before a statement.
func uncommented(statement string) string {
	for strings.HasPrefix(statement, "--") {
		_, statement, _ = strings.Cut(statement, "\n")
	}
	return statement
}

func compareColumns(table string, declared, has map[string]string, report *Report) {
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		switch kind, there := has[name]; {
		case !there:
			report.problem("table %s has no column %s %s: it was changed by hand; mend it with ALTER TABLE", table, name, declared[name])
		case kind != declared[name]:
			report.problem("table %s has column %s as %s, declared is %s: it was changed by hand; mend it with ALTER TABLE", table, name, kind, declared[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(has)) {
		if _, known := declared[name]; !known {
			report.problem("table %s has a column %s that is not declared: it was added by hand; drop it, and keep what is yours in a table of your own", table, name)
		}
	}
}

// presentColumns returns types by table and column.
func presentColumns(ctx context.Context, conn driver.Conn) (map[string]map[string]string, error) {
	rows, err := conn.Query(ctx, "SELECT table, name, type FROM system.columns WHERE database = currentDatabase()")
	if err != nil {
		return nil, fmt.Errorf("list columns: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	has := map[string]map[string]string{}
	for rows.Next() {
		var table, name, kind string
		if err := rows.Scan(&table, &name, &kind); err != nil {
			return nil, fmt.Errorf("list columns: %w", err)
		}
		if has[table] == nil {
			has[table] = map[string]string{}
		}
		has[table][name] = kind
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list columns: %w", err)
	}
	return has, nil
}
