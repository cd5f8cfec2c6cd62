package slacksim

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// response is what a method answers beside ok.
type response map[string]any

// apiError is ok:false. Its text is Slack's code.
type apiError struct {
	code string
	// needed and provided go with missing_scope.
	needed, provided string
	messages         []string // response_metadata.messages
	retryAfter       int      // seconds; set: HTTP 429
}

func (e *apiError) Error() string { return e.code }

func fail(code string) error { return &apiError{code: code} }

// answer writes a method's result: HTTP 200 whatever it says, except 429.
func (s *Simulator) answer(w http.ResponseWriter, name string, out response, err error, warnings []string) {
	body := response{"ok": err == nil}
	maps.Copy(body, out)
	status, code := http.StatusOK, ""
	var e *apiError
	switch {
	case errors.As(err, &e):
		code = e.code
		if e.retryAfter > 0 {
			status = http.StatusTooManyRequests
			w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
		}
		e.describe(body)
	case err != nil:
		code = "fatal_error"
		body["error"] = code
		s.log.Error("a Web API call failed inside the simulator", "method", name, "error", err)
	}
	if len(warnings) > 0 {
		body["warning"] = strings.Join(warnings, ",")
		metadata(body)["warnings"] = warnings
	}
	s.count(name, code)
	writeJSON(w, status, body)
}

func (e *apiError) describe(body response) {
	body["error"] = e.code
	if e.needed != "" {
		body["needed"], body["provided"] = e.needed, e.provided
	}
	if len(e.messages) > 0 {
		metadata(body)["messages"] = e.messages
	}
	if strings.HasPrefix(e.code, "invalid_blocks") && len(e.messages) > 0 {
		errs := make([]string, len(e.messages))
		for i, m := range e.messages {
			errs[i] = strings.TrimPrefix(m, "[ERROR] ")
		}
		body["errors"] = errs
	}
}

// metadata is the answer's response_metadata, made if need be.
func metadata(body response) map[string]any {
	m, _ := body["response_metadata"].(map[string]any)
	if m == nil {
		m = map[string]any{}
		body["response_metadata"] = m
	}
	return m
}

func (s *Simulator) answerStatus(w http.ResponseWriter, name string, f *Fault) {
	s.count(name, fmt.Sprintf("status_%d", f.Status))
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	if f.Status == http.StatusTooManyRequests {
		writeJSON(w, f.Status, response{"ok": false, "error": "ratelimited"})
		return
	}
	http.Error(w, http.StatusText(f.Status), f.Status)
}

func (s *Simulator) count(name, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if methods[name] == nil {
		name = "unknown"
	}
	stats := s.calls[name]
	if stats == nil {
		stats = &CallStats{Errors: map[string]int{}}
		s.calls[name] = stats
	}
	stats.Calls++
	if code == "" {
		stats.OK++
	} else {
		stats.Errors[code]++
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // a failure is the caller's connection; there is no one to tell
}
