package chdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/goleak"
)

// childMode as the first argument makes this test binary act as the program that an engine's child process is.
const childMode = "chdb-engine"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childMode {
		exit(RunChild(context.Background(), slog.Default()))
	}
	if len(os.Args) > 1 && os.Args[1] == parentMode {
		exit(parent())
	}
	code := m.Run()
	if err := closeShared(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// libchdb is fetched once, by the first test that needs it, and kept in the user's cache.
var libchdb = sync.OnceValues(func() (string, error) {
	return Ensure(context.Background(), EnsureOptions{Progress: logProgress()})
})

func libraryPath(t testing.TB) string {
	t.Helper()
	path, err := libchdb()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// shared is the engine that most tests use: one child process for the whole run.
var shared struct {
	sync.Mutex
	child *Child
	dir   string
}

func engineFor(t testing.TB) *Child {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.child != nil {
		return shared.child
	}
	dir, err := os.MkdirTemp("", "chdb-test-")
	if err != nil {
		t.Fatal(err)
	}
	child, err := Start(context.Background(), childOptions(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	ready(t, child)
	shared.child, shared.dir = child, dir
	return child
}

// closeShared ends it, and sees that nothing of this package is left running.
func closeShared() error {
	if shared.child == nil {
		return nil
	}
	err := errors.Join(shared.child.Close(), os.RemoveAll(shared.dir))
	http.DefaultClient.CloseIdleConnections()
	return errors.Join(err, goleak.Find())
}

func childOptions(t testing.TB, dir string) ChildOptions {
	return ChildOptions{Command: []string{os.Args[0], childMode}, Addr: "127.0.0.1:0", DataDir: dir, Library: libraryPath(t),
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

func ready(t testing.TB, child *Child) {
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
