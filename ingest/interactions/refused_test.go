package interactions_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// Who may not, and what cannot be: said in a modal without a way to submit.
func TestWhoMayNot(t *testing.T) {
	channel := func(w *world, change func(*schemas.SlackChannel)) {
		c := schemas.SlackChannel{OrgID: "acme", TeamID: w.team.ID, ChannelID: w.room.ID, Name: w.room.Name, IsMember: true}
		change(&c)
		w.view(schemas.ViewTeamChannels(w.team.ID), string(w.room.ID), c)
	}
	user := func(w *world, change func(*schemas.SlackUser)) {
		u := schemas.SlackUser{OrgID: "acme", TeamID: w.team.ID, UserID: w.ada.ID, Email: "ada.okafor@northwind.example"}
		change(&u)
		w.view(schemas.ViewTeamUsers(w.team.ID), string(w.ada.ID), u)
	}
	for name, tt := range map[string]struct {
		change func(w *world)
		as     string // who presses, Ada unless said
		says   string
	}{
		"who is in no directory": {func(*world) {}, "gus", "Only people of Northwind who are in Bigmind"},
		"an external person":     {func(w *world) { user(w, func(u *schemas.SlackUser) { u.IsExternal = true }) }, "", "Only people of Northwind"},
		"a bot":                  {func(w *world) { user(w, func(u *schemas.SlackUser) { u.IsBot = true }) }, "", "Only people of Northwind"},
		"another organization's": {func(w *world) { user(w, func(u *schemas.SlackUser) { u.OrgID = "other" }) }, "", "Only people of Northwind"},
		"who is disabled in Bigmind": {func(w *world) {
			w.view(schemas.ViewOrgUsers("acme"), "usr-ada", schemas.DirectoryUser{OrgID: "acme", UserID: "usr-ada", Email: "ada.okafor@northwind.example", Disabled: true})
		}, "", "Only people of Northwind"},
		"whose email in Bigmind moved": {func(w *world) {
			w.view(schemas.ViewOrgUsers("acme"), "usr-ada", schemas.DirectoryUser{OrgID: "acme", UserID: "usr-ada", Email: "a.okafor@northwind.example"})
		}, "", "Only people of Northwind"},
		"a member where admins may": {func(w *world) {
			w.view(schemas.ViewOrgSettings("acme"), "", schemas.OrgSettings{OrgID: "acme", AssociateBy: schemas.OnlyAdmins})
		}, "", "only owners and administrators"},
		"an unknown channel":          {func(w *world) { w.redis.HDel(schemas.ViewTeamChannels(w.team.ID), string(w.room.ID)) }, "", "not in this channel"},
		"a channel without the app":   {func(w *world) { channel(w, func(c *schemas.SlackChannel) { c.IsMember = false }) }, "", "not in this channel"},
		"another organization's room": {func(w *world) { channel(w, func(c *schemas.SlackChannel) { c.OrgID = "other" }) }, "", "not in this channel"},
		"an archived channel":         {func(w *world) { channel(w, func(c *schemas.SlackChannel) { c.IsArchived = true }) }, "", "archived"},
		"channel sync not authorised": {func(w *world) {
			sealed, err := w.tokens.Seal(w.team.ID, w.install.Token)
			w.must(err)
			w.view(schemas.ViewTeamInstall(w.team.ID), schemas.FieldInstallation, schemas.Installation{OrgID: "acme", TeamID: w.team.ID, Scopes: schemas.NotificationScopes(), SealedToken: sealed, TeamName: "Northwind"})
		}, "", "Channel sync is not connected"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			// Ada has the modal open already, when what makes it wrong happens.
			w.press(w.ada, w.room.ID)
			w.choose(w.ada, "acc-globex")
			tt.change(w)
			who := map[string]slacksim.Person{"": w.ada, "gus": w.gus}[tt.as]
			if tt.as == "" {
				if errs := w.submit(w.ada, ""); !strings.Contains(errs["account"], tt.says) {
					t.Errorf("submitting says %v", errs)
				}
				w.must(w.slack.Press(t.Context(), w.team.ID, slacksim.Press{User: w.ada.ID, View: w.top(w.ada).ID, Action: "account", Values: []string{"acc-globex"}}))
				if v := w.top(w.ada); !strings.Contains(reads(v), tt.says) || v.Submit != nil {
					t.Errorf("choosing says\n%s", reads(v))
				}
			}
			w.press(who, w.room.ID)
			if v := w.top(who); !strings.Contains(reads(v), tt.says) || v.Submit != nil {
				t.Errorf("pressing says\n%s", reads(v))
			}
			if len(w.records) != 0 {
				t.Errorf("%d records were published", len(w.records))
			}
		})
	}
}

