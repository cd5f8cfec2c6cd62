package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// request is one notification and what has to become of it.
type request struct {
	id, org, to, kind string
	more              object // over the rest
	want              string // "channel status reason" of its only outcome
}

func notifications(t *testing.T, p *pipeline, w *world) {
	const coaching = "coaching.insight" // by Slack alone, unless somebody chose otherwise
	requests := []request{
		{id: "delivered", to: "usr-ada", want: "slack delivered "},
		{id: "type-off", to: "usr-quiet", want: " suppressed type_off"},
		{id: "no-match", to: "usr-stranger", want: "slack suppressed no_slack_match"},
		{id: "no-email", to: "usr-noemail", want: "email suppressed no_email"},
		{id: "disabled", to: "usr-disabled", want: " suppressed recipient_disabled"},
		{id: "deactivated", to: "usr-gone", want: "slack failed account_inactive"},
		{id: "nobody", to: "usr-nobody", want: " failed unknown_recipient"},
		{id: "not-connected", org: "org-unconnected", to: "usr-1", want: "slack suppressed slack_not_connected"},
		{id: "unknown-org", org: "org-nowhere", to: "usr-1", want: " failed unknown_org"},
		{id: "unknown-type", to: "usr-ada", kind: "no.such.type", want: " failed unknown_type"},
		{id: "expired", to: "usr-ada", more: object{"expires_at": time.Now().Add(-time.Hour).UTC()}, want: " expired past_expiry"},
		{id: "invalid", to: "usr-ada", more: object{"content": object{"title": ""}}, want: " failed invalid_request"},
	}
	for i := range requests {
		r := &requests[i]
		if r.org == "" {
			r.org = org
		}
		if r.kind == "" {
			r.kind = coaching
		}
		value := object{
			"org_id": r.org, "request_id": r.id, "type": r.kind, "recipient": object{"user_id": r.to},
			"content": object{"title": "Title of " + r.id, "body": "Nobody is pinged: <!channel>", "link": object{"url": "https://northwind.example/1"}},
		}
		for k, v := range r.more {
			value[k] = v
		}
		p.produce("notification.requests", r.org+"/"+r.to, value)
		p.produce("notification.requests", r.org+"/"+r.to, value) // a producer that did not hear the answer sends again
	}
	for _, r := range requests {
		eventually(t, within, func() error {
			var n uint64
			var got string
			err := p.sql([]any{&n, &got}, `SELECT count(), any(channel || ' ' || status || ' ' || reason) FROM notification_outcomes FINAL
WHERE org_id = ? AND request_id = ?`, r.org, r.id)
			if err == nil && (n != 1 || got != r.want) {
				err = fmt.Errorf("request %s has %d outcomes, one is %q, want one, %q", r.id, n, got, r.want)
			}
			return err
		})
	}
	awaitConsumed(t, p, "notification.deliveries.slack", "slack", marker)
	posts, err := p.slack.Posts(t.Context(), slacksim.PostQuery{App: w.app.ID})
	p.must(err)
	if len(posts.Posts) != 1 || posts.Posts[0].Recipient != w.ada.ID {
		t.Fatalf("%d posts, want the one DM to Ada", len(posts.Posts))
	}
	if raw, _ := json.Marshal(posts.Posts[0].Blocks); len(raw) < 10 {
		t.Error("the DM has no blocks")
	}
	violations, err := p.slack.Violations(t.Context(), 0)
	p.must(err)
	if len(violations) > 0 {
		t.Errorf("Slack's rules were broken: %+v", violations)
	}
}
