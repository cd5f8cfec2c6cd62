package slacksim

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// delivery is one event for one app.
type delivery struct {
	ID      EventID         `json:"id"`
	App     AppID           `json:"app"`
	Team    TeamID          `json:"team"`
	Channel ChannelID       `json:"channel,omitempty"`
	Type    string          `json:"type"`
	Body    json.RawMessage `json:"body"`
	At      int64           `json:"at,omitempty"` // when it happened, in microseconds

	attempts int
	reason   string // why the attempt before failed
	repeats  int    // how many times it is sent again although it was accepted
}

// queue is what keeps first attempts in order: one app's events of one channel.
func (d *delivery) queue() string {
	return string(d.App) + "/" + string(d.Team) + "/" + string(d.Channel)
}

// retryAfter are Slack's three retries: almost at once, after a minute, after five.
var retryAfter = []time.Duration{0, time.Minute, 5 * time.Minute}

// deliverer sends deliveries, so many at a time. Slack promises no order; first attempts of one channel are kept in
// order all the same, so that a test of ordinary traffic is not a test of reordering.
type deliverer struct {
	attempt func(context.Context, *delivery) result
	settle  func(*delivery, string)
	limit   int
	scale   func() float64

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu          sync.Mutex
	running     int
	ready       []*delivery
	queues      map[string][]*delivery // a key that is present has a first attempt ready or under way
	timers      map[*delivery]*time.Timer
	outstanding int
	idle        chan struct{} // closed when nothing is outstanding
}

func newDeliverer(limit int) *deliverer {
	ctx, cancel := context.WithCancel(context.Background())
	idle := make(chan struct{})
	close(idle)
	return &deliverer{
		limit: limit, ctx: ctx, cancel: cancel, queues: map[string][]*delivery{}, timers: map[*delivery]*time.Timer{}, idle: idle,
	}
}

// enqueue takes deliveries in the order in which their changes happened.
func (q *deliverer) enqueue(due []*delivery) {
	if len(due) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ctx.Err() != nil {
		return // closed: they stay pending in the journal
	}
	if q.outstanding == 0 {
		q.idle = make(chan struct{})
	}
	q.outstanding += len(due)
	for _, d := range due {
		key := d.queue()
		if waiting, busy := q.queues[key]; busy {
			q.queues[key] = append(waiting, d)
			continue
		}
		q.queues[key] = nil
		q.ready = append(q.ready, d)
	}
	q.pump()
}

// pump starts what may run. Callers hold mu.
func (q *deliverer) pump() {
	for q.running < q.limit && len(q.ready) > 0 && q.ctx.Err() == nil {
		d := q.ready[0]
		q.ready = q.ready[1:]
		q.running++
		q.wg.Go(func() { q.run(d) })
	}
}

// run makes one attempt at d, and goes on with whatever is ready after it, to save starting another goroutine.
func (q *deliverer) run(d *delivery) {
	for d != nil {
		res := q.attempt(q.ctx, d)
		q.finish(d, res)
		d = q.next()
	}
}

func (q *deliverer) next() *delivery {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.ready) == 0 || q.ctx.Err() != nil {
		q.running--
		return nil
	}
	d := q.ready[0]
	q.ready = q.ready[1:]
	return d
}

// finish decides what follows an attempt: the next of its queue, a retry, or the end.
func (q *deliverer) finish(d *delivery, res result) {
	d.attempts++
	outcome := res.outcome(d.attempts)
	if q.ctx.Err() != nil && outcome != outcomeAccepted {
		return // the attempt failed because the simulator is closing: it stays pending
	}
	if outcome == outcomeAccepted && d.repeats > 0 {
		d.repeats--
		outcome = outcomeRetry
		res.reason = reasonTimeout
	}
	if outcome != outcomeRetry {
		q.settle(d, outcome)
	}
	scale := q.scale() // before mu: it takes the simulator's lock, under which enqueue takes mu
	q.mu.Lock()
	defer q.mu.Unlock()
	if d.attempts == 1 {
		q.release(d.queue())
	}
	if outcome == outcomeRetry {
		d.reason = res.reason
		q.retry(d, scale)
		return
	}
	q.outstanding--
	if q.outstanding == 0 {
		close(q.idle)
	}
}

// release lets the next first attempt of a queue go. Callers hold mu.
func (q *deliverer) release(key string) {
	waiting := q.queues[key]
	if len(waiting) == 0 {
		delete(q.queues, key)
		return
	}
	q.ready = append(q.ready, waiting[0])
	q.queues[key] = waiting[1:]
	q.pump()
}

// retry waits as Slack does, times the scale. Callers hold mu.
func (q *deliverer) retry(d *delivery, scale float64) {
	wait := time.Duration(float64(retryAfter[min(d.attempts, len(retryAfter))-1]) * scale)
	q.timers[d] = time.AfterFunc(wait, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.timers, d)
		q.ready = append(q.ready, d)
		q.pump()
	})
}

// wait returns when nothing is outstanding.
func (q *deliverer) wait(ctx context.Context) error {
	for {
		q.mu.Lock()
		idle, done := q.idle, q.outstanding == 0
		q.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// close ends the attempts under way. What is not settled stays pending.
func (q *deliverer) close() {
	q.mu.Lock()
	q.cancel()
	for _, t := range q.timers {
		t.Stop()
	}
	q.mu.Unlock()
	q.wg.Wait()
}

// result is how an attempt ended.
type result struct {
	accepted bool
	noRetry  bool
	reason   string // Slack's word for x-slack-retry-reason
}

const (
	outcomeAccepted = "accepted"
	outcomeGivenUp  = "given_up"
	outcomeWithheld = "withheld"
	outcomeRetry    = "retry"

	reasonTimeout = "http_timeout"
)

func (r result) outcome(attempts int) string {
	switch {
	case r.accepted:
		return outcomeAccepted
	case r.noRetry || attempts > len(retryAfter):
		return outcomeGivenUp
	}
	return outcomeRetry
}

// readResult reads the answer to an attempt. x-slack-no-retry counts only on what is not a success.
func readResult(res *http.Response) result {
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return result{accepted: true}
	}
	return result{reason: "http_error", noRetry: res.Header.Get("X-Slack-No-Retry") == "1"}
}
