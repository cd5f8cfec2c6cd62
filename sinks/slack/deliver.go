package slack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/ledger"
)

// fate is what became of a job in this batch.
type fate int

const (
	done fate = iota
	later
	refused // done, with a dead letter: the content is our fault
)

// settle is longer than an attempt can take (attemptTimeout): an entry that was begun so long ago has lost its owner.
const (
	attemptTimeout = 15 * time.Second
	settle         = 20 * time.Second
)

// deliver takes one delivery as far as it can go now. It is safe to call again after any error or crash.
func (s *Sink) deliver(ctx context.Context, j *job) (fate, error) {
	d, now := &j.delivery, s.opts.Now()
	if o, known := s.ledger.Unwritten(d.DeliveryID); known {
		return fateOf(o), s.ledger.Conclude(ctx, o, s.publish)
	}
	if j.entry != nil && j.entry.Done != nil {
		o := ledger.Repeated(d, *j.entry.Done)
		return fateOf(o), s.publish(ctx, o)
	}
	inDoubt := j.entry != nil
	if wait := s.waitOf(j, now); wait > 0 {
		return j.later(wait, false), nil
	}
	if inDoubt && d.OnAmbiguous == schemas.Silence {
		s.ambiguous.WithLabelValues(string(schemas.Silence)).Inc()
		return s.finish(ctx, j, schemas.Failed, schemas.AmbiguousSilenced, "")
	}
	if status, reason := s.impossible(j, now); reason != "" {
		detail := ""
		if reason == schemas.InstallUnusable {
			detail = "Slack answered " + j.refused
		}
		return s.finish(ctx, j, status, reason, detail)
	}
	s.suspended.note(d.TeamID, j.refused != "")
	if j.refused != "" {
		return j.later(suspendedProbe, true), nil
	}
	if f, settled, err := s.settleSetup(ctx, j); settled || err != nil {
		return f, err
	}
	if j.paused > 0 {
		return j.later(j.paused, true), nil
	}
	if err := s.findThread(ctx, j); err != nil {
		return later, err
	}
	client, err := s.client(j.install)
	if err != nil {
		return s.finish(ctx, j, schemas.Failed, schemas.TokenUnreadable, err.Error())
	}
	if j.updates() {
		return s.update(ctx, client, j)
	}
	if wait, all, err := s.maySend(ctx, j); err != nil || wait > 0 {
		return j.later(wait, all), err
	}
	if f, opened, err := s.open(ctx, client, j); err != nil || !opened {
		return f, err
	}
	return s.bracket(ctx, client, j)
}

// later: not now. all: everything of the workspace waits as long.
func (j *job) later(wait time.Duration, all bool) fate {
	j.wait, j.all = wait, all
	return later
}

// waitOf is how long an earlier attempt keeps us from another.
func (s *Sink) waitOf(j *job, now time.Time) time.Duration {
	if j.entry == nil {
		return 0
	}
	return s.ledger.Wait(j.entry, now)
}

// fateOf an outcome: content that Slack refused is our fault, and becomes a dead letter too.
func fateOf(o schemas.Outcome) fate {
	if o.Reason == schemas.ContentRefused {
		return refused
	}
	return done
}

// impossible says why a delivery cannot or need not be made, from what is known before Slack is asked. Slack answers ok
// to a post to a deactivated user (python-slack-sdk #1156), so we look ourselves.
func (s *Sink) impossible(j *job, now time.Time) (schemas.OutcomeStatus, schemas.Reason) {
	d := &j.delivery
	switch {
	case j.expired(now) && j.refused != "":
		return schemas.Expired, schemas.InstallUnusable
	case j.expired(now):
		return schemas.Expired, schemas.PastExpiry
	case j.install == nil || !j.install.Callable():
		return schemas.Failed, schemas.SlackNotConnected
	case j.install.OrgID != d.OrgID:
		return schemas.Failed, schemas.TenantMismatch
	case j.user != nil && j.user.Deleted:
		return schemas.Failed, schemas.AccountInactive
	}
	return "", ""
}

func (j *job) expired(now time.Time) bool {
	d := &j.delivery
	return !d.ExpiresAt.IsZero() && !d.ExpiresAt.After(now) || !j.record.Timestamp.IsZero() && now.Sub(j.record.Timestamp) >= longestWait
}

// open makes sure that the DM is open. Nothing is posted here, so no failure is ambiguous.
func (s *Sink) open(ctx context.Context, client api, j *job) (f fate, opened bool, err error) {
	if j.channel != "" {
		return done, true, nil
	}
	d := &j.delivery
	if wait, err := s.limiter.mayOpen(ctx, d.TeamID); err != nil || wait > 0 {
		return j.later(wait, false), false, err // those whose DM is open need not wait
	}
	channel, err := client.open(ctx, d.SlackUserID)
	if err != nil {
		v := judge(err)
		v.ambiguous = false
		f, err := s.settleVerdict(ctx, j, methodOpen, v)
		return f, false, err
	}
	j.channel = channel
	if err := s.redis.HSet(ctx, schemas.DMKey(d.TeamID), string(d.SlackUserID), string(channel)).Err(); err != nil {
		return later, false, fmt.Errorf("note the DM channel: %w", err)
	}
	return done, true, nil
}

