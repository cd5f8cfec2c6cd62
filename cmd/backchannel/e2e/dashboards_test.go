//go:build real

package e2e

import (
	"errors"
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
	silent := map[string]string{} // queries without an answer yet, and who asks them
	for _, d := range dashboards {
		for _, p := range d.Panels {
			for _, expr := range p.Expressions("5m") {
				silent[expr] = fmt.Sprintf("%s, %q", d.File, p.Title)
			}
		}
	}
	if len(silent) < 50 {
		t.Errorf("the dashboards ask only %d different things", len(silent))
	}
	for deadline := time.Now().Add(4 * time.Minute); len(silent) > 0 && time.Now().Before(deadline); time.Sleep(time.Second) {
		for expr := range silent {
			if answered(prometheus, expr) == nil {
				delete(silent, expr)
			}
		}
	}
	for expr, panel := range silent { // all of them, since each run takes minutes
		t.Errorf("%s: %v", panel, answered(prometheus, expr))
	}
	defer logPromised(t, prometheus)
	wrong := evaluated(prometheus)
	for deadline := time.Now().Add(2 * time.Minute); wrong != nil && time.Now().Before(deadline); wrong = evaluated(prometheus) {
		time.Sleep(time.Second)
	}
	if wrong != nil {
		t.Error(wrong)
	}
	demo.Terminate()
	demo.Wait(5 * time.Minute)
}

// logPromised tells how well the objectives were kept, for whoever has to find out why somebody was paged.
func logPromised(t *testing.T, prometheus *realengines.Prometheus) {
	t.Helper()
	for _, expr := range []string{
		`sum by (le) (backchannel_sinks_freshness_seconds_bucket{sink="clickhouse"})`, `sum by (le) (backchannel_sinks_delivery_seconds_bucket)`,
		`sum by (status, reason) (backchannel_sinks_outcomes_total)`, `backchannel:slo_errors:ratio_rate5m`,
	} {
		samples, err := prometheus.Query(expr)
		if err != nil {
			t.Error(err)
		}
		for _, s := range samples {
			t.Log(expr, s.Labels, s.Value)
		}
	}
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
	var wrong []error
	for _, r := range rules {
		switch {
		case r.Health != "ok":
			wrong = append(wrong, fmt.Errorf("the rule %s is %s: %s", r.Name, r.Health, r.LastError))
		case r.Type == "alerting" && r.State == "firing" && r.Labels["severity"] == "page":
			wrong = append(wrong, fmt.Errorf("a demo in which nothing is wrong pages somebody: %s", r.Name))
		case r.Type == "recording":
			wrong = append(wrong, answered(prometheus, r.Name))
		}
	}
	return errors.Join(wrong...)
}
