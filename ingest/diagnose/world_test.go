package diagnose_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/schemas"
)

var at = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// world is an organization in which everything is as it should be: Ada, and a linked channel.
type world struct {
	t    *testing.T
	mini *miniredis.Miniredis
	*diagnose.Examiner
}

const (
	org     schemas.OrgID            = "acme"
	team    schemas.TeamID           = "T1"
	channel schemas.ChannelID        = "C1"
	ready   schemas.NotificationType = "meeting_analysis.ready"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	mini := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	w := &world{t: t, mini: mini, Examiner: &diagnose.Examiner{Redis: rdb, Now: func() time.Time { return at }}}
	// As cmd wires it, which a test of this tier may not import.
	w.Verdicts = func(ctx context.Context, org schemas.OrgID, to schemas.Recipient, kinds []schemas.NotificationType) ([]diagnose.Verdict, error) {
		all, err := route.Explain(ctx, rdb, org, to, at, kinds...)
		verdicts := make([]diagnose.Verdict, len(all))
		for i, x := range all {
			verdicts[i] = diagnose.Verdict{
				Type: x.Type, Ended: x.Ended, Decision: x.Decision, Team: x.Slack.Team, User: x.Slack.User, Reason: x.Slack.Reason, Dropped: x.Dropped, Now: "A notification comes.",
			}
		}
		return verdicts, err
	}
	w.must(mini.Set(schemas.ViewsCompleteKey, "1"))
	w.install(func(*schemas.Installation) {})
	w.person(func(*schemas.DirectoryUser) {})
	w.slack(func(*schemas.SlackUser) {})
	w.channel(func(*schemas.SlackChannel) {})
	w.put(schemas.ViewTeamAssociations(team), string(channel), schemas.ChannelAssociation{OrgID: org, TeamID: team, ChannelID: channel, AccountID: "a1", DealID: "d1", By: "ada"})
	w.put(schemas.ViewOrgAccounts(org), "a1", schemas.Account{OrgID: org, AccountID: "a1", Name: "Globex"})
	w.mini.HSet(schemas.ViewOrgAccountEntries(org), "a1", "nglobex")
	w.put(schemas.ViewOrgDeals(org), "d1", schemas.Deal{OrgID: org, DealID: "d1", AccountID: "a1", Name: "Renewal"})
	w.put(schemas.ViewTeamCheckpoints(team), string(channel), schemas.SyncCheckpoint{OrgID: org, TeamID: team, ChannelID: channel, Status: schemas.SyncComplete, ReconciledAt: at})
	return w
}

func (w *world) install(change func(*schemas.Installation)) {
	in := schemas.Installation{
		OrgID: org, TeamID: team, TeamName: "Acme", Status: schemas.InstallActive, Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...),
		SealedToken: "sealed",
	}
	change(&in)
	w.put(schemas.ViewOrgInstalls(org), string(team), in)
	w.put(schemas.ViewTeamInstall(team), schemas.FieldInstallation, in)
}

func (w *world) person(change func(*schemas.DirectoryUser)) {
	u := schemas.DirectoryUser{OrgID: org, UserID: "ada", Name: "Ada Okafor", Email: "ada@acme.example", Role: "owner"}
	change(&u)
	w.put(schemas.ViewOrgUsers(org), "ada", u)
	w.index(schemas.ViewOrgEmail(org, u.Email), "ada")
}

func (w *world) slack(change func(*schemas.SlackUser)) {
	u := schemas.SlackUser{OrgID: org, TeamID: team, UserID: "U1", Name: "Ada Okafor", Email: "ada@acme.example"}
	change(&u)
	w.put(schemas.ViewOrgSlackUsers(org), "T1/U1", u)
	w.index(schemas.ViewOrgSlackEmail(org, u.Email), "T1/U1")
}

func (w *world) channel(change func(*schemas.SlackChannel)) {
	c := schemas.SlackChannel{OrgID: org, TeamID: team, ChannelID: channel, Name: "acme-globex", IsMember: true}
	change(&c)
	w.put(schemas.ViewTeamChannels(team), string(channel), c)
}

func (w *world) put(key, field string, v any) {
	w.t.Helper()
	value, err := json.Marshal(v)
	w.must(err)
	w.mini.HSet(key, field, schemas.ViewValue(1, value))
}

func (w *world) gone(key, field string) { w.mini.HSet(key, field, schemas.ViewValue(2, nil)) }

func (w *world) index(key, member string) {
	w.t.Helper()
	_, err := w.mini.SAdd(key, member)
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// signs are the results of the checks, such as "++-?": passed, failed, unknown.
func (w *world) signs(checks []diagnose.Check) string {
	w.t.Helper()
	var b strings.Builder
	for _, c := range checks {
		b.WriteString(map[diagnose.Result]string{diagnose.Pass: "+", diagnose.Fail: "-", diagnose.Unknown: "?"}[c.Result])
		if c.Name == "" || c.Fact == "" || c.Result == diagnose.Fail && c.Next == "" || c.Mend != nil && c.Mend.Label == "" {
			w.t.Errorf("a check is not complete: %+v", c)
		}
	}
	return b.String()
}

// says reports whether the first check that failed, else the first that is unknown, says something and has the button.
func says(checks []diagnose.Check, fact string, action diagnose.Action) bool {
	for _, result := range []diagnose.Result{diagnose.Fail, diagnose.Unknown, diagnose.Pass} {
		for _, c := range checks {
			if c.Result != result {
				continue
			}
			has := diagnose.Action("")
			if c.Mend != nil {
				has = c.Mend.Action
			}
			return strings.Contains(c.Fact, fact) && has == action
		}
	}
	return false
}
