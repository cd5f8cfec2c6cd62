package chdb

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of session_timeout, in ClickHouse's defaults.
const (
	defaultSessionTimeout = 60 * time.Second
	maxSessionTimeout     = time.Hour
)

// readSession reads session_id, session_timeout (seconds), session_check and close_session.
func (q *request) readSession(values url.Values) error {
	q.session = values.Get("session_id")
	q.sessionTimeout = defaultSessionTimeout
	q.sessionCheck = isTrue(values.Get("session_check"))
	q.closeSession = isTrue(values.Get("close_session"))
	text := values.Get("session_timeout")
	if text == "" {
		return nil
	}
	seconds, err := strconv.ParseUint(text, 10, 32)
	if err != nil || time.Duration(seconds)*time.Second > maxSessionTimeout {
		return refuse(codeSessionTimeout, "Invalid session timeout %.20q: give seconds, at most %d", text, int(maxSessionTimeout.Seconds()))
	}
	q.sessionTimeout = time.Duration(seconds) * time.Second
	return nil
}

// sessions are the connections that outlive a request, by session_id. Temporary tables and SET last as long as they do.
type sessions struct {
	mu     sync.Mutex
	open   map[string]*namedSession
	closed bool
}

type namedSession struct {
	*session
	busy   bool
	expire *time.Timer
}

// take hands out the session of that name, made by connect if there is none.
func (s *sessions) take(q *request, connect func() (*session, error)) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if named, ok := s.open[q.session]; ok {
		if named.busy {
			return nil, refuse(codeSessionLocked, "Session %s is locked by a concurrent client", q.session)
		}
		named.expire.Stop()
		named.busy = true
		return named.session, nil
	}
	if q.sessionCheck {
		return nil, refuse(codeSessionNotFound, "Session %s not found", q.session)
	}
	opened, err := connect()
	if err != nil {
		return nil, err
	}
	if s.open == nil {
		s.open = map[string]*namedSession{}
	}
	s.open[q.session] = &namedSession{session: opened, busy: true}
	return opened, nil
}

// put takes it back, until its timeout or the next request of that name.
func (s *sessions) put(q *request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	named := s.open[q.session]
	named.busy = false
	if q.closeSession || s.closed {
		s.drop(q.session)
		return
	}
	named.expire = time.AfterFunc(q.sessionTimeout, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[q.session] == named && !named.busy {
			s.drop(q.session)
		}
	})
}

func (s *sessions) drop(id string) {
	s.open[id].close()
	delete(s.open, id)
}

// close ends those that are idle now, and the others when their request ends.
func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for id, named := range s.open {
		if !named.busy {
			named.expire.Stop()
			s.drop(id)
		}
	}
}

// prepare applies the request's database and settings, and returns what undoes them in a session that lives on.
func (q *request) prepare(s *session) (undo func(), err error) {
	undo = func() {}
	if q.session != "" {
		// A connection of its own is opened under the query's id; a lasting one has to be told.
		if q.setting("log_comment") == "" {
			q.settings = append([]param{{"log_comment", q.queryID}}, q.settings...)
		}
		if undo, err = q.remember(s); err != nil {
			return undo, err
		}
	}
	if q.database != "" {
		if err := s.exec("USE `" + quote(q.database) + "`"); err != nil {
			return undo, err
		}
	}
	if err := q.attach(s); err != nil {
		return undo, err
	}
	if set := q.preamble(); set != "" {
		return undo, s.exec(set)
	}
	return undo, nil
}

// remember notes the database and the values of the settings that the URL is about to change for one request only.
func (q *request) remember(s *session) (undo func(), err error) {
	var restore []string
	if q.database != "" && q.stmt.keyword != "USE" {
		old, err := s.text("SELECT currentDatabase()")
		if err != nil {
			return func() {}, err
		}
		restore = append(restore, "USE `"+quote(old)+"`")
	}
	for _, setting := range q.settings {
		old, err := s.text(fmt.Sprintf("SELECT if(changed, concat('\\'', replaceAll(replaceAll(value, '\\\\', '\\\\\\\\'), '\\'', '\\\\\\''), '\\''), 'DEFAULT') "+
			"FROM system.settings WHERE name = '%s'", quote(setting.name)))
		if err != nil {
			return func() {}, err
		}
		if old != "" { // an unknown one is refused when it is set
			restore = append(restore, fmt.Sprintf("SET %s = %s", setting.name, old))
		}
	}
	return func() {
		q.detach(s)
		for _, statement := range restore {
			_ = s.exec(statement) // a session made read-only by its owner stays as it is
		}
	}, nil
}

// text is the one value that query answers.
func (s *session) text(query string) (string, error) {
	r, err := s.query(query, "TSVRaw", nil)
	if err != nil {
		return "", err
	}
	defer r.free()
	return strings.TrimRight(string(r.bytes()), "\n"), nil
}
