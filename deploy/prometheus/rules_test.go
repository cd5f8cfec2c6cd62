package prometheus

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/bigmind/backchannel/deploy/prometheus/declared"
)

// rule is one of a rule file.
type rule struct {
	Record, Alert, Expr string
	Labels              map[string]string
	Annotations         map[string]string
}

func rules(t *testing.T, files ...string) (all []rule) {
	t.Helper()
	for _, name := range files {
		var file struct {
			Groups []struct{ Rules []rule }
		}
		if err := yaml.Unmarshal([]byte(read(t, name)), &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, g := range file.Groups {
			all = append(all, g.Rules...)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%v hold no rules", files)
	}
	return all
}

var metricName = regexp.MustCompile(`\bbackchannel[_:][a-z_:0-9]+`)

// Rules must rest on metrics and records that exist: one that does not never fires, and nobody notices.
func TestRulesNameMetricsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, m := range metrics(t) {
		known[m.Name] = true
	}
	all := rules(t, "recording.rules.yaml", "alerts.rules.yaml")
	for _, r := range all {
		if r.Record != "" {
			known[r.Record] = true
		}
	}
	for _, r := range all {
		names := metricName.FindAllString(r.Expr, -1)
		if len(names) == 0 {
			t.Errorf("%s%s rests on no metric of ours: %s", r.Record, r.Alert, r.Expr)
		}
		for _, name := range names {
			if !known[name] && !known[series(name)] && !strings.HasPrefix(name, declared.ClientPrefix) {
				t.Errorf("%s%s names %s, which nothing exports or records", r.Record, r.Alert, name)
			}
		}
	}
}

const runbooks = "https://github.com/bigmind/backchannel/blob/main/deploy/runbooks/"

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	pages := map[string]bool{}
	for _, r := range rules(t, "alerts.rules.yaml") {
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: its severity is %q, want page or ticket", r.Alert, s)
		}
		for _, said := range []string{"summary", "impact"} {
			if !strings.HasSuffix(r.Annotations[said], ".") {
				t.Errorf("%s: its %s is no sentence: %q", r.Alert, said, r.Annotations[said])
			}
		}
		page, found := strings.CutPrefix(r.Annotations["runbook_url"], runbooks)
		if !found || page != r.Alert+".md" {
			t.Errorf("%s: its runbook_url is %q", r.Alert, r.Annotations["runbook_url"])
			continue
		}
		pages[page] = true
		text := read(t, "../runbooks/"+page)
		for _, part := range []string{"# " + r.Alert + "\n", "\n## What it means\n", "\n## Confirm\n", "\n## Mend\n"} {
			if !strings.Contains(text, part) {
				t.Errorf("deploy/runbooks/%s lacks %q", page, strings.TrimSpace(part))
			}
		}
	}
	files, err := filepath.Glob("../runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := filepath.Base(f); !pages[name] && name != "README.md" {
			t.Errorf("%s is of no alert", f)
		}
	}
}

// Every alert, at each of its severities, is seen to fire in a test, and every one not to.
func TestEveryAlertIsTested(t *testing.T) {
	files, err := filepath.Glob("tests/*.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, name := range files {
		var file struct {
			Tests []struct {
				Alerts []struct {
					Name     string `yaml:"alertname"`
					Expected []struct {
						Labels map[string]string `yaml:"exp_labels"`
					} `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		if err := yaml.Unmarshal([]byte(read(t, name)), &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, test := range file.Tests {
			for _, a := range test.Alerts {
				if len(a.Expected) == 0 {
					rests[a.Name] = true
				}
				for _, e := range a.Expected {
					fires[a.Name+" "+e.Labels["severity"]] = true
				}
			}
		}
	}
	for _, r := range rules(t, "alerts.rules.yaml") {
		if !fires[r.Alert+" "+r.Labels["severity"]] {
			t.Errorf("no test in deploy/prometheus/tests sees %s fire as a %s", r.Alert, r.Labels["severity"])
		}
		if !rests[r.Alert] {
			t.Errorf("no test in deploy/prometheus/tests sees %s not fire", r.Alert)
		}
	}
}

// TestPromtool runs the rules' own tests by Prometheus's own tool. Debian's package prometheus has it; .ci/run installs it.
func TestPromtool(t *testing.T) {
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("promtool is missing: install prometheus")
		}
		t.Skip("promtool is missing: install prometheus")
	}
	tests, err := filepath.Glob("tests/*.test.yaml")
	if err != nil || len(tests) == 0 {
		t.Fatal("no tests of rules", err)
	}
	for _, args := range [][]string{
		{"check", "rules", "recording.rules.yaml", "alerts.rules.yaml"}, {"check", "config", "prometheus.yml"}, append([]string{"test", "rules"}, tests...),
	} {
		if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
