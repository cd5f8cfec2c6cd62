// Package applytest gives tests a database with the tables and views of the product.
package applytest

import (
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/schemas"
)

// Options connect to a database of the engine at addr as the program does.
func Options(addr, database string) *clickhouse.Options {
	return &clickhouse.Options{
		Protocol: clickhouse.HTTP, Addr: []string{addr}, ReadTimeout: 5 * time.Minute, Auth: clickhouse.Auth{Database: database, Username: "default"},
		Settings: clickhouse.Settings{schemas.MaxQuerySizeSetting: schemas.MaxQuerySize},
	}
}

// Database makes and migrates a database, and connects to it until the test ends.
func Database(tb testing.TB, addr, database string) clickhouse.Conn {
	tb.Helper()
	opts := Options(addr, database)
	if _, err := apply.ClickHouse(tb.Context(), opts, false); err != nil {
		tb.Fatal(err)
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() }) // nothing is pending on it
	return conn
}
