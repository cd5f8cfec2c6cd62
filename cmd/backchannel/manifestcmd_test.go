package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/cmd/backchannel/health"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/schemas/seal"
)

// TestTheManifestIsWhatTheCodeServes: the printed URLs lead to handlers of this binary, by the method that Slack uses.
func TestTheManifestIsWhatTheCodeServes(t *testing.T) {
	out, err := execute(t, "", "manifest", "--url", "https://bigmind.example")
	if err != nil {
		t.Fatal(err)
	}
	var m slackapp.Manifest
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatal(err)
	}
	mux := ingestMux(t)
	served := func(method, address string) {
		t.Helper()
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, pattern := mux.Handler(httptest.NewRequest(method, u.Path, nil)); pattern == "" {
			t.Errorf("%s %s is served by nobody", method, address)
		}
	}
	served(http.MethodPost, m.Settings.Events.RequestURL)
	served(http.MethodPost, m.Settings.Interactivity.RequestURL)
	served(http.MethodPost, m.Settings.Interactivity.OptionsURL)
	for _, address := range m.OAuthConfig.RedirectURLs {
		served(http.MethodGet, address)
	}
	served(http.MethodGet, slackapp.ConnectPath)
	served(http.MethodGet, slackapp.ChannelSyncPath)
}

// ingestMux is the routes of the whole ingest tier.
func ingestMux(t *testing.T) *http.ServeMux {
	t.Helper()
	keys, err := seal.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	c := settings(t, map[string]string{
		"slack-signing-secret": "x", "slack-client-id": "1.2", "slack-client-secret": "y", "token-keys": string(keys), "public-url": "https://bigmind.example",
	})
	log, mux := slog.New(slog.DiscardHandler), http.NewServeMux()
	w, err := newWiring(c, log, health.New(log), mux, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	chosen, err := choose([]string{"ingest"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.build(chosen); err != nil {
		t.Fatal(err)
	}
	return mux
}

func TestTheManifestSaysWhatIsMissing(t *testing.T) {
	if _, err := execute(t, "", "manifest"); err == nil || !strings.Contains(err.Error(), "no URL is given") {
		t.Error(err)
	}
	if out, err := execute(t, "", "manifest", "--socket-mode"); err != nil || strings.Contains(out, "://") {
		t.Error(out, err)
	}
}
