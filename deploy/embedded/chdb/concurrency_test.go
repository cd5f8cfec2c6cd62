package chdb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// slowQuery would run for 50 minutes.
const slowQuery = "SELECT sum(sleepEachRow(0.001)) FROM numbers(3000000) SETTINGS function_sleep_max_microseconds_per_block = 1000000000"

// A slow scan blocks nobody, and ends when its client leaves.
func TestSlowQueryBesideFastOnes(t *testing.T) {
	t.Parallel()
	child := engineFor(t)
	conn := dial(t, child, clickhouse.CompressionNone)
	ctx, leave := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+child.Addr()+"/?query_id=slow", strings.NewReader(slowQuery))
		if err != nil {
			t.Error(err)
			return
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			t.Error("the slow query was answered")
		}
	}()
	running := func() bool {
		_, n, _ := post(t, child, nil, "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'slow'")
		return n == "1\n"
	}
	eventually(t, "the slow query's start", running)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				var one uint8
				if err := conn.QueryRow(context.Background(), "SELECT 1").Scan(&one); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if !running() {
		t.Error("the slow query did not run all the time")
	}
	leave()
	<-ended
	eventually(t, "the slow query's end", func() bool { return !running() })
}

func TestParallelInserts(t *testing.T) {
	t.Parallel()
	child := engineFor(t)
	setUp(t, child, "CREATE DATABASE IF NOT EXISTS par", "CREATE OR REPLACE TABLE par.t (writer UInt64, n UInt64) ENGINE = MergeTree ORDER BY (writer, n)")
	const writers, batches, size = 6, 5, 1000
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for b := range batches {
				var body strings.Builder
				for i := range size {
					fmt.Fprintf(&body, "%d\t%d\n", w, b*size+i)
				}
				if status, text, _ := post(t, child, url.Values{"query": {"INSERT INTO par.t FORMAT TSV"}}, body.String()); status != 200 {
					t.Error(text)
				}
			}
		})
	}
	all.Wait()
	if _, n, _ := post(t, child, nil, "SELECT uniqExact(writer, n), count() FROM par.t"); n != "30000\t30000\n" {
		t.Error(n)
	}
}

// A body that breaks off is no insert.
func TestTruncatedInsertIsNotWritten(t *testing.T) {
	t.Parallel()
	child := engineFor(t)
	setUp(t, child, "CREATE DATABASE IF NOT EXISTS cut", "CREATE OR REPLACE TABLE cut.t (n UInt64) ENGINE = MergeTree ORDER BY n")
	req, err := http.NewRequest(http.MethodPost, "http://"+child.Addr()+"/?query=INSERT+INTO+cut.t+FORMAT+TSV", &brokenBody{left: 3})
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Fatal("the request was sent whole")
	}
	eventually(t, "the insert's end", func() bool {
		_, n, _ := post(t, child, nil, "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO cut.t%'")
		return n == "0\n"
	})
	if _, n, _ := post(t, child, nil, "SELECT count() FROM cut.t"); n != "0\n" {
		t.Errorf("%s rows", n)
	}
}

// brokenBody gives a few rows and then fails.
type brokenBody struct{ left int }

func (b *brokenBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errors.New("broken off")
	}
	b.left--
	return copy(p, "1\n"), nil
}

func TestTooManyStatements(t *testing.T) {
	f := &front{slots: make(chan struct{}, 1)}
	f.slots <- struct{}{}
	err := f.serve(&reply{}, nil)
	if e, ok := errors.AsType[*Exception](err); !ok || e.Code != codeTooManyQueries {
		t.Errorf("%v", err)
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	child := engineFor(t)
	do := func(params url.Values, query string, want string) {
		t.Helper()
		if _, body, _ := post(t, child, params, query); !strings.Contains(body, want) {
			t.Errorf("%s: %q, want %q", query, body, want)
		}
	}
	in := func(pairs ...string) url.Values { return p(append(pairs, "session_id", "s1")...) }
	do(in(), "CREATE TEMPORARY TABLE scratch (a UInt8)", "")
	do(in(), "INSERT INTO scratch VALUES (7)", "")
	do(in(), "SELECT a FROM scratch", "7\n")
	do(p("session_id", "s2"), "SELECT a FROM scratch", "UNKNOWN_TABLE")
	do(nil, "SELECT a FROM scratch", "UNKNOWN_TABLE")
	do(in(), "SET max_threads = 5, format_tsv_null_representation = 'it''s\\\\'", "")
	do(in("max_threads", "3", "format_tsv_null_representation", "x", "database", "system"), "SELECT getSetting('max_threads'), currentDatabase()", "3\tsystem\n")
	do(in(), "SELECT getSetting('max_threads'), getSetting('format_tsv_null_representation'), currentDatabase() FORMAT TSVRaw", "5\tit's\\\tdefault\n")
	do(in("max_block_size", "7"), "SELECT getSetting('max_block_size')", "7\n")
	do(in(), "SELECT getSetting('max_block_size')", "65409\n")
	do(p("session_id", "nosuch", "session_check", "1"), "SELECT 1", "SESSION_NOT_FOUND")
	do(p("session_id", "s3", "session_timeout", "4000"), "SELECT 1", "INVALID_SESSION_TIMEOUT")
	if _, body, _ := send(t, child, "GET", "", in("query", "DROP TABLE scratch"), nil, ""); !strings.Contains(body, "READONLY") {
		t.Error(body)
	}
	do(in("close_session", "1"), "SELECT a FROM scratch", "7\n")
	do(in("session_check", "1"), "SELECT 1", "SESSION_NOT_FOUND")
	do(p("session_id", "brief", "session_timeout", "0"), "SELECT 1", "1\n")
	eventually(t, "the brief session's end", func() bool {
		_, body, _ := post(t, child, p("session_id", "brief", "session_timeout", "0", "session_check", "1"), "SELECT 1")
		return strings.Contains(body, "SESSION_NOT_FOUND")
	})
}

func TestSessionIsLocked(t *testing.T) {
	t.Parallel()
	child := engineFor(t)
	if _, body, _ := post(t, child, p("session_id", "busy"), "SELECT 1"); body != "1\n" {
		t.Error(body)
	}
	ctx, leave := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+child.Addr()+"/?session_id=busy&query_id=busy", strings.NewReader(slowQuery))
		if err != nil {
			t.Error(err)
			return
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	eventually(t, "the slow query's start", func() bool {
		_, n, _ := post(t, child, nil, "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'busy'")
		return n == "1\n"
	})
	if _, body, _ := post(t, child, p("session_id", "busy"), "SELECT 1"); !strings.Contains(body, "SESSION_IS_LOCKED") {
		t.Error(body)
	}
	leave()
	<-ended
	eventually(t, "the session's release", func() bool {
		_, body, _ := post(t, child, p("session_id", "busy"), "SELECT 1")
		return body == "1\n"
	})
}

// Settings, temporary tables and the database of one request are nothing to the next.
func TestNothingLeaksBetweenRequests(t *testing.T) {
	t.Parallel()
	child := engineFor(t)
	setUp(t, child, "SET max_threads = 7", "USE system", "CREATE TEMPORARY TABLE leak (a UInt8)")
	for range 20 {
		if _, body, _ := post(t, child, nil, "SELECT getSetting('max_threads') = 7, currentDatabase()"); body != "0\tdefault\n" && body != "false\tdefault\n" {
			t.Fatal(body)
		}
		if _, body, _ := post(t, child, nil, "SELECT * FROM leak"); !strings.Contains(body, "UNKNOWN_TABLE") {
			t.Fatal(body)
		}
	}
}
