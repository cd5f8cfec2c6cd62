package chdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// request is one HTTP request in ClickHouse's terms.
type request struct {
	stmt     statement
	data     io.Reader // of an insert
	queryID  string
	database string
	format   string // when the statement names none
	settings []param
	params   []param
	readonly bool   // GET implies it
	revision uint64 // client_protocol_version: how blocks in Native format are to be laid out
	compress bool   // answer in ClickHouse's compressed blocks
	external []external
	wait     bool // wait_end_of_query: no byte of the answer before the last is known

	session        string
	sessionTimeout time.Duration
	sessionCheck   bool
	closeSession   bool
}

// maxText bounds a statement without its insert data.
const maxText = 64 << 20

// parseRequest reads URL, headers and as much of the body as belongs to the statement.
func parseRequest(r *http.Request) (*request, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refuse(codeBadArguments, "The URL's parameters cannot be read: %v", err)
	}
	if err := authenticate(r, values); err != nil {
		return nil, err
	}
	q := &request{
		queryID:  values.Get("query_id"),
		database: first(values.Get("database"), r.Header.Get("X-ClickHouse-Database")),
		format:   first(values.Get("default_format"), r.Header.Get("X-ClickHouse-Format"), "TabSeparated"),
		readonly: r.Method != http.MethodPost,
		compress: values.Get("compress") == "1",
		wait:     isTrue(values.Get("wait_end_of_query")),
	}
	if q.queryID == "" {
		q.queryID = uuid.NewString()
	}
	q.revision, _ = strconv.ParseUint(values.Get("client_protocol_version"), 10, 64)
	if err := q.readSession(values); err != nil {
		return q, err
	}
	body, multi, err := q.readExternal(r, values)
	if err == nil && !multi {
		body, err = decodeBody(r, values.Get("decompress") == "1")
	}
	if err != nil {
		return q, err
	}
	if err := q.readSettings(values); err != nil {
		return q, err
	}
	return q, q.readStatement(strings.Join(values["query"], ""), body)
}

// authenticate holds to the one user that exists.
func authenticate(r *http.Request, values url.Values) error {
	user, password, _ := r.BasicAuth()
	user = first(user, r.Header.Get("X-ClickHouse-User"), values.Get("user"), "default")
	password = first(password, r.Header.Get("X-ClickHouse-Key"), values.Get("password"))
	if user != "default" || password != "" {
		return refuse(codeAuthentication, "%s: Authentication failed: the embedded ClickHouse has one user, default, without a password; "+
			"for users, roles and row policies use a ClickHouse server", user)
	}
	return nil
}

// reserved are the URL parameters that are no settings (HTTPHandler.cpp of ClickHouse).
var reserved = map[string]bool{
	"query": true, "query_id": true, "database": true, "default_format": true, "client_protocol_version": true,
	"compress": true, "decompress": true, "user": true, "password": true, "quota_key": true, "role": true, "stacktrace": true,
	"buffer_size": true, "wait_end_of_query": true, "close_session": true,
	"session_id": true, "session_timeout": true, "session_check": true,
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// readSettings sorts the other parameters into param_* and settings.
func (q *request) readSettings(values url.Values) error {
	for key := range values {
		if name, ok := strings.CutPrefix(key, "param_"); ok {
			q.params = append(q.params, param{name, values.Get(key)})
			continue
		}
		if reserved[key] || key == "" {
			continue
		}
		if !settingName.MatchString(key) {
			return refuse(codeUnknownSetting, "Setting %.100q is neither a builtin setting nor started with the prefix 'SQL_'", key)
		}
		q.settings = append(q.settings, param{key, values.Get(key)})
	}
	// readonly last: after it nothing more can be set.
	sort.Slice(q.settings, func(i, j int) bool {
		a, b := q.settings[i].name, q.settings[j].name
		return a != "readonly" && (b == "readonly" || a < b)
	})
	return nil
}

func (q *request) setting(name string) string {
	for _, s := range q.settings {
		if s.name == name {
			return s.value
		}
	}
	return ""
}

// readStatement joins the query of the URL and the body as ClickHouse does, and leaves an insert's data unread.
func (q *request) readStatement(query string, body io.Reader) error {
	if query != "" {
		query += "\n"
		if q.stmt = scanStatement(query); q.stmt.inserts {
			q.data = insertData(query, q.stmt, body)
			return q.checkStatement()
		}
	}
	const head = 1 << 20
	text := bytes.NewBufferString(query)
	for limit := int64(head); ; limit = maxText {
		_, err := io.CopyN(text, body, max(0, limit+1-int64(text.Len())))
		if err != nil && !errors.Is(err, io.EOF) {
			return bodyError(err)
		}
		q.stmt = scanStatement(text.String())
		if q.stmt.inserts && q.stmt.data >= 0 {
			q.data = insertData(text.String(), q.stmt, body)
			return q.checkStatement()
		}
		if errors.Is(err, io.EOF) {
			q.data = strings.NewReader("")
			return q.checkStatement()
		}
		if limit == maxText {
			return refuse(codeQueryTooLarge, "The query is longer than %d bytes", maxText)
		}
	}
}

// insertData is what follows the statement: the rest of text, then the rest of the body.
func insertData(text string, stmt statement, body io.Reader) io.Reader {
	if stmt.data < 0 || stmt.data >= len(text) {
		return body
	}
	return io.MultiReader(strings.NewReader(text[stmt.data:]), body)
}

// checkStatement refuses what a server refuses over HTTP, and what the engine would do wrong.
func (q *request) checkStatement() error {
	switch q.stmt.tail {
	case ";":
		return refuse(codeSyntaxError, "Syntax error (Multi-statements are not allowed): send one statement per request")
	case "INFILE":
		return refuse(codeUnknownQueryType, "Query has infile and was send directly to server")
	case "OUTFILE":
		return refuse(codeIntoOutfile, "INTO OUTFILE is not allowed")
	case "INPUT":
		return refuse(codeNotImplemented, "INSERT … SELECT … FROM input() is not supported by the embedded ClickHouse: insert into a table, or use a ClickHouse server")
	}
	if q.stmt.inserts && q.stmt.format == "" {
		q.stmt.format = "Values"
	}
	if !q.stmt.inserts && q.stmt.format == "" {
		q.stmt.format = q.format
	}
	return nil
}

// preamble is the SET statement for the URL's settings, "" when there are none.
func (q *request) preamble() string {
	sets := make([]string, len(q.settings))
	for i, s := range q.settings {
		sets[i] = fmt.Sprintf("%s = '%s'", s.name, quote(s.value))
	}
	if len(sets) == 0 {
		return ""
	}
	return "SET " + strings.Join(sets, ", ")
}

var quoter = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "`", "\\`")

// quote escapes text for single quotes or backticks.
func quote(s string) string { return quoter.Replace(s) }

// first is the first that is not empty.
func first(of ...string) string {
	for _, s := range of {
		if s != "" {
			return s
		}
	}
	return ""
}

func isTrue(s string) bool { return s == "1" || strings.EqualFold(s, "true") }
