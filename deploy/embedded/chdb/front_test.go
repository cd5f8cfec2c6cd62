package chdb

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a person with curl sends, and what a ClickHouse server would answer.
func TestHTTP(t *testing.T) {
	child := engineFor(t)
	setUp(t, child, "CREATE DATABASE IF NOT EXISTS curl", "CREATE OR REPLACE TABLE curl.t (a UInt64, b String DEFAULT 'none') ENGINE = MergeTree ORDER BY a",
		"CREATE OR REPLACE TABLE curl.in (a UInt64, b String DEFAULT 'none') ENGINE = MergeTree ORDER BY a", "INSERT INTO curl.t VALUES (1, 'x'), (2, 'y')")
	for name, c := range map[string]struct {
		method, path string
		params       url.Values
		header       map[string]string
		body         string
		status       int
		want         string            // of the body; with a leading …, a part of it
		headers      map[string]string // that must be in the answer
	}{
		"ping":                 {method: "GET", path: "/ping", status: 200, want: "Ok.\n"},
		"root":                 {method: "GET", status: 200, want: "Ok.\n"},
		"replicas_status":      {method: "GET", path: "/replicas_status", status: 200, want: "Ok.\n"},
		"no handle":            {method: "GET", path: "/nosuch", status: 404, want: "…There is no handle"},
		"wrong method":         {method: "PATCH", params: p("query", "SELECT 1"), status: 501},
		"query in the URL":     {method: "GET", params: p("query", "SELECT 1"), status: 200, want: "1\n", headers: map[string]string{"X-ClickHouse-Format": "TabSeparated"}},
		"query in the body":    {body: "SELECT 1", status: 200, want: "1\n", headers: map[string]string{"Content-Type": "text/tab-separated-values; charset=UTF-8", "X-ClickHouse-Timezone": "Etc/UTC"}},
		"query in both":        {params: p("query", "SELECT 1 +"), body: "1", status: 200, want: "2\n"},
		"trailing semicolon":   {body: "SELECT 1;\n", status: 200, want: "1\n"},
		"two statements":       {body: "SELECT 1; SELECT 2", status: 400, want: "…Multi-statements are not allowed", headers: map[string]string{"X-ClickHouse-Exception-Code": "62"}},
		"FORMAT":               {body: "SELECT 1 AS x FORMAT JSONEachRow", status: 200, want: "{\"x\":1}\n", headers: map[string]string{"X-ClickHouse-Format": "JSONEachRow"}},
		"FORMAT JSON":          {body: "SELECT 1 AS x FORMAT JSON", status: 200, want: "…\"rows\": 1", headers: map[string]string{"Content-Type": "application/json; charset=UTF-8"}},
		"FORMAT Pretty":        {body: "SELECT 1 AS x FORMAT Pretty", status: 200, want: "…┏━━━┓"},
		"default_format":       {params: p("default_format", "CSVWithNames"), body: "SELECT 1 AS x", status: 200, want: "\"x\"\n1\n"},
		"format header":        {header: map[string]string{"X-ClickHouse-Format": "CSV"}, body: "SELECT 'x'", status: 200, want: "\"x\"\n"},
		"database":             {params: p("database", "curl"), body: "SELECT count() FROM t", status: 200, want: "2\n"},
		"database header":      {header: map[string]string{"X-ClickHouse-Database": "curl"}, body: "SELECT count() FROM t", status: 200, want: "2\n"},
		"unknown database":     {params: p("database", "nosuch"), body: "SELECT 1", status: 404, want: "…(UNKNOWN_DATABASE)"},
		"parameters":           {params: p("param_a", "2", "param_b", "['x','y\\'z']"), body: "SELECT {a:UInt8} + 1, {b:Array(String)}[2]", status: 200, want: "3\ty\\'z\n"},
		"parameter escaped":    {params: p("param_a", `tab\tnl\nbs\\q'`), body: "SELECT {a:String} FORMAT TSVRaw", status: 200, want: "tab\tnl\nbs\\q'\n"},
		"parameter raw tab":    {params: p("param_a", "a\tb"), body: "SELECT {a:String}", status: 500, want: "…(BAD_QUERY_PARAMETER)"},
		"parameter missing":    {body: "SELECT {a:String}", status: 500, want: "…(UNKNOWN_QUERY_PARAMETER)"},
		"setting":              {params: p("max_threads", "3"), body: "SELECT getSetting('max_threads')", status: 200, want: "3\n"},
		"setting text":         {params: p("log_comment", `a'b\c`), body: "SELECT getSetting('log_comment') FORMAT TSVRaw", status: 200, want: "a'b\\c\n"},
		"unknown setting":      {params: p("nosuch", "1"), body: "SELECT 1", status: 404, want: "…(UNKNOWN_SETTING)"},
		"setting's bad name":   {params: p("a'b", "1"), body: "SELECT 1", status: 404, want: "…(UNKNOWN_SETTING)"},
		"setting's bad value":  {params: p("max_threads", "many"), body: "SELECT 1", status: 400},
		"max_execution_time":   {params: p("max_execution_time", "0.2"), body: "SELECT count() FROM numbers(1000000000000)", status: 408, want: "…(TIMEOUT_EXCEEDED)"},
		"syntax error":         {body: "SELEC 1", status: 400, want: "…Code: 62. DB::Exception: ", headers: map[string]string{"X-ClickHouse-Exception-Code": "62"}},
		"unknown table":        {body: "SELECT * FROM nosuch", status: 404, want: "…(UNKNOWN_TABLE)", headers: map[string]string{"X-ClickHouse-Exception-Code": "60"}},
		"error in a row":       {body: "SELECT throwIf(number = 3) FROM numbers(10)", status: 500, want: "…(FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)"},
		"wait_end_of_query":    {params: p("wait_end_of_query", "1"), body: "SELECT throwIf(number = 900000) FROM numbers(1000000)", status: 500, want: "…(FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)"},
		"empty answer":         {body: "SELECT a FROM curl.t WHERE 0", status: 200, want: ""},
		"GET must not write":   {method: "GET", params: p("query", "CREATE TABLE curl.no (a UInt8) ENGINE = Memory"), status: 500, want: "…(READONLY)"},
		"GET must not insert":  {method: "GET", params: p("query", "INSERT INTO curl.in VALUES (1, 'x')"), status: 500, want: "…(READONLY)"},
		"GET may set":          {method: "GET", params: p("query", "SELECT 1 SETTINGS max_threads = 1"), status: 200, want: "1\n"},
		"INTO OUTFILE":         {body: "SELECT 1 INTO OUTFILE '/tmp/never'", status: 500, want: "…INTO OUTFILE is not allowed"},
		"FROM INFILE":          {body: "INSERT INTO curl.in FROM INFILE '/tmp/never' FORMAT CSV", status: 404, want: "…(UNKNOWN_TYPE_OF_QUERY)"},
		"input()":              {body: "INSERT INTO curl.in SELECT a, 'x' FROM input('a UInt64') FORMAT CSV\n1\n", status: 501, want: "…(NOT_IMPLEMENTED)"},
		"insert unknown table": {params: p("query", "INSERT INTO curl.nosuch FORMAT CSV"), body: "1\n", status: 404, want: "…(UNKNOWN_TABLE)"},
		"insert bad data":      {params: p("query", "INSERT INTO curl.in FORMAT CSV"), body: "x,y\n", status: 400, want: "…(CANNOT_PARSE_INPUT_ASSERTION_FAILED)"},
		"a user":               {header: map[string]string{"X-ClickHouse-User": "analyst"}, body: "SELECT 1", status: 403, want: "…(AUTHENTICATION_FAILED)"},
		"a password":           {params: p("user", "default", "password", "secret"), body: "SELECT 1", status: 403, want: "…(AUTHENTICATION_FAILED)"},
		"the default user":     {params: p("user", "default", "password", ""), body: "SELECT 1", status: 200, want: "1\n"},
		"query_id":             {params: p("query_id", "mine"), body: "SELECT 1", status: 200, want: "1\n", headers: map[string]string{"X-ClickHouse-Query-Id": "mine"}},
		"unknown encoding":     {header: map[string]string{"Content-Encoding": "snappy"}, body: "x", status: 501, want: "…(NOT_IMPLEMENTED)"},
		"not gzip":             {header: map[string]string{"Content-Encoding": "gzip"}, body: "SELECT 1 and so on", status: 500, want: "…(CANNOT_DECOMPRESS)"},
		"not blocks":           {params: p("decompress", "1"), body: strings.Repeat("SELECT 1 and so on", 10), status: 500},
		"DROP SYNC":            {body: "DROP TABLE IF EXISTS curl.never SYNC", status: 200, want: ""},
		"SHOW":                 {body: "SHOW DATABASES LIKE 'curl'", status: 200, want: "curl\n"},
		"EXPLAIN":              {body: "EXPLAIN SELECT 1", status: 200, want: "…ReadFromSystemOne"},
		"totals":               {body: "SELECT number % 2 AS k, count() FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k FORMAT JSONCompact", status: 200, want: "…\"totals\": [0, 10]"},
	} {
		t.Run(name, func(t *testing.T) {
			status, body, header := send(t, child, first(c.method, "POST"), c.path, c.params, c.header, c.body)
			if status != c.status {
				t.Fatalf("status %d, want %d: %s", status, c.status, body)
			}
			if part, ok := strings.CutPrefix(c.want, "…"); ok && !strings.Contains(body, part) || !ok && status == 200 && body != c.want {
				t.Errorf("body %q, want %q", body, c.want)
			}
			for k, v := range c.headers {
				if got := header.Get(k); got != v {
					t.Errorf("%s: %q, want %q", k, got, v)
				}
			}
		})
	}
}

