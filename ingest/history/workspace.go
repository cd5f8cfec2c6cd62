package history

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

const (
	// refreshEvery is how often the views are asked what there is to do, beside when they change.
	refreshEvery = 5 * time.Minute
	// viewLag is how long after a change it may be in the views.
	viewLag = 2 * time.Second
	// idleFor is the longest sleep: a lease is renewed long before it ends.
	idleFor = 10 * time.Minute
	// atOnce bounds the calls of a method that are under way in a workspace: enough to use a budget of one in 1.2 s while Slack takes three.
	atOnce = 4
	// firstPause and lastPause bound the pauses of a channel after a failure.
	firstPause = 2 * time.Second
	lastPause  = 10 * time.Minute
)

// workspace is what a worker works with.
type workspace struct {
	*History
	in     *schemas.Installation
	slack  *slackAPI
	class  class
	budget *Budget
	nudges chan struct{}
	done   chan struct{} // a call has ended
	calls  sync.WaitGroup
	// Of the worker's goroutine, as is refreshAt: owned says that channels are loaded; ours that we had the workspace when we last asked, at keptAt, while
	// keptAmong lived.
	owned, ours bool
	keptAt      time.Time
	keptAmong   []string

	mu        sync.Mutex
	channels  map[schemas.ChannelID]*channel
	underway  map[string]int
	turn      uint64
	deep      uint64         // turns of laneDeep
	ended     schemas.Reason // why Slack is not called for the workspace at all
	endedTill time.Time
	notBefore map[string]time.Time // by method: what the budget said
	refreshAt time.Time
	countedAt time.Time
	uncounted bool // a call has ended since
}

// work polls a workspace while it falls to us, until its installation's record changes.
func (h *History) work(ctx context.Context, in *schemas.Installation) {
	w := &workspace{
		History: h, in: in, nudges: h.nudged(in.TeamID), done: make(chan struct{}, 1), channels: map[schemas.ChannelID]*channel{},
		underway: map[string]int{}, notBefore: map[string]time.Time{},
	}
	if in.Status != "" { // else its record is gone
		installed := h.metrics.installations.WithLabelValues(string(in.Status))
		installed.Inc()
		defer installed.Dec()
	}
	appClass := cmp.Or(in.AppClass, h.opts.Class)
	w.class, w.budget = classes[appClass], NewBudget(h.opts.Redis, in.TeamID, appClass)
	if in.Callable() {
		token, err := h.opts.Tokens.Open(in.TeamID, in.SealedToken)
		if err != nil {
			h.opts.Log.Warn("history: a workspace's token cannot be opened", "team", in.TeamID, "error", err)
			return
		}
		w.slack = &slackAPI{url: h.opts.APIURL, token: token, http: h.opts.HTTP}
	} else {
		w.ended = schemas.NotInstalled
	}
	defer h.metrics.forget(in.TeamID)
	defer h.replicas.disown(ctx, in.TeamID)
	defer w.calls.Wait()
	for pause := firstPause; ctx.Err() == nil; {
		alive, changed := w.replicas.living()
		wait, err := w.round(ctx, alive)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			h.opts.Log.Log(ctx, ingest.Level(err), "history: a workspace cannot be polled", "team", in.TeamID, "error", err, "again_in", pause)
			wait, pause = pause, min(2*pause, time.Minute)
		default:
			pause = firstPause
		}
		w.sleep(ctx, wait, changed)
	}
}

// sleep waits until there may be something to do.
func (w *workspace) sleep(ctx context.Context, wait time.Duration, changed <-chan struct{}) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-w.done:
	case <-changed:
	case <-w.nudges:
		w.refreshAt = time.Time{}
	}
}

