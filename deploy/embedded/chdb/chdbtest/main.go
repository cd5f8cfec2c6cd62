// Package chdbtest gives the tests of a package one ClickHouse engine, which runs as a child process of the test binary.
package chdbtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/embedded/chdb"
)

// childMode as the first argument makes the test binary the engine's child process.
const childMode = "clickhouse-engine"

// Main is a package's TestMain: it starts the engine, lets before have its address (host:port), runs the tests and exits.
func Main(m *testing.M, before func(ctx context.Context, addr string) error) {
	if len(os.Args) > 1 && os.Args[1] == childMode {
		exit(0, chdb.RunChild(context.Background(), slog.Default()))
	}
	exit(withEngine(m, before))
}

func exit(code int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withEngine(m *testing.M, before func(ctx context.Context, addr string) error) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // the first time, the engine is fetched
	defer cancel()
	library, err := chdb.Ensure(ctx, chdb.EnsureOptions{})
	if err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "clickhouse-test-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	child, err := chdb.Start(ctx, chdb.ChildOptions{
		Command: []string{os.Args[0], childMode}, Addr: "127.0.0.1:0", DataDir: dir, Library: library, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, child.Close()) }()
	if err := child.Ready(ctx); err != nil {
		return 1, err
	}
	if err := before(ctx, child.Addr()); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
