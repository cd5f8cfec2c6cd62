package e2e

import (
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestEmbeddedScenario(t *testing.T) {
	p := newEmbedded(t)
	process := p.startAll()
	scenario(t, p)
	process.Terminate()
	if code := process.Wait(time.Minute); code != 0 {
		t.Errorf("after SIGTERM it drained with exit code %d", code)
	}
}

func TestConfigShowsNoSecret(t *testing.T) {
	p := newEmbedded(t)
	out, code := p.command("", "config")
	if code != 0 || !strings.Contains(out, "redacted") || !strings.Contains(out, "environment BACKCHANNEL_HTTP_ADDR") {
		t.Errorf("config: exit code %d\n%s", code, out)
	}
	if strings.Contains(out, signingSecret) || strings.Contains(out, "primaryKeyId") {
		t.Error("config shows a secret")
	}
}

// A process whose engines are away waits and says for what; asked to end twice, it ends.
func TestWaitsForItsEnginesAndLeavesAtOnceWhenToldTwice(t *testing.T) {
	p := newEmbedded(t)
	process := p.start("waiting", p.http, "run", "enrich", "route", "views", "clickhouse")
	process.Await(within, func() error { _, _, err := get("http://" + p.http + "/livez"); return err })
	for _, engine := range []string{"Kafka", "Redis", "ClickHouse"} {
		eventually(t, within, func() error {
			status, text, err := get("http://" + p.http + "/readyz")
			if err == nil && (status != http.StatusServiceUnavailable || !strings.Contains(text, "waiting for "+engine)) {
				err = &unready{status, text}
			}
			return err
		})
	}
	process.Terminate()
	eventually(t, within, func() error {
		// The second one; a process that has ended meanwhile is what it asks for.
		_ = syscall.Kill(process.PID(), syscall.SIGTERM)
		if !process.Ended() {
			return errors.New("it still runs")
		}
		return nil
	})
}

type unready struct {
	status int
	text   string
}

func (u *unready) Error() string { return u.text }
