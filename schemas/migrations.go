package schemas

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"strings"
)

//go:embed clickhouse/*.sql
var migrationFiles embed.FS

// Migration is one ordered step of the ClickHouse schema. Once released it never changes; a change is a new step.
type Migration struct {
	Name       string   // file name without .sql: "0001_messages"
	Statements []string // each without its semicolon
	Checksum   string   // of the file
	Former     string   // of what the file was before it was given what ClickHouse cannot change of a table that is there; or empty
}

// former are migrations which make tables otherwise in a new database alone. 0001: granules of 1,024 rows instead of 8,192.
var former = map[string]string{"0001_messages": "84eb2e2704a05d13903a10eda54274b93efb8a974e42d84b0114b75eeadf274a"}

// MigrationsTable records which migrations were applied. Its own statement is idempotent.
const MigrationsTable = `CREATE TABLE IF NOT EXISTS schema_migrations
(
    name       String                               COMMENT 'Migration, as its file is named',
    checksum   String                               COMMENT 'SHA-256 of the file',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was completed'
)
ENGINE = ReplacingMergeTree
ORDER BY name
COMMENT 'Migrations of this database that backchannel apply has completed.'`

// Migrations lists the steps in order.
func Migrations() ([]Migration, error) {
	entries, err := migrationFiles.ReadDir("clickhouse")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	var all []Migration
	for _, e := range entries {
		content, err := migrationFiles.ReadFile("clickhouse/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", e.Name(), err)
		}
		sum := sha256.Sum256(content)
		all = append(all, Migration{
			Name:       strings.TrimSuffix(e.Name(), ".sql"),
			Statements: statements(string(content)),
			Checksum:   hex.EncodeToString(sum[:]),
			Former:     former[strings.TrimSuffix(e.Name(), ".sql")],
		})
	}
	return all, nil
}

// statements splits a file at semicolons that end a line.
func statements(file string) []string {
	var all []string
	for part := range strings.SplitSeq(file+"\n", ";\n") {
		if s := strings.TrimSpace(part); s != "" {
			all = append(all, s)
		}
	}
	return all
}
