package history

import (
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// Each end stops the sync within a poll and says why; when its reason goes, the sync goes on where it was, and finds what was said meanwhile.
func TestEnds(t *testing.T) {
	long(t)
	view := func(w *world, c slacksim.ChannelID, change func(*schemas.SlackChannel)) {
		v := schemas.SlackChannel{OrgID: "acme", TeamID: w.team.ID, ChannelID: c, IsMember: true, UpdatedAt: time.Now()}
		change(&v)
		say(w, schemas.SlackChannels, schemas.TeamChannelKey(w.team.ID, c), &v)
	}
	yes, no := true, false
	for name, tt := range map[string]struct {
		reason    schemas.Reason
		end, mend func(w *world, c slacksim.ChannelID)
	}{
		"the association is removed": {schemas.NotAssociated,
			func(w *world, c slacksim.ChannelID) {
				say(w, schemas.ChannelAssociations, schemas.TeamChannelKey(w.team.ID, c), nil)
			},
			func(w *world, c slacksim.ChannelID) { w.associate(c) }},
		"the app is removed, and an event says so": {schemas.AppNotInChannel,
			func(w *world, c slacksim.ChannelID) { view(w, c, func(v *schemas.SlackChannel) { v.IsMember = false }) },
			func(w *world, c slacksim.ChannelID) { view(w, c, func(*schemas.SlackChannel) {}) }},
		"the app is removed, and only Slack's answer says so": {schemas.AppNotInChannel,
			func(w *world, c slacksim.ChannelID) {
				w.must(w.slack.Remove(w.t.Context(), w.team.ID, c, w.install.BotUserID, w.person.ID))
			},
			func(w *world, c slacksim.ChannelID) {
				w.must(w.slack.Invite(w.t.Context(), w.team.ID, c, w.person.ID, w.install.BotUserID))
				view(w, c, func(*schemas.SlackChannel) {})
			}},
		"nobody says when the app is back": {schemas.AppNotInChannel,
			func(w *world, c slacksim.ChannelID) {
				w.must(w.slack.Remove(w.t.Context(), w.team.ID, c, w.install.BotUserID, w.person.ID))
			},
			func(w *world, c slacksim.ChannelID) {
				w.must(w.slack.Invite(w.t.Context(), w.team.ID, c, w.person.ID, w.install.BotUserID))
			}},
		"archived": {schemas.ChannelArchived,
			func(w *world, c slacksim.ChannelID) {
				_, err := w.slack.UpdateChannel(w.t.Context(), w.team.ID, c, slacksim.ChannelPatch{Archived: &yes})
				w.must(err)
				view(w, c, func(v *schemas.SlackChannel) { v.IsArchived = true })
			},
			func(w *world, c slacksim.ChannelID) {
				_, err := w.slack.UpdateChannel(w.t.Context(), w.team.ID, c, slacksim.ChannelPatch{Archived: &no})
				w.must(err)
				view(w, c, func(*schemas.SlackChannel) {})
			}},
		"the token is revoked": {schemas.TokenRefused,
			func(w *world, _ slacksim.ChannelID) { w.must(w.slack.Revoke(w.t.Context(), w.team.ID, w.app.ID)) },
			func(w *world, _ slacksim.ChannelID) { w.reinstall() }},
		"uninstalled": {schemas.NotInstalled,
			func(w *world, _ slacksim.ChannelID) {
				w.installed(func(in *schemas.Installation) { in.Status, in.SealedToken = schemas.InstallUninstalled, "" })
			},
			func(w *world, _ slacksim.ChannelID) { w.installed(nil) }},
		"the installation's record is gone": {schemas.NotInstalled,
			func(w *world, _ slacksim.ChannelID) {
				say(w, schemas.SlackInstallations, schemas.TeamKey(w.team.ID), nil)
			},
			func(w *world, _ slacksim.ChannelID) { w.installed(nil) }},
		"the scopes are withdrawn": {schemas.NotAuthorised,
			func(w *world, _ slacksim.ChannelID) {
				w.installed(func(in *schemas.Installation) { in.Scopes = schemas.NotificationScopes() })
			},
			func(w *world, _ slacksim.ChannelID) { w.installed(nil) }},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, slacksim.Settings{}, false, func(w *world) {
				c := budgeted(w, "customer", 1, sized(t, "HISTORY_ENDS", 120), 100)[0]
				other := budgeted(w, "other", 1, 10, 3)[0]
				w.installed(nil)
				w.associate(c, other)
				stop, _ := w.start("a")
				defer stop()
				w.until(time.Hour, "it is complete", w.complete(c, other))
				oldest := w.coverage(c).Oldest
				tt.end(w, c)
				w.until(7*time.Hour, "it says why at the next poll", func() bool { return w.coverage(c).Reason == tt.reason })
				if got := w.coverage(c); got.Status != schemas.SyncStopped {
					t.Errorf("the status is %s", got.Status)
				}
				calls := w.calls(methodHistory).Calls
				time.Sleep(30 * time.Minute)
				if reason := w.coverage(other).Reason; (reason == "") != (tt.reason == schemas.AppNotInChannel || tt.reason == schemas.NotAssociated || tt.reason == schemas.ChannelArchived) {
					t.Errorf("another channel of the workspace: %q", reason)
				}
				if tt.reason == schemas.NotInstalled && w.calls(methodHistory).Calls > calls {
					t.Error("Slack was asked for a workspace that is not installed")
				}
				tt.mend(w, c)
				for _, of := range []slacksim.ChannelID{c, other} {
					_, err := w.slack.Say(w.t.Context(), w.team.ID, of, w.person.ID, "said afterwards")
					w.must(err)
				}
				w.until(3*time.Hour, "it goes on", func() bool { return w.coverage(c).Reason == "" })
				w.until(12*time.Hour, "what was said is there", func() bool { return len(w.differences(time.Time{}, c, other)) == 0 })
				if got := w.coverage(c); mustMicros(got.Oldest) > mustMicros(oldest) {
					t.Errorf("it began anew: known from %s on, before from %s", got.Oldest, oldest)
				}
			})
		})
	}
}

