package install

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
)

// page is what a person is shown, and what is counted.
type page struct {
	result   string // the metric's label
	status   int
	location string // set: the browser is sent there
	Title    string
	Text     string
	Retry    string // set: a link to begin again
}

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// contentPolicy allows the page's own style, and nothing else.
var contentPolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// show writes a page. Nothing of it may be kept or told on: its URL holds a code.
func (h *Handler) show(w http.ResponseWriter, p page) {
	h.results.WithLabelValues(p.result).Inc()
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	if p.location != "" {
		header.Set("Location", p.location)
		w.WriteHeader(p.status)
		return
	}
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, struct {
		page
		Style template.CSS
		Home  string
	}{p, template.CSS(pageStyle), h.opts.Home}); err != nil { //nolint:gosec // our own style
		h.opts.Log.Error("a page could not be drawn", "error", err)
		http.Error(w, "the page could not be drawn", http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", contentPolicy)
	w.WriteHeader(p.status)
	_, _ = w.Write(body.Bytes()) // a failure is the reader's connection
}
