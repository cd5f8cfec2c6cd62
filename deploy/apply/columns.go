package apply

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/schemas"
)

// column matches a column of our own migrations: one a line, name, type, then DEFAULT or COMMENT.
var column = regexp.MustCompile(`(?m)^    (\w+)\s+(\S.*?)(?:\s+DEFAULT .*?)?\s+COMMENT '`)

// declaredColumns reads the columns of a CREATE TABLE statement as "name type".
func declaredColumns(statement string) []string {
	if !strings.Contains(statement, "CREATE TABLE") {
		return nil
	}
	var all []string
	for _, m := range column.FindAllStringSubmatch(statement, -1) {
		all = append(all, m[1]+" "+m[2])
	}
	return all
}

// columns reports tables whose columns are not the declared ones: somebody changed them by hand.
func columns(ctx context.Context, conn driver.Conn, steps []schemas.Migration, report *Report) error {
	rows, err := conn.Query(ctx, "SELECT table, name || ' ' || type FROM system.columns WHERE database = currentDatabase()")
	if err != nil {
		return fmt.Errorf("list columns: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	has := map[string]map[string]bool{}
	for rows.Next() {
		var table, col string
		if err := rows.Scan(&table, &col); err != nil {
			return fmt.Errorf("list columns: %w", err)
		}
		if has[table] == nil {
			has[table] = map[string]bool{}
		}
		has[table][col] = true
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list columns: %w", err)
	}
	for _, step := range steps {
		for _, s := range step.Statements {
			table := objectName(s)
			for _, want := range declaredColumns(s) {
				if !has[table][want] {
					report.problem("table %s has no column %s: it was changed by hand; mend it with ALTER TABLE", table, want)
				}
			}
		}
	}
	return nil
}
