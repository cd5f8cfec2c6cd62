package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// known is what the views say of a workspace.
type known struct {
	associations map[schemas.ChannelID]*schemas.ChannelAssociation
	channels     map[schemas.ChannelID]*schemas.SlackChannel
	requests     map[schemas.ChannelID]*schemas.SyncRequest
	checkpoints  map[schemas.ChannelID]*schemas.SyncCheckpoint // only when asked for
	basis        map[schemas.ChannelID]string
	window       time.Duration
}

// refresh learns from the views which channels there are to read, and takes them up where their checkpoints are.
func (w *workspace) refresh(ctx context.Context) error {
	w.mu.Lock()
	fresh := len(w.channels) == 0
	w.mu.Unlock()
	k, err := w.look(ctx, fresh)
	if err != nil {
		return err
	}
	for id, cp := range k.checkpoints {
		if k.associations[id] == nil && cp.Reason == "" {
			reason := schemas.NotAssociated // while nobody looked
			if w.in.OrgID == "" {           // the workspace is gone, and with it whose the associations are
				reason = schemas.NotInstalled
			}
			w.stop(ctx, newChannel(*cp), reason)
		}
	}
	var taken []*channel
	for id, a := range k.associations {
		if w.channels[id] != nil { // only this goroutine adds and removes
			continue
		}
		c, err := w.load(ctx, id, a, k.checkpoints[id])
		if err != nil {
			return err
		}
		taken = append(taken, c)
		w.mu.Lock()
		w.channels[id] = c
		w.mu.Unlock()
	}
	w.schedule(taken)
	for id, a := range k.associations {
		if err := w.apply(ctx, w.channels[id], a, k); err != nil {
			return err
		}
	}
	for id, c := range w.channels {
		if k.associations[id] == nil {
			w.hold(ctx, c, schemas.NotAssociated)
		}
	}
	return nil
}

func (w *workspace) look(ctx context.Context, fresh bool) (*known, error) {
	team := w.in.TeamID
	var associations, requests, checkpoints *redis.MapStringStringCmd
	var settings *redis.StringCmd
	err := ingest.Lookup(ctx, w.opts.Redis, func(pipe redis.Pipeliner) {
		associations, requests = pipe.HGetAll(ctx, schemas.ViewTeamAssociations(team)), pipe.HGetAll(ctx, schemas.ViewTeamSyncRequests(team))
		settings = pipe.HGet(ctx, schemas.ViewOrgSettings(w.in.OrgID), "")
		if fresh {
			checkpoints = pipe.HGetAll(ctx, schemas.ViewTeamCheckpoints(team))
		}
	})
	if err != nil {
		return nil, err
	}
	k := &known{window: w.opts.Window, channels: map[schemas.ChannelID]*schemas.SlackChannel{}, basis: map[schemas.ChannelID]string{}}
	org, err := ingest.Viewed[schemas.OrgSettings](settings.Val())
	if err != nil {
		return nil, err
	}
	if org != nil && org.BackfillDays > 0 {
		k.window = time.Duration(org.BackfillDays) * 24 * time.Hour
	}
	if org != nil && org.Retention != nil && org.Retention.MessageDays > 0 { // what is older would be deleted at once
		k.window = min(k.window, time.Duration(org.Retention.MessageDays)*24*time.Hour)
	}
	if k.associations, err = viewed[schemas.ChannelAssociation](associations.Val()); err != nil {
		return nil, err
	}
	if k.requests, err = viewed[schemas.SyncRequest](requests.Val()); err != nil {
		return nil, err
	}
	if fresh {
		if k.checkpoints, err = viewed[schemas.SyncCheckpoint](checkpoints.Val()); err != nil {
			return nil, err
		}
	}
	for id, a := range k.associations {
		if a.OrgID != w.in.OrgID {
			delete(k.associations, id) // the channel's organization is the workspace's
		}
	}
	return k, w.lookChannels(ctx, k, associations.Val())
}

