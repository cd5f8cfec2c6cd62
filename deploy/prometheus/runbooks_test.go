package prometheus

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/deploy/prometheus/declared"
)

var queryBlock = regexp.MustCompile("(?s)```text\n(.*?)```")

// Who is woken at 3 a.m. pastes the queries of a runbook: Prometheus reads each line as it stands, and it names metrics that exist.
func TestRunbooksAskWhatPrometheusUnderstands(t *testing.T) {
	known := map[string]bool{}
	for _, m := range metrics(t) {
		known[m.Name] = true
	}
	pages, err := filepath.Glob("../runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var asked []any
	for _, page := range pages {
		for _, block := range queryBlock.FindAllStringSubmatch(read(t, page), -1) {
			for line := range strings.Lines(block[1]) {
				asked = append(asked, map[string]string{"record": "asked", "expr": line})
				for _, name := range metricName.FindAllString(line, -1) {
					if !known[name] && !known[series(name)] && !strings.HasPrefix(name, declared.ClientPrefix) {
						t.Errorf("%s asks for %s, which nothing exports", page, name)
					}
				}
			}
		}
	}
	if len(asked) < 20 {
		t.Fatalf("found only %d queries in %d runbooks", len(asked), len(pages))
	}
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is missing: install prometheus; TestPromtool fails without it where it must not be missing")
	}
	rules, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "asked", "rules": asked}}}) // YAML contains JSON
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "asked.yaml")
	if err := os.WriteFile(file, rules, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("promtool", "check", "rules", "--lint=none", file).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
