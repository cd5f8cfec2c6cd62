//go:build bench

package bench

import (
	"context"
	"os"
	"testing"

	"github.com/bigmind/backchannel/deploy/embedded/chdb"
)

// engines TEMP.
func engines(t *testing.T) (kafka, redis, clickhouse string) {
	lib, err := chdb.Ensure(context.Background(), chdb.EnsureOptions{})
	if err != nil {
		t.Fatal(err)
	}
	os.Setenv("BENCH_WORKER", "engine")
	child, err := chdb.Start(context.Background(), chdb.ChildOptions{Command: []string{os.Args[0]}, Addr: "127.0.0.1:0", DataDir: t.TempDir(), Library: lib})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Close() })
	if err := child.Ready(context.Background()); err != nil {
		t.Fatal(err)
	}
	os.Unsetenv("BENCH_WORKER")
	return os.Getenv("B_KAFKA"), os.Getenv("B_REDIS"), "http://" + child.Addr() + "/backchannel"
}