// lookChannels asks for the associated channels alone: a workspace may have thousands of others.
func (w *workspace) lookChannels(ctx context.Context, k *known, associations map[string]string) error {
	if len(k.associations) == 0 {
		return nil
	}
	ids := make([]string, 0, len(k.associations))
	for id := range k.associations {
		ids = append(ids, string(id))
	}
	values, err := w.opts.Redis.HMGet(ctx, schemas.ViewTeamChannels(w.in.TeamID), ids...).Result()
	if err != nil {
		return fmt.Errorf("look up channels: %w", err)
	}
	for i, id := range ids {
		text, _ := values[i].(string)
		c, err := ingest.Viewed[schemas.SlackChannel](text)
		if err != nil {
			return err
		}
		k.channels[schemas.ChannelID(id)], k.basis[schemas.ChannelID(id)] = c, associations[id]+text
	}
	return nil
}

func viewed[T any](hash map[string]string) (map[schemas.ChannelID]*T, error) {
	all := make(map[schemas.ChannelID]*T, len(hash))
	for id, text := range hash {
		v, err := ingest.Viewed[T](text)
		if err != nil {
			return nil, err
		}
		if v != nil {
			all[schemas.ChannelID(id)] = v
		}
	}
	return all, nil
}

// load takes a channel up where its checkpoint is, or begins it.
func (w *workspace) load(ctx context.Context, id schemas.ChannelID, a *schemas.ChannelAssociation, cp *schemas.SyncCheckpoint) (*channel, error) {
	if cp == nil || cp.OrgID != a.OrgID {
		cp = &schemas.SyncCheckpoint{OrgID: a.OrgID, TeamID: w.in.TeamID, ChannelID: id, StartedAt: time.Now().UTC()}
	}
	c := newChannel(*cp)
	table, due := schemas.ThreadsKey(w.in.TeamID, id), schemas.ThreadsDueKey(w.in.TeamID, id)
	pipe := w.opts.Redis.Pipeline()
	epoch, size, indexed := pipe.HGet(ctx, table, fieldEpoch), pipe.HLen(ctx, table), pipe.ZCard(ctx, due)
	state := askThreads(ctx, pipe, due)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("read the table of threads: %w", err)
	}
	switch {
	case epoch.Val() == "" || epoch.Val() != c.ThreadsEpoch:
		return c, w.beginTable(ctx, c)
	case size.Val() != indexed.Val()+1:
		return c, w.index(ctx, c)
	}
	c.threads(state())
	return c, nil
}

// beginTable makes a new table of threads. A channel that had one reads everything again to fill it.
func (w *workspace) beginTable(ctx context.Context, c *channel) error {
	table, due := schemas.ThreadsKey(w.in.TeamID, c.ChannelID), schemas.ThreadsDueKey(w.in.TeamID, c.ChannelID)
	epoch := newEpoch()
	pipe := w.opts.Redis.Pipeline()
	pipe.Del(ctx, table)
	pipe.Del(ctx, due)
	pipe.Del(ctx, schemas.PrintsKey(w.in.TeamID, c.ChannelID))
	pipe.HSet(ctx, table, fieldEpoch, epoch)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("begin the table of threads: %w", err)
	}
	c.ThreadsEpoch = epoch
	c.threads(threadState{first: noThreads})
	if len(c.covered) > 0 {
		c.whole()
	}
	return nil
}

// index makes the index of a table anew.
func (w *workspace) index(ctx context.Context, c *channel) error {
	table, due := schemas.ThreadsKey(w.in.TeamID, c.ChannelID), schemas.ThreadsDueKey(w.in.TeamID, c.ChannelID)
	all, err := w.opts.Redis.HGetAll(ctx, table).Result()
	if err != nil {
		return fmt.Errorf("read the table of threads: %w", err)
	}
	delete(all, fieldEpoch)
	w.mu.Lock()
	revisit := w.revisit()
	w.mu.Unlock()
	members := make([]redis.Z, 0, len(all))
	for root, text := range all {
		members = append(members, redis.Z{Score: parseThread(text).due(schemas.TS(root), revisit), Member: root})
	}
	pipe := w.opts.Redis.Pipeline()
	pipe.Del(ctx, due)
	if len(members) > 0 {
		pipe.ZAdd(ctx, due, members...)
	}
	state := askThreads(ctx, pipe, due)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("index the table of threads: %w", err)
	}
	c.threads(state())
	return nil
}

