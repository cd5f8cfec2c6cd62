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

// Main is a package's TestMain: it starts the engine, lets before have its address (host:port), runs the tests, ends the engine, asks what has to hold after, and exits.
// Without before no engine is started, and tests that want one call Engine.
func Main(m *testing.M, before func(ctx context.Context, addr string) error, after ...func() error) {
	if len(os.Args) > 1 && os.Args[1] == childMode {
		exit(0, chdb.RunChild(context.Background(), slog.Default()))
	}
	code, err := 0, error(nil)
	if before == nil {
		code = m.Run()
	} else {
		code, err = withEngine(m, before)
	}
	for _, holds := range after {
		err = errors.Join(err, holds())
	}
	exit(code, err)
}

func exit(code int, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withEngine(m *testing.M, before func(ctx context.Context, addr string) error) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dir, err := os.MkdirTemp("", "clickhouse-test-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	child, err := start(ctx, dir)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, child.Close()) }()
	if err := before(ctx, child.Addr()); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// Engine is one for a test alone, with its data in dir, until the test ends. It returns its address (host:port).
func Engine(tb testing.TB, dir string) (addr string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), patience)
	defer cancel()
	child, err := start(ctx, dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := child.Close(); err != nil {
			tb.Error(err)
		}
	})
	return child.Addr()
}

// patience is for the first time, when the engine is fetched.
const patience = 5 * time.Minute

func start(ctx context.Context, dir string) (*chdb.Child, error) {
	library, err := chdb.Ensure(ctx, chdb.EnsureOptions{})
	if err != nil {
		return nil, err
	}
	child, err := chdb.Start(context.WithoutCancel(ctx), chdb.ChildOptions{
		Command: []string{os.Args[0], childMode}, Addr: "127.0.0.1:0", DataDir: dir, Library: library, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	if err := child.Ready(ctx); err != nil {
		return nil, errors.Join(err, child.Close())
	}
	return child, nil
}
