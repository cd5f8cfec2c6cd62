package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// Summary is what the demo found. Expected counts come from the simulator's record, never from the pipeline.
type Summary struct {
	EventsSent             int              `json:"events_sent"`     // by the simulator to ingest
	EventsAccepted         int              `json:"events_accepted"` // answered 200
	EventsWithheld         int              `json:"events_withheld"` // on purpose: only polling can find what they would have told
	MessagesFound          int              `json:"messages_found"`  // by polling alone: no event brought them
	MessagesExpected       int              `json:"messages_expected"`
	MessagesInClickHouse   int              `json:"messages_in_clickhouse"`
	MismatchedMessages     int              `json:"mismatched_messages"` // missing, extra, or other text, author or thread
	NotificationsRequested int              `json:"notifications_requested"`
	RequestsWithOutcome    int              `json:"requests_with_outcome"`
	RequestsHeld           int              `json:"requests_held"` // until after this run: they have no outcome yet
	Held                   map[string]int   `json:"held"`          // by "reason until time"
	DMsPosted              int              `json:"dms_posted"`
	DuplicateDMs           int              `json:"duplicate_dms"`
	Violations             int              `json:"violations"` // of Slack's rules, by our calls
	Outcomes               map[string]int   `json:"outcomes"`   // by "status" or "status: reason"
	LatencyMS              Latency          `json:"latency_ms"` // from event to queryable row
	LatencySamples         int              `json:"latency_samples"`
	Analyst                []map[string]any `json:"analyst_query"` // the answer to AnalystQuery
	Notifications          []string         `json:"notifications"` // what became of one of each kind, and why

	threads int // of the messages expected
}

// Latency are quantiles in milliseconds.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// AnalystQuery is a question a data analyst would ask.
const AnalystQuery = `SELECT account_name, any(deal_name) AS deal, count() AS messages, uniq(user_id) AS people,
       countIf(thread_ts != '' AND thread_ts != ts) AS replies, max(ts_time) AS last_activity
FROM conversations
WHERE org_id = {org:String}
GROUP BY account_name
ORDER BY messages DESC`

// stalled is how long nothing may change while the pipeline comes to rest, beside Slack's own time: DMs leave at one a second and person, and threads are read at
// fifty a minute, among which one that changed may be the last.
const stalled, threadsAMinute = 2 * time.Minute, 50

// patience is how long nothing may change: the threads may be read twice meanwhile, once for their past and once again.
func (s Summary) patience() time.Duration {
	return stalled + 2*time.Duration(s.threads)*time.Minute/threadsAMinute
}

// conclude waits until all is there, or until nothing changes any more, and compares.
func (r *run) conclude(ctx context.Context) (Summary, error) {
	fmt.Fprintln(r.Out, "nobody talks any more; waiting until everything has arrived")
	stats, err := r.Slack.Idle(ctx)
	if err != nil {
		return Summary{}, fmt.Errorf("wait for Slack's deliveries: %w", err)
	}
	var last Summary
	moved, told := time.Now(), time.Now()
	for {
		s, err := r.compare(ctx, stats)
		if err != nil {
			return s, err
		}
		problem := s.Problem()
		if problem == nil {
			if err := r.showcase(ctx, &s); err != nil {
				return s, err
			}
			return s, r.analyse(ctx, &s)
		}
		if s.moved(last) {
			last, moved = s, time.Now()
		}
		if patience := s.patience(); time.Since(moved) > patience {
			return s, fmt.Errorf("nothing has changed for %s: %w", patience.Round(time.Second), problem)
		}
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			fmt.Fprintf(r.Out, "      waiting: %s (Ctrl-C ends at once)\n", s.waits())
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// waits says what is waited for, why that takes a while, and what is not.
func (s Summary) waits() string {
	var parts []string
	if s.MismatchedMessages > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d messages are not as they should be yet, of which Slack lets %d threads a minute be read", s.MismatchedMessages, s.MessagesExpected, threadsAMinute))
	}
	if n := s.NotificationsRequested - s.RequestsWithOutcome - s.RequestsHeld; n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d requests have no outcome yet, of which Slack takes one a second for each person", n, s.NotificationsRequested))
	}
	if n := s.Outcomes["delivered by slack"]; len(parts) == 0 && n != s.DMsPosted {
		parts = append(parts, fmt.Sprintf("%d DMs are posted, %d outcomes say so", s.DMsPosted, n))
	}
	if s.RequestsHeld > 0 {
		parts = append(parts, fmt.Sprintf("%d requests are held until later, and not waited for", s.RequestsHeld))
	}
	return strings.Join(parts, "; ")
}

// moved says whether anything has arrived since.
func (s Summary) moved(since Summary) bool {
	return s.MessagesInClickHouse != since.MessagesInClickHouse || s.MismatchedMessages != since.MismatchedMessages || s.RequestsWithOutcome != since.RequestsWithOutcome ||
		s.RequestsHeld != since.RequestsHeld || s.DMsPosted != since.DMsPosted || !maps.Equal(s.Outcomes, since.Outcomes)
}

