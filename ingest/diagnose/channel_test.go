package diagnose_test

import (
	"errors"
	"testing"

	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
)

// One thing is broken at a time, and the check that it breaks says so.
func TestChannel(t *testing.T) {
	for name, tt := range map[string]struct {
		breaks func(*world)
		signs  string // authorised, access, associated, records, synced
		fact   string
		action diagnose.Action
	}{
		"all is well": {func(*world) {}, "+++++", "", ""},
		"for notifications only": {func(w *world) {
			w.install(func(in *schemas.Installation) { in.Scopes = schemas.NotificationScopes() })
		}, "-++++", "connected for notifications only", diagnose.ConnectChannelSync},
		"for notifications only, and no channel is known": {func(w *world) {
			w.install(func(in *schemas.Installation) { in.Scopes = schemas.NotificationScopes() })
			w.gone(schemas.ViewTeamChannels(team), string(channel))
		}, "-?+++", "connected for notifications only", diagnose.ConnectChannelSync},
		"for public channels only": {func(w *world) {
			w.install(func(in *schemas.Installation) {
				in.Scopes = []string{schemas.ScopeChannelsRead, schemas.ScopeChannelsHistory}
			})
			w.channel(func(c *schemas.SlackChannel) { c.IsPrivate = true })
		}, "-++++", "not authorized for private channels: groups:read, groups:history is missing", diagnose.ConnectChannelSync},
		"uninstalled": {func(w *world) {
			w.install(func(in *schemas.Installation) { in.Status, in.Reason = schemas.InstallUninstalled, "app_uninstalled" })
		}, "-+++?", "is no longer connected: the app was uninstalled (app_uninstalled)", diagnose.ConnectSlack},
		"the app is not in it":  {func(w *world) { w.channel(func(c *schemas.SlackChannel) { c.IsMember = false }) }, "+-+++", "The app is not in #acme-globex", diagnose.OpenInSlack},
		"private, and not seen": {func(w *world) { w.gone(schemas.ViewTeamChannels(team), string(channel)) }, "+-+++", "The app is not in channel C1 of Acme (T1).", diagnose.OpenInSlack},
		"archived":              {func(w *world) { w.channel(func(c *schemas.SlackChannel) { c.IsArchived = true }) }, "+-+++", "#acme-globex is archived", diagnose.OpenInSlack},
		"not associated":        {func(w *world) { w.gone(schemas.ViewTeamAssociations(team), string(channel)) }, "++-+?", "#acme-globex is not linked", diagnose.LinkChannel},
		"not associated, and no account": {func(w *world) {
			w.gone(schemas.ViewTeamAssociations(team), string(channel))
			w.mini.Del(schemas.ViewOrgAccountEntries(org))
		}, "++--?", "is not linked", diagnose.LinkChannel},
		"the account is gone": {func(w *world) { w.gone(schemas.ViewOrgAccounts(org), "a1") }, "+++-+", "Account a1, which the channel is linked to, does not exist", diagnose.LinkChannel},
		"the deal is gone":    {func(w *world) { w.gone(schemas.ViewOrgDeals(org), "d1") }, "+++-+", "Deal d1, which", diagnose.LinkChannel},
		"the deal is another account's": {func(w *world) {
			w.put(schemas.ViewOrgDeals(org), "d1", schemas.Deal{OrgID: org, DealID: "d1", AccountID: "a2", Name: "Renewal"})
		}, "+++-+", "Deal Renewal belongs to account a2, not to Globex", diagnose.LinkChannel},
		"reading has stopped": {func(w *world) {
			w.put(schemas.ViewTeamCheckpoints(team), string(channel), schemas.SyncCheckpoint{OrgID: org, TeamID: team, ChannelID: channel, Status: schemas.SyncStopped, Reason: schemas.TokenRefused})
		}, "++++-", "Sync has stopped. Slack refuses our token", ""},
		"reading has not begun": {func(w *world) { w.gone(schemas.ViewTeamCheckpoints(team), string(channel)) }, "++++?", "Reading has not begun", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.breaks(w)
			checks, err := w.Channel(t.Context(), org, team, channel)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.signs(checks); got != tt.signs || !says(checks, tt.fact, tt.action) {
				t.Errorf("%s, want %s with %q: %+v", got, tt.signs, tt.fact, checks)
			}
		})
	}
}

// Of another organization's workspace nothing is told, whatever lies under its keys.
func TestChannelOfAnotherOrganization(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Channel(t.Context(), "globex", team, channel); !errors.Is(err, diagnose.ErrNoWorkspace) {
		t.Errorf("another organization's workspace: %v", err)
	}
	w.put(schemas.ViewTeamAssociations(team), string(channel), schemas.ChannelAssociation{OrgID: "globex", TeamID: team, ChannelID: channel, AccountID: "a1"})
	checks, err := w.Channel(t.Context(), org, team, channel)
	if err != nil || w.signs(checks) != "++-+?" {
		t.Errorf("another organization's association: %+v, %v", checks, err)
	}
}
