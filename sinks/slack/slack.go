package slack

import (
	"context"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/ledger"
)

// Tokens opens sealed bot tokens; *seal.Sealer is one.
type Tokens interface {
	Open(team schemas.TeamID, sealed string) (token string, err error)
}

// Options of the sink.
type Options struct {
	Redis  redis.UniversalClient
	Tokens Tokens
	// APIURL is where the Web API is, ending in a slash: https://slack.com/api/ or the simulator's.
	APIURL string
	HTTP   HTTPClient
	Limits Limits
	// SettingsURL is where people choose what to receive: every message has a link to it. Empty: none.
	SettingsURL string
	// Publish hands an outcome to Kafka and returns when the brokers have it.
	Publish func(ctx context.Context, o schemas.Outcome) error
	Now     func() time.Time
	Metrics prometheus.Registerer
	// Urgent makes it the sink of the lane for what is urgent. Both lanes share ledger and budgets.
	Urgent bool
}

// Sink posts deliveries.
type Sink struct {
	opts      Options
	redis     redis.UniversalClient
	ledger    *ledger.Ledger
	limiter   *limiter
	publish   func(ctx context.Context, o schemas.Outcome) error
	ambiguous *prometheus.CounterVec
	suspended *suspended
}

// parallelRecipients bounds how many recipients are written to at a time. Slack answers in about 100 ms.
const parallelRecipients = 64

// longestWait is less than notification.deliveries.slack keeps a record (3 days): what has not been delivered by then has expired.
const longestWait = 60 * time.Hour

// Definition is the node of the graph.
func Definition(opts Options) sinks.Definition {
	name, lane := "slack", schemas.DeliveriesSlack.Spec
	if opts.Urgent {
		name, lane = "slack-urgent", schemas.DeliveriesSlackUrgent.Spec
	}
	s := &Sink{
		opts: opts, redis: opts.Redis, publish: opts.Publish,
		ledger: ledger.New(opts.Redis, settle),
		limiter: &limiter{
			rate: redis_rate.NewLimiter(opts.Redis), redis: opts.Redis, limits: opts.Limits, now: opts.Now, until: map[string]time.Time{}, waits: budgetWaits(name),
		},
		suspended: newSuspended(opts, name),
		ambiguous: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name:        "backchannel_sinks_slack_ambiguous_total",
			Help:        "Deliveries of which a crash or a lost connection left it unknown whether Slack took them, by what was done: `repeat`, `silence`.",
			ConstLabels: prometheus.Labels{"sink": name},
		}, []string{"policy"}),
	}
	opts.Metrics.MustRegister(s.ambiguous, s.limiter.waits)
	return sinks.Definition{
		Name: name, In: []schemas.Spec{lane}, Sink: s,
		MaxBatch: 256, MaxWait: 10 * time.Millisecond, WriteTimeout: 2 * time.Minute, Lane: laneOf,
	}
}

// laneOf: what waits, waits with its workspace.
func laneOf(rec *kgo.Record) sinks.Lane {
	team, expires := schemas.DeliveryLane(rec.Value)
	if last := rec.Timestamp.Add(longestWait); expires.IsZero() || last.Before(expires) {
		expires = last
	}
	return sinks.Lane{Name: team, Expires: expires}
}

// Write posts what may be posted now and defers the rest, in order for each recipient.
func (s *Sink) Write(ctx context.Context, batch []*kgo.Record) (sinks.Result, error) {
	var result sinks.Result
	jobs := make([]*job, 0, len(batch))
	for _, rec := range batch {
		d, err := schemas.DeliveriesSlack.Decode(rec.Value)
		if err != nil {
			result.Reject(rec, schemas.Malformed, err.Error())
			continue
		}
		jobs = append(jobs, &job{record: rec, delivery: d})
	}
	if len(jobs) == 0 {
		return result, nil
	}
	if err := s.load(ctx, jobs); err != nil {
		return result, err
	}
	fates := make([]fate, len(jobs))
	// Not errgroup.WithContext: one recipient's failure must not cut off posts to others, of which nobody would know then
	// whether Slack took them.
	var workers errgroup.Group
	workers.SetLimit(parallelRecipients)
	for _, group := range byRecipient(jobs) {
		workers.Go(func() error { return s.deliverAll(ctx, jobs, group, fates) })
	}
	if err := workers.Wait(); err != nil {
		return result, err
	}
	for i, j := range jobs {
		switch fates[i] {
		case later:
			if j.all {
				result.DeferLane(j.record, j.wait)
			} else {
				result.DeferFor(j.record, j.wait)
			}
			if j.waiting != nil {
				result.Waiting = j.waiting
			}
		case refused:
			result.Reject(j.record, schemas.ContentRefused, "Slack refused the content; the outcome names its code")
		case done:
		}
	}
	return result, nil
}

// deliverAll goes through one recipient's deliveries until one has to wait: the rest waits behind it.
func (s *Sink) deliverAll(ctx context.Context, jobs []*job, group []int, fates []fate) error {
	for n, i := range group {
		f, err := s.deliver(sinks.Traced(ctx, jobs[i].record), jobs[i])
		if err != nil {
			return fmt.Errorf("deliver to team %s: %w", jobs[i].delivery.TeamID, err)
		}
		fates[i] = f
		if f == later {
			for _, rest := range group[n:] {
				fates[rest] = later
			}
			return nil
		}
	}
	return nil
}

type recipient struct {
	team schemas.TeamID
	user schemas.SlackUserID
}

// byRecipient groups job indexes, each group in the order of the batch.
func byRecipient(jobs []*job) map[recipient][]int {
	groups := make(map[recipient][]int)
	for i, j := range jobs {
		to := recipient{j.delivery.TeamID, j.delivery.SlackUserID}
		if j.delivery.Setup != nil { // a prompt and its updates stay in order, wherever they go
			to.user = schemas.SlackUserID(j.delivery.RequestID)
		}
		groups[to] = append(groups[to], i)
	}
	return groups
}