// bracket posts between two ledger writes. A crash after the first leaves the delivery in doubt; see ledger.New. Nothing
// else may: once begun, the attempt is not cancelled with the batch or at shutdown, it ends by its own timeout.
func (s *Sink) bracket(ctx context.Context, client api, j *job) (fate, error) {
	if err := ctx.Err(); err != nil {
		return later, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attemptTimeout)
	defer cancel()
	d := &j.delivery
	if ours, err := s.ledger.Begin(ctx, d.DeliveryID, j.entry, s.opts.Now()); err != nil || !ours {
		return j.later(time.Second, false), err
	}
	j.begun = true
	if j.entry != nil {
		s.ambiguous.WithLabelValues(string(schemas.Repeat)).Inc()
	}
	if j.thread != nil {
		j.channel = j.thread.ChannelID
	}
	method, ts, err := client.send(ctx, j)
	if err == nil {
		return s.delivered(ctx, j, ts)
	}
	return s.settleVerdict(ctx, j, method, j.inChannel(judge(err)))
}

// settleVerdict acts on a failed call.
func (s *Sink) settleVerdict(ctx context.Context, j *job, method string, v verdict) (fate, error) {
	d := &j.delivery
	j.later(v.pause, v.pause > 0)
	if v.suspend {
		j.later(suspendedProbe, true)
		if err := s.suspend(ctx, j, v.code); err != nil {
			return later, err
		}
	}
	if again, err := s.forgetGone(ctx, j, method, v); err != nil {
		return later, err
	} else if again {
		v = verdict{code: v.code}
	}
	if v.pause > 0 {
		if err := s.limiter.pause(ctx, d.TeamID, method, v.pause); err != nil {
			return later, err
		}
	}
	if v.away != "" {
		j.waiting = errors.New(v.away)
	}
	attempts := 0
	if j.entry != nil {
		attempts = j.entry.Attempts
	}
	switch {
	case v.status != "":
		return s.finish(ctx, j, v.status, v.reason, "Slack answered "+v.code)
	case v.ambiguous && d.OnAmbiguous == schemas.Silence:
		s.ambiguous.WithLabelValues(string(schemas.Silence)).Inc()
		o := s.outcome(j, schemas.Failed, schemas.AmbiguousSilenced, "")
		o.Ambiguous = true
		return done, s.ledger.Conclude(ctx, o, s.publish)
	case v.ambiguous:
		return later, s.ledger.Doubt(ctx, d.DeliveryID, attempts+1, s.opts.Now())
	case j.entry != nil && method != methodOpen: // still in doubt about the earlier attempt
		return later, s.ledger.Doubt(ctx, d.DeliveryID, attempts, s.opts.Now())
	case method != methodOpen:
		return later, s.ledger.Release(ctx, d.DeliveryID)
	}
	return later, nil
}

// forgetGone forgets what Slack no longer has: the earlier message of a thread, or a DM that was known and is another now. Then
// the delivery is tried again, once, since it finds neither.
func (s *Sink) forgetGone(ctx context.Context, j *job, method string, v verdict) (again bool, err error) {
	d := &j.delivery
	switch {
	case !v.gone || method == methodOpen:
		return false, nil
	case j.thread != nil:
		return true, s.forgetThread(ctx, d)
	case j.cached:
		if err := s.redis.HDel(ctx, schemas.DMKey(d.TeamID), string(d.SlackUserID)).Err(); err != nil {
			return false, fmt.Errorf("forget the DM channel: %w", err)
		}
		return true, nil
	}
	return false, nil
}

func (s *Sink) delivered(ctx context.Context, j *job, ts schemas.TS) (fate, error) {
	o := s.outcome(j, schemas.Delivered, "", "")
	o.ChannelID, o.TS = j.channel, ts
	if j.thread != nil && j.thread.TS != ts {
		o.ThreadTS = j.thread.TS
	}
	if err := s.ledger.Conclude(ctx, o, s.publish); err != nil {
		return done, err
	}
	return done, s.keepThread(ctx, &o)
}

func (s *Sink) finish(ctx context.Context, j *job, status schemas.OutcomeStatus, reason schemas.Reason, detail string) (fate, error) {
	o := s.outcome(j, status, reason, detail)
	return fateOf(o), s.ledger.Conclude(ctx, o, s.publish)
}

func (s *Sink) outcome(j *job, status schemas.OutcomeStatus, reason schemas.Reason, detail string) schemas.Outcome {
	o := j.delivery.Outcome(schemas.BySlack, status, reason, detail, s.opts.Now().UTC())
	o.Ambiguous, o.Attempts = j.entry != nil && j.entry.Done == nil, j.attempts()
	if j.again && j.install != nil {
		o.ReachableAt = j.install.UpdatedAt
	}
	return o
}
