package history

import (
	"context"
	"errors"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

// refusals say why Slack shows nothing of a channel (docs.slack.dev/reference/methods/conversations.history, Errors).
var refusals = map[string]schemas.Reason{
	"channel_not_found": schemas.ChannelGone, "not_in_channel": schemas.AppNotInChannel, "is_archived": schemas.ChannelArchived,
	"missing_scope": schemas.NotAuthorised, "no_permission": schemas.NotAuthorised, "access_denied": schemas.NotAuthorised,
}

// ends say that the token is of no use (slack.md, 'Posting errors', class install).
var ends = map[string]bool{
	"invalid_auth": true, "not_authed": true, "token_revoked": true, "token_expired": true, "account_inactive": true, "team_access_not_granted": true,
	"org_login_required": true, "accesslimited": true, "not_allowed_token_type": true, "ekm_access_denied": true, "enterprise_is_restricted": true,
}

// passing are refusals that pass by themselves.
var passing = map[string]bool{
	"internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true, "team_added_to_org": true, "invalid_cursor": true,
}

// probeEvery is how often something that Slack has refused is tried again without having been told that it may be.
const probeEvery = time.Hour

func isRefusal(err error, code string) bool {
	r, ok := errors.AsType[*refusal](err)
	return ok && r.code == code
}

// settle sees to what came of a call.
func (w *workspace) settle(ctx context.Context, r request, err error) {
	limit, isLimit := errors.AsType[*limited](err)
	refused, isRefused := errors.AsType[*refusal](err)
	switch {
	case err == nil:
		w.metrics.called(r.method, "ok")
		w.budget.answered(r.method)
	case ctx.Err() != nil:
	case isLimit:
		w.metrics.called(r.method, "limited")
		w.limited(ctx, r, limit)
	case isRefused && ends[refused.code]:
		w.metrics.called(r.method, "refused")
		w.opts.Log.Warn("history: Slack refuses a workspace's token; nothing of it is read until it is connected again", "team", w.in.TeamID, "error", err)
		w.end(ctx)
	case isRefused && !passing[refused.code]:
		w.metrics.called(r.method, "refused")
		w.refused(ctx, r, refused)
	default:
		w.metrics.called(r.method, "failed")
		w.failed(r, err)
	}
}

// limited keeps everybody from the method until Slack answers again.
func (w *workspace) limited(ctx context.Context, r request, limit *limited) {
	w.mu.Lock()
	w.notBefore[r.method] = time.Now().Add(limit.after)
	w.mu.Unlock()
	err := w.budget.pause(ctx, r.method, limit.after)
	taught, err2 := w.budget.struck(ctx, r.method)
	if err := errors.Join(err, err2); err != nil {
		w.opts.Log.Warn("history: what Slack said of its limits could not be noted", "team", w.in.TeamID, "error", err)
	}
	if taught > 0 {
		w.opts.Log.Warn("history: Slack allows less than its documentation says for this class of app; is slack-app-class right?",
			"team", w.in.TeamID, "method", r.method, "slowed_by", taught)
	}
}

// over says why Slack is not called for the workspace at all, for now. Callers hold mu.
func (w *workspace) over(now time.Time) schemas.Reason {
	if w.endedTill.IsZero() || now.Before(w.endedTill) {
		return w.ended
	}
	return ""
}

// end stops the whole workspace.
func (w *workspace) end(ctx context.Context) {
	w.mu.Lock()
	w.ended, w.endedTill = schemas.TokenRefused, time.Now().Add(probeEvery)
	all := make([]*channel, 0, len(w.channels))
	for _, c := range w.channels {
		if c.Reason == "" {
			all = append(all, c)
		}
	}
	w.mu.Unlock()
	for _, c := range all {
		w.stop(ctx, c, schemas.TokenRefused)
	}
}

// refused stops one channel, until the views say something else of it or it is time for another try. What Slack says of a thread that is no reason for
// the channel puts off the thread alone.
func (w *workspace) refused(ctx context.Context, r request, refused *refusal) {
	reason, known := refusals[refused.code]
	if !known {
		reason = schemas.HistoryRefused
		w.opts.Log.Warn("history: Slack refuses a page", "team", w.in.TeamID, "channel", r.channel.ChannelID, "method", r.method, "error", refused)
		if r.method == methodReplies {
			if err := w.postpone(ctx, r.channel); err != nil {
				w.failed(r, err)
			}
			return
		}
	}
	w.mu.Lock()
	r.channel.retryAt = time.Now().Add(probeEvery)
	w.mu.Unlock()
	w.stop(ctx, r.channel, reason)
}

// stop says why a channel is not read any more.
func (w *workspace) stop(ctx context.Context, c *channel, reason schemas.Reason) {
	if err := w.note(ctx, c, func(time.Time) { c.Reason = reason }); err != nil && ctx.Err() == nil {
		w.opts.Log.Warn("history: it could not be recorded why a channel is not read", "team", w.in.TeamID, "channel", c.ChannelID, "reason", reason, "error", err)
	}
}

// failed puts a channel off for a while. Others go on.
func (w *workspace) failed(r request, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := r.channel
	pause := min(firstPause<<min(c.failures, 16), lastPause)
	c.failures++
	if isRefusal(err, "invalid_cursor") {
		c.resume = nil // it has expired; the last ts leads on
	}
	c.retryAt = time.Now().Add(pause)
	if c.failures > 3 {
		w.opts.Log.Warn("history: a page could not be read", "team", w.in.TeamID, "channel", c.ChannelID, "method", r.method, "error", err, "again_in", pause)
	}
}
