package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReadySaysWhatItWaitsFor(t *testing.T) {
	status, text := http.StatusOK, "ready\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("it asks %s", r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}))
	defer server.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	for _, addr := range []string{"0.0.0.0:" + port, ":" + port, "[::]:" + port} {
		if got, err := askReady(addr); err != nil || got != "ready\n" {
			t.Errorf("%s: %q, %v", addr, got, err)
		}
	}
	status, text = http.StatusServiceUnavailable, "waiting for Kafka: away\n"
	if got, err := askReady("127.0.0.1:" + port); err == nil || got != text {
		t.Errorf("%q, %v: want what it waits for, and an error", got, err)
	}
	if _, err := askReady("8080"); err == nil || !strings.Contains(err.Error(), "http-addr") {
		t.Errorf("an address without a host: %v", err)
	}
}
