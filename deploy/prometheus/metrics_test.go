package prometheus

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/prometheus/declared"
)

const root = "../.."

// metrics are those that the code declares.
func metrics(t *testing.T) []declared.Metric {
	t.Helper()
	all, err := declared.Metrics(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Fatalf("found only %d metrics in the code: does the package still know how they are declared?", len(all))
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestThePageIsWhatTheCodeDeclares(t *testing.T) {
	if diff := cmp.Diff(declared.Page(metrics(t)), read(t, "../METRICS.md")); diff != "" {
		t.Errorf("run 'make generate' and commit what changed; deploy/METRICS.md (-code +page):\n%s", diff)
	}
}

// bounded are the labels that there may be, with what bounds them.
var bounded = map[string]string{
	"channel": "slack, email", "fate": "an enum", "go": "the build", "group": "components", "how": "live, late, polled", "kind": "an enum", "list": "users, channels", "operation": "the API's operations", "method": "Slack's methods",
	"part": "components and engines", "policy": "repeat, silence; retention.Policies", "processor": "components", "reason": "schemas.Reasons, or an enum", "result": "an enum", "route": "the console's routes",
	"setting": "config.Settings", "sink": "components", "stage": "the probe's", "status": "an enum", "topic": "schemas.Topics", "type": "Slack's payload types", "version": "the build",
}

var units = []string{"seconds", "records", "bytes", "info", "total", "connections", "counted", "channels", "installations", "workspaces", "pending", "waiting", "complete", "per_minute", "status"}

func TestEveryMetricFollowsTheRule(t *testing.T) {
	all := metrics(t)
	for i, m := range all {
		if i > 0 && all[i-1].Name == m.Name {
			t.Errorf("%s is declared twice: %s and %s", m.Name, all[i-1].File, m.File)
		}
		if !strings.HasPrefix(m.Name, declared.Prefix) || strings.ToLower(m.Name) != m.Name {
			t.Errorf("%s (%s): a metric begins with %s and is lower case", m.Name, m.File, declared.Prefix)
		}
		if !strings.HasSuffix(m.Help, ".") || len(m.Help) < 20 {
			t.Errorf("%s: its help says too little: %q", m.Name, m.Help)
		}
		if (m.Kind == "counter") != strings.HasSuffix(m.Name, "_total") {
			t.Errorf("%s is a %s: counters, and they alone, end with _total", m.Name, m.Kind)
		}
		if !slices.ContainsFunc(units, func(u string) bool { return strings.HasSuffix(m.Name, "_"+u) }) {
			t.Errorf("%s ends with no unit of %v", m.Name, units)
		}
		if m.Kind == "histogram" && !m.Native {
			t.Errorf("%s (%s) has no NativeHistogramBucketFactor", m.Name, m.File)
		}
		for _, tier := range []string{"ingest", "processors", "sinks"} {
			if in := strings.HasPrefix(m.File, tier+"/"); in != strings.HasPrefix(m.Name, declared.Prefix+tier+"_") {
				t.Errorf("%s is declared in %s: a tier's metrics, and they alone, carry its name", m.Name, m.File)
			}
		}
		for _, label := range m.Labels {
			if bounded[label] == "" {
				t.Errorf("%s has the label %s: what bounds it? Say so in this test", m.Name, label)
			}
		}
	}
}

// Documents must not speak of metrics that are not there.
func TestDocumentsNameMetricsThatExist(t *testing.T) {
	known := map[string]bool{}
	for _, m := range metrics(t) {
		known[m.Name] = true
	}
	var files []string
	for _, pattern := range []string{"../../*.md", "../*.md", "../*/*.md", "../../*/*/README.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) < 5 {
		t.Fatalf("found only %v", files)
	}
	name := regexp.MustCompile(`\bbackchannel_[a-z]+_[a-z_]+`)
	for _, file := range files {
		for _, mentioned := range name.FindAllString(read(t, file), -1) {
			if !known[series(mentioned)] && !strings.HasPrefix(mentioned, declared.ClientPrefix) {
				t.Errorf("%s mentions %s, which the code does not have", file, mentioned)
			}
		}
	}
}

// series strips what a histogram's series add to its name.
func series(name string) string {
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if s, is := strings.CutSuffix(name, suffix); is {
			return s
		}
	}
	return name
}