func TestHTTPInserts(t *testing.T) {
	child := engineFor(t)
	setUp(t, child, "CREATE DATABASE IF NOT EXISTS ins")
	zip := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, s)
		z.Close()
		return b.String()
	}
	for name, c := range map[string]struct {
		params url.Values
		header map[string]string
		body   string
		want   string
	}{
		"VALUES in the body":        {nil, nil, "INSERT INTO ins.t VALUES (1, 'a'), (2, concat('b', 'c'));", "1\ta\n2\tbc\n"},
		"VALUES in the URL":         {p("query", "INSERT INTO ins.t VALUES (1, 'a')"), nil, "", "1\ta\n"},
		"VALUES split":              {p("query", "INSERT INTO ins.t VALUES"), nil, "(1, 'a;b')", "1\ta;b\n"},
		"VALUES without the word":   {p("query", "INSERT INTO ins.t (a)"), nil, "(1)", "1\tnone\n"},
		"VALUES with parameters":    {p("param_a", "7", "param_b", `x\ty`), nil, "INSERT INTO ins.t VALUES ({a:UInt64}, {b:String})", "7\tx\\ty\n"},
		"CSV split":                 {p("query", "INSERT INTO ins.t FORMAT CSV"), nil, "1,a\n2,\"b\nc\"\n", "1\ta\n2\tb\\nc\n"},
		"CSV in the body":           {nil, nil, "INSERT INTO ins.t FORMAT CSV\n1,a\n2,b\n", "1\ta\n2\tb\n"},
		"data that looks like SQL":  {nil, nil, "INSERT INTO ins.t FORMAT TSV\n1\ta\n\nDROP TABLE ins.t\n", ""},
		"column list and settings":  {p("query", "INSERT INTO ins.t (a) SETTINGS async_insert = 0 FORMAT JSONEachRow"), nil, `{"a": 1}{"a": 2}`, "1\tnone\n2\tnone\n"},
		"database of the request":   {p("database", "ins", "query", "INSERT INTO t FORMAT TSV"), nil, "1\ta\n", "1\ta\n"},
		"gzip":                      {p("query", "INSERT INTO ins.t FORMAT CSV"), map[string]string{"Content-Encoding": "gzip"}, zip("1,a\n"), "1\ta\n"},
		"async_insert":              {p("async_insert", "1", "wait_for_async_insert", "1", "query", "INSERT INTO ins.t FORMAT CSV"), nil, "1,a\n", "1\ta\n"},
		"INSERT SELECT":             {nil, nil, "INSERT INTO ins.t SELECT number, 'n' FROM numbers(2)", "0\tn\n1\tn\n"},
		"nothing":                   {p("query", "INSERT INTO ins.t FORMAT CSV"), nil, "", ""},
		"a large body in one piece": {p("query", "INSERT INTO ins.t (b) FORMAT TSV"), nil, strings.Repeat("x", 3<<20) + "\n", "0\t" + strings.Repeat("x", 3<<20) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			setUp(t, child, "CREATE OR REPLACE TABLE ins.t (a UInt64, b String DEFAULT 'none') ENGINE = MergeTree ORDER BY a")
			status, body, header := send(t, child, "POST", "", c.params, c.header, c.body)
			wantStatus := 200
			if name == "data that looks like SQL" {
				wantStatus = 400
			}
			if status != wantStatus || status == 200 && body != "" {
				t.Fatalf("status %d: %s", status, body)
			}
			_, rows, _ := post(t, child, nil, "SELECT * FROM ins.t ORDER BY a")
			if diff := cmp.Diff(c.want, rows); diff != "" {
				t.Error(diff)
			}
			if status == 200 && header.Get("X-ClickHouse-Query-Id") == "" {
				t.Error("no query id")
			}
			if summary := header.Get("X-ClickHouse-Summary"); status == 200 && !strings.Contains(summary, `"written_rows":"`+writtenRows(c.want)+`"`) {
				t.Errorf("summary %s for %d rows", summary, strings.Count(c.want, "\n"))
			}
		})
	}
}