// reinstall gives the app a token again.
func (w *world) reinstall() {
	w.t.Helper()
	var err error
	w.install, err = w.slack.Install(w.t.Context(), w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: w.install.Scopes})
	w.must(err)
	w.installed(nil)
}

// A channel that gets another id carries its history there: lifecycle moves the association, and the past is read under the new id.
func TestAnotherID(t *testing.T) {
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		c := budgeted(w, "customer", 1, 50, 5)[0]
		w.installed(nil)
		w.associate(c)
		stop, _ := w.start("a")
		defer stop()
		w.until(time.Hour, "it is complete", w.complete(c))
		now, err := w.slack.Identify(w.t.Context(), w.team.ID, c, "C0ANOTHERID")
		w.must(err)
		since := time.Now().Add(-200 * 24 * time.Hour).UTC() // was asked for under the former id, and goes with the channel too
		say(w, schemas.SyncRequests, schemas.TeamChannelKey(w.team.ID, now.ID), &schemas.SyncRequest{OrgID: "acme", TeamID: w.team.ID, ChannelID: now.ID, Since: since})
		say(w, schemas.ChannelAssociations, schemas.TeamChannelKey(w.team.ID, now.ID), &schemas.ChannelAssociation{
			OrgID: "acme", TeamID: w.team.ID, ChannelID: now.ID, AccountID: "acc-1", UpdatedAt: time.Now().Add(-time.Hour).UTC(),
		})
		say(w, schemas.ChannelAssociations, schemas.TeamChannelKey(w.team.ID, c), nil)
		w.until(time.Hour, "it is complete again", w.complete(now.ID))
		w.same(time.Now().Add(-90*24*time.Hour), now.ID)
		if got := w.coverage(c); got.Reason != schemas.NotAssociated {
			t.Errorf("the former id: %+v", got)
		}
		if got := w.coverage(now.ID); mustMicros(got.Oldest) != micros(since) {
			t.Errorf("it is known from %s on, want from %s", got.Oldest, schemas.TSOf(micros(since)))
		}
	})
}

// An organization chooses its window, and somebody may ask for more of one channel.
func TestMoreOfThePast(t *testing.T) {
	long(t)
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		day := 24 * time.Hour
		c := budgeted(w, "customer", 1, 160, 5)[0] // one in 12 hours
		say(w, schemas.OrgsSettings, "acme", &schemas.OrgSettings{OrgID: "acme", BackfillDays: 10})
		w.installed(nil)
		w.associate(c)
		began := time.Now()
		stop, _ := w.start("a")
		defer stop()
		w.until(time.Hour, "it is complete", w.complete(c))
		w.same(began.Add(-10*day), c)
		if n := len(w.differences(began.Add(-40*day), c)); n < 50 {
			t.Errorf("only %d messages are missing of the 30 days before the window", n)
		}
		say(w, schemas.SyncRequests, schemas.TeamChannelKey(w.team.ID, c), &schemas.SyncRequest{OrgID: "acme", TeamID: w.team.ID, ChannelID: c, Since: began.Add(-40 * day)})
		w.until(time.Hour, "more of it is there", func() bool { return len(w.differences(began.Add(-40*day), c)) == 0 })
	})
}

// After an outage of ours the gap goes first, and is closed whole.
func TestAGapIsClosedFirst(t *testing.T) {
	long(t)
	inWorld(t, slacksim.Settings{}, true, func(w *world) {
		c := budgeted(w, "customer", 1, 60, 1e6)[0]
		old := budgeted(w, "large", 1, 1000, 1e6)[0]
		w.installed(nil)
		w.associate(c)
		stop, _ := w.start("a")
		w.until(time.Hour, "it is complete", w.complete(c))
		stop()
		for n := range 60 { // four pages
			time.Sleep(2 * time.Minute)
			_, err := w.slack.Say(w.t.Context(), w.team.ID, c, w.person.ID, "said while nobody looked")
			w.must(err)
			_ = n
		}
		w.associate(old)
		time.Sleep(2 * time.Minute)
		stop, _ = w.start("b")
		defer stop()
		took := w.until(time.Hour, "the gap is closed", func() bool { return len(w.differences(time.Time{}, c)) == 0 })
		if took > 8*time.Minute { // five pages at one a minute, with the first of the other between them
			t.Errorf("it took %s beside a channel that wants its past", took)
		}
		if w.coverage(old).Complete {
			t.Error("the past of the other channel went before")
		}
	})
}
