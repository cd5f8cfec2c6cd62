package clickhouse

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	conn "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/deploy/apply/applytest"
	"github.com/bigmind/backchannel/deploy/embedded/chdb/chdbtest"
)

// engineAddr is one engine for all tests; each test has a database of its own.
var engineAddr string

func TestMain(m *testing.M) {
	chdbtest.Main(m, func(_ context.Context, addr string) error {
		engineAddr = addr
		return nil
	}, func() error { return goleak.Find() })
}

var databases atomic.Int64

// database makes and migrates a database, and connects to it.
func database(t testing.TB) conn.Conn {
	t.Helper()
	return applytest.Database(t, engineAddr, fmt.Sprintf("sink%d", databases.Add(1)))
}

// rows answers a query as lines of tab-separated text.
func rows(t testing.TB, c conn.Conn, query string) []string {
	t.Helper()
	found, err := c.Query(context.WithoutCancel(t.Context()), "SELECT toString(tuple(*)) FROM ("+query+") ORDER BY 1")
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	lines := []string{}
	for found.Next() {
		var line string
		if err := found.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := found.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return lines
}

func exec(t testing.TB, c conn.Conn, query string) {
	t.Helper()
	if err := c.Exec(context.WithoutCancel(t.Context()), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