func writtenRows(rows string) string { return string(rune('0' + strings.Count(rows, "\n"))) }

// An answer that breaks off after its first bytes must not look whole.
func TestErrorAfterFirstBytes(t *testing.T) {
	child := engineFor(t)
	resp, err := http.Post("http://"+child.Addr()+"/", "", strings.NewReader("SELECT throwIf(number = 2900000) FROM numbers(3000000)"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		t.Error("the connection ended as if the answer were whole")
	}
	tag := resp.Header.Get("X-ClickHouse-Exception-Tag")
	if resp.StatusCode != http.StatusOK || len(tag) != 16 || !bytes.Contains(body, []byte("\r\n__exception__\r\n"+tag+"\r\nCode: 395. DB::Exception: ")) {
		t.Errorf("status %d, tag %q, end of the body %q", resp.StatusCode, tag, body[max(0, len(body)-300):])
	}
}

// A large answer arrives in the format that was asked for, compressed when that was asked for.
func TestCompressedAnswer(t *testing.T) {
	child := engineFor(t)
	for _, encoding := range []string{"gzip", "br", "zstd", "deflate", "lz4"} {
		_, body, header := send(t, child, "POST", "", nil, map[string]string{"Accept-Encoding": encoding}, "SELECT 'one line of text' FROM numbers(300000)")
		if got := header.Get("Content-Encoding"); got != encoding || len(body) > 500000 {
			t.Errorf("%s: Content-Encoding %q, %d bytes", encoding, got, len(body))
		}
	}
	_, body, header := send(t, child, "POST", "", p("enable_http_compression", "0"), map[string]string{"Accept-Encoding": "gzip"}, "SELECT 1")
	if body != "1\n" || header.Get("Content-Encoding") != "" {
		t.Errorf("compression was switched off: %q %v", body, header)
	}
}

func p(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func setUp(t testing.TB, child *Child, queries ...string) {
	t.Helper()
	for _, query := range queries {
		if status, body, _ := post(t, child, nil, query); status != 200 {
			t.Fatalf("%s: %d %s", query, status, body)
		}
	}
}

func send(t testing.TB, child *Child, method, path string, params url.Values, header map[string]string, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+child.Addr()+first(path, "/")+"?"+params.Encode(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	if header["Accept-Encoding"] == "" {
		req.Header.Set("Accept-Encoding", "identity")
	}
	resp, err := http.DefaultClient.Do(req)
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
