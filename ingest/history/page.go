package history

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

const (
	// guard is how much earlier than its request an answer is taken to hold: more than our clock may be ahead of Slack's, and than Slack's own
	// readers may be behind its writers. What was said within it is read, and not yet taken for complete.
	guard = 10 * time.Second
	// publishWithin bounds how long a page may take into Kafka, also while the process ends.
	publishWithin = 30 * time.Second
	// tooEmpty is how many pages in a row may be empty and not the last.
	tooEmpty = 10
)

// page reads a page of a channel's history, publishes what is in it, and notes that.
func (w *workspace) page(ctx context.Context, r request) error {
	upper := r.upper
	if r.newest {
		upper = farAhead(time.Now())
	}
	args := url.Values{
		"channel": {string(r.channel.ChannelID)}, "inclusive": {"true"}, "limit": {strconv.Itoa(w.class.history)},
		"oldest": {string(schemas.TSOf(r.lower))}, "latest": {string(schemas.TSOf(upper))},
	}
	if r.cursor != "" {
		args.Set("cursor", r.cursor)
	}
	got, err := w.slack.call(ctx, r.method, args)
	if err != nil {
		return err
	}
	messages, unreadable := heads(got.Messages)
	w.metrics.unreadable.Add(float64(unreadable))
	if len(messages) == 0 && got.more() {
		return w.emptyPage(r, got)
	}
	asOf := got.sent.Add(-guard)
	known := span{from: r.lower, to: min(upper, micros(asOf))}
	reached := r.lower
	if got.more() {
		reached = slices.MinFunc(messages, older).micros
		known.from = reached
	}
	c := r.channel
	w.mu.Lock()
	whole := c.Pass != nil && c.Pass.Whole
	quiet := time.Since(c.windowAt) < windowEvery
	look := w.looks(r, !got.more())
	w.mu.Unlock()
	hours, err := w.compare(ctx, r, known, messages, got.sent, whole)
	if err != nil {
		return err
	}
	records := w.messageRecords(c, got, hours.changed)
	if known.from <= known.to && (!hours.same() || !r.newest || !quiet || look) {
		quiet = false
		window := schemas.SyncWindow{From: schemas.TSOf(known.from), To: schemas.TSOf(known.to), Present: present(messages)}
		if look {
			window.Threads = present(roots(messages))
		}
		records = append(records, w.windowRecord(c, got, window))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishWithin)
	defer cancel()
	if err := w.publish(ctx, records); err != nil {
		return err
	}
	threads, err := w.noteRoots(ctx, c, messages)
	if err != nil {
		return err
	}
	if err := hours.keep(ctx, w.opts.Redis); err != nil {
		return err
	}
	return w.note(ctx, c, func(now time.Time) {
		c.Reason = ""
		if !quiet {
			c.windowAt = now
		}
		if look {
			c.lookedAt = now
		}
		if first := !c.covered.has(known.from); first {
			c.Messages += uint64(len(messages))
		}
		c.took(r, known, reached, !got.more(), now, w.sweep())
		c.threads(threads)
		for _, m := range messages {
			c.newest = max(c.newest, m.micros)
		}
		if r.newest {
			c.pollAt = now.Add(w.interval(c, now))
		}
	})
}

// looks says whether the page's window says which of its messages have replies: when all of the channel is read, and of one that is a page once a day. Who holds
// rows looks for replies in all that came later. Callers hold mu.
func (w *workspace) looks(r request, last bool) bool {
	now := time.Now()
	return r.sweep || r.newest && (r.channel.unswept(now, w.sweep()) || last && now.Sub(r.channel.lookedAt) > atLeastDaily)
}

// emptyPage keeps the cursor of a page that is empty and not the last: there is no ts to go on from.
func (w *workspace) emptyPage(r request, got *answer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := r.channel
	c.empty++
	if c.empty >= tooEmpty || got.Metadata.NextCursor == "" {
		c.empty, c.resume = 0, nil
		return &refusal{"pages without messages, and no end"}
	}
	r.cursor = got.Metadata.NextCursor
	c.resume = &r
	return nil
}

func older(a, b head) int {
	if a.micros < b.micros {
		return -1
	}
	return 1
}

// roots are those that have replies.
func roots(messages []head) []head {
	return slices.DeleteFunc(slices.Clone(messages), func(h head) bool { return !h.root() })
}

func present(messages []head) []schemas.TS {
	all := make([]schemas.TS, len(messages))
	for i, m := range messages {
		all[i] = m.TS
	}
	return all
}

func micros(t time.Time) uint64 { return uint64(max(t.UnixMicro(), 0)) }

// messageRecords are the messages of an answer as records of slack.history.
func (w *workspace) messageRecords(c *channel, got *answer, messages []head) []*kgo.Record {
	records := make([]*kgo.Record, 0, len(messages)+1)
	for _, m := range messages {
		records = append(records, w.record(c, schemas.SlackHistoryMessage{
			TeamID: w.in.TeamID, ChannelID: c.ChannelID, ChannelType: c.kind, PolledAt: got.sent.UTC(), AsOf: got.sent.Add(-guard).UTC(), Message: m.raw,
		}))
	}
	return records
}

func (w *workspace) windowRecord(c *channel, got *answer, window schemas.SyncWindow) *kgo.Record {
	return w.record(c, schemas.SlackHistoryMessage{
		TeamID: w.in.TeamID, ChannelID: c.ChannelID, ChannelType: c.kind, PolledAt: got.sent.UTC(), AsOf: got.sent.Add(-guard).UTC(), Window: &window,
	})
}

func (w *workspace) record(c *channel, m schemas.SlackHistoryMessage) *kgo.Record {
	value, err := schemas.SlackHistory.Encode(m)
	if err != nil {
		panic(err) // the message was parsed from JSON, the rest is ours
	}
	return &kgo.Record{Topic: schemas.SlackHistory.Name, Key: []byte(schemas.TeamChannelKey(w.in.TeamID, c.ChannelID)), Value: value}
}

func (w *workspace) publish(ctx context.Context, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	for i, rec := range records {
		var err error
		if records[i], err = w.fit(rec); err != nil {
			return err
		}
	}
	if err := w.opts.Publisher.Publish(ctx, records...); err != nil {
		return err
	}
	w.metrics.records.Add(float64(len(records)))
	return nil
}

// note changes what is known of a channel, and writes its checkpoint. What was read is in Kafka by then.
func (w *workspace) note(ctx context.Context, c *channel, change func(now time.Time)) error {
	c.publishing.Lock()
	defer c.publishing.Unlock()
	w.mu.Lock()
	now := time.Now()
	change(now)
	c.EndsAt = w.estimate(c, now)
	cp := c.checkpoint(now)
	w.mu.Unlock()
	return w.publishCheckpoint(ctx, cp)
}

func (w *workspace) publishCheckpoint(ctx context.Context, cp schemas.SyncCheckpoint) error {
	value, err := schemas.SyncCheckpoints.Encode(cp)
	if err != nil {
		return err
	}
	return w.opts.Publisher.Publish(ctx, &kgo.Record{
		Topic: schemas.SyncCheckpoints.Name, Key: []byte(schemas.TeamChannelKey(cp.TeamID, cp.ChannelID)), Value: value,
	})
}