// apply lets a channel go on, or stops it, as the views have it.
func (w *workspace) apply(ctx context.Context, c *channel, a *schemas.ChannelAssociation, k *known) error {
	view, basis := k.channels[c.ChannelID], k.basis[c.ChannelID]
	reason := w.forbidden(view)
	if reason != "" {
		w.hold(ctx, c, reason)
		c.basis = basis
		return nil
	}
	w.mu.Lock()
	c.kind = kindOf(view)
	start := w.windowOf(c, a, k)
	moved := start != c.windowStart
	c.windowStart = start
	changed, was := basis != c.basis, c.Reason
	resumed := c.held || ours[was]
	c.held, c.basis = false, basis
	if was != "" && (changed || resumed) {
		c.retryAt = time.Time{}
	}
	if resumed && ours[was] {
		c.Reason = ""
		c.pollAt = time.Time{}
		if unkept[was] && len(c.covered) > 0 {
			c.whole()
		}
	}
	w.mu.Unlock()
	if !moved && (was == "" || !resumed) {
		return nil
	}
	if resumed && unkept[was] {
		if err := w.opts.Redis.Del(ctx, schemas.PrintsKey(w.in.TeamID, c.ChannelID)).Err(); err != nil {
			return fmt.Errorf("forget what was published: %w", err)
		}
	}
	return w.note(ctx, c, func(time.Time) {})
}

// ours are the reasons that the views give and take back.
var ours = map[schemas.Reason]bool{
	schemas.NotAssociated: true, schemas.NotAuthorised: true, schemas.NotInstalled: true, schemas.AppNotInChannel: true, schemas.ChannelArchived: true,
	schemas.TokenRefused: true,
}

// unkept are those under which enrich keeps nothing, also of what was published just before: all of it is published again.
var unkept = map[schemas.Reason]bool{schemas.NotAssociated: true, schemas.NotAuthorised: true, schemas.NotInstalled: true}

// forbidden says why a channel may not be read, as far as the views know.
func (w *workspace) forbidden(view *schemas.SlackChannel) schemas.Reason {
	w.mu.Lock()
	ended := w.over(time.Now())
	w.mu.Unlock()
	switch {
	case ended != "":
		return ended
	case !w.in.MayKeep(kindOf(view)):
		return schemas.NotAuthorised
	case view == nil: // not listed yet: Slack will say
		return ""
	case view.IsArchived:
		return schemas.ChannelArchived
	case !view.IsMember:
		return schemas.AppNotInChannel
	}
	return ""
}

// kindOf is Slack's channel_type.
func kindOf(view *schemas.SlackChannel) string {
	switch {
	case view == nil:
		return ""
	case view.IsPrivate:
		return "group"
	}
	return "channel"
}

// windowOf is from when on a channel is read. It never moves later.
func (w *workspace) windowOf(c *channel, a *schemas.ChannelAssociation, k *known) uint64 {
	begun := a.UpdatedAt
	if begun.IsZero() {
		begun = c.StartedAt
	}
	start := micros(begun.Add(-k.window))
	if r := k.requests[c.ChannelID]; r != nil {
		start = min(start, micros(r.Since))
	}
	if c.WindowStart != "" {
		start = min(start, c.windowStart)
	}
	return start
}

// hold stops a channel until the views say otherwise.
func (w *workspace) hold(ctx context.Context, c *channel, reason schemas.Reason) {
	w.mu.Lock()
	same := c.held && c.Reason == reason || c.Reason == reason
	c.held = true
	w.mu.Unlock()
	if !same {
		w.stop(ctx, c, reason)
	}
}
