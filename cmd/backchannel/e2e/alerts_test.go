//go:build real

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/bigmind/backchannel/deploy/realengines"
)

// faster is by how much time passes faster in the rules than in production: every duration in them is so much shorter.
const faster = 20

// TestAlerts strikes the tiers with faults, one after the other. Each fires the alert that is meant for it, within its time, and pages nobody for
// anything else, by Alertmanager's example of what silences what.
func TestAlerts(t *testing.T) {
	s := newStage(t)
	for _, f := range []fault{
		{name: "Redis is away", meant: "BackchannelWaiting", part: "Redis", within: 2 * time.Minute, strike: s.redis.Kill, heal: s.redis.Restart},
		{name: "ClickHouse is away", meant: "BackchannelWaiting", part: "ClickHouse", within: 2 * time.Minute, strike: s.ch.Stop, heal: s.ch.Restart},
		{name: "Kafka is away", meant: "BackchannelWaiting", part: "Kafka", within: 2 * time.Minute, strike: s.brokers[0].Kill, heal: s.brokers[0].Restart},
		{name: "Slack does not answer", meant: "BackchannelWaiting", part: "slack", within: 10 * time.Minute, strike: s.slackAway, heal: s.clear},
		{name: "the mail server is away", meant: "BackchannelWaiting", part: "email", within: 10 * time.Minute, strike: s.mail.Close, heal: s.mail.Open},
		{name: "a tier is gone", meant: "BackchannelPartAbsent", part: "enrich", within: 5 * time.Minute, strike: s.kill("processors"), heal: s.start("processors")},
		{name: "a tier hangs", meant: "BackchannelPartAbsent", part: "views", within: 5 * time.Minute, strike: s.of("sinks").Pause, heal: s.of("sinks").Resume},
		{name: "a flood of poison", meant: "BackchannelDeadLetters", strike: s.poison},
		{name: "somebody forges requests", meant: "BackchannelEventsRefused", within: 5 * time.Minute, strike: s.forge, heal: s.stopForging},
		{name: "Slack says 429", meant: "BackchannelBudgetStarved", within: 15 * time.Minute, strike: s.throttle, heal: s.clear},
		{name: "a backfill stalls", meant: "BackchannelCoverageStalled", within: 45 * time.Minute, strike: s.stall, heal: s.clear},
		{name: "a token is revoked", meant: "BackchannelTokenRevoked", strike: s.revoke},
		{name: "the disk is full", meant: "BackchannelDiskFilling", within: 5 * time.Minute, strike: s.fillDisk, heal: s.emptyDisk},
		{name: "everything is gone", meant: "BackchannelAbsent", within: 5 * time.Minute, strike: s.killAll},
	} {
		s.suffer(f)
	}
}

type fault struct {
	name, meant, part string
	within            time.Duration // the alert's own: its 'for', and what its expression looks back on
	strike, heal      func()
}

// slack for machines that are busy, and for what watches the lag every 15 seconds whatever the rules say.
const busy = 90 * time.Second

// suffer strikes, waits for the alert, mends, and waits until nobody is paged any more.
func (s *stage) suffer(f fault) {
	t, began := s.t, time.Now()
	f.strike()
	others := map[string]int{}
	for fired := false; !fired; time.Sleep(time.Second) {
		if time.Since(began) > f.within/faster+busy {
			t.Errorf("%s: %s did not fire within %s", f.name, f.meant, f.within/faster+busy)
			break
		}
		fired = s.fires(f, others)
	}
	t.Logf("%-28s %-26s %-10s after %3.0f s, of which %s are its own", f.name, f.meant, f.part, time.Since(began).Seconds(), f.within/faster)
	for range 5 { // what else comes of it
		time.Sleep(time.Second)
		s.fires(f, others)
	}
	for name, seen := range others {
		if seen > groupWait {
			t.Errorf("%s: it pages for %s too", f.name, name)
		}
	}
	if f.heal != nil {
		f.heal()
		s.calm(f.name)
	}
}