// round does what is due if the workspace is ours, and returns how long there is nothing to do.
func (w *workspace) round(ctx context.Context, alive []string) (time.Duration, error) {
	if !w.replicas.chosen(w.in.TeamID, alive) {
		w.release(ctx)
		return w.replicas.life, nil
	}
	if fresh, err := w.keep(ctx, alive); err != nil || !w.ours {
		return w.replicas.every, err
	} else if fresh || !w.owned {
		w.mu.Lock()
		w.owned = true
		w.channels = map[schemas.ChannelID]*channel{}
		w.refreshAt = time.Time{}
		w.mu.Unlock()
	}
	now := time.Now()
	if !now.Before(w.refreshAt) {
		nudged := w.refreshAt.IsZero()
		if err := w.refresh(ctx); err != nil {
			return 0, err
		}
		w.refreshAt = now.Add(refreshEvery)
		if nudged {
			w.refreshAt = now.Add(viewLag)
		}
	}
	w.count(now)
	wake := w.refreshAt
	for _, method := range []string{methodHistory, methodReplies} {
		at, err := w.dispatch(ctx, method)
		if err != nil {
			return 0, err
		}
		if at.Before(wake) {
			wake = at
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if next := w.countedAt.Add(countEvery); w.uncounted && next.Before(wake) {
		wake = next // else a channel that is complete would be told of as one that is not until the next one is due
	}
	return min(max(time.Until(wake), 0), idleFor), nil
}

// countEvery bounds how often the channels are counted.
const countEvery = 5 * time.Second

func (w *workspace) count(now time.Time) {
	if now.Sub(w.countedAt) < countEvery {
		return
	}
	w.countedAt = now
	w.mu.Lock()
	defer w.mu.Unlock()
	w.uncounted = false
	w.metrics.count(w.in.TeamID, w.channels, func(c *channel) bool { return w.behind(c, now) })
}

// keep takes the workspace, or keeps it. While the same replicas live nobody else can take it, so that it is enough to ask as often as we say that we live.
func (w *workspace) keep(ctx context.Context, alive []string) (fresh bool, err error) {
	if w.ours && w.owned && time.Since(w.keptAt) < w.replicas.every && slices.Equal(alive, w.keptAmong) {
		return false, nil
	}
	w.ours, fresh, err = w.replicas.own(ctx, w.in.TeamID, alive)
	w.keptAt, w.keptAmong = time.Now(), alive
	return fresh, err
}

// release stops and gives the workspace to whom it falls.
func (w *workspace) release(ctx context.Context) {
	if !w.owned {
		return
	}
	w.calls.Wait()
	w.mu.Lock()
	w.channels, w.owned, w.ours = map[schemas.ChannelID]*channel{}, false, false
	w.mu.Unlock()
	w.metrics.forget(w.in.TeamID)
	w.replicas.disown(ctx, w.in.TeamID)
}

// dispatch makes the calls of a method that are due and within the budget, and returns when to look again.
func (w *workspace) dispatch(ctx context.Context, method string) (time.Time, error) {
	for {
		w.mu.Lock()
		now := time.Now()
		at := w.endedTill
		var r request
		var due bool
		switch {
		case w.over(now) != "":
			if w.endedTill.IsZero() {
				at = now.Add(idleFor)
			}
		case w.underway[method] >= atOnce:
			at = now.Add(idleFor) // an end wakes us
		default:
			r, due, at = w.pick(method, now)
			if until := w.notBefore[method]; due && now.Before(until) {
				due, at = false, until
			}
		}
		w.mu.Unlock()
		if !due {
			return at, nil
		}
		wait, err := w.budget.take(ctx, method, false)
		if err != nil {
			return at, err
		}
		if wait > 0 {
			until := time.Now().Add(wait)
			w.mu.Lock()
			w.notBefore[method] = until
			w.mu.Unlock()
			w.metrics.waits.WithLabelValues(method).Add(wait.Seconds())
			return until, nil
		}
		w.begin(ctx, r)
	}
}

// begin makes a call in the background. What it brings is published also while the process ends.
func (w *workspace) begin(ctx context.Context, r request) {
	w.mu.Lock()
	w.turn++
	if r.lane == laneDeep {
		w.deep++
	}
	r.channel.busy[r.method], r.channel.served[r.method] = true, w.turn
	w.underway[r.method]++
	w.mu.Unlock()
	w.calls.Go(func() {
		w.call(ctx, r)
		w.mu.Lock()
		r.channel.busy[r.method] = false
		w.underway[r.method]--
		w.uncounted = true
		w.mu.Unlock()
		select {
		case w.done <- struct{}{}:
		default: // it will look anyhow
		}
	})
}

// pick is what to ask for next: of what is most urgent, what was served longest ago, so that a channel of a hundred thousand messages has no more
// turns than one of ten.
func (w *workspace) pick(method string, now time.Time) (best request, found bool, at time.Time) {
	at = now.Add(idleFor)
	for _, c := range w.channels {
		r, ok, later := c.want(method, now)
		switch {
		case !ok:
			if !later.IsZero() && later.Before(at) {
				at = later
			}
		case !found, r.before(best, w.deep):
			best, found = r, true
		}
	}
	return best, found, at
}

// before says which of two requests of a method goes first. Of what is read again, every second page is of a sweep, and the sweep of what was swept longest
// ago goes to its end before the next: in turns, that of a channel with a third of all messages would last for years where Slack allows a page a minute. Of
// threads that stand still, the one that is due first. Channels that never had a turn go by id, so that a run can be repeated.
func (r request) before(o request, deep uint64) bool {
	c, d := r.channel, o.channel
	switch {
	case r.lane != o.lane:
		return r.lane < o.lane
	case r.sweep != o.sweep && r.lane == laneDeep:
		return r.sweep == (deep%2 == 0)
	case r.sweep && r.lane == laneDeep && !c.SweptAt.Equal(d.SweptAt):
		return c.SweptAt.Before(d.SweptAt)
	case r.lane == laneRevisit && c.threadsAt != d.threadsAt:
		return c.threadsAt < d.threadsAt
	case c.served[r.method] != d.served[r.method]:
		return c.served[r.method] < d.served[r.method]
	}
	return c.ChannelID < d.ChannelID
}

func (c *channel) want(method string, now time.Time) (request, bool, time.Time) {
	if method == methodReplies {
		return c.nextThread(now)
	}
	return c.next(now)
}

// call asks for a page and sees to what comes of it.
func (w *workspace) call(ctx context.Context, r request) {
	var err error
	if r.method == methodReplies {
		err = w.thread(ctx, r)
	} else {
		err = w.page(ctx, r)
	}
	w.settle(ctx, r, err)
}
