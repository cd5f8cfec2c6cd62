package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	conn "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/deploy/embedded/chdb"
)

// childMode as the first argument makes this test binary the engine's child process.
const childMode = "chdb-engine"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childMode {
		if err := chdb.RunChild(context.Background(), slog.Default()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	if err := closeEngine(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// engine is the real ClickHouse, one for all tests; each test has a database of its own.
var engine struct {
	sync.Mutex
	child     *chdb.Child
	dir       string
	databases int
}

func closeEngine() error {
	if engine.child == nil {
		return nil
	}
	return errors.Join(engine.child.Close(), os.RemoveAll(engine.dir), goleak.Find())
}

// database makes and migrates a database, and connects to it.
func database(t testing.TB) conn.Conn {
	t.Helper()
	engine.Lock()
	defer engine.Unlock()
	if engine.child == nil {
		startEngine(t)
	}
	engine.databases++
	opts := &driver.Options{
		Protocol: driver.HTTP, Addr: []string{engine.child.Addr()}, ReadTimeout: time.Minute,
		Auth: driver.Auth{Database: fmt.Sprintf("sink%d", engine.databases)},
	}
	if _, err := apply.ClickHouse(t.Context(), opts, false); err != nil {
		t.Fatal(err)
	}
	c, err := driver.Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func startEngine(t testing.TB) {
	t.Helper()
	library, err := chdb.Ensure(t.Context(), chdb.EnsureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "clickhouse-sink-test-")
	if err != nil {
		t.Fatal(err)
	}
	child, err := chdb.Start(context.Background(), chdb.ChildOptions{
		Command: []string{os.Args[0], childMode}, Addr: "127.0.0.1:0", DataDir: dir, Library: library, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := child.Ready(ctx); err != nil {
		t.Fatal(errors.Join(err, child.Close()))
	}
	engine.child, engine.dir = child, dir
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