// groupWait is how many seconds an alert may fire before Alertmanager tells of it: until then what silences it may begin to fire too.
const groupWait = 3

// fires says whether the alert that is meant does, and counts the pages that are not silenced.
func (s *stage) fires(f fault, others map[string]int) (fired bool) {
	firing, err := s.prometheus.Firing()
	s.must(err)
	for _, a := range firing {
		name := a.Labels["alertname"]
		switch {
		case name == f.meant && (f.part == "" || a.Labels["part"] == f.part):
			fired = true
		case name == f.meant || a.Labels["severity"] != "page" || s.silenced(a, firing):
		default:
			others[name+" "+a.Labels["part"]+a.Labels["group"]]++
		}
	}
	return fired
}

// calm waits until no page is left.
func (s *stage) calm(after string) {
	left := []string{"?"}
	for deadline := time.Now().Add(6 * time.Minute); len(left) > 0; time.Sleep(time.Second) {
		firing, err := s.prometheus.Firing()
		s.must(err)
		left = nil
		for _, a := range firing {
			if a.Labels["severity"] == "page" {
				left = append(left, fmt.Sprint(a.Labels))
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: mended, and still: %v", after, left)
		}
	}
}

// inhibition is a rule of Alertmanager's.
type inhibition struct {
	Source []string `yaml:"source_matchers"`
	Target []string `yaml:"target_matchers"`
	Equal  []string
}

func (s *stage) silenced(a realengines.Alert, firing []realengines.Alert) bool {
	for _, rule := range s.inhibitions {
		for _, source := range firing {
			if !matches(source, rule.Source) || !matches(a, rule.Target) || matches(a, rule.Source) {
				continue
			}
			equal := true
			for _, label := range rule.Equal {
				equal = equal && a.Labels[label] == source.Labels[label]
			}
			if equal {
				return true
			}
		}
	}
	return false
}

var matcher = regexp.MustCompile(`^(\w+) (=|!=|=~|!~) "(.*)"$`)

func matches(a realengines.Alert, matchers []string) bool {
	for _, m := range matchers {
		parts := matcher.FindStringSubmatch(m)
		value, want := a.Labels[parts[1]], parts[3]
		same := value == want
		if strings.HasSuffix(parts[2], "~") {
			same = regexp.MustCompile("^(?:" + want + ")$").MatchString(value)
		}
		if same == strings.HasPrefix(parts[2], "!") {
			return false
		}
	}
	return true
}

var (
	durations = regexp.MustCompile(`(for: |\[)(\d+)([mhd])\b`)
	lagIs     = regexp.MustCompile(`(> )300\b`)
)

// fasterRules are copies of the rule files in which time passes faster, but for the objectives' own bounds (10 s, 60 s).
func fasterRules(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"recording.rules.yaml", "alerts.rules.yaml"} {
		content, err := os.ReadFile(filepath.Join("../../../deploy/prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		scaled := durations.ReplaceAllStringFunc(string(content), func(d string) string {
			parts := durations.FindStringSubmatch(d)
			n, _ := strconv.Atoi(parts[2])
			seconds := n * map[string]int{"m": 60, "h": 3600, "d": 86400}[parts[3]] / faster
			return fmt.Sprintf("%s%ds", parts[1], max(1, seconds))
		})
		scaled = lagIs.ReplaceAllString(scaled, "${1}"+strconv.Itoa(300/faster))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(scaled), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "*.rules.yaml")
}

func inhibitions(t *testing.T) []inhibition {
	t.Helper()
	content, err := os.ReadFile("../../../deploy/prometheus/alertmanager.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Rules []inhibition `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Rules {
		for _, m := range append(r.Source, r.Target...) {
			if !matcher.MatchString(m) {
				t.Fatalf("the matcher %q is none that this test understands", m)
			}
		}
	}
	return file.Rules
}
