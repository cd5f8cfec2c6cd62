package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/bigmind/backchannel/cmd/backchannel/config"
)

// What files for deployment set must be there to be set: a misspelt variable would be passed over in silence.
func TestDeploymentFilesNameSettingsThatExist(t *testing.T) {
	known := map[string]bool{"BACKCHANNEL_CONFIG": true, "BACKCHANNEL_IMAGE": true} // the latter is compose's own
	for _, s := range config.Settings {
		known[s.Env()] = true
		if s.Secret {
			known[s.Env()+"_FILE"] = true
		}
	}
	name, found := regexp.MustCompile(`\bBACKCHANNEL_[A-Z_]+`), 0
	for _, file := range []string{"Dockerfile", "compose/compose.yaml", "compose/README.md"} {
		content, err := os.ReadFile(filepath.Join("../../deploy", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, variable := range name.FindAllString(string(content), -1) {
			found++
			if !known[variable] {
				t.Errorf("deploy/%s sets %s, which is no setting", file, variable)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d variables were found", found)
	}
}

// What compose starts must be what the program can be asked for, and every tier must be among it.
func TestComposeStartsEveryTier(t *testing.T) {
	content, err := os.ReadFile("../../deploy/compose/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string
			Command     []string
			Healthcheck map[string]any
		}
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	var running []string
	for name, s := range file.Services {
		if len(s.Healthcheck) == 0 {
			t.Errorf("the service %s has no health check", name)
		}
		if !strings.Contains(s.Image, "backchannel") {
			continue
		}
		cmd, rest, err := rootCommand().Find(s.Command)
		if err != nil || cmd.Name() == "backchannel" {
			t.Errorf("%s runs %v, which is no command: %v", name, s.Command, err)
			continue
		}
		if cmd.Name() == "run" {
			if _, err := choose(rest); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			running = append(running, rest...)
		}
	}
	for _, tier := range tiers {
		if !slices.Contains(running, tier.name) {
			t.Errorf("no service runs %s", tier.name)
		}
	}
}
