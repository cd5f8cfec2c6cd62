package chdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"github.com/google/uuid"
)

// front is ClickHouse's HTTP interface over the engine.
type front struct {
	engine   *engine
	server   serverInfo
	sessions sessions
	slots    chan struct{} // one per running statement
	log      *slog.Logger
}

// serverInfo is what the engine says of itself.
type serverInfo struct{ name, timezone string }

// maxStatements run at a time; one more is refused with ClickHouse's code 202, as by a server's max_concurrent_queries.
const maxStatements = 100

func newFront(e *engine, log *slog.Logger) (*front, error) {
	s, err := e.connect("start")
	if err != nil {
		return nil, err
	}
	defer s.close()
	timezone, err := s.text("SELECT timezone()")
	if err != nil {
		return nil, fmt.Errorf("ask the engine for its time zone: %w", err)
	}
	return &front{engine: e, server: serverInfo{"backchannel-embedded", timezone}, slots: make(chan struct{}, maxStatements), log: log}, nil
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := guard(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	switch {
	case r.URL.Path == "/ping" || r.URL.Path == "/replicas_status", r.URL.Path == "/" && r.Method != http.MethodPost && !r.URL.Query().Has("query"):
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = io.WriteString(w, "Ok.\n") // a client that is gone has nobody to tell
	case r.URL.Path != "/" && r.URL.Path != "/query":
		http.Error(w, fmt.Sprintf("There is no handle %s\n\nUse / or /ping for health checks, or POST a query to /", r.URL.Path), http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		w.WriteHeader(http.StatusNotImplemented)
	default:
		p := newReply(w, r, f.server)
		if err := f.serve(p, r); err != nil {
			f.report(r, p, err)
			p.fail(err)
		}
	}
}

// report logs what is neither an answer in ClickHouse's terms nor a client that left; texts of queries and of errors
// may hold data, and are left out.
func (f *front) report(r *http.Request, p *reply, err error) {
	var exception *Exception
	if errors.As(err, &exception) || r.Context().Err() != nil || p.out != nil {
		return
	}
	f.log.Error("a query failed in the front", "query_id", p.q.queryID, "error_type", fmt.Sprintf("%T", err))
}

func (f *front) serve(p *reply, r *http.Request) error {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	default:
		return refuse(codeTooManyQueries, "Too many simultaneous queries. Maximum: %d", maxStatements)
	}
	q, err := parseRequest(r)
	p.q = q
	if err != nil {
		return err
	}
	s, done, err := f.take(q)
	if err != nil {
		return err
	}
	defer done()
	return f.run(r.Context(), s, p)
}

// take gives the request a session: its own, or the named one.
func (f *front) take(q *request) (*session, func(), error) {
	connect := func() (*session, error) {
		if q.readonly && q.session == "" {
			return f.engine.connect(q.queryID, "--readonly=2")
		}
		return f.engine.connect(q.queryID)
	}
	if q.session == "" {
		s, err := connect()
		if err != nil {
			return nil, nil, err
		}
		return s, s.close, nil
	}
	s, err := f.sessions.take(q, connect)
	return s, func() { f.sessions.put(q) }, err
}

// kill stops the statements that were started under queryID.
func (f *front) kill(queryID string) {
	s, err := f.engine.connect(uuid.NewString())
	if err != nil {
		return // the statement ends by itself, or with the engine
	}
	defer s.close()
	if err := s.exec("KILL QUERY WHERE Settings['log_comment'] = '" + quote(queryID) + "' ASYNC"); err != nil {
		f.log.Warn("could not stop the query of a client that left", "query_id", queryID)
	}
}

// killAll stops every statement.
func (f *front) killAll() {
	if err := f.engine.anchor.exec("KILL QUERY WHERE 1 ASYNC"); err != nil {
		f.log.Warn("could not stop the running queries", "error", err)
	}
}

// watch stops a reading statement when its client leaves. Writes are seen through, as by a server.
func (f *front) watch(ctx context.Context, q *request) (stop func()) {
	if comment := q.setting("log_comment"); q.stmt.inserts || !reads(q.stmt.keyword) || comment != "" && comment != q.queryID {
		return func() {}
	}
	var wait sync.WaitGroup
	wait.Add(1)
	cancel := context.AfterFunc(ctx, func() {
		defer wait.Done()
		f.kill(q.queryID)
	})
	return func() {
		if !cancel() {
			wait.Wait()
		}
	}
}

func reads(keyword string) bool {
	switch keyword {
	case "SELECT", "WITH", "FROM", "(", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS":
		return true
	}
	return false
}