// Where only owners and administrators may, an administrator may.
func TestAnAdministratorMay(t *testing.T) {
	w := newWorld(t)
	w.view(schemas.ViewOrgSettings("acme"), "", schemas.OrgSettings{OrgID: "acme", AssociateBy: schemas.OnlyAdmins})
	w.press(w.ben, w.room.ID)
	w.choose(w.ben, "acc-globex")
	if errs := w.submit(w.ben, ""); len(errs) > 0 || w.link(t).By != "usr-ben" {
		t.Errorf("submitting: %v", errs)
	}
}

// What went wrong is shown beside the field, the modal stays, and submitting again does it.
func TestSubmissionsThatCannotBe(t *testing.T) {
	for name, tt := range map[string]struct {
		account, deal string
		spoil, mend   func(w *world)
		field, says   string
	}{
		"the account is gone": {"acc-globex", "", func(w *world) {
			w.redis.HSet(schemas.ViewOrgAccounts("acme"), "acc-globex", schemas.ViewValue(2, nil))
		}, func(w *world) { w.account("acc-globex", "Globex", "globex.example") }, "account", "no longer in Bigmind"},
		"the deal is gone": {"acc-globex", "deal-pilot", func(w *world) {
			w.redis.HSet(schemas.ViewOrgDeals("acme"), "deal-pilot", schemas.ViewValue(2, nil))
		}, func(w *world) { w.deal("deal-pilot", "acc-globex", "Pilot") }, "deal", "no longer in Bigmind"},
		"the deal is another account's now": {"acc-globex", "deal-pilot", func(w *world) {
			w.view(schemas.ViewOrgDeals("acme"), "deal-pilot", schemas.Deal{OrgID: "acme", DealID: "deal-pilot", AccountID: "acc-acme", Name: "Pilot"})
		}, func(w *world) { w.deal("deal-pilot", "acc-globex", "Pilot") }, "deal", "belongs to another account"},
		"Kafka is away": {"acc-globex", "", func(w *world) { w.kafkaAway = true }, func(w *world) { w.kafkaAway = false }, "account", "does not answer"},
		"the views are being built": {"acc-globex", "", func(w *world) { w.redis.Del(schemas.ViewsCompleteKey) }, func(w *world) {
			w.redis.Set(schemas.ViewsCompleteKey, "1")
		}, "account", "does not answer"},
		"Redis is away": {"acc-globex", "", func(w *world) { w.redis.SetError("LOADING") }, func(w *world) { w.redis.SetError("") }, "account", "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.press(w.ada, w.room.ID)
			w.choose(w.ada, tt.account)
			var values map[string]map[string][]string
			field := tt.field
			if block := dealBlock(w.top(w.ada)); tt.deal != "" {
				w.types(w.ada, "deal", "")
				values = map[string]map[string][]string{block: {"deal": {tt.deal}}}
				if field == "deal" {
					field = block
				}
			}
			send := func() map[string]string {
				got, err := w.slack.Submit(t.Context(), w.team.ID, slacksim.Submission{User: w.ada.ID, View: w.top(w.ada).ID, Values: values})
				w.must(err)
				return got.Errors
			}
			tt.spoil(w)
			if errs := send(); !strings.Contains(errs[field], tt.says) || len(errs) != 1 || w.top(w.ada) == nil {
				t.Fatalf("submitting says %v", errs)
			}
			if len(w.records) != 0 {
				t.Errorf("%d records were published", len(w.records))
			}
			tt.mend(w)
			if errs := send(); len(errs) > 0 || string(w.link(t).AccountID) != tt.account || string(w.link(t).DealID) != tt.deal {
				t.Errorf("submitting again says %v", errs)
			}
		})
	}
}

