package history

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// A thread that stands still is read again after a quarter of the time that it has stood, but not sooner than this, and not later than the budget lets
// all be read twice (workspace.revisit): an edit or a deletion of a reply moves neither latest_reply nor reply_count for sure.
const (
	revisitSoonest = time.Hour
	revisitShare   = 4
)

// fieldEpoch is the field of a table of threads that tells it from one that was lost; no ts looks like it.
const fieldEpoch = "epoch"

// thread is what the table has of one: what it was when it was read last, when that was, and while it is read how far.
type thread struct {
	latest schemas.TS
	count  int
	read   int64 // seconds; 0: never
	pos    schemas.TS
	print  string // of what was published of it last, as settled has it, with @ for the space
}

func (t thread) String() string {
	return fmt.Sprintf("%s %d %d %s %s", orDash(string(t.latest)), t.count, t.read, orDash(string(t.pos)), orDash(t.print))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// parseThread reads an entry of the table. One that cannot be read is of a thread that was never read.
func parseThread(text string) (t thread) {
	f := strings.Fields(text)
	if len(f) != 5 {
		return t
	}
	count, err1 := strconv.Atoi(f[1])
	read, err2 := strconv.ParseInt(f[2], 10, 64)
	if err1 != nil || err2 != nil {
		return t
	}
	t = thread{latest: schemas.TS(f[0]), count: count, read: read, pos: schemas.TS(f[3]), print: f[4]}
	if t.latest == "-" {
		t.latest = ""
	}
	if t.pos == "-" {
		t.pos = ""
	}
	if t.print == "-" {
		t.print = ""
	}
	return t
}

// due is when a thread is to be read next, as the index has it: below 0 at once, the newest root first; else the second.
func (t thread) due(root schemas.TS, latestRevisit time.Duration) float64 {
	if t.read == 0 || t.pos != "" {
		return pending(root)
	}
	latest, err := t.latest.Micros()
	if err != nil {
		latest = mustMicros(root)
	}
	read := time.Unix(t.read, 0)
	rest := read.Sub(time.UnixMicro(int64(latest))) / revisitShare
	return float64(read.Add(min(max(rest, revisitSoonest), latestRevisit)).Unix())
}

func pending(root schemas.TS) float64 { return -float64(mustMicros(root)) }

// threadState is what the index of a channel's threads says: how many wait, and when the first one is due.
type threadState struct {
	waiting int
	first   float64
	found   uint64 // new ones
}

func (c *channel) threads(s threadState) {
	c.ThreadsPending, c.threadsAt = s.waiting, s.first
	c.Threads += s.found
}

// askThreads asks for the state of the index.
func askThreads(ctx context.Context, pipe redis.Pipeliner, due string) func() threadState {
	waiting, first := pipe.ZCount(ctx, due, "-inf", "(0"), pipe.ZRangeWithScores(ctx, due, 0, 0)
	return func() threadState {
		s := threadState{waiting: int(waiting.Val()), first: noThreads}
		if z := first.Val(); len(z) > 0 {
			s.first = z[0].Score
		}
		return s
	}
}

// noteRoots puts threads on the list that have moved, by what their roots say, and such as are new.
func (w *workspace) noteRoots(ctx context.Context, c *channel, messages []head) (threadState, error) {
	table, due := schemas.ThreadsKey(w.in.TeamID, c.ChannelID), schemas.ThreadsDueKey(w.in.TeamID, c.ChannelID)
	roots := roots(messages)
	var known []any
	if len(roots) > 0 {
		fields := make([]string, len(roots))
		for i, h := range roots {
			fields[i] = string(h.TS)
		}
		var err error
		if known, err = w.opts.Redis.HMGet(ctx, table, fields...).Result(); err != nil {
			return threadState{}, fmt.Errorf("read the table of threads: %w", err)
		}
	}
	pipe, found := w.opts.Redis.Pipeline(), uint64(0)
	for i, h := range roots {
		text, there := known[i].(string)
		was := parseThread(text)
		if there && was.latest == h.LatestReply && was.count == h.ReplyCount {
			continue
		}
		if !there {
			found++
			pipe.HSet(ctx, table, string(h.TS), thread{}.String())
		}
		pipe.ZAdd(ctx, due, redis.Z{Score: pending(h.TS), Member: string(h.TS)})
	}
	state := askThreads(ctx, pipe, due)
	if _, err := pipe.Exec(ctx); err != nil {
		return threadState{}, fmt.Errorf("note threads: %w", err)
	}
	now := state()
	now.found = found
	return now, nil
}

// nextThread says whether a thread is due, and else when.
func (c *channel) nextThread(now time.Time) (r request, ok bool, at time.Time) {
	r = request{channel: c, method: methodReplies, lane: laneMoved}
	switch {
	case c.held || c.busy[methodReplies] || c.threadsAt == noThreads:
		return r, false, time.Time{}
	case now.Before(c.retryAt):
		return r, false, c.retryAt
	case c.threadsAt >= 0:
		r.lane = laneRevisit
		if first := time.Unix(int64(c.threadsAt), 0); now.Before(first) {
			return r, false, first
		}
	}
	return r, true, now
}

// thread reads a page of the channel's thread that is due first.
func (w *workspace) thread(ctx context.Context, r request) error {
	c := r.channel
	root, was, err := w.dueThread(ctx, c)
	if err != nil || root == "" {
		return err
	}
	args := url.Values{"channel": {string(c.ChannelID)}, "ts": {string(root)}, "limit": {strconv.Itoa(w.class.reply)}}
	from := mustMicros(root) + 1
	if was.pos != "" {
		args.Set("oldest", string(was.pos))
		from = mustMicros(was.pos) + 1
	}
	got, err := w.slack.call(ctx, methodReplies, args)
	if gone := isRefusal(err, "thread_not_found"); gone {
		got = &answer{OK: true, sent: time.Now()}
	} else if err != nil {
		return err
	}
	messages, unreadable := heads(got.Messages)
	w.metrics.unreadable.Add(float64(unreadable))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishWithin)
	defer cancel()
	if len(messages) > 0 && got.more() && len(messages) == 1 && messages[0].TS == root {
		return &refusal{"a page without replies, and no end"}
	}
	now, records := w.readThread(c, root, was, from, got, messages)
	if err := w.publish(ctx, records); err != nil {
		return err
	}
	state, err := w.noteThread(ctx, c, root, now)
	if err != nil {
		return err
	}
	return w.note(ctx, c, func(time.Time) {
		c.failures, c.Reason = 0, ""
		if was.read == 0 {
			c.Messages += uint64(max(len(messages)-1, 0))
		}
		c.threads(state)
	})
}

