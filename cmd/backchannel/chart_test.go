package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
	"github.com/bigmind/backchannel/cmd/backchannel/tracing"
	"github.com/bigmind/backchannel/schemas"
)

// The settings that the chart has for itself: where a container listens, and what only a process with engines of its own takes.
var chartsOwn = []string{"http-addr", "data", "embedded", "simulate-slack", "slack-sim-addr"}

// The chart takes every setting of the program by its name, and no other.
func TestChartKnowsEverySetting(t *testing.T) {
	content, err := os.ReadFile("../../deploy/helm/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Settings struct{ Properties map[string]any }
			Secret   struct {
				Properties struct {
					Keys struct{ Items struct{ Enum []string } }
				}
			}
		}
	}
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	var plain, secret, known []string
	for _, s := range config.Settings {
		switch {
		case s.Secret:
			secret = append(secret, s.Name)
		case !slices.Contains(chartsOwn, s.Name):
			plain = append(plain, s.Name)
		}
	}
	for name := range schema.Properties.Settings.Properties {
		known = append(known, name)
	}
	for _, names := range [][]string{plain, secret, known, schema.Properties.Secret.Properties.Keys.Items.Enum} {
		slices.Sort(names)
	}
	if diff := gocmp.Diff(plain, known); diff != "" {
		t.Errorf("deploy/helm/values.schema.json, settings: the program's (-), the chart's (+):\n%s", diff)
	}
	if diff := gocmp.Diff(secret, schema.Properties.Secret.Properties.Keys.Items.Enum); diff != "" {
		t.Errorf("deploy/helm/values.schema.json, secret.keys: the program's (-), the chart's (+):\n%s", diff)
	}
}

// manifest is what of a Kubernetes object is looked at here.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		PodSelector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"podSelector"`
		Template        podTemplate
		ScaleTargetRef  struct{ Name string } `yaml:"scaleTargetRef"`
		MaxReplicaCount int                   `yaml:"maxReplicaCount"`
		Triggers        []struct{ Metadata map[string]string }
	}
}

type podTemplate struct {
	Metadata struct{ Labels map[string]string }
	Spec     struct {
		SecurityContext map[string]any `yaml:"securityContext"`
		Containers      []container
	}
}

type container struct {
	Args            []string
	Env             []struct{ Name, Value string }
	LivenessProbe   httpProbe      `yaml:"livenessProbe"`
	ReadinessProbe  httpProbe      `yaml:"readinessProbe"`
	SecurityContext map[string]any `yaml:"securityContext"`
}

type httpProbe struct {
	HTTPGet struct{ Path string } `yaml:"httpGet"`
}

// rendered is what `make test-deploy` made of the chart with each set of values.
func rendered(t *testing.T) map[string][]manifest {
	t.Helper()
	folder := os.Getenv("CHART")
	if folder == "" {
		t.Skip("'make test-deploy' renders the chart first, and says where by CHART")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%s has the files %v: %v", folder, files, err)
	}
	all := map[string][]manifest{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for decoder := yaml.NewDecoder(bytes.NewReader(content)); ; {
			var m manifest
			if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all[filepath.Base(file)] = append(all[filepath.Base(file)], m)
		}
	}
	return all
}

// What the chart starts is what the program can be asked for, with settings that it has; every component runs somewhere, and in one Deployment only.
func TestChartStartsEveryTier(t *testing.T) {
	for file, manifests := range rendered(t) {
		running := map[string]string{}
		for _, m := range manifests {
			for _, c := range m.Spec.Template.Spec.Containers {
				checkEnvironment(t, m, c)
				cmd, rest, err := rootCommand().Find(c.Args)
				if err != nil || cmd.Name() == "backchannel" {
					t.Errorf("%s: %s runs %v, which is no command: %v", file, m.Metadata.Name, c.Args, err)
					continue
				}
				if err := cmd.ParseFlags(rest); err != nil {
					t.Errorf("%s: %s runs %v: %v", file, m.Metadata.Name, c.Args, err)
				}
				if m.Kind != "Deployment" {
					continue
				}
				chosen, err := choose(rest)
				if err != nil {
					t.Errorf("%s: %s: %v", file, m.Metadata.Name, err)
				}
				for _, of := range chosen {
					if other := running[of.name]; other != "" {
						t.Errorf("%s: %s runs in %s and in %s", file, of.name, other, m.Metadata.Name)
					}
					running[of.name] = m.Metadata.Name
				}
				if c.LivenessProbe.HTTPGet.Path != "/livez" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
					t.Errorf("%s: %s is probed at %q and %q", file, m.Metadata.Name, c.LivenessProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path)
				}
			}
		}
		for _, tier := range tiers {
			for _, c := range tier.components {
				if running[c.name] == "" && (file == "values.yaml" || file == "full.yaml") {
					t.Errorf("%s: nothing runs %s", file, c.name)
				}
			}
		}
	}
}

