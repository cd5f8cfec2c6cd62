// Command generate writes openapi.json from the API's handlers. Run by 'go generate ./ingest/api'.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest/api"
)

func main() {
	document, err := generate()
	if err == nil {
		err = os.WriteFile("openapi.json", document, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// generate asks an API that serves nobody.
func generate() ([]byte, error) {
	a := api.New(api.Options{
		Redis: redis.NewClient(&redis.Options{Addr: "127.0.0.1:0"}), Metrics: prometheus.NewRegistry(), Now: time.Now, PerMinute: 1, Log: slog.New(slog.DiscardHandler),
	})
	text, err := json.Marshal(a.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("encode the document: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return nil, fmt.Errorf("indent the document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
