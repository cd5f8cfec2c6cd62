package grafana

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/deploy/prometheus/declared"
)

func dashboards(t *testing.T) []Dashboard {
	t.Helper()
	all, err := Dashboards(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 6 {
		t.Fatalf("only %d dashboards are here", len(all))
	}
	return all
}

// known are the names that an expression may have: what the code declares and what rules record.
func known(t *testing.T) map[string]bool {
	t.Helper()
	all, err := declared.Metrics("../..")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range all {
		names[m.Name] = true
		if m.Kind == "histogram" {
			for _, suffix := range []string{"_bucket", "_count", "_sum"} {
				names[m.Name+suffix] = true
			}
		}
	}
	rules, err := os.ReadFile("../prometheus/recording.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`record: (\S+)`).FindAllStringSubmatch(string(rules), -1) {
		names[m[1]] = true
	}
	return names
}

// What Grafana would show without a word of complaint: a panel that asks for what is not there, or does not say what it shows.
func TestPanelsAskForWhatThereIs(t *testing.T) {
	names, name, uids := known(t), regexp.MustCompile(`\bbackchannel[_:][a-z_:0-9]+`), map[string]string{}
	for _, d := range dashboards(t) {
		if other := uids[d.UID]; other != "" || d.UID == "" || d.Title == "" || d.Description == "" || len(d.Tags) == 0 {
			t.Errorf("%s: a dashboard has a uid of its own (%q), a title, a description and a tag", d.File, d.UID)
		}
		uids[d.UID] = d.File
		for _, p := range d.Panels {
			if p.Type == "row" || p.Type == "text" {
				continue
			}
			if p.Title == "" || p.Description == "" || len(p.Targets) == 0 {
				t.Errorf("%s, %q: a panel has a title, a description and something to ask", d.File, p.Title)
			}
			if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 || p.GridPos.H == 0 {
				t.Errorf("%s, %q lies outside the grid: %+v", d.File, p.Title, p.GridPos)
			}
			for _, target := range p.Targets {
				if target.Expr == "" {
					continue
				}
				if p.FieldConfig.Defaults.Unit == "" {
					t.Errorf("%s, %q has no unit", d.File, p.Title)
				}
				if !strings.HasPrefix(target.Datasource.UID, "${") {
					t.Errorf("%s, %q names a data source of somebody's: %q", d.File, p.Title, target.Datasource.UID)
				}
				if strings.Contains(target.Expr, "rate(") && !strings.Contains(target.Expr, "$__rate_interval") && !strings.Contains(target.Expr, "[1h]") {
					t.Errorf("%s, %q: a rate is over $__rate_interval: %s", d.File, p.Title, target.Expr)
				}
				for _, n := range name.FindAllString(target.Expr, -1) {
					if !names[n] && !strings.HasPrefix(n, declared.ClientPrefix) {
						t.Errorf("%s, %q asks for %s, which nothing exports or records", d.File, p.Title, n)
					}
				}
			}
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	for _, d := range dashboards(t) {
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" && other != p.Title {
						t.Fatalf("%s: %q and %q overlap", d.File, other, p.Title)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}