// Problem says what does not match, if anything.
func (s Summary) Problem() error {
	switch {
	case s.MessagesExpected == 0 || s.NotificationsRequested == 0:
		return fmt.Errorf("%d messages said, %d notifications requested: too few to show anything; let it run longer with --for", s.MessagesExpected, s.NotificationsRequested)
	case s.MessagesExpected != s.MessagesInClickHouse || s.MismatchedMessages > 0:
		return fmt.Errorf("%d messages expected, %d in ClickHouse; missing, too many or read otherwise: %d", s.MessagesExpected, s.MessagesInClickHouse, s.MismatchedMessages)
	case s.RequestsWithOutcome+s.RequestsHeld != s.NotificationsRequested:
		return fmt.Errorf("%d requests, only %d have an outcome and %d are held", s.NotificationsRequested, s.RequestsWithOutcome, s.RequestsHeld)
	case s.DMsPosted != s.Outcomes["delivered by slack"]:
		return fmt.Errorf("%d DMs posted, %d outcomes say delivered by slack", s.DMsPosted, s.Outcomes["delivered by slack"])
	case s.DuplicateDMs > 0:
		return fmt.Errorf("%d DMs were posted twice", s.DuplicateDMs)
	}
	return nil
}

func (r *run) compare(ctx context.Context, stats slacksim.DeliveryStats) (Summary, error) {
	s := Summary{
		EventsSent: stats.Created, EventsAccepted: stats.Accepted, EventsWithheld: stats.Withheld, NotificationsRequested: int(r.requests.Load()),
		LatencyMS: Latency{r.latency.quantile(0.5), r.latency.quantile(0.99)}, LatencySamples: len(r.latency.samples),
	}
	if err := r.compareMessages(ctx, &s); err != nil {
		return s, err
	}
	var found uint64
	if err := r.ClickHouse.QueryRow(ctx, "SELECT sum(found) FROM sync_deliveries WHERE org_id = {org:String}", clickhouse.Named("org", string(r.world.org))).Scan(&found); err != nil {
		return s, fmt.Errorf("read sync_deliveries: %w", err)
	}
	s.MessagesFound = int(found)
	if err := r.countOutcomes(ctx, &s); err != nil {
		return s, err
	}
	posts, err := r.dms(ctx)
	if err != nil {
		return s, err
	}
	if posts, err = r.withoutPrompts(ctx, posts); err != nil {
		return s, err
	}
	if err := s.countDMs(posts); err != nil {
		return s, err
	}
	violations, err := r.Slack.Violations(ctx, 0)
	if err != nil {
		return s, fmt.Errorf("ask the simulator for violations: %w", err)
	}
	s.Violations = len(violations)
	return s, nil
}

// withoutPrompts leaves out the setup prompts: nobody requested them.
func (r *run) withoutPrompts(ctx context.Context, posts []slacksim.Post) ([]slacksim.Post, error) {
	var prompts []string
	err := r.ClickHouse.QueryRow(ctx, "SELECT groupUniqArray(delivery_id) FROM notification_outcomes WHERE org_id = {org:String} AND type = {type:String}",
		clickhouse.Named("org", string(r.world.org)), clickhouse.Named("type", string(schemas.SetupPromptType))).Scan(&prompts)
	if err != nil {
		return nil, fmt.Errorf("read the outcomes of setup prompts: %w", err)
	}
	return slices.DeleteFunc(posts, func(p slacksim.Post) bool {
		return slices.ContainsFunc(prompts, func(id string) bool { return strings.Contains(string(p.Metadata), id) })
	}), nil
}

func (r *run) countOutcomes(ctx context.Context, s *Summary) error {
	held, err := r.held(ctx, requested, soon) // first: what is released meanwhile has an outcome then, or is waited for
	if err != nil {
		return err
	}
	rows, err := r.ClickHouse.Query(ctx, `SELECT multiIf(status = 'delivered', 'delivered by ' || channel, reason = '', status, status || ': ' || reason) AS what, toUInt64(count())
FROM notification_outcomes FINAL WHERE org_id = {org:String} AND startsWith(request_id, 'demo-') GROUP BY what`, clickhouse.Named("org", string(r.world.org)))
	if err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	s.Outcomes = map[string]int{}
	for rows.Next() {
		var what string
		var n uint64
		if err := rows.Scan(&what, &n); err != nil {
			return fmt.Errorf("read outcomes: %w", err)
		}
		s.Outcomes[what] = int(n)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	var ended []string
	err = r.ClickHouse.QueryRow(ctx, "SELECT groupUniqArray(request_id) FROM notification_outcomes WHERE org_id = {org:String} AND startsWith(request_id, 'demo-')",
		clickhouse.Named("org", string(r.world.org))).Scan(&ended)
	if err != nil {
		return fmt.Errorf("read which requests have an outcome: %w", err)
	}
	s.countHeld(held, ended)
	return nil
}

func (r *run) analyse(ctx context.Context, s *Summary) error {
	rows, err := r.ClickHouse.Query(ctx, AnalystQuery, clickhouse.Named("org", string(r.world.org)))
	if err != nil {
		return fmt.Errorf("ask the analyst's question: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err tells what matters
	for rows.Next() {
		var account, deal string
		var messages, people, replies uint64
		var last time.Time
		if err := rows.Scan(&account, &deal, &messages, &people, &replies, &last); err != nil {
			return fmt.Errorf("ask the analyst's question: %w", err)
		}
		s.Analyst = append(s.Analyst, map[string]any{
			"account": account, "deal": deal, "messages": messages, "people": people, "replies": replies, "last_activity": last,
		})
	}
	return rows.Err()
}
