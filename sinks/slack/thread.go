package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// findThread looks for the earlier message. It is asked for each delivery by itself, not with the batch: the one before it in
// the batch may have been the first.
func (s *Sink) findThread(ctx context.Context, j *job) error {
	d := &j.delivery
	if d.Thread == "" {
		return nil
	}
	raw, err := s.redis.Get(ctx, schemas.ThreadKey(d.OrgID, d.Recipient, d.Thread)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the thread: %w", err)
	}
	var e schemas.ThreadEntry
	if err := json.Unmarshal(raw, &e); err != nil || e.TeamID != d.TeamID {
		return nil //nolint:nilerr // not ours to read: a thread of its own begins
	}
	j.thread = &e
	return nil
}

// keepThread remembers the message for later ones.
func (s *Sink) keepThread(ctx context.Context, o *schemas.Outcome) error {
	e, ok := o.Threaded()
	if !ok {
		return nil
	}
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode a thread: %w", err)
	}
	if err := s.redis.Set(ctx, schemas.ThreadKey(o.OrgID, o.Recipient, o.Thread), value, schemas.ThreadTTL).Err(); err != nil {
		return fmt.Errorf("note the thread: %w", err)
	}
	return nil
}

// forgetThread: the earlier message is gone, so that the next attempt posts anew.
func (s *Sink) forgetThread(ctx context.Context, d *schemas.Delivery) error {
	if err := s.redis.Del(ctx, schemas.ThreadKey(d.OrgID, d.Recipient, d.Thread)).Err(); err != nil {
		return fmt.Errorf("forget a thread: %w", err)
	}
	return nil
}

// updates reports whether the delivery changes the earlier message.
func (j *job) updates() bool { return j.thread != nil && j.delivery.ThreadMode == schemas.ThreadUpdate }

// answers is the ts of the message that this one answers, if it does.
func (j *job) answers() schemas.TS {
	if j.thread == nil {
		return ""
	}
	return j.thread.TS
}

// update replaces what the earlier message says. It is not bracketed by the ledger: to do it again changes nothing, so no crash and
// no lost answer leaves a doubt.
func (s *Sink) update(ctx context.Context, client api, j *job) (fate, error) {
	d := &j.delivery
	if wait, err := s.limiter.mayUpdate(ctx, d.TeamID); err != nil || wait > 0 {
		return j.later(wait, false), err
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if err := client.update(ctx, j.thread, d); err != nil {
		v := judge(err)
		if v.ambiguous {
			v.ambiguous, v.pause = false, max(v.pause, workspacePause)
		}
		return s.settleVerdict(ctx, j, methodUpdate, v)
	}
	j.channel = j.thread.ChannelID
	return s.delivered(ctx, j, j.thread.TS)
}