// readThread is what a page of a thread says: what to publish, and what to note of it. An answer without its root is of a thread that is gone.
func (w *workspace) readThread(c *channel, root schemas.TS, was thread, from uint64, got *answer, messages []head) (*thread, []*kgo.Record) {
	replies := slices.DeleteFunc(slices.Clone(messages), func(h head) bool { return h.TS == root })
	window := schemas.SyncWindow{From: schemas.TSOf(from), To: schemas.TSOf(micros(got.sent.Add(-guard))), ThreadTS: root, Present: present(replies)}
	var now *thread
	switch more := got.more() && len(replies) > 0; {
	case len(messages) == len(replies): // without its root
		window.From = schemas.TSOf(mustMicros(root) + 1)
	case more:
		last := slices.MaxFunc(replies, older)
		window.To = last.TS
		now = &thread{latest: was.latest, count: was.count, read: was.read, pos: last.TS}
	default:
		h := messages[slices.IndexFunc(messages, func(h head) bool { return h.TS == root })]
		now = &thread{latest: h.LatestReply, count: h.ReplyCount, read: time.Now().Unix()}
		if was.pos == "" { // of the whole thread
			note, publish := settled(strings.Replace(was.print, "@", " ", 1), fingerprint(messages), got.sent)
			if now.print = strings.Replace(note, " ", "@", 1); !publish {
				messages = nil
			}
		}
	}
	records := w.messageRecords(c, got, messages)
	if mustMicros(window.From) <= mustMicros(window.To) {
		records = append(records, w.windowRecord(c, got, window))
	}
	return now, records
}

// dueThread is the thread that is due first, and what is known of it.
func (w *workspace) dueThread(ctx context.Context, c *channel) (schemas.TS, thread, error) {
	first, err := w.opts.Redis.ZRange(ctx, schemas.ThreadsDueKey(w.in.TeamID, c.ChannelID), 0, 0).Result()
	if err != nil {
		return "", thread{}, fmt.Errorf("find a thread: %w", err)
	}
	if len(first) == 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		c.threads(threadState{first: noThreads})
		return "", thread{}, nil
	}
	text, err := w.opts.Redis.HGet(ctx, schemas.ThreadsKey(w.in.TeamID, c.ChannelID), first[0]).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", thread{}, fmt.Errorf("find a thread: %w", err)
	}
	return schemas.TS(first[0]), parseThread(text), nil
}

// noteThread writes what was read of a thread; nil: it is gone.
func (w *workspace) noteThread(ctx context.Context, c *channel, root schemas.TS, now *thread) (threadState, error) {
	w.mu.Lock()
	revisit := w.revisit()
	w.mu.Unlock()
	table, due := schemas.ThreadsKey(w.in.TeamID, c.ChannelID), schemas.ThreadsDueKey(w.in.TeamID, c.ChannelID)
	pipe := w.opts.Redis.Pipeline()
	if now == nil {
		pipe.HDel(ctx, table, string(root))
		pipe.ZRem(ctx, due, string(root))
	} else {
		pipe.HSet(ctx, table, string(root), now.String())
		pipe.ZAdd(ctx, due, redis.Z{Score: now.due(root, revisit), Member: string(root)})
	}
	state := askThreads(ctx, pipe, due)
	if _, err := pipe.Exec(ctx); err != nil {
		return threadState{}, fmt.Errorf("note a thread: %w", err)
	}
	return state(), nil
}

// postpone puts off the thread that is due first: what is wrong with it does not hold up the others.
func (w *workspace) postpone(ctx context.Context, c *channel) error {
	root, _, err := w.dueThread(ctx, c)
	if err != nil || root == "" {
		return err
	}
	due := schemas.ThreadsDueKey(w.in.TeamID, c.ChannelID)
	pipe := w.opts.Redis.Pipeline()
	pipe.ZAdd(ctx, due, redis.Z{Score: float64(time.Now().Add(probeEvery).Unix()), Member: string(root)})
	state := askThreads(ctx, pipe, due)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("put off a thread: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c.threads(state())
	return nil
}

// newEpoch is for a table of threads that begins.
func newEpoch() string { return rand.Text() }
