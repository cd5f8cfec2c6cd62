package install

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// callback is where Slack leads a browser back to, with a code or an error.
func (h *Handler) callback(w http.ResponseWriter, r *http.Request) page {
	q := r.URL.Query()
	state := q.Get("state")
	if state == "" {
		return page{result: "malformed", status: http.StatusBadRequest, Title: "This page is Slack's to open", Text: "Begin at the Slack integration's page."}
	}
	p, err := h.recall(r.Context(), state)
	switch {
	case errors.Is(err, errUsedState):
		return again("reused", "This page was opened already", "What it did then still holds.", "")
	case errors.Is(err, errUnknownState):
		return again("expired", "That took too long", "Slack's page has to be answered within ten minutes. Nothing was changed. Begin again.", "")
	case err != nil:
		return h.unavailable("callback", err)
	}
	h.setCookie(w, state, "", -1)
	f := flowNamed(p.Flow)
	switch code := q.Get("error"); {
	case !p.sameBrowser(r, state):
		return page{result: "other_browser", status: http.StatusForbidden, Title: "This was begun in another browser", Text: "Nothing was changed. Begin again in this one."}
	case code == "access_denied":
		return again("denied", "You did not allow it", "Nothing was changed. You can connect at any time.", p.Again)
	case code != "":
		return again("refused", "Slack refused", "Slack answered "+plain(code)+". Nothing was changed.", p.Again)
	case q.Get("code") == "":
		return page{result: "malformed", status: http.StatusBadRequest, Title: "Slack sent no code", Text: "Nothing was changed. Begin again."}
	}
	return h.grant(r, p, f, q.Get("code"))
}

// again is a page with a way to begin once more.
func again(result, title, text, retry string) page {
	status := http.StatusOK
	if result == "reused" || result == "expired" {
		status = http.StatusGone
	}
	return page{result: result, status: status, Title: title, Text: text, Retry: retry}
}

// grant exchanges the code and records what was granted, unless it may not be.
func (h *Handler) grant(r *http.Request, p pending, f flow, code string) page {
	ctx := r.Context()
	// Asked before the code is spent: with the views away nobody could say whose the workspace is.
	k, err := h.lookup(ctx, p.Visitor)
	if err != nil {
		return h.unavailable("callback", err)
	}
	if why := f.may(k.person); why != "" { // the role may have gone since
		return page{result: "not_allowed", status: http.StatusForbidden, Title: "You cannot do this", Text: why}
	}
	in, token, refusal := h.exchange(ctx, code)
	if refusal != nil {
		refusal.Retry = p.Again
		return *refusal
	}
	if p.Team != "" && in.TeamID != p.Team {
		return page{
			result: "wrong_workspace", status: http.StatusConflict, Title: "That is another workspace", Retry: p.Again,
			Text: "You allowed it in " + in.TeamName + ", and it was meant for another workspace. Nothing was changed here; you can remove the app from " + in.TeamName + " in Slack.",
		}
	}
	owner, err := h.claim(ctx, in, p.Org)
	switch {
	case err != nil:
		return h.unavailable("callback", err)
	case owner != p.Org:
		return page{
			result: "team_taken", status: http.StatusConflict, Title: "That workspace belongs to somebody else",
			Text: in.TeamName + " is connected to another organization. A workspace belongs to one. Nothing was changed.",
		}
	}
	in.OrgID = p.Org
	if in.SealedToken, err = h.opts.Tokens.Seal(in.TeamID, token.access); err == nil && token.refresh != "" {
		in.SealedRefreshToken, err = h.opts.Tokens.Seal(in.TeamID, token.refresh)
	}
	if err == nil {
		err = h.publish(ctx, in)
	}
	if err != nil {
		return h.unavailable("record", err)
	}
	h.opts.Log.InfoContext(ctx, "a workspace was connected", "org", p.Org, "team", in.TeamID, "flow", f.Name, "by", p.User, "scopes", in.Scopes)
	done := granted(in, f, p.Again)
	if p.Signed && h.opts.Landing != nil && done.result == "connected" {
		done.status, done.location = http.StatusSeeOther, h.opts.Landing(in, f.Name == channelSync.Name)
	}
	return done
}

// granted says what was recorded, and what is missing.
func granted(in *schemas.Installation, f flow, retry string) page {
	done := page{result: "connected", status: http.StatusOK, Title: in.TeamName + " is connected", Text: "Notifications reach the people whose email is the same in Slack."}
	if f.Name == channelSync.Name {
		done.Title = "Channel sync is on for " + in.TeamName
		done.Text = "Add the app to a channel in Slack, and say which account it belongs to. Only such channels are synced."
	}
	var missing []string
	for _, scope := range f.scopes {
		if !slices.Contains(in.Scopes, scope) {
			missing = append(missing, scope)
		}
	}
	if len(missing) > 0 {
		done.result, done.Retry = "narrower", retry
		done.Text = "Slack granted less than was asked for: " + strings.Join(missing, ", ") + " is missing. What needs it does not work until you connect again and allow it."
	}
	return done
}

// unavailable is for what a later try can mend. The error is logged, and not shown.
func (h *Handler) unavailable(step string, err error) page {
	h.opts.Log.Warn("an installation flow could not go on", "step", step, "error", err)
	text := "One of our systems does not answer. Nothing was changed. Try again in a minute."
	if errors.Is(err, ingest.ErrViewsIncomplete) {
		text = "We are still starting. Nothing was changed. Try again in a minute."
	}
	return page{result: "unavailable", status: http.StatusServiceUnavailable, Title: "Not right now", Text: text}
}

// plain keeps of a code that came by URL what a code can be made of.
func plain(code string) string {
	code = strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, code)
	return code[:min(len(code), 60)]
}