// Two people have the modal open. Who submits last wins, but is first shown what the other did.
func TestSomebodyElseWasFirst(t *testing.T) {
	w := newWorld(t)
	w.press(w.ada, w.room.ID)
	w.choose(w.ada, "acc-globex")
	w.press(w.ben, w.room.ID)
	w.choose(w.ben, "acc-initech")
	if errs := w.submit(w.ben, ""); len(errs) > 0 {
		t.Fatal(errs)
	}
	if errs := w.submit(w.ada, "deal-pilot"); len(errs) > 0 {
		t.Fatal(errs)
	}
	got := reads(w.top(w.ada))
	if !strings.Contains(got, "Meanwhile somebody linked") || !strings.Contains(got, "It is linked to Initech, since ") || !strings.Contains(got, "by Ben Ruiz") || len(w.records) != 1 {
		t.Fatalf("after the first submission the modal reads\n%s", got)
	}
	if errs := w.submit(w.ada, ""); len(errs) > 0 || w.link(t).AccountID != "acc-globex" || w.link(t).DealID != "deal-pilot" {
		t.Errorf("submitting again: %v, %+v", errs, w.link(t))
	}
	w.press(w.ada, w.room.ID)
	w.choose(w.ada, "acc-globex")
	w.redis.HSet(schemas.ViewTeamAssociations(w.team.ID), string(w.room.ID), schemas.ViewValue(9, nil))
	if errs := w.submit(w.ada, ""); len(errs) > 0 || !strings.Contains(reads(w.top(w.ada)), "Meanwhile somebody unlinked") {
		t.Errorf("after it was unlinked: %v\n%s", errs, reads(w.top(w.ada)))
	}
}

// The account and the deal of a link may be gone. The modal says so, and the channel can be linked anew.
func TestWhatALinkedChannelShows(t *testing.T) {
	at := time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		link schemas.ChannelAssociation
		says string
	}{
		"account and deal":    {schemas.ChannelAssociation{AccountID: "acc-globex", DealID: "deal-pilot", By: "usr-ben", UpdatedAt: at}, "It is linked to Globex Corporation, deal Pilot, since 27 March 2026, by Ben Ruiz."},
		"by upstream":         {schemas.ChannelAssociation{AccountID: "acc-globex"}, "It is linked to Globex Corporation."},
		"by who has left":     {schemas.ChannelAssociation{AccountID: "acc-globex", By: "usr-left", UpdatedAt: at}, "It is linked to Globex Corporation, since 27 March 2026."},
		"an account gone":     {schemas.ChannelAssociation{AccountID: "acc-gone", DealID: "deal-gone"}, "It is linked to an account that is no longer in Bigmind (acc-gone)."},
		"a deal gone":         {schemas.ChannelAssociation{AccountID: "acc-globex", DealID: "deal-gone"}, "It is linked to Globex Corporation, and a deal that is no longer in Bigmind (deal-gone)."},
		"an id of no option":  {schemas.ChannelAssociation{AccountID: schemas.AccountID(strings.Repeat("x", 4000))}, "It is linked to an account that is no longer in Bigmind (xxx"},
		"another's, it seems": {schemas.ChannelAssociation{OrgID: "other", AccountID: "acc-globex"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.link.TeamID, tt.link.ChannelID = w.team.ID, w.room.ID
			if tt.link.OrgID == "" {
				tt.link.OrgID = "acme"
			}
			w.view(schemas.ViewTeamAssociations(w.team.ID), string(w.room.ID), tt.link)
			w.press(w.ada, w.room.ID)
			got := reads(w.top(w.ada))
			if tt.says == "" && strings.Contains(got, "linked to") || !strings.Contains(got, tt.says) {
				t.Errorf("the modal reads\n%s", got)
			}
			w.choose(w.ada, "acc-initech")
			if got := reads(w.top(w.ada)); !strings.Contains(got, tt.says) {
				t.Errorf("with another account the modal reads\n%s", got)
			}
			if errs := w.submit(w.ada, "deal-initech"); len(errs) > 0 || w.link(t).DealID != "deal-initech" {
				t.Errorf("submitting: %v", errs)
			}
		})
	}
}

// Nothing typed offers what the channel's name speaks of first; an account without deals says so; a deal of before goes with its account.
func TestWhatTheSelectsOffer(t *testing.T) {
	w := newWorld(t)
	w.press(w.ada, w.room.ID)
	if diff := cmp.Diff([]string{"acc-globex", "acc-acme", "acc-initech"}, w.types(w.ada, "account", "")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"acc-acme"}, w.types(w.ada, "account", "acme.ex")); diff != "" {
		t.Error(diff)
	}
	if got := w.types(w.ada, "account", "nobody"); len(got) != 0 {
		t.Errorf("nobody is %v", got)
	}
	w.choose(w.ada, "acc-acme")
	if got := reads(w.top(w.ada)); !strings.Contains(got, "Bigmind has no deals of Acme.") || strings.Contains(got, "[Deal]") {
		t.Errorf("without deals the modal reads\n%s", got)
	}
	w.choose(w.ada, "acc-globex")
	w.types(w.ada, "deal", "")
	w.must(w.slack.Press(t.Context(), w.team.ID, slacksim.Press{User: w.ada.ID, View: w.top(w.ada).ID, Action: "deal", Values: []string{"deal-pilot"}}))
	w.choose(w.ada, "acc-initech")
	if errs := w.submit(w.ada, ""); len(errs) > 0 || w.link(t).AccountID != "acc-initech" || w.link(t).DealID != "" {
		t.Errorf("submitting: %v, %+v", errs, w.link(t))
	}
}

