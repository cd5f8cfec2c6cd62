package slacksim

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"time"
)

//go:embed assets
var assets embed.FS

var pages = template.Must(template.New("page").Funcs(template.FuncMap{
	"plainText": plainText, "clock": clock, "day": day, "iso": iso, "initial": initial, "shade": shade, "markdown": renderMarkdown,
	"richStyle": richStyle, "pair": func(l line, it any) drawn { return drawn{l, it} },
	"compose": func(v *view, thread string) composer { return composer{v, thread} },
	"pair2":   func(v *view, m *shownModal) modalOf { return modalOf{v, m} },
	"pair3":   func(v *view, p listedPerson) personOf { return personOf{v, p} },
	"reading": func(it any) drawn { return drawn{plainLine, it} },
}).ParseFS(assets, "assets/*.html"))

// drawn is what a block's template draws, and the line that it is part of.
type drawn struct {
	Line line
	It   any
}

// composer is where a person types, in the channel or in a thread.
type composer struct {
	*view
	In string
}

// modalOf is a modal and the page around it.
type modalOf struct {
	Page  *view
	Modal *shownModal
}

// personOf is a person and the page around them.
type personOf struct {
	Page *view
	listedPerson
}

// plainLine draws what stands in a modal: its names are not resolved.
var plainLine = line{
	Mrkdwn:   func(v any) template.HTML { return renderMrkdwn(str2(v), newTeam(Team{})) },
	UserName: str2, RoomName: str2,
}

// contentPolicy lets the page load its own style and script, talk to its own server, and nothing else.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// pageRoutes show the workspaces to a person.
func (s *Simulator) pageRoutes(mux *http.ServeMux) {
	s.actRoutes(mux)
	mux.Handle("GET /assets/page.css", http.FileServerFS(assets))
	mux.Handle("GET /assets/page.js", http.FileServerFS(assets))
	mux.HandleFunc("GET /{$}", s.showPage)
	mux.HandleFunc("GET /t/{team}", s.showPage)
	mux.HandleFunc("GET /t/{team}/people", s.showPage)
	mux.HandleFunc("GET /t/{team}/c/{channel}", s.showPage)
	mux.HandleFunc("GET /live", s.live)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
}

func (s *Simulator) showPage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	v, ok := s.view(r)
	s.mu.Unlock()
	if v.Elsewhere {
		http.Redirect(w, r, (&url.URL{Path: v.Here, RawQuery: r.URL.RawQuery}).String(), http.StatusSeeOther)
		return
	}
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, "page.html", v); err != nil {
		s.log.Error("the simulator's page could not be drawn", "error", err)
		http.Error(w, "the page could not be drawn; the simulator's log says why", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if !ok {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = w.Write(page.Bytes()) // a failure is the reader's connection
}

// livePause is the least time between two tidings, so that a burst of messages redraws the page a few times a second.
const livePause = 300 * time.Millisecond

// live tells the page of changes, as server-sent events.
func (s *Simulator) live(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	for {
		s.mu.Lock()
		changed, closed := s.changed, s.closed
		s.mu.Unlock()
		if _, err := w.Write([]byte("data: changed\n\n")); err != nil || out.Flush() != nil || closed {
			return
		}
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
		pause := time.NewTimer(livePause)
		select {
		case <-pause.C:
		case <-r.Context().Done():
			pause.Stop()
			return
		}
	}
}
