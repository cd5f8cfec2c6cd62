package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// latencies are samples of the time from an event to its queryable row.
type latencies struct {
	mu      sync.Mutex
	samples []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples = append(l.samples, d)
}

// quantile is in milliseconds; 0 without samples.
func (l *latencies) quantile(q float64) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l.samples))
	return float64(sorted[int(q*float64(len(sorted)-1))].Microseconds()) / 1000
}

// String is for a line of progress, empty before there is a sample.
func (l *latencies) String() string {
	p50 := l.quantile(0.5)
	if p50 == 0 {
		return ""
	}
	return fmt.Sprintf("event→row p50 %4.0f ms  p99 %4.0f ms", p50, l.quantile(0.99))
}

// measured is a message of the talk whose way to its row is measured, one at a time.
type measured struct {
	channel slacksim.ChannelID
	ts      slacksim.TS
	began   time.Time // when it was to be said
}

// measuredFor is how long a message is looked for: somebody may have deleted it, or unlinked its channel.
const measuredFor = time.Minute

// measure lets probe look for a message, unless it looks for another.
func (r *run) measure(m slacksim.Message, began time.Time) {
	r.looked.CompareAndSwap(nil, &measured{m.Channel, m.TS, began})
}

// probe measures freshness as an analyst meets it: it asks the view for what somebody said until it is there.
func (r *run) probe(ctx context.Context) error {
	return pace(ctx, 10*time.Millisecond, func() error {
		m := r.looked.Load()
		if m == nil {
			return nil
		}
		seen, err := r.visible(ctx, m)
		switch {
		case err != nil: // whoever only watches ends nothing: the next one is measured
			r.Log.Warn("it is not known when a message was queryable", "error", err)
		case seen:
			r.latency.add(time.Since(m.began))
		case time.Since(m.began) < measuredFor:
			return nil
		}
		r.looked.Store(nil)
		return nil
	})
}

func (r *run) visible(ctx context.Context, m *measured) (bool, error) {
	var n uint64
	err := r.ClickHouse.QueryRow(ctx,
		"SELECT count() FROM conversations WHERE org_id = {org:String} AND team_id = {team:String} AND channel_id = {channel:String} AND ts = {ts:String}",
		clickhouse.Named("org", string(r.world.org)), clickhouse.Named("team", string(r.world.team.ID)),
		clickhouse.Named("channel", string(m.channel)), clickhouse.Named("ts", string(m.ts))).Scan(&n)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return false, fmt.Errorf("ask ClickHouse for a message: %w", err)
	}
	return n > 0, nil
}

// progress prints a line a second.
func (r *run) progress(ctx context.Context) error {
	began := time.Now()
	return pace(ctx, time.Second, func() error {
		events, err := r.Slack.Deliveries(ctx)
		if err != nil {
			return fmt.Errorf("ask the simulator for deliveries: %w", err)
		}
		rows, err := r.rows(ctx)
		held, heldErr := r.held(ctx, requested, soon)
		if err := errors.Join(err, heldErr); err != nil { // a machine that slept, an engine that is started anew: the comparison at the end is what must not fail
			if ctx.Err() == nil {
				r.Log.Warn("there is no line of progress", "error", err)
			}
			return nil
		}
		dms, err := r.dms(ctx)
		if err != nil {
			return err
		}
		waits := ""
		if len(held) > 0 {
			waits = fmt.Sprintf(" (%d held)", len(held))
		}
		fmt.Fprintf(r.Out, "%4ds  events in %6d   rows queryable %6d   DMs posted %4d of %4d requests%s   %s\n",
			int(time.Since(began).Seconds()), events.Accepted, rows, len(dms), r.requests.Load(), waits, &r.latency)
		return nil
	})
}

func (r *run) rows(ctx context.Context) (n uint64, err error) {
	err = r.ClickHouse.QueryRow(ctx, "SELECT count() FROM conversations WHERE org_id = {org:String}", clickhouse.Named("org", string(r.world.org))).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count conversations: %w", err)
	}
	return n, nil
}

// dms are the posts that the app's users saw, apart from the setup prompt, which nobody requested.
func (r *run) dms(ctx context.Context) ([]slacksim.Post, error) {
	var all []slacksim.Post
	for after := 0; ; {
		page, err := r.Slack.Posts(ctx, slacksim.PostQuery{App: r.world.app.ID, Team: r.world.team.ID, After: after})
		if err != nil {
			return nil, fmt.Errorf("ask the simulator for posts: %w", err)
		}
		after = page.Next
		for _, p := range page.Posts {
			if p.Recipient != "" && !p.Duplicate && !isPrompt(p) {
				all = append(all, p)
			}
		}
		if len(page.Posts) == 0 {
			return all, nil
		}
	}
}