// A select offers no more than anybody reads, and of those whose ids no option holds none.
func TestManyAccounts(t *testing.T) {
	w := newWorld(t)
	for i := range 60 {
		w.account(fmt.Sprintf("acc-%02d", i), fmt.Sprintf("Zeta %02d", i), "zeta.example")
	}
	w.account("acc-"+strings.Repeat("x", 150), "Zeta long", "zeta.example")
	w.account("acc-name", "Zzz "+strings.Repeat("é", 200), "zzz.example")
	w.press(w.ada, w.room.ID)
	if got := w.types(w.ada, "account", "zeta"); len(got) != 50 || got[0] != "acc-00" {
		t.Errorf("%d are offered, beginning with %s", len(got), got[0])
	}
	if got := w.types(w.ada, "account", "long"); len(got) != 0 {
		t.Errorf("what no option holds is offered: %v", got)
	}
	if got := w.types(w.ada, "account", "zzz"); len(got) != 1 {
		t.Errorf("a long name: %v", got)
	}
}

// Pressing is answered to the person where no modal can be opened, and never an error.
func TestPressesThatOpenNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil        func(w *world)
		result, says string
	}{
		"not installed":  {func(w *world) { w.redis.Del(schemas.ViewTeamInstall(w.team.ID)) }, "not_ours", "not connected to your workspace"},
		"uninstalled":    {func(w *world) { w.installed(schemas.InstallUninstalled, "x") }, "not_ours", "not connected to your workspace"},
		"a dead token":   {func(w *world) { w.installed(schemas.InstallActive, w.seal("xoxb-dead")) }, "slack_refused", "Slack did not let the form open"},
		"a damaged seal": {func(w *world) { w.installed(schemas.InstallActive, "AAAA") }, "unavailable", "does not answer"},
		"views away":     {func(w *world) { w.redis.Del(schemas.ViewsCompleteKey) }, "unavailable", "does not answer"},
		"Slack fails": {func(w *world) {
			_, err := w.slack.AddFault(w.t.Context(), slacksim.Fault{Kind: slacksim.FaultAPIStatus, Method: "views.open", Status: 503})
			w.must(err)
		}, "unavailable", "does not answer"},
		"a trigger that is over": {func(w *world) {
			_, err := w.slack.AddFault(w.t.Context(), slacksim.Fault{Kind: slacksim.FaultAPIError, Method: "views.open", Error: "expired_trigger_id"})
			w.must(err)
		}, "expired", "took too long"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.spoil(w)
			w.press(w.ada, w.room.ID)
			if got := strings.Join(w.told(), "\n"); !strings.Contains(got, tt.says) || w.top(w.ada) != nil {
				t.Errorf("told %q", got)
			}
			if got := w.results(t); got[tt.result] != 1 {
				t.Errorf("results %v", got)
			}
			if log := w.log.String(); strings.Contains(log, w.install.Token) || strings.Contains(log, "xoxb-") || strings.Contains(log, "/actions/") {
				t.Errorf("the log tells a secret:\n%s", log)
			}
		})
	}
}

