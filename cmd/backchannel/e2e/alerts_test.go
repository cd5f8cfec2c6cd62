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

// TestAlerts strikes the tiers with faults, one after the other. Each fires the alert that is meant for it, within its time, and pages nobody for
// anything else, by Alertmanager's example of what silences what; and once it is mended, the alert ends and nobody is paged any more.
//
// Time passes FASTER times faster in the rules (20; 1: as in production): every duration in them is so much shorter. What the processes themselves need
// to notice a fault is not, so that a fault that is told of in time here is told of in time there. With HOLD=FILE it waits while a fault stands: see hold.
func TestAlerts(t *testing.T) {
	s := newStage(t)
	for _, f := range []fault{
		{name: "Redis is away", meant: "BackchannelWaiting", part: "Redis", within: 2 * time.Minute, strike: s.redis.Kill, heal: s.redis.Restart},
		{name: "ClickHouse is away", meant: "BackchannelWaiting", part: "ClickHouse", within: 2 * time.Minute, strike: s.ch.Stop, heal: s.ch.Restart},
		{name: "Kafka is away", meant: "BackchannelWaiting", part: "Kafka", within: 2 * time.Minute, strike: s.brokers[0].Kill, heal: s.brokers[0].Restart},
		{name: "Slack is down", meant: "BackchannelWaiting", part: "slack", within: 10 * time.Minute, strike: s.slackDown, heal: s.clear},
		{name: "Slack does not answer", meant: "BackchannelWaiting", part: "slack", within: 10 * time.Minute, strike: s.slackAway, heal: s.clear},
		{name: "the mail server is away", meant: "BackchannelWaiting", part: "email", within: 10 * time.Minute, strike: s.mail.Close, heal: s.mail.Open},
		{name: "a tier is gone", meant: "BackchannelPartAbsent", part: "enrich", within: 5 * time.Minute, strike: s.kill("processors"), heal: s.start("processors")},
		{name: "a tier hangs", meant: "BackchannelPartAbsent", part: "views", within: 5 * time.Minute, strike: s.pause("sinks"), heal: s.resume("sinks")},
		{name: "a flood of poison", meant: "BackchannelDeadLetters", strike: s.poison},
		{name: "somebody forges requests", meant: "BackchannelEventsRefused", within: 5 * time.Minute, strike: s.forge, heal: s.stopForging},
		{name: "Slack says 429", meant: "BackchannelBudgetStarved", within: 30 * time.Minute, strike: s.throttle, heal: s.clear},
		{name: "a backfill stalls", meant: "BackchannelCoverageStalled", within: 45 * time.Minute, strike: s.stall, heal: s.clear},
		{name: "a token is revoked", meant: "BackchannelTokenRevoked", strike: s.revoke, heal: s.reconnect},
		{name: "the disk fills up", meant: "BackchannelDiskFilling", within: 5 * time.Minute, strike: s.fillDisk, heal: s.emptyDisk},
		{name: "everything is gone", meant: "BackchannelAbsent", within: 5 * time.Minute, strike: s.killAll, heal: s.startAll},
	} {
		t.Run(f.name, func(t *testing.T) { s.suffer(t, f) })
	}
}

type fault struct {
	name, meant, part string
	within            time.Duration // the alert's own: its 'for', and what its expression looks back on
	strike, heal      func()
}

// notice is what may pass until the processes export that something is wrong, on a busy machine. It is not faster in the test than in production.
const notice = time.Minute

// suffer strikes, waits for the alert, and mends.
func (s *stage) suffer(t *testing.T, f fault) {
	limit, began := f.within/time.Duration(s.faster)+notice, time.Now()
	f.strike()
	others := map[string]time.Duration{}
	for fired, last := false, time.Now(); !fired; time.Sleep(time.Second / 4) {
		if time.Since(began) > limit {
			t.Errorf("%s did not fire within %s", f.meant, limit)
			break
		}
		fired = s.fires(f, others, &last)
	}
	t.Logf("%s %s fires after %.0f s, of which %s are its own", f.meant, f.part, time.Since(began).Seconds(), f.within/time.Duration(s.faster))
	s.ask(t, f.meant)
	if s.hold(t, f) {
		return
	}
	for last, until := time.Now(), time.Now().Add(5*time.Second); time.Now().Before(until); time.Sleep(time.Second / 4) { // what else comes of it
		s.fires(f, others, &last)
	}
	s.others(t, others, "while it stands", false)
	mended, after := time.Now(), map[string]time.Duration{}
	if f.heal != nil {
		f.heal()
	}
	s.calm(t, f, after)
	t.Logf("nobody is told of anything %.0f s after it was mended", time.Since(mended).Seconds())
	s.others(t, after, "after it was mended", true)
}

