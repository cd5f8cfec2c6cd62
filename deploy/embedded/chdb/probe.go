package chdb

import (
	"context"
	"io"
	"net/http"
	"time"
)

// probe asks the engine a real question: an open port or /ping says nothing of a hung engine.
type probe struct {
	client *http.Client
	url    string
}

func newProbe(base string, timeout time.Duration) *probe {
	return &probe{url: base + "/?query=SELECT+1", client: &http.Client{Timeout: timeout,
		// A connection of its own each time, and never by a proxy.
		Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}}
}

// ok says whether the engine answers. An engine that refuses for want of a slot or of memory is busy, not hung.
func (p *probe) ok(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return false
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	switch resp.Header.Get("X-ClickHouse-Exception-Code") {
	case "202", "241": // TOO_MANY_SIMULTANEOUS_QUERIES, MEMORY_LIMIT_EXCEEDED
		return true
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16))
	return err == nil && resp.StatusCode == http.StatusOK && string(body) == "1\n"
}
