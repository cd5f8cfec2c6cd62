package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bigmind/backchannel/schemas"
)

// Codes of ClickHouse (src/Common/ErrorCodes.cpp).
const (
	unknownTable    = 60
	unknownDatabase = 81
)

// ClickHouse migrates the database that opts name, creating it first. Steps run in order, each recorded when it is
// complete; every statement is idempotent, so that a step that broke off is run again. A table or view that is gone is made
// again by its step, and then those that came after it; one whose columns were changed by hand is a problem that only a person can mend.
func ClickHouse(ctx context.Context, opts *clickhouse.Options, check bool) (Report, error) {
	return ClickHouseOn(ctx, opts, "", check)
}

// ClickHouseOn is ClickHouse for all nodes of a cluster, named as ClickHouse's configuration does; without a name, for one server.
func ClickHouseOn(ctx context.Context, opts *clickhouse.Options, cluster string, check bool) (Report, error) {
	var report Report
	nodes := form(cluster)
	if err := createDatabase(ctx, opts, cluster, check, &report); err != nil {
		return report, err
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return report, fmt.Errorf("open ClickHouse: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing is pending on it
	steps, err := schemas.Migrations()
	if err != nil {
		return report, err
	}
	applied, err := appliedMigrations(ctx, conn, nodes, check)
	if err != nil {
		return report, err
	}
	present, err := objects(ctx, conn)
	if err != nil {
		return report, err
	}
	m := migration{conn: conn, nodes: nodes, applied: applied, present: present, check: check, report: &report}
	for _, step := range steps {
		if err := m.step(ctx, step); err != nil {
			return report, err
		}
	}
	if present == nil {
		return report, nil // with check: there is no database yet
	}
	return report, columns(ctx, conn, &report)
}

// form is how a statement is run: as it is, or as a cluster wants it.
func form(cluster string) func(string) []string {
	if cluster == "" {
		return func(s string) []string { return []string{s} }
	}
	c := &schemas.Cluster{Name: cluster}
	return c.Statements
}

func createDatabase(ctx context.Context, opts *clickhouse.Options, cluster string, check bool, report *Report) error {
	server := *opts
	server.Auth.Database = "default"
	conn, err := clickhouse.Open(&server)
	if err != nil {
		return fmt.Errorf("open ClickHouse: %w", err)
	}
	defer func() { _ = conn.Close() }() // nothing is pending on it
	var n uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name = {name:String}", clickhouse.Named("name", opts.Auth.Database)).Scan(&n); err != nil {
		return fmt.Errorf("look for database %s: %w", opts.Auth.Database, err)
	}
	if n > 0 {
		return nil
	}
	report.changed("database %s: create", opts.Auth.Database)
	if check {
		return nil
	}
	onCluster := ""
	if cluster != "" {
		onCluster = " ON CLUSTER `" + cluster + "`"
	}
	if err := conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS `"+opts.Auth.Database+"`"+onCluster); err != nil {
		return fmt.Errorf("create database %s: %w", opts.Auth.Database, err)
	}
	return nil
}

// appliedMigrations returns checksums by name. Without the table, or the database, none was applied.
func appliedMigrations(ctx context.Context, conn driver.Conn, nodes func(string) []string, check bool) (map[string]string, error) {
	if !check {
		for _, s := range nodes(schemas.MigrationsTable) {
			if err := conn.Exec(ctx, s); err != nil {
				return nil, fmt.Errorf("create the table of migrations: %w", err)
			}
		}
	}
	rows, err := conn.Query(ctx, "SELECT name, checksum FROM schema_migrations FINAL")
	if e, ok := errors.AsType[*clickhouse.Exception](err); ok && (e.Code == unknownTable || e.Code == unknownDatabase) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the table of migrations: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	applied := map[string]string{}
	for rows.Next() {
		var name, checksum string
		if err := rows.Scan(&name, &checksum); err != nil {
			return nil, fmt.Errorf("read the table of migrations: %w", err)
		}
		applied[name] = checksum
	}
	return applied, rows.Err()
}

// objects lists the tables and views that exist.
func objects(ctx context.Context, conn driver.Conn) (map[string]bool, error) {
	rows, err := conn.Query(ctx, "SELECT name FROM system.tables WHERE database = currentDatabase()")
	if e, ok := errors.AsType[*clickhouse.Exception](err); ok && e.Code == unknownDatabase {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	present := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list tables: %w", err)
		}
		present[name] = true
	}
	return present, rows.Err()
}

// migration is a run through the steps.
type migration struct {
	conn    driver.Conn
	nodes   func(string) []string // form
	applied map[string]string
	present map[string]bool
	check   bool
	report  *Report
	again   bool // a step was applied: what it made may be in an older form than later steps gave it
}

func (m *migration) step(ctx context.Context, step schemas.Migration) error {
	conn, report := m.conn, m.report
	checksum, done := m.applied[step.Name]
	if done && checksum != step.Checksum && checksum != step.Former {
		report.problem("migration %s was applied in another form than this binary has: a released migration never changes", step.Name)
		return nil
	}
	var missing, statements []string
	for _, s := range step.Statements {
		statements = append(statements, m.nodes(s)...)
	}
	for _, s := range statements {
		if name := schemas.ObjectName(s); name != "" && !m.present[name] {
			missing = append(missing, name)
		}
	}
	switch {
	case !done:
		report.changed("migration %s: apply", step.Name)
		m.again = true // also where a later one was applied before this one was there
	case len(missing) > 0:
		report.changed("migration %s: apply again, since %v is gone", step.Name, missing)
		m.again = true
	case m.again:
		report.changed("migration %s: apply again, after an earlier one", step.Name)
	default:
		return nil
	}
	if m.check {
		return nil
	}
	for _, s := range statements {
		if err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("migration %s: %w", step.Name, err)
		}
	}
	if err := conn.Exec(ctx, "INSERT INTO schema_migrations (name, checksum) VALUES ({name:String}, {sum:String})",
		clickhouse.Named("name", step.Name), clickhouse.Named("sum", step.Checksum)); err != nil {
		return fmt.Errorf("record migration %s: %w", step.Name, err)
	}
	return nil
}
