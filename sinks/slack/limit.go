package slack

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Limits of one workspace, shared by all replicas through Redis.
type Limits struct {
	// MessagesPerMinute of chat.postMessage in a workspace. Slack documents 'several hundred per minute'.
	MessagesPerMinute int
	// OpensPerMinute of conversations.open. Slack documents tier 3: 50 and more.
	OpensPerMinute int
}

// DefaultLimits stay under what Slack documents.
var DefaultLimits = Limits{MessagesPerMinute: 240, OpensPerMinute: 50}

// perChannel is Slack's 'one message per second per channel' for chat.postMessage.
var perChannel = redis_rate.Limit{Rate: 1, Burst: 1, Period: time.Second}

// Methods of Slack's Web API that the sink calls, as they stand in budget and pause keys.
const (
	methodPost   = "chat.postMessage"
	methodUpdate = "chat.update"
	methodOpen   = "conversations.open"
)

// updates is Slack's tier 3, which chat.update is in: 50 a minute and more.
var updates = redis_rate.Limit{Rate: 50, Burst: 10, Period: time.Minute}

func budgetWaits(sink string) *prometheus.CounterVec {
	waits := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name:        "backchannel_sinks_slack_wait_seconds_total",
		Help:        "How long messages were told to wait for the budget of their workspace or recipient, by Slack's method.",
		ConstLabels: prometheus.Labels{"sink": sink},
	}, []string{"method"})
	for _, method := range []string{methodPost, methodUpdate, methodOpen} {
		waits.WithLabelValues(method)
	}
	return waits
}

type limiter struct {
	rate   *redis_rate.Limiter
	redis  redis.UniversalClient
	limits Limits
	now    func() time.Time
	waits  *prometheus.CounterVec

	mu    sync.Mutex
	until map[string]time.Time // by pause key: what Slack told this process since the batch was loaded
}

// allow spends one of the budget, or says how long to wait.
func (l *limiter) allow(ctx context.Context, team schemas.TeamID, name string, limit redis_rate.Limit) (wait time.Duration, err error) {
	res, err := l.rate.Allow(ctx, schemas.BudgetKey(team, name), limit)
	if err != nil {
		return 0, fmt.Errorf("ask for Slack budget: %w", err)
	}
	if res.Allowed > 0 {
		return 0, nil
	}
	method, _, _ := strings.Cut(name, ":")
	l.waits.WithLabelValues(method).Add(res.RetryAfter.Seconds())
	return res.RetryAfter, nil
}

// mayPost spends one message to a person, or says how long to wait; all: everybody in the workspace has to.
func (l *limiter) mayPost(ctx context.Context, team schemas.TeamID, user schemas.SlackUserID) (wait time.Duration, all bool, err error) {
	if wait = l.paused(team, methodPost); wait > 0 {
		return wait, true, nil
	}
	person := methodPost + ":" + string(user)
	if wait, err = l.allow(ctx, team, person, perChannel); err != nil || wait > 0 {
		return wait, false, err
	}
	perMinute := l.limits.MessagesPerMinute
	wait, err = l.whole(ctx, team, methodPost, redis_rate.Limit{Rate: perMinute, Burst: max(perMinute/12, 1), Period: time.Minute})
	if err == nil && wait > 0 { // nothing was sent: the person's second is not spent. It was whole before, since it is one message
		err = l.rate.Reset(ctx, schemas.BudgetKey(team, person))
	}
	return wait, true, err
}

func (l *limiter) mayOpen(ctx context.Context, team schemas.TeamID) (wait time.Duration, err error) {
	perMinute := l.limits.OpensPerMinute
	return l.whole(ctx, team, methodOpen, redis_rate.Limit{Rate: perMinute, Burst: perMinute, Period: time.Minute})
}

func (l *limiter) mayUpdate(ctx context.Context, team schemas.TeamID) (wait time.Duration, err error) {
	return l.whole(ctx, team, methodUpdate, updates)
}

// whole spends one of a workspace's budget. Once it says to wait, this process does not ask again until then.
func (l *limiter) whole(ctx context.Context, team schemas.TeamID, method string, limit redis_rate.Limit) (wait time.Duration, err error) {
	if wait = l.paused(team, method); wait > 0 {
		return wait, nil
	}
	if wait, err = l.allow(ctx, team, method, limit); wait > 0 {
		l.hold(schemas.PauseKey(team, method), wait)
	}
	return wait, err
}

func (l *limiter) hold(key string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := l.now().Add(d); until.After(l.until[key]) {
		l.until[key] = until
	}
}

// pause makes every replica leave a workspace's method alone for as long as Slack said: others from their next batch on,
// this process at once.
func (l *limiter) pause(ctx context.Context, team schemas.TeamID, method string, d time.Duration) error {
	key := schemas.PauseKey(team, method)
	l.hold(key, d)
	if err := l.redis.Set(ctx, key, "1", d).Err(); err != nil {
		return fmt.Errorf("note Slack's Retry-After: %w", err)
	}
	return nil
}

func (l *limiter) paused(team schemas.TeamID, method string) time.Duration {
	key := schemas.PauseKey(team, method)
	l.mu.Lock()
	defer l.mu.Unlock()
	wait := l.until[key].Sub(l.now())
	if wait <= 0 {
		delete(l.until, key)
	}
	return wait
}