func checkEnvironment(t *testing.T, m manifest, c container) {
	t.Helper()
	given := map[string]string{}
	for _, e := range c.Env {
		if strings.HasPrefix(e.Name, "OTEL_") { // OpenTelemetry's own
			if wanted, err := tracing.Wanted(func(name string) string {
				return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", e.Name: e.Value}[name]
			}); !wanted || err != nil {
				t.Errorf("%s: with %s=%s there are no traces: %v", m.Metadata.Name, e.Name, e.Value, err)
			}
			continue
		}
		name, isFile := strings.CutSuffix(e.Name, "_FILE")
		i := slices.IndexFunc(config.Settings, func(s config.Setting) bool { return s.Env() == name })
		if i < 0 || isFile && !config.Settings[i].Secret {
			t.Errorf("%s sets %s, which is no setting", m.Metadata.Name, e.Name)
			continue
		}
		given[config.Settings[i].Name] = e.Value
		if isFile {
			given[config.Settings[i].Name] = cmp.Or(map[string]string{"slack-app-token": "xapp-1", "smtp-url": "smtp://mail:587"}[config.Settings[i].Name], "a secret")
		}
	}
	if _, err := config.Load(given, func(string) (string, bool) { return "", false }, ""); err != nil {
		t.Errorf("%s: the program refuses its settings: %v", m.Metadata.Name, err)
	}
	if len(c.Env) < 5 {
		t.Errorf("%s sets only %d variables", m.Metadata.Name, len(c.Env))
	}
	if c.SecurityContext["readOnlyRootFilesystem"] != true || c.SecurityContext["allowPrivilegeEscalation"] != false ||
		m.Spec.Template.Spec.SecurityContext["runAsNonRoot"] != true {
		t.Errorf("%s may do more than it has to: %v, %v", m.Metadata.Name, c.SecurityContext, m.Spec.Template.Spec.SecurityContext)
	}
}

// What selects pods finds some; and every pod has a budget and a network policy, where these are on.
func TestChartSelectsItsPods(t *testing.T) {
	for file, manifests := range rendered(t) {
		covered := map[string][]string{}
		for _, m := range manifests {
			selector := m.Spec.Selector.MatchLabels
			if m.Kind == "NetworkPolicy" {
				selector = m.Spec.PodSelector.MatchLabels
			}
			if len(selector) == 0 || m.Kind == "ServiceMonitor" {
				continue
			}
			found := 0
			for _, pods := range manifests {
				if labels := pods.Spec.Template.Metadata.Labels; labels != nil && selects(selector, labels) {
					found++
					covered[pods.Metadata.Name] = append(covered[pods.Metadata.Name], m.Kind)
				}
			}
			if found != 1 {
				t.Errorf("%s: the %s %s selects the pods of %d workloads", file, m.Kind, m.Metadata.Name, found)
			}
		}
		for _, m := range manifests {
			if m.Kind == "Deployment" && file != "minimal.yaml" && (!slices.Contains(covered[m.Metadata.Name], "NetworkPolicy") || !slices.Contains(covered[m.Metadata.Name], "PodDisruptionBudget")) {
				t.Errorf("%s: the pods of %s are selected by %v only", file, m.Metadata.Name, covered[m.Metadata.Name])
			}
		}
	}
}

func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}

// Scaling watches groups that exist, and makes no more replicas than a topic has partitions.
func TestChartScalesByLag(t *testing.T) {
	partitions := 0
	for _, s := range schemas.AllTopics() {
		partitions = max(partitions, int(s.Partitions))
	}
	scaled := 0
	for file, manifests := range rendered(t) {
		for _, m := range manifests {
			if m.Kind != "ScaledObject" {
				continue
			}
			scaled++
			if !slices.ContainsFunc(manifests, func(o manifest) bool { return o.Kind == "Deployment" && o.Metadata.Name == m.Spec.ScaleTargetRef.Name }) {
				t.Errorf("%s: %s scales %s, which is not there", file, m.Metadata.Name, m.Spec.ScaleTargetRef.Name)
			}
			if m.Spec.MaxReplicaCount > partitions {
				t.Errorf("%s: %s makes up to %d replicas; no topic has more than %d partitions", file, m.Metadata.Name, m.Spec.MaxReplicaCount, partitions)
			}
			query := m.Spec.Triggers[0].Metadata["query"]
			_, list, _ := strings.Cut(query, `group=~"backchannel-(`)
			list, _, _ = strings.Cut(list, ")")
			for name := range strings.SplitSeq(list, "|") {
				if !slices.Contains(consumerGroups(everyComponent), "backchannel-"+name) {
					t.Errorf("%s: %s asks for the lag of %q, which consumes nothing", file, m.Metadata.Name, name)
				}
			}
		}
	}
	if scaled != 2 {
		t.Errorf("%d ScaledObjects were rendered, want the two of full.yaml", scaled)
	}
}