// A payload is as good as its signature and no better: whoever Slack says acted, of whatever workspace, changes no channel but those that
// the views give them. Metadata that was tampered with, had it been, is looked up like anything else.
func TestAnotherTenantsChannelsAreOutOfReach(t *testing.T) {
	w := newWorld(t)
	sealed := w.seal(w.install.Token)
	w.view(schemas.ViewTeamInstall("T0OTHER"), schemas.FieldInstallation, schemas.Installation{OrgID: "other", TeamID: "T0OTHER", Scopes: schemas.ChannelSyncScopes(), SealedToken: sealed})
	w.view(schemas.ViewTeamUsers("T0OTHER"), "U0EVE", schemas.SlackUser{OrgID: "other", TeamID: "T0OTHER", UserID: "U0EVE", Email: "eve@other.example"})
	w.view(schemas.ViewOrgUsers("other"), "usr-eve", schemas.DirectoryUser{OrgID: "other", UserID: "usr-eve", Email: "eve@other.example", Role: "owner"})
	_, err := w.redis.SAdd(schemas.ViewOrgEmail("other", "eve@other.example"), "usr-eve")
	w.must(err)
	submission := func(team, user, channel, account string) string {
		metadata, err := json.Marshal(map[string]string{"channel": channel})
		w.must(err)
		raw, err := json.Marshal(map[string]any{
			"type": "view_submission", "team": map[string]any{"id": team}, "user": map[string]any{"id": user, "team_id": team},
			"view": map[string]any{
				"id": "V1", "callback_id": "setup_channel", "private_metadata": string(metadata), "app_installed_team_id": team,
				"state": map[string]any{"values": map[string]any{"account": map[string]any{"account": map[string]any{"selected_option": map[string]any{"value": account}}}}},
			},
		})
		w.must(err)
		return string(raw)
	}
	for name, payload := range map[string]string{
		"her workspace, our channel":         submission("T0OTHER", "U0EVE", string(w.room.ID), "acc-globex"),
		"our workspace, her person":          submission(string(w.team.ID), "U0EVE", string(w.room.ID), "acc-globex"),
		"our person, a channel of nobody":    submission(string(w.team.ID), string(w.ada.ID), "C0NONE", "acc-globex"),
		"our person, another org's account":  submission(string(w.team.ID), string(w.ada.ID), string(w.room.ID), "acc-other"),
		"nobody's workspace":                 submission("T0NONE", string(w.ada.ID), string(w.room.ID), "acc-globex"),
		"no channel":                         submission(string(w.team.ID), string(w.ada.ID), "", "acc-globex"),
		"her workspace's key in a channel's": submission(string(w.team.ID)+"/x", string(w.ada.ID), string(w.room.ID), "acc-globex"),
	} {
		answer, err := w.inner.Handle(t.Context(), []byte(payload))
		if err != nil || !strings.Contains(string(answer), `"response_action":"errors"`) {
			t.Errorf("%s: %s %v", name, answer, err)
		}
	}
	search := `{"type":"block_suggestion","action_id":"account","value":"glo","team":{"id":"%s"},"user":{"id":"%s"},"view":{"id":"V1","callback_id":"setup_channel","app_installed_team_id":"%s"}}`
	for _, who := range [][2]string{{"T0OTHER", "U0EVE"}, {string(w.team.ID), "U0EVE"}, {"T0OTHER", string(w.ada.ID)}} {
		answer, err := w.inner.Handle(t.Context(), fmt.Appendf(nil, search, who[0], who[1], who[0]))
		if err != nil || string(answer) != `{"options":[]}` {
			t.Errorf("%v finds %s (%v)", who, answer, err)
		}
	}
	if len(w.records) != 0 {
		t.Errorf("%d records were published", len(w.records))
	}
}

// Searching while the views are away is an error, which Slack shows in the select; Kafka away keeps a linked channel linked, and says so.
func TestAwayInTheModal(t *testing.T) {
	w := newWorld(t)
	w.view(schemas.ViewTeamAssociations(w.team.ID), string(w.room.ID), schemas.ChannelAssociation{OrgID: "acme", TeamID: w.team.ID, ChannelID: w.room.ID, AccountID: "acc-acme"})
	w.press(w.ada, w.room.ID)
	w.kafkaAway = true
	w.must(w.slack.Press(t.Context(), w.team.ID, slacksim.Press{User: w.ada.ID, View: w.top(w.ada).ID, Action: "unlink"}))
	if got := reads(w.top(w.ada)); !strings.Contains(got, "does not answer") || !strings.Contains(got, "linked to Acme") {
		t.Errorf("unlinking without Kafka says\n%s", got)
	}
	w.redis.Del(schemas.ViewsCompleteKey)
	_, err := w.slack.Options(t.Context(), w.team.ID, slacksim.Query{Press: slacksim.Press{User: w.ada.ID, View: w.top(w.ada).ID, Action: "account"}, Value: "x"})
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("searching without views: %v", err)
	}
}

func (w *world) seal(token string) string {
	w.t.Helper()
	sealed, err := w.tokens.Seal(w.team.ID, token)
	w.must(err)
	return sealed
}

func (w *world) installed(status schemas.InstallStatus, sealed string) {
	w.t.Helper()
	w.view(schemas.ViewTeamInstall(w.team.ID), schemas.FieldInstallation, schemas.Installation{
		OrgID: "acme", TeamID: w.team.ID, TeamName: "Northwind", Scopes: w.install.Scopes, SealedToken: sealed, Status: status,
	})
}
