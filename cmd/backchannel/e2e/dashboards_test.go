//go:build real

package e2e

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/grafana"
	"github.com/bigmind/backchannel/deploy/realengines"
)

// A real Prometheus scrapes the demo: every query of every dashboard has an answer, every rule evaluates, every record has data, and nobody is paged.
func TestDashboards(t *testing.T) {
	addrs, data := realengines.FreeAddrs(t, 5), t.TempDir()
	demo := realengines.Start(t, "demo", t.TempDir(), []string{
		"BACKCHANNEL_HTTP_ADDR=" + addrs[0], "BACKCHANNEL_KAFKA_BROKERS=" + addrs[1], "BACKCHANNEL_REDIS_URL=redis://" + addrs[2] + "/0",
		"BACKCHANNEL_CLICKHOUSE_URL=http://" + addrs[3], "BACKCHANNEL_SLACK_SIM_ADDR=" + addrs[4],
	}, binary(t), "demo", "--data", data)
	demo.Await(2*time.Minute, ready(addrs[0]))
	rules, err := filepath.Abs("../../../deploy/prometheus")
	if err != nil {
		t.Fatal(err)
	}
	prometheus := realengines.StartPrometheus(t, map[string][]string{"backchannel": {addrs[0]}}, filepath.Join(rules, "*.rules.yaml"))
	dashboards, err := grafana.Dashboards("../../../deploy/grafana")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, d := range dashboards {
		for _, p := range d.Panels {
			for _, expr := range p.Expressions("5m") {
				asked++
				eventually(t, 2*time.Minute, func() error {
					if err := answered(prometheus, expr); err != nil {
						return fmt.Errorf("%s, %q: %w", d.File, p.Title, err)
					}
					return nil
				})
			}
		}
	}
	if asked < 50 {
		t.Errorf("the dashboards asked only %d times", asked)
	}
	eventually(t, 2*time.Minute, func() error { return evaluated(prometheus) })
	demo.Terminate()
	demo.Wait(5 * time.Minute)
}

// answered says whether there is data. That a quantile of nothing is no number is no fault of the query: its series are there.
func answered(prometheus *realengines.Prometheus, expr string) error {
	samples, err := prometheus.Query(expr)
	if err != nil {
		return err
	}
	for _, s := range samples {
		if !math.IsNaN(s.Value) || strings.Contains(expr, "histogram_quantile") {
			return nil
		}
	}
	return fmt.Errorf("%s has no data", expr)
}

func evaluated(prometheus *realengines.Prometheus) error {
	rules, err := prometheus.Rules()
	if err != nil {
		return err
	}
	if len(rules) < 40 {
		return fmt.Errorf("Prometheus has only %d rules", len(rules))
	}
	for _, r := range rules {
		switch {
		case r.Health != "ok":
			return fmt.Errorf("the rule %s is %s: %s", r.Name, r.Health, r.LastError)
		case r.Type == "alerting" && r.State == "firing" && r.Labels["severity"] == "page":
			return fmt.Errorf("a demo in which nothing is wrong pages somebody: %s", r.Name)
		case r.Type == "recording":
			if err := answered(prometheus, r.Name); err != nil {
				return err
			}
		}
	}
	return nil
}
