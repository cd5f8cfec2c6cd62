package slack

import (
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// What Slack says of an installation: its workspace waits for another record of it, asks Slack nothing meanwhile, and delays no
// other. Then everything is delivered, or has expired, with the reason.
func TestARefusedInstallationSuspendsItsWorkspace(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w *world){
		"revoked":     func(w *world) { w.must(w.sim.Revoke(w.t.Context(), "T1", w.app.ID)) },
		"uninstalled": func(w *world) { w.must(w.sim.Uninstall(w.t.Context(), "T1", w.app.ID)) },
		"a foreign token": func(w *world) {
			installAs(schemas.InstallActive, "sealed:xoxb-nobody's")(w, &schemas.Delivery{TeamID: "T1"})
		},
		"token_expired": func(w *world) {
			w.fault(slacksim.Fault{Kind: slacksim.FaultAPIError, Error: "token_expired", Team: "T1"})
		},
		"missing_scope": func(w *world) {
			w.fault(slacksim.Fault{Kind: slacksim.FaultAPIError, Error: "missing_scope", Team: "T1", Method: methodPost})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true, NoRateLimits: true})
			w.workspace("T1", "acme", 40)
			w.workspace("T2", "acme", 1)
			spoil(w)
			s, reg := w.replica()
			other, _ := w.replica()
			var waits []*kgo.Record
			for n := range 40 {
				d := delivery("T1", user(n+1), 1)
				if n == 0 {
					d.ExpiresAt = w.clock.Now().Add(time.Hour)
				}
				waits = append(waits, rec(t, d))
			}
			result := w.write(s, append(slices.Clone(waits), rec(t, delivery("T2", user(1), 1)))...)
			if len(result.Deferred) != 40 || len(w.shown()) != 1 {
				t.Fatalf("%d deferred, shown %v", len(result.Deferred), w.shown())
			}
			noLeak(t, "the outcomes", w.take())
			asked := w.calls()
			for range 5 {
				w.advance(time.Minute)
				if n := len(w.write(other, waits...).Deferred); n != 40 {
					t.Fatalf("%d wait on the other replica", n)
				}
			}
			if again := w.calls(); again != asked {
				t.Errorf("Slack was asked %d times more with the same installation", again-asked)
			}
			w.write(s, waits...)
			if n := sinkstest.Value(t, reg, "backchannel_sinks_slack_suspended_workspaces", map[string]string{"sink": "slack"}); n != 1 {
				t.Errorf("%v workspaces are told of", n)
			}
			w.advance(time.Hour)
			if n := len(w.write(s, waits...).Deferred); n != 39 {
				t.Errorf("%d wait", n)
			}
			if o := w.take(); len(o) != 1 || o[0].Status != schemas.Expired || o[0].Reason != schemas.InstallUnusable || o[0].Detail == "" {
				t.Errorf("outcomes %+v", o)
			}
			w.must(w.sim.ClearFaults(t.Context()))
			in, err := w.sim.Install(t.Context(), "T1", slacksim.InstallRequest{App: w.app.ID, Scopes: botScopes})
			w.must(err)
			connected := w.clock.Now()
			w.install(schemas.Installation{OrgID: "acme", TeamID: "T1", Scopes: botScopes, SealedToken: "sealed:" + in.Token, UpdatedAt: connected})
			waits = waits[1:]
			for range 10 {
				waits = w.write(s, waits...).Deferred
				w.advance(10 * time.Second)
			}
			o := w.take()
			if len(waits) > 0 || len(o) != 39 || o[0].Status != schemas.Delivered {
				t.Errorf("%d wait, outcomes %+v", len(waits), o)
			}
			if !slices.ContainsFunc(o, func(o schemas.Outcome) bool { return o.ReachableAt.Equal(connected) }) {
				t.Errorf("no outcome says since when the workspace is connected again: %+v", o)
			}
			if n := sinkstest.Value(t, reg, "backchannel_sinks_slack_suspended_workspaces", map[string]string{"sink": "slack"}); n != 0 {
				t.Errorf("%v workspaces are told of after it was mended", n)
			}
		})
	}
}

// calls counts what Slack was asked.
func (w *world) calls() (n int) {
	w.t.Helper()
	calls, err := w.sim.Calls(w.t.Context())
	w.must(err)
	for _, c := range calls {
		n += c.Calls
	}
	return n
}

// A DM that Slack has replaced by another is opened anew, once; a channel that is not there even then is final.
func TestADMThatIsAnotherNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true, NoRateLimits: true})
	w.workspace("T1", "acme", 2)
	s, reg := w.replica()
	w.must(w.rdb.HSet(t.Context(), schemas.DMKey("T1"), string(user(1)), "D0GONE").Err())
	d := rec(t, delivery("T1", user(1), 1))
	for n := 0; n < 3 && len(w.write(s, d).Deferred) > 0; n++ {
		w.advance(2 * time.Second)
	}
	if o := w.take(); len(o) != 1 || o[0].Status != schemas.Delivered || o[0].ChannelID == "D0GONE" || o[0].Ambiguous || len(w.shown()) != 1 {
		t.Errorf("outcomes %+v, shown %v", o, w.shown())
	}
	w.fault(slacksim.Fault{Kind: slacksim.FaultAPIError, Error: "channel_not_found", Method: methodPost})
	d = rec(t, delivery("T1", user(2), 1))
	if n := len(w.write(s, d).Deferred); n != 0 {
		t.Errorf("%d wait", n)
	}
	if o := w.take(); len(o) != 1 || o[0].Reason != schemas.RecipientRefused {
		t.Errorf("outcomes %+v", o)
	}
	if n := w.ambiguous(reg, schemas.Repeat); n > 0 {
		t.Errorf("%v in doubt", n)
	}
}

// Every code of slack.md's table, and what it comes to.
func TestEveryCode(t *testing.T) {
	t.Parallel()
	for class, list := range map[string][]string{
		"suspend":   {"invalid_auth", "not_authed", "token_revoked", "account_inactive", "missing_scope", "team_access_not_granted", "org_login_required", "accesslimited", "token_expired"},
		"recipient": {"user_not_found", "users_not_found", "user_not_visible", "channel_not_found", "is_archived", "not_in_channel", "restricted_action", "restricted_action_read_only_channel", "messages_tab_disabled", "cannot_dm_bot"},
		"account":   {"user_disabled"},
		"content":   {"msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "no_text", "too_many_attachments", "metadata_too_large"},
		"retry":     {"ratelimited", "rate_limited", "team_added_to_org"},
		"down":      {"service_unavailable"},
		"ambiguous": {"internal_error", "fatal_error", "request_timeout"},
		"gone":      {"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"},
	} {
		for _, code := range list {
			v := codes[code]
			want := map[string]bool{
				"suspend":   v == verdict{suspend: true, code: code},
				"recipient": v.status == schemas.Failed && v.reason == schemas.RecipientRefused && v.pause == 0 && !v.ambiguous && !v.suspend,
				"account":   v.status == schemas.Failed && v.reason == schemas.AccountInactive,
				"content":   v.status == schemas.Failed && v.reason == schemas.ContentRefused,
				"retry":     v == verdict{pause: workspacePause, code: code},
				"down":      v == verdict{pause: workspacePause, code: code, away: answers + code},
				"ambiguous": v == verdict{ambiguous: true, code: code, away: answers + code},
				"gone":      v.gone && v.status == schemas.Failed,
			}
			if !want[class] {
				t.Errorf("%s is %+v, not of class %s", code, v, class)
			}
		}
	}
}
