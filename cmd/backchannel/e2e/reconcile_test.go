package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// reconcile waits until the view holds exactly what the simulator's record says was said, every request has its outcome,
// and every DM was posted once, but for those whose outcome says that it was ambiguous.
func reconcile(t *testing.T, p *pipeline, w *world, requests int, limit time.Duration) {
	t.Helper()
	stats, err := p.slack.Idle(t.Context())
	p.must(err)
	if stats.GivenUp > 0 {
		t.Fatalf("Slack gave %d of %d events up: ingest was away for longer than its retries last", stats.GivenUp, stats.Created)
	}
	eventually(t, limit, func() error { return compareRows(t, p, w) })
	eventually(t, limit, func() error {
		var n, all uint64
		err := p.sql([]any{&n, &all}, `SELECT uniqExact(request_id), count() FROM notification_outcomes FINAL
WHERE org_id = ? AND startsWith(request_id, 'load-') AND status = 'delivered'`, org)
		if err == nil && (int(n) != requests || n != all) {
			err = fmt.Errorf("%d of %d requests have an outcome 'delivered', in %d outcomes", n, requests, all)
		}
		return err
	})
	posted := posts(t, p, w)
	var ambiguous []string
	p.must(p.sql([]any{&ambiguous}, "SELECT groupUniqArray(delivery_id) FROM notification_outcomes FINAL WHERE org_id = ? AND ambiguous", org))
	repeats := 0
	for delivery, n := range posted {
		repeats += n - 1
		if n > 1 && !slices.Contains(ambiguous, delivery) {
			t.Errorf("delivery %s was posted %d times, and its outcome does not say that it was ambiguous", delivery, n)
		}
	}
	if len(posted) != requests {
		t.Errorf("%d requests, %d of them posted", requests, len(posted))
	}
	t.Logf("%d events, %d requests, %d repeats, %d outcomes that were ambiguous", stats.Created, requests, repeats, len(ambiguous))
}

// said is a message as the record and the view have it.
type said struct{ user, text, thread string }

func compareRows(t *testing.T, p *pipeline, w *world) error {
	want := map[string]said{}
	for after := slacksim.TS(""); ; {
		page, err := p.slack.Messages(t.Context(), w.team, w.channel, slacksim.MessageQuery{After: after})
		if err != nil {
			return err
		}
		for _, m := range page.Messages {
			after = m.TS
			want[string(m.TS)] = said{string(m.User), m.Text, string(m.ThreadTS)}
		}
		if !page.More {
			break
		}
	}
	rows, err := p.clickhouse.Query(t.Context(), "SELECT channel_id, ts, user_id, text, if(thread_ts = ts, '', thread_ts) FROM conversations WHERE org_id = {org:String}",
		clickhouse.Named("org", org))
	if err != nil {
		return fmt.Errorf("read conversations: %w", err)
	}
	defer rows.Close()
	expected, found, wrong := len(want), 0, 0
	for rows.Next() {
		var channel, ts string
		var got said
		if err := rows.Scan(&channel, &ts, &got.user, &got.text, &got.thread); err != nil {
			return fmt.Errorf("read conversations: %w", err)
		}
		found++
		if was, ok := want[ts]; !ok || was != got || channel != string(w.channel) {
			wrong++ // also a second row of one message: its first took it out of want
		}
		delete(want, ts)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read conversations: %w", err)
	}
	if len(want) > 0 || wrong > 0 {
		return fmt.Errorf("%d messages expected, %d in the view, %d missing, %d wrong, extra or twice", expected, found, len(want), wrong)
	}
	return nil
}

// posts counts the DMs that people saw, by delivery id.
func posts(t *testing.T, p *pipeline, w *world) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for after := 0; ; {
		page, err := p.slack.Posts(t.Context(), slacksim.PostQuery{App: w.app.ID, After: after})
		p.must(err)
		if len(page.Posts) == 0 {
			return seen
		}
		after = page.Next
		for _, post := range page.Posts {
			var metadata struct {
				EventPayload struct {
					DeliveryID string `json:"delivery_id"`
				} `json:"event_payload"`
			}
			p.must(json.Unmarshal(post.Metadata, &metadata))
			if !post.Duplicate {
				seen[metadata.EventPayload.DeliveryID]++
			}
		}
	}
}
