package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/ingest/install"
)

// A link that leads to no page is not given; that nobody can be asked from here is no reason to give none.
func TestInstallLink(t *testing.T) {
	mini, _ := explained(t)
	served := false
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !served || r.URL.Path != install.ConnectPath {
			http.NotFound(w, r)
		}
	}))
	link := func(user string) (string, error) {
		return execute(t, "", "install-link", "--org", "acme", "--user", user, "--embedded", "--data", t.TempDir(), "--redis-url", "redis://"+mini.Addr()+"/0", "--public-url", pages.URL)
	}
	if out, err := link("ada"); err == nil || out != "" || !strings.Contains(err.Error(), "answers 404. Set slack-client-id") {
		t.Errorf("ingest without a client id: %q, %v", out, err)
	}
	served = true
	if out, err := link("ada"); err != nil || !strings.HasPrefix(out, pages.URL+install.ConnectPath+"?") {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := link("eve"); err == nil || out != "" {
		t.Errorf("nobody in the directory: %q, %v", out, err)
	}
	pages.Close()
	if out, err := link("ada"); err != nil || out == "" {
		t.Errorf("a page that only browsers reach: %q, %v", out, err)
	}
}
