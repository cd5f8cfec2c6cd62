//go:build sdks

package sdks

import (
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// python is the interpreter with slack_sdk, which 'make test-sdks' sets up.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SDKS_PYTHON")
	if path == "" {
		t.Fatal("SDKS_PYTHON does not name a Python with slack_sdk: run 'make test-sdks'")
	}
	return path
}

// Python's slack_sdk: Socket Mode with a refresh, its cursors, its retry handler.
func TestPythonSocketMode(t *testing.T) {
	s := newStage(t)
	on := true
	var err error
	s.app, err = s.UpdateApp(t.Context(), s.app.ID, slacksim.AppPatch{SocketMode: &on})
	check(t, err)
	s.installed()
	p := s.run([]string{"MODE=socket"}, python(t), "python/app.py")
	p.await("ready")
	s.setUp(p)
	s.refreshed(p)
	s.silenced(p)
	s.webAPI(p)
	s.blameless()
}

// Python's slack_sdk installs the app by OAuth.
func TestPythonOAuth(t *testing.T) {
	s := newStage(t)
	const redirect = "https://app.example/slack/callback"
	redirects := []string{redirect}
	_, err := s.UpdateApp(t.Context(), s.app.ID, slacksim.AppPatch{RedirectURLs: &redirects})
	check(t, err)
	p := s.run(nil, python(t), "python/app.py")
	p.await("ready")
	address, _ := p.ask("done", said{"do": "install", "redirect": redirect})["url"].(string)
	back, err := url.Parse(s.allow(address))
	check(t, err)
	got := p.ask("done", said{"do": "install", "redirect": redirect, "code": back.Query().Get("code")})
	if got["team"] != string(s.team.ID) || got["scope"] != strings.Join(scopes, ",") || got["works"] != true {
		t.Errorf("the SDK was granted %v", got)
	}
	s.blameless()
}
