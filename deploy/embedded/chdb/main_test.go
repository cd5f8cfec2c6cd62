package chdb

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// childMode makes this test binary act as the program that an engine's child process is.
const childMode = "CHDB_TEST_CHILD"

// shared is the engine that most tests use: one child process for the whole run.
var shared struct {
	child   *Child
	library string
}

func TestMain(m *testing.M) {
	if os.Getenv(childMode) != "" {
		if err := RunChild(context.Background(), slog.Default()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	library, err := Ensure(ctx, EnsureOptions{Progress: logProgress()})
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tests need libchdb:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "chdb-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	shared.library = library
	os.Setenv(childMode, "1")
	shared.child, err = Start(context.Background(), childOptions(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer shared.child.Close()
	if err := shared.child.Ready(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func childOptions(dir string) ChildOptions {
	return ChildOptions{Command: []string{os.Args[0], "-test.run=^$"}, Addr: "127.0.0.1:0", DataDir: dir, Library: shared.library,
		Log: slog.New(slog.DiscardHandler)}
}

// startChild runs an engine of the test's own.
func startChild(t *testing.T, o ChildOptions, timing timing) *Child {
	t.Helper()
	child, err := start(context.Background(), o, timing)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Close() })
	return child
}

func ready(t *testing.T, child *Child) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := child.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

// dial connects clickhouse-go, unmodified, over HTTP.
func dial(t testing.TB, child *Child, compression clickhouse.CompressionMethod) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{child.Addr()},
		Compression: &clickhouse.Compression{Method: compression}, MaxOpenConns: 20, MaxIdleConns: 20, ReadTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func mustExec(t testing.TB, conn driver.Conn, query string, args ...any) {
	t.Helper()
	if err := conn.Exec(context.Background(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// post sends query as a person with curl would and returns status, body and headers.
func post(t testing.TB, child *Child, params url.Values, body string) (int, string, http.Header) {
	t.Helper()
	resp, err := http.Post("http://"+child.Addr()+"/?"+params.Encode(), "application/x-www-form-urlencoded", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// logProgress prints each tenth of a download.
func logProgress() func(Progress) {
	last := int64(-1)
	return func(p Progress) {
		if tenth := 10 * p.Done / max(p.Total, 1); tenth != last {
			last = tenth
			fmt.Fprintf(os.Stderr, "libchdb: %s %d of %d bytes\n", p.Stage, p.Done, p.Total)
		}
	}
}
