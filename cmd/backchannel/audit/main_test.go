package audit

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	conn "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

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
	os.Exit(m.Run())
}

// engine is a real ClickHouse with the tables of the product.
func engine(t *testing.T) conn.Conn {
	t.Helper()
	library, err := chdb.Ensure(t.Context(), chdb.EnsureOptions{})
	must(t, err)
	child, err := chdb.Start(context.Background(), chdb.ChildOptions{
		Command: []string{os.Args[0], childMode}, Addr: "127.0.0.1:0", DataDir: t.TempDir(), Library: library, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	t.Cleanup(func() { must(t, child.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must(t, child.Ready(ctx))
	opts := &driver.Options{Protocol: driver.HTTP, Addr: []string{child.Addr()}, ReadTimeout: 5 * time.Minute, Auth: driver.Auth{Database: "backchannel"}}
	_, err = apply.ClickHouse(t.Context(), opts, false)
	must(t, err)
	c, err := driver.Open(opts)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
