//go:build unix

package realengines

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Prometheus scrapes its targets every second.
type Prometheus struct {
	addr string
}

// StartPrometheus starts prometheus with targets by job, each host:port with /metrics, and waits until it answers.
func StartPrometheus(tb testing.TB, targets map[string][]string) *Prometheus {
	tb.Helper()
	dir := tb.TempDir()
	var jobs []any
	for job, addrs := range targets {
		jobs = append(jobs, map[string]any{"job_name": job, "static_configs": []any{map[string]any{"targets": addrs}}})
	}
	// YAML contains JSON.
	config, err := json.Marshal(map[string]any{"global": map[string]any{"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "prometheus.yml"), config, 0o644)
	}
	if err != nil {
		tb.Fatalf("write Prometheus's configuration: %v", err)
	}
	p := &Prometheus{addr: FreeAddrs(tb, 1)[0]}
	process := Start(tb, "prometheus", dir, nil, "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
		"--web.listen-address="+p.addr)
	process.Await(time.Minute, func() error {
		resp, err := http.Get("http://" + p.addr + "/-/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", resp.Status)
		}
		return nil
	})
	return p
}

// Sample is one series of an answer.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Query asks for an expression's value now.
func (p *Prometheus) Query(expression string) ([]Sample, error) {
	resp, err := http.Get("http://" + p.addr + "/api/v1/query?query=" + url.QueryEscape(expression))
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read the answer of Prometheus: %w", err)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("the query %q is refused: %s", expression, answer.Error)
	}
	samples := make([]Sample, len(answer.Data.Result))
	for i, r := range answer.Data.Result {
		text, _ := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("read the answer of Prometheus: %w", err)
		}
		samples[i] = Sample{r.Metric, value}
	}
	return samples, nil
}
