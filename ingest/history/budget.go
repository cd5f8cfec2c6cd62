package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// class is what Slack allows an app (docs.slack.dev/changelog 2025-05-29, docs.slack.dev/apis/web-api/rate-limits).
type class struct {
	perMinute      float64
	history, reply int // the largest page
}

// The classes of schemas.AppClass.
var classes = map[schemas.AppClass]class{
	schemas.ClassMarketplace: {50, 999, 1000},
	schemas.ClassInternal:    {50, 999, 1000},
	schemas.ClassCommercial:  {1, 15, 15},
}

const (
	// used is how much of what Slack allows is asked for. The rest is room for what the network does to even spacing: Slack counts when a call
	// arrives, and two calls that set out a minute apart may arrive within it.
	used = 0.98
	// paceLife is how long what a budget was taught lasts without being taught again.
	paceLife = time.Hour
	// maxPace bounds what it is taught: a tier 3 method at the pace of one call in a minute and a half.
	maxPace = 64
	// urgentLife is how long polling stands back after somebody urgent has asked.
	urgentLife = 3 * time.Second
)

// Budget is a workspace's budget, for all replicas and commands alike.
type Budget struct {
	redis redis.UniversalClient
	rate  *redis_rate.Limiter
	team  schemas.TeamID
	class class
	mu    sync.Mutex
	// strikes count what Slack said 429 to, by method: see struck.
	strikes map[string]int
}

// NewBudget is the budget of a workspace whose app is of a class.
func NewBudget(rdb redis.UniversalClient, team schemas.TeamID, of schemas.AppClass) *Budget {
	return &Budget{redis: rdb, rate: redis_rate.NewLimiter(rdb), team: team, class: classes[of], strikes: map[string]int{}}
}

// spacing is how far apart calls of a method are.
func (b *Budget) spacing() time.Duration {
	return time.Duration(float64(time.Minute) / (b.class.perMinute * used))
}

// take spends one call of a method, or returns how long to wait before asking again. Who is urgent goes before who is not.
func (b *Budget) take(ctx context.Context, method string, urgent bool) (wait time.Duration, err error) {
	pipe := b.redis.Pipeline()
	paused, waiting := pipe.PTTL(ctx, schemas.PauseKey(b.team, method)), pipe.PTTL(ctx, schemas.UrgentKey(b.team, method))
	pace := pipe.Get(ctx, schemas.PaceKey(b.team, method))
	if urgent {
		pipe.Set(ctx, schemas.UrgentKey(b.team, method), "1", urgentLife)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("ask for Slack budget: %w", err)
	}
	if rest := paused.Val(); rest > 0 {
		return rest, nil
	}
	if rest := waiting.Val(); rest > 0 && !urgent {
		return rest, nil
	}
	period := b.spacing()
	if factor, err := pace.Float64(); err == nil && factor >= 1 && factor <= maxPace {
		period = time.Duration(float64(period) * factor)
	}
	res, err := b.rate.Allow(ctx, schemas.BudgetKey(b.team, method), redis_rate.Limit{Rate: 1, Burst: 1, Period: period})
	if err != nil {
		return 0, fmt.Errorf("ask for Slack budget: %w", err)
	}
	if res.Allowed > 0 {
		return 0, nil
	}
	return max(res.RetryAfter, time.Millisecond), nil
}

// await takes a call, urgently, however long that lasts.
func (b *Budget) await(ctx context.Context, method string) error {
	for {
		wait, err := b.take(ctx, method, true)
		if err != nil || wait == 0 {
			return err
		}
		if ingest.Sleep(ctx, min(wait, urgentLife/2)); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// pause keeps everybody from a method of the workspace for as long as Slack said.
func (b *Budget) pause(ctx context.Context, method string, d time.Duration) error {
	if err := b.redis.Set(ctx, schemas.PauseKey(b.team, method), "1", d).Err(); err != nil {
		return fmt.Errorf("note Slack's Retry-After: %w", err)
	}
	return nil
}

// What is struck for a 429, and what is let off for an answer. A 429 among many answers is Slack's mood; three within ten are a smaller budget
// than we think that we have.
const (
	strike   = 10
	struckAt = 25
)

// answered notes that Slack did not limit a call.
func (b *Budget) answered(method string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.strikes[method] = max(0, b.strikes[method]-1)
}

// struck notes a 429, and stretches the method's budget when there are too many. The stretched one is tried for a while, and then forgotten.
func (b *Budget) struck(ctx context.Context, method string) (taught float64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.strikes[method] += strike
	if b.strikes[method] < struckAt {
		return 0, nil
	}
	b.strikes[method] = 0
	key := schemas.PaceKey(b.team, method)
	pace, err := b.redis.Get(ctx, key).Float64()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("teach the Slack budget: %w", err)
	}
	taught = math.Min(2*math.Max(pace, 1), maxPace)
	if err := b.redis.Set(ctx, key, taught, paceLife).Err(); err != nil {
		return 0, fmt.Errorf("teach the Slack budget: %w", err)
	}
	return taught, nil
}

// PerMinute is how many calls of a history method are made in a minute of a workspace whose app is of a class, at most.
func PerMinute(of schemas.AppClass) float64 { return classes[of].perMinute * used }
