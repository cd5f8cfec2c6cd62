package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/schemas"
)

// columns reports tables whose columns are not the declared ones: somebody changed them by hand. Tables that are not there
// are migrate's to make.
func columns(ctx context.Context, conn driver.Conn, report *Report) error {
	has, err := presentColumns(ctx, conn)
	if err != nil {
		return err
	}
	tables, err := schemas.Tables()
	if err != nil {
		return err
	}
	for _, t := range tables {
		if t.Kind != schemas.IsTable || has[t.Name] == nil {
			continue
		}
		declared := map[string]string{}
		for _, c := range t.Columns {
			declared[c.Name] = c.Type
		}
		compareColumns(t.Name, declared, has[t.Name], report)
	}
	return nil
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
