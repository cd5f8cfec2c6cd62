package slacksim

import "time"

// limiter holds Slack's rate limits. Windows begin with their first call: a tier of 20+ a minute answers 20, then 429
// until the minute is over. Callers hold the simulator's mu.
type limiter struct {
	windows map[windowKey]*window
	spaced  map[spaceKey]time.Time // when the next post would be on time
}

type windowKey struct {
	method string
	team   TeamID
	app    AppID
}

type spaceKey struct {
	team    TeamID
	channel ChannelID
}

type window struct {
	until time.Time
	used  int
}

const (
	postInterval = time.Second
	// postJitter forgives what the network does to a client that keeps one second exactly.
	postJitter = 100 * time.Millisecond
)

// allow counts a call against so many a minute, and returns how long to wait when there have been too many.
func (l *limiter) allow(key windowKey, perMinute int, now time.Time) time.Duration {
	if l.windows == nil {
		l.windows = map[windowKey]*window{}
	}
	w := l.windows[key]
	if w == nil || !now.Before(w.until) {
		w = &window{until: now.Add(time.Minute)}
		l.windows[key] = w
	}
	if w.used >= perMinute {
		return w.until.Sub(now)
	}
	w.used++
	return 0
}

// space allows one post a second to a channel, after a burst, and returns how long to wait for the next.
func (l *limiter) space(key spaceKey, burst int, now time.Time) time.Duration {
	if l.spaced == nil {
		l.spaced = map[spaceKey]time.Time{}
	}
	due := l.spaced[key]
	if due.Before(now) {
		due = now
	}
	tolerance := time.Duration(burst-1)*postInterval + postJitter
	if wait := due.Sub(now) - tolerance; wait > 0 {
		return wait
	}
	l.spaced[key] = due.Add(postInterval)
	return 0
}

// retrySeconds is what Retry-After says: whole seconds, at least one.
func retrySeconds(wait time.Duration) int {
	return max(1, int((wait+time.Second-1)/time.Second))
}
