package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

func badRequests(t *testing.T, p *pipeline, w *world) {
	fine := w.said("Ev7", "1790000020.000200", string(w.channel), "forged")
	for name, c := range map[string]struct {
		body, secret string
		at           time.Time
		want         int
	}{
		"unsigned":  {fine, "", time.Now(), http.StatusUnauthorized},
		"forged":    {fine, "another secret", time.Now(), http.StatusUnauthorized},
		"stale":     {fine, signingSecret, time.Now().Add(-6 * time.Minute), http.StatusUnauthorized},
		"oversized": {strings.Repeat("x", 2<<20), signingSecret, time.Now(), http.StatusRequestEntityTooLarge},
		"malformed": {`{"type":`, signingSecret, time.Now(), http.StatusBadRequest},
	} {
		before := produced(t, p)
		if got := p.send(c.body, c.secret, c.at); got != c.want {
			t.Errorf("%s: answered %d, want %d", name, got, c.want)
		}
		if after := produced(t, p); after != before {
			t.Errorf("%s: %d records were produced", name, after-before)
		}
	}
}

// produced counts the records of slack.events.
func produced(t *testing.T, p *pipeline) int {
	t.Helper()
	return len(everything(t, p)["slack.events"])
}

func deadLetters(t *testing.T, p *pipeline, w *world) {
	bad := p.produce("notification.requests", "org-late/usr-1", "this is no JSON")
	source := fmt.Sprintf("notification.requests/%d/%d", bad.Partition, bad.Offset)
	letter := awaitLetter(t, p, source)
	if letter.Reason != "malformed" || letter.Component != "route" {
		t.Errorf("the dead letter of %s says %+v", source, letter)
	}
	shown, code := p.command("", "dlq", "show", "--value", letter.ID)
	if code != 0 || !strings.Contains(shown, "this is no JSON") || !strings.Contains(shown, "mend:") {
		t.Errorf("dlq show: exit code %d, %s", code, shown)
	}

	// An organization that nobody knew is made known, and its request is replayed.
	early := p.produce("notification.requests", "org-late/usr-1", object{
		"org_id": "org-late", "request_id": "early", "type": "coaching.insight", "recipient": object{"user_id": "usr-1"}, "content": object{"title": "Early"},
	})
	letter = awaitLetter(t, p, fmt.Sprintf("notification.requests/%d/%d", early.Partition, early.Offset))
	if letter.Reason != "unknown_org" {
		t.Errorf("the request of an unknown organization became %+v", letter)
	}
	p.produce("directory.users", "org-late/usr-1", object{"org_id": "org-late", "user_id": "usr-1", "email": "late@late.example"})
	eventually(t, within, func() error {
		found, err := p.redis.HExists(t.Context(), schemas.ViewOrgUsers("org-late"), "usr-1").Result()
		if err == nil && !found {
			err = errors.New("the new user is not in the views")
		}
		return err
	})
	if out, code := p.command("", "dlq", "replay", letter.ID); code != 0 || !strings.Contains(out, "replayed") {
		t.Fatalf("dlq replay: exit code %d, %s", code, out)
	}
	eventually(t, within, func() error {
		var n uint64
		err := p.sql([]any{&n}, "SELECT count() FROM notification_outcomes WHERE org_id = 'org-late' AND request_id = 'early' AND reason = 'slack_not_connected'")
		if err == nil && n == 0 {
			err = errors.New("the replayed request has no new outcome")
		}
		return err
	})
}

type letter struct{ ID, Reason, Detail, Component, Source string }

// awaitLetter waits until 'dlq list' tells of the record at source.
func awaitLetter(t *testing.T, p *pipeline, source string) letter {
	t.Helper()
	var found letter
	eventually(t, within, func() error {
		out, code := p.command("", "dlq", "list", "--json", "notification.requests")
		if code != 0 {
			return fmt.Errorf("dlq list: exit code %d", code)
		}
		for line := range strings.Lines(out) {
			var l letter
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				return err
			}
			if l.Source == source {
				found = l
				return nil
			}
		}
		return fmt.Errorf("no dead letter of %s in:\n%s", source, out)
	})
	return found
}

func applyAgain(t *testing.T, p *pipeline) {
	if out, code := p.command("", "apply", "--check"); code != 0 || !strings.Contains(out, "everything is as declared") {
		t.Fatalf("apply --check on what was applied: exit code %d, %s", code, out)
	}
	if err := p.clickhouse.Exec(t.Context(), "DROP VIEW conversations"); err != nil {
		t.Fatal(err)
	}
	if out, code := p.command("", "apply", "--check"); code != 3 {
		t.Fatalf("apply --check without the view conversations: exit code %d, want 3, %s", code, out)
	}
}