// others are pages for something else. Afterwards those for a budget are none: what was late is counted when it arrives, and five outages within what the
// rules take for six hours spend it.
func (s *stage) others(t *testing.T, others map[string]time.Duration, when string, spent bool) {
	for name, fired := range others {
		switch {
		case fired <= s.groupWait():
		case spent && strings.HasSuffix(name, "BudgetBurn"):
			t.Logf("%s it pages for %s, for %.0f s", when, name, fired.Seconds())
		default:
			t.Errorf("%s it pages for %s too, for %.0f s", when, name, fired.Seconds())
		}
	}
}

// groupWait is how long an alert may fire before Alertmanager tells of it (group_wait, 30 s): until then what silences it may begin to fire too. What
// notices a fault is not faster, hence the least.
func (s *stage) groupWait() time.Duration {
	return max(30*time.Second/time.Duration(s.faster), 4*time.Second)
}

// fires says whether the alert that is meant does, and adds up for how long pages that are not silenced do.
func (s *stage) fires(f fault, others map[string]time.Duration, last *time.Time) (fired bool) {
	firing, err := s.prometheus.Firing()
	s.must(err)
	passed := time.Since(*last)
	*last = time.Now()
	for _, a := range firing {
		name := a.Labels["alertname"]
		switch {
		case name == f.meant && (f.part == "" || a.Labels["part"] == f.part):
			fired = true
		case name == f.meant && name == "BackchannelPartAbsent": // the parts of one tier are one page
		case a.Labels["severity"] != "page" || s.silenced(a, firing):
		default:
			others[strings.TrimSpace(name+" "+a.Labels["part"]+a.Labels["group"])] += passed
		}
	}
	return fired
}

// calm waits until the alert has ended and no page is left.
func (s *stage) calm(t *testing.T, f fault, others map[string]time.Duration) {
	last, left := time.Now(), []string{"?"}
	for deadline := time.Now().Add(6*time.Minute + 30*time.Minute/time.Duration(s.faster)); len(left) > 0; time.Sleep(time.Second / 4) {
		s.fires(f, others, &last)
		firing, err := s.prometheus.Firing()
		s.must(err)
		left = nil
		for _, a := range firing {
			if a.Labels["severity"] == "page" || a.Labels["alertname"] == f.meant {
				left = append(left, fmt.Sprint(a.Labels))
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("mended, and still: %v", left)
		}
	}
}

// ask evaluates every query of an alert's runbook while its fault stands: each has an answer.
func (s *stage) ask(t *testing.T, alert string) {
	page, err := os.ReadFile("../../../deploy/runbooks/" + alert + ".md")
	s.must(err)
	for _, block := range queries.FindAllStringSubmatch(string(page), -1) {
		for expr := range strings.Lines(block[1]) {
			if samples, err := s.prometheus.Query(strings.TrimSpace(expr)); err != nil || len(samples) == 0 {
				t.Errorf("the runbook's query %s: %d series, %v", strings.TrimSpace(expr), len(samples), err)
			}
		}
	}
}

var queries = regexp.MustCompile("(?s)```text\n(.*?)```")

// hold lets somebody follow a runbook while its fault stands: HOLD names a file to which the settings of the stage are written, for a shell to read; when
// that is removed, the fault is mended and the next one strikes. What else comes of a fault is not looked at then.
func (s *stage) hold(t *testing.T, f fault) bool {
	file := os.Getenv("HOLD")
	if file == "" {
		return false
	}
	var text strings.Builder
	set := func(assignment string) {
		name, value, _ := strings.Cut(assignment, "=")
		fmt.Fprintf(&text, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	for _, assignment := range s.env {
		set(assignment)
	}
	for name, process := range s.tiers {
		set(fmt.Sprintf("%s=%s", strings.ToUpper(name), s.addrs[name]))
		set(fmt.Sprintf("%s_PID=%d", strings.ToUpper(name), process.PID()))
	}
	set("PROMETHEUS=" + s.prometheus.Addr())
	set("TINY_DATA=" + s.tiny)
	set("PATH=" + filepath.Dir(s.executable()) + ":" + os.Getenv("PATH"))
	s.must(os.WriteFile(file, []byte(text.String()), 0o600))
	t.Logf("%s: follow the runbook of %s, with the settings in %s; remove that file to go on", f.name, f.meant, file)
	for {
		if _, err := os.Stat(file); err != nil {
			break
		}
		time.Sleep(time.Second)
	}
	if f.heal != nil {
		f.heal()
	}
	return true
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
func fasterRules(t *testing.T, faster int) string {
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
