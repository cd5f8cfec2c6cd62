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

// StartPrometheus starts prometheus with targets by job, each host:port with /metrics, and files of rules, and waits until it answers.
func StartPrometheus(tb testing.TB, targets map[string][]string, rules ...string) *Prometheus {
	tb.Helper()
	dir := tb.TempDir()
	var jobs []any
	for job, addrs := range targets {
		jobs = append(jobs, map[string]any{"job_name": job, "static_configs": []any{map[string]any{"targets": addrs}}})
	}
	// YAML contains JSON.
	config, err := json.Marshal(map[string]any{"global": map[string]any{"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}, "rule_files": rules, "scrape_configs": jobs})
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

// Addr is host:port of its page.
func (p *Prometheus) Addr() string { return p.addr }

// Sample is one series of an answer.
type Sample struct {
	Labels map[string]string
	Value  float64
}

// Query asks for an expression's value now.
func (p *Prometheus) Query(expression string) ([]Sample, error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if err := p.get("query?query="+url.QueryEscape(expression), &data); err != nil {
		return nil, fmt.Errorf("%s: %w", expression, err)
	}
	samples := make([]Sample, len(data.Result))
	for i, r := range data.Result {
		text, _ := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("read the answer of Prometheus: %w", err)
		}
		samples[i] = Sample{r.Metric, value}
	}
	return samples, nil
}

// Rule is how a rule is doing.
type Rule struct {
	Name, Type, Health, LastError, State string
	Labels                               map[string]string
}

// Rules are all that were loaded.
func (p *Prometheus) Rules() (all []Rule, err error) {
	var data struct {
		Groups []struct{ Rules []Rule }
	}
	if err := p.get("rules", &data); err != nil {
		return nil, err
	}
	for _, g := range data.Groups {
		all = append(all, g.Rules...)
	}
	return all, nil
}

func (p *Prometheus) get(path string, into any) error {
	resp, err := http.Get("http://" + p.addr + "/api/v1/" + path)
	if err != nil {
		return fmt.Errorf("ask Prometheus: %w", err)
	}
	defer resp.Body.Close()
	answer := struct {
		Status, Error string
		Data          any
	}{Data: into}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("read the answer of Prometheus: %w", err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("refused by Prometheus: %s", answer.Error)
	}
	return nil
}

// Alert is one that fires.
type Alert struct {
	Labels      map[string]string
	Annotations map[string]string
}

// Firing are the alerts that fire now.
func (p *Prometheus) Firing() (firing []Alert, err error) {
	var data struct {
		Alerts []struct {
			Alert
			State string
		}
	}
	if err := p.get("alerts", &data); err != nil {
		return nil, err
	}
	for _, a := range data.Alerts {
		if a.State == "firing" {
			firing = append(firing, a.Alert)
		}
	}
	return firing, nil
}
