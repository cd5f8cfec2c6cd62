//go:build unix

package realengines

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/embedded/chdb"
)

// clickhouseArg makes a test binary the engine's process.
const clickhouseArg = "realengines-clickhouse"

// Main runs the tests of a package that uses StartClickHouse: its TestMain calls it. The engine's process is the test
// binary itself, started again.
func Main(m *testing.M) int {
	if len(os.Args) > 1 && os.Args[1] == clickhouseArg {
		if err := chdb.RunChild(context.Background(), slog.New(slog.DiscardHandler)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	return m.Run()
}

// ClickHouse is ClickHouse's engine in a process of its own, behind its HTTP interface.
type ClickHouse struct {
	tb      testing.TB
	addr    string
	dir     string
	library string
	child   *chdb.Child
}

// StartClickHouse starts the engine and waits until it answers. The package's TestMain has to call Main.
func StartClickHouse(tb testing.TB) *ClickHouse {
	tb.Helper()
	library, err := chdb.Ensure(tb.Context(), chdb.EnsureOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	c := &ClickHouse{tb: tb, addr: "127.0.0.1:0", dir: tb.TempDir(), library: library}
	tb.Cleanup(c.Stop)
	c.Restart()
	return c
}

// Addr is host:port of the HTTP interface.
func (c *ClickHouse) Addr() string { return c.addr }

// Stop takes the engine and its port away. Its data stays.
func (c *ClickHouse) Stop() {
	if c.child != nil {
		_ = c.child.Close() // an engine that had to be killed lost nothing that it acknowledged
		c.child = nil
	}
}

// Restart starts the engine again at its address and waits until it answers.
func (c *ClickHouse) Restart() {
	c.tb.Helper()
	c.Stop()
	log, err := os.OpenFile(filepath.Join(c.dir, "engine.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(func() {
		c.Stop() // before its log is closed
		_ = log.Close()
	})
	c.child, err = chdb.Start(context.Background(), chdb.ChildOptions{
		Command: []string{os.Args[0], clickhouseArg}, Addr: c.addr, DataDir: filepath.Join(c.dir, "data"), Library: c.library,
		Log: slog.New(slog.NewTextHandler(log, nil)), Stderr: log,
	})
	if err != nil {
		c.tb.Fatal(err)
	}
	c.addr = c.child.Addr()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := c.child.Ready(ctx); err != nil {
		c.tb.Fatal(err)
	}
}
