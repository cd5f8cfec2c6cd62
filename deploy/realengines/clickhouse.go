package realengines

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/bigmind/backchannel/deploy/embedded/chdb"
)

// StartClickHouse starts the real ClickHouse engine as chDB in a child process, which command must start (see
// chdb.ChildOptions). It returns the URL of its HTTP interface, with the database.
func StartClickHouse(tb testing.TB, command ...string) (url string) {
	tb.Helper()
	library, err := chdb.Ensure(tb.Context(), chdb.EnsureOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	child, err := chdb.Start(context.WithoutCancel(tb.Context()), chdb.ChildOptions{
		Command: command, Addr: "127.0.0.1:0", DataDir: tb.TempDir(), Library: library, Log: slog.New(slog.DiscardHandler), Stderr: io.Discard,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := child.Close(); err != nil {
			tb.Errorf("stop ClickHouse: %v", err)
		}
	})
	if err := child.Ready(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return "http://" + child.Addr() + "/backchannel"
}
