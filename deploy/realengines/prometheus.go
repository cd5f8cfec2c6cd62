package realengines

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// Prometheus scrapes targets every second.
type Prometheus struct {
	*Process
	addr string
}

// StartPrometheus starts a Prometheus that scrapes /metrics of the targets ("host:port").
func StartPrometheus(tb testing.TB, targets ...string) *Prometheus {
	tb.Helper()
	bin := needs(tb, "prometheus", "prometheus")
	dir := tb.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	write(tb, config, fmt.Sprintf(`global: {scrape_interval: 1s}
scrape_configs:
  - job_name: backchannel
    static_configs: [{targets: [%s]}]
`, strings.Join(targets, ", ")))
	p := &Prometheus{addr: "127.0.0.1:" + freePorts(tb, 1)[0]}
	argv := []string{bin, "--config.file", config, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", p.addr, "--log.level", "warn"}
	p.Process = start(tb, "prometheus", nil, argv, func() error { return dial(p.addr) })
	return p
}

// Query asks for the current values of an expression, by their labels.
func (p *Prometheus) Query(expr string) (map[string]string, error) {
	resp, err := http.Get("http://" + p.addr + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any // Unix seconds, value
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read Prometheus' answer: %w", err)
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("Prometheus refuses %q: %s", expr, answer.Error)
	}
	values := map[string]string{}
	for _, r := range answer.Data.Result {
		labels, err := json.Marshal(r.Metric)
		if err != nil {
			return nil, fmt.Errorf("name a series: %w", err)
		}
		values[string(labels)] = fmt.Sprint(r.Value[1])
	}
	return values, nil
}
