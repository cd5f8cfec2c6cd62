package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// readTries is how often a page is asked for before Read gives up.
const readTries = 5

// Read returns all that Slack has of a channel since a moment, as records of slack.history: what stands in the channel, and the replies of its threads, also to
// roots that are known to be older. It keeps to the workspace's budget, and goes before polling. progress is told how many pages came and how many threads are left.
func Read(ctx context.Context, opts Options, in *schemas.Installation, channel schemas.ChannelID, since time.Time, progress func(pages, threads int)) ([]*kgo.Record, error) {
	token, err := opts.Tokens.Open(in.TeamID, in.SealedToken)
	if err != nil {
		return nil, err
	}
	of := cmp.Or(in.AppClass, opts.Class)
	r := &reader{
		slack: &slackAPI{url: opts.APIURL, token: token, http: opts.HTTP}, budget: NewBudget(opts.Redis, in.TeamID, of), class: classes[of],
		team: in.TeamID, channel: channel, progress: progress, seen: map[schemas.TS]*kgo.Record{},
	}
	roots, err := r.channelSince(ctx, since)
	if err != nil {
		return nil, err
	}
	known, err := opts.Redis.HKeys(ctx, schemas.ThreadsKey(in.TeamID, channel)).Result()
	if err != nil {
		return nil, fmt.Errorf("read the table of threads: %w", err)
	}
	for _, root := range known {
		if root != fieldEpoch {
			roots = append(roots, schemas.TS(root))
		}
	}
	slices.Sort(roots)
	roots = slices.Compact(roots)
	for n, root := range roots {
		r.left = len(roots) - n
		if err := r.threadSince(ctx, root, since); err != nil {
			return nil, err
		}
	}
	records := make([]*kgo.Record, 0, len(r.seen))
	for _, rec := range r.seen {
		records = append(records, rec)
	}
	return records, nil
}

type reader struct {
	slack       *slackAPI
	budget      *Budget
	class       class
	team        schemas.TeamID
	channel     schemas.ChannelID
	progress    func(pages, threads int)
	pages, left int
	seen        map[schemas.TS]*kgo.Record // a reply that was broadcast is in the channel and in its thread
}

// ask asks for a page until it comes.
func (r *reader) ask(ctx context.Context, method string, args url.Values) (*answer, error) {
	for try := 0; ; try++ {
		if err := r.budget.await(ctx, method); err != nil {
			return nil, err
		}
		got, err := r.slack.call(ctx, method, args)
		if err == nil {
			r.pages++
			r.progress(r.pages, r.left)
		}
		limit, isLimit := errors.AsType[*limited](err)
		refused, isRefused := errors.AsType[*refusal](err)
		switch {
		case err == nil, ctx.Err() != nil, isRefused && !passing[refused.code], try == readTries:
			return got, err
		case isLimit:
			if err := r.budget.pause(ctx, method, limit.after); err != nil {
				return nil, err
			}
		default:
			ingest.Sleep(ctx, firstPause<<try)
		}
	}
}

// channelSince reads what stands in the channel, and returns the roots in it.
func (r *reader) channelSince(ctx context.Context, since time.Time) (roots []schemas.TS, err error) {
	args := url.Values{
		"channel": {string(r.channel)}, "inclusive": {"true"}, "limit": {strconv.Itoa(r.class.history)},
		"oldest": {string(schemas.TSOf(micros(since)))}, "latest": {string(schemas.TSOf(farAhead(time.Now())))},
	}
	for {
		got, err := r.ask(ctx, methodHistory, args)
		if err != nil {
			return nil, err
		}
		messages, _ := heads(got.Messages)
		r.keep(got, messages)
		for _, h := range messages {
			if h.root() {
				roots = append(roots, h.TS)
			}
		}
		switch {
		case !got.more():
			return roots, nil
		case len(messages) > 0:
			args.Set("latest", string(schemas.TSOf(slices.MinFunc(messages, older).micros-1)))
			args.Del("cursor")
		case got.Metadata.NextCursor == "" || got.Metadata.NextCursor == args.Get("cursor"):
			return nil, &refusal{"pages without messages, and no end"}
		default:
			args.Set("cursor", got.Metadata.NextCursor)
		}
	}
}

func (r *reader) threadSince(ctx context.Context, root schemas.TS, since time.Time) error {
	args := url.Values{"channel": {string(r.channel)}, "ts": {string(root)}, "limit": {strconv.Itoa(r.class.reply)}}
	for {
		got, err := r.ask(ctx, methodReplies, args)
		if isRefusal(err, "thread_not_found") {
			return nil
		}
		if err != nil {
			return err
		}
		messages, _ := heads(got.Messages)
		r.keep(got, slices.DeleteFunc(slices.Clone(messages), func(h head) bool { return h.micros < micros(since) }))
		replies := slices.DeleteFunc(messages, func(h head) bool { return h.TS == root })
		if !got.more() || len(replies) == 0 {
			return nil
		}
		args.Set("oldest", string(slices.MaxFunc(replies, older).TS))
	}
}

func (r *reader) keep(got *answer, messages []head) {
	w := &workspace{in: &schemas.Installation{TeamID: r.team}}
	c := newChannel(schemas.SyncCheckpoint{ChannelID: r.channel})
	for i, rec := range w.messageRecords(c, got, messages) {
		r.seen[messages[i].TS] = rec
	}
}
