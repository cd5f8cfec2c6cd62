package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What was posted by hand stands in ClickHouse, long before the channel's window, and Slack has none of it: 'audit' says so, 'sync backfill' has the channel
// read from that day on, by which it is found to be deleted, and 'audit' is content.
func syncCommands(t *testing.T, p *pipeline, w *world) {
	channel := string(w.channel)
	status := func(want ...string) func() error {
		return func() error {
			out, code := p.command("", "sync", "status", "--channel", channel)
			for _, text := range append(want, channel) {
				if code != 0 || !strings.Contains(out, text) {
					return fmt.Errorf("sync status: exit code %d, and %q is not in\n%s", code, text, out)
				}
			}
			return nil
		}
	}
	eventually(t, within, status("[####################] 100%", "complete"))
	if out, code := p.command("", "audit", "--channel", channel); code != 0 || out != "" {
		t.Errorf("audit of the window: exit code %d\n%s", code, out)
	}
	const since = "2026-09-01"
	out, code := p.command("", "audit", "--channel", channel, "--since", since)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 1 || !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, "1790000000.000200  should be deleted") }) {
		t.Errorf("audit from before the window: exit code %d\n%s", code, out)
	}
	for _, text := range []string{"import", "overnight"} {
		if strings.Contains(out, text) {
			t.Errorf("audit prints what a message says:\n%s", out)
		}
	}
	if out, code = p.command("", "audit", "--channel", channel, "--since", since, "--json"); code != 1 || !strings.Contains(out, `"kind":"should be deleted"`) {
		t.Errorf("audit --json: exit code %d\n%s", code, out)
	}
	for _, wrong := range [][]string{
		{"sync", "backfill", "--since", since}, {"sync", "backfill", "--channel", channel}, {"sync", "backfill", "--channel", channel, "--since", "yesterday"},
		{"sync", "backfill", "--channel", channel, "--since", "2199-01-01"}, {"sync", "backfill", "--channel", string(w.private), "--since", since},
		{"sync", "status", "--channel", "C0NOSUCH"}, {"audit"}, {"audit", "--channel", string(w.private)},
	} {
		if out, code := p.command("", wrong...); code == 0 || out != "" {
			t.Errorf("backchannel %s: exit code %d\n%s", strings.Join(wrong, " "), code, out)
		}
	}
	if out, code := p.command("", "sync", "backfill", "--channel", channel, "--since", since); code != 0 || !strings.Contains(out, "asked for "+channel+" from "+since) {
		t.Fatalf("sync backfill: exit code %d\n%s", code, out)
	}
	eventually(t, within, status(since, "complete")) // audit goes before polling: asked without end, it would keep the past from being read
	eventually(t, within, func() error {
		if out, code := p.command("", "audit", "--channel", channel, "--since", since); code != 0 {
			return errors.New("audit after the backfill:\n" + out)
		}
		return nil
	})
}
