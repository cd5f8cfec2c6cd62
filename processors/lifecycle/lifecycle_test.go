package lifecycle

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

var (
	granted = time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)
	came    = time.Date(2026, 9, 21, 15, 0, 0, 0, time.UTC)
)

// The world of these tests: workspace T1 of acme with the bot U0BOT, T2 that uninstalled, T3 whose token was revoked.
func newWorld(t testing.TB) *processorstest.Redis {
	t.Helper()
	r := processorstest.NewRedis(t)
	for team, status := range map[schemas.TeamID]schemas.InstallStatus{"T1": schemas.InstallActive, "T2": schemas.InstallUninstalled, "T3": schemas.InstallRevoked} {
		r.Put(t, schemas.ViewTeamInstall(team), schemas.FieldInstallation, install(team, status))
	}
	return r
}

func install(team schemas.TeamID, status schemas.InstallStatus) schemas.Installation {
	return schemas.Installation{
		OrgID: "acme", TeamID: team, BotUserID: "U0BOT", Scopes: schemas.NotificationScopes(), SealedToken: "sealed", SealedRefreshToken: "sealed too",
		Status: status, InstalledAt: granted,
	}
}

func told(team, kind, at, fields string) *kgo.Record {
	inner := fmt.Sprintf(`{"type":%q,"event_ts":%q%s}`, kind, at, fields)
	e := schemas.SlackEvent{
		TeamID: schemas.TeamID(team), EventID: "Ev1", EventType: kind, ReceivedAt: came,
		Envelope: fmt.Appendf(nil, `{"type":"event_callback","team_id":%q,"event_time":%d,"event":%s}`, team, came.Unix(), inner),
	}
	return &kgo.Record{Topic: schemas.SlackEvents.Name, Key: []byte(team + "/"), Value: e.AppendJSON(nil)}
}

func ts(at time.Time) string { return fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000) }

func one(t testing.TB, def processors.Definition, rec *kgo.Record) (*kgo.Record, processors.Fate) {
	t.Helper()
	result, err := def.Processor.Process(t.Context(), []*kgo.Record{rec})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Emitted()) == 0 {
		return nil, result.Fate(0)
	}
	return result.Emitted()[0], result.Fate(0)
}

const ours = `,"tokens":{"oauth":["U1"],"bot":["U0BOT"]}`

// What ends an installation, and what does not.
func TestInstallationsEnd(t *testing.T) {
	def := Definition(newWorld(t).Client)
	late := ts(granted.Add(-time.Minute))
	for name, tt := range map[string]struct {
		rec    *kgo.Record
		status schemas.InstallStatus
		drop   schemas.Reason
	}{
		"uninstalled":                        {rec: told("T1", "app_uninstalled", ts(came), ""), status: schemas.InstallUninstalled},
		"revoked":                            {rec: told("T1", "tokens_revoked", ts(came), ours), status: schemas.InstallRevoked},
		"others' tokens":                     {rec: told("T1", "tokens_revoked", ts(came), `,"tokens":{"oauth":["U0BOT"],"bot":["U9"]}`), drop: schemas.NotOurs},
		"no tokens":                          {rec: told("T1", "tokens_revoked", ts(came), ""), drop: schemas.NotOurs},
		"revoked after uninstalling (#673)":  {rec: told("T2", "tokens_revoked", ts(came), ours), drop: schemas.AlreadyEnded},
		"uninstalled after revoking":         {rec: told("T3", "app_uninstalled", ts(came), ""), status: schemas.InstallUninstalled},
		"revoked again":                      {rec: told("T3", "tokens_revoked", ts(came), ours), drop: schemas.AlreadyEnded},
		"late, from before it was installed": {rec: told("T1", "app_uninstalled", late, ""), drop: schemas.BeforeGrant},
		"a message":                          {rec: told("T1", "message", ts(came), ""), drop: schemas.NotLifecycle},
	} {
		t.Run(name, func(t *testing.T) {
			rec, fate := one(t, def, tt.rec)
			if fate.Dropped != tt.drop || fate.Rejected != "" || (rec == nil) != (tt.status == "") {
				t.Fatalf("the fate is %+v", fate)
			}
			if rec == nil {
				return
			}
			got, err := schemas.SlackInstallations.Decode(rec.Value)
			want := install(schemas.TeamID(rec.Key), tt.status)
			want.SealedToken, want.SealedRefreshToken, want.UpdatedAt = "", "", came
			want.Reason = got.Reason
			if diff := cmp.Diff(want, got); diff != "" || err != nil || got.Reason == "" {
				t.Errorf("%v, want, got:\n%s", err, diff)
			}
		})
	}
}

// tokens_revoked comes right after app_uninstalled, before the views show that: the installation stays uninstalled. Processed once more,
// each record says the same again; and the other way round the uninstallation is the last word too.
func TestRevokedRightAfterUninstalling(t *testing.T) {
	def := Definition(newWorld(t).Client)
	gone, tokens := told("T1", "app_uninstalled", ts(came), ""), told("T1", "tokens_revoked", ts(came), ours)
	fates := func(batches ...[]*kgo.Record) (out []string) {
		for _, batch := range batches {
			result, err := def.Processor.Process(t.Context(), batch)
			if err != nil {
				t.Fatal(err)
			}
			for i := range batch {
				out = append(out, fmt.Sprint(result.Fate(i).Emitted, result.Fate(i).Dropped))
			}
		}
		return out
	}
	gone.Offset, tokens.Offset = 7, 8
	want := []string{"1", "0already_ended", "1", "0already_ended", "0already_ended"}
	if diff := cmp.Diff(want, fates([]*kgo.Record{gone, tokens}, []*kgo.Record{gone}, []*kgo.Record{tokens}, []*kgo.Record{tokens})); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	tokens.Offset = 6
	if diff := cmp.Diff([]string{"1", "1", "1"}, fates([]*kgo.Record{tokens, gone}, []*kgo.Record{tokens})); diff != "" {
		t.Errorf("the other way round, want, got:\n%s", diff)
	}
}

// What is kept of people. The email is absent without its scope: it must still decode.
func TestPeople(t *testing.T) {
	def := Definition(newWorld(t).Client)
	base := schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Name: "Ann", HomeTeamID: "T1", UpdatedAt: came}
	with := func(change func(*schemas.SlackUser)) schemas.SlackUser { u := base; change(&u); return u }
	for name, tt := range map[string]struct {
		user string
		want schemas.SlackUser
	}{
		"without the email scope":               {`"real_name":"Ann","profile":{}`, base},
		"with it":                               {`"tz":"Europe/Paris","profile":{"real_name":"Ann","email":"Ann@acme.example"}`, with(func(u *schemas.SlackUser) { u.Email, u.TimeZone = "Ann@acme.example", "Europe/Paris" })},
		"deactivated":                           {`"name":"Ann","deleted":true,"profile":{}`, with(func(u *schemas.SlackUser) { u.Deleted = true })},
		"a guest":                               {`"name":"Ann","is_ultra_restricted":true,"profile":{}`, with(func(u *schemas.SlackUser) { u.IsGuest = true })},
		"a bot":                                 {`"name":"Ann","is_bot":true,"profile":{}`, with(func(u *schemas.SlackUser) { u.IsBot = true })},
		"of another company":                    {`"name":"Ann","team_id":"T9","profile":{}`, with(func(u *schemas.SlackUser) { u.HomeTeamID, u.IsExternal = "T9", true })},
		"of another workspace of the same Grid": {`"name":"Ann","team_id":"T9","enterprise_user":{"id":"W1"},"profile":{}`, with(func(u *schemas.SlackUser) { u.HomeTeamID = "T9" })},
	} {
		t.Run(name, func(t *testing.T) {
			user := tt.user
			if !strings.Contains(user, "team_id") {
				user += `,"team_id":"T1"`
			}
			for _, kind := range []string{"team_join", "user_change"} {
				rec, fate := one(t, def, told("T1", kind, ts(came), `,"user":{"id":"U1",`+user+`}`))
				if rec == nil {
					t.Fatalf("%s: the fate is %+v", kind, fate)
				}
				got, err := schemas.SlackUsers.Decode(rec.Value)
				if diff := cmp.Diff(tt.want, got); diff != "" || err != nil || string(rec.Key) != "T1/U1" {
					t.Errorf("%s under %s: %v, want, got:\n%s", kind, rec.Key, err, diff)
				}
			}
		})
	}
	if _, fate := one(t, def, told("T2", "user_change", ts(came), `,"user":{"id":"U1"}`)); fate.Dropped != schemas.NotInstalled {
		t.Errorf("of a workspace that uninstalled: %+v", fate)
	}
}

func TestRejected(t *testing.T) {
	def := Definition(newWorld(t).Client)
	for name, rec := range map[string]*kgo.Record{
		"no JSON": {Value: []byte("x")}, "no type": {Value: []byte(`{"team_id":"T1"}`)}, "no envelope": {Value: []byte(`{"team_id":"T1","event_type":"team_join"}`)},
		"no user": told("T1", "team_join", ts(came), ""), "a user that is a list": told("T1", "user_change", ts(came), `,"user":[]`),
		"a bad ts": told("T1", "app_uninstalled", "soon", ""), "no workspace": told("", "app_uninstalled", ts(came), ""),
	} {
		if _, fate := one(t, def, rec); fate.Rejected != schemas.Malformed || fate.Detail == "" {
			t.Errorf("%s: the fate is %+v", name, fate)
		}
	}
	if _, fate := one(t, def, told("T9", "app_uninstalled", ts(came), "")); fate.Rejected != schemas.UnknownOrg {
		t.Errorf("a workspace that nobody knows: %+v", fate)
	}
}

func TestContract(t *testing.T) {
	processorstest.Check(t, func(t *testing.T) processorstest.Subject {
		r := promptWorld(t)
		return processorstest.Subject{
			Define: func() processors.Definition { return Definition(r.Client) }, Redis: r, Secret: "S3CR3T",
			Batch: func() []*kgo.Record {
				return []*kgo.Record{
					told("T1", "app_uninstalled", ts(came), `,"x":"S3CR3T"`), told("T1", "user_change", ts(came), `,"user":{"id":"U1","name":"S3CR3T","profile":{}}`),
					added("C9", "U1", came), added("C9", "", came), added("C1", "S3CR3T", came),
					told("T1", "message", ts(came), `,"text":"S3CR3T"`), told("T1", "team_join", ts(came), `,"user":"S3CR3T"`), told("T9", "team_join", ts(came), `,"user":{"id":"S3CR3T"}`),
				}
			},
		}
	})
}

// Every user object and lifecycle event that others have recorded is taken.
func TestRecordedPayloads(t *testing.T) {
	folder := os.Getenv("BACKCHANNEL_SLACK_PAYLOADS")
	if folder == "" {
		t.Skip("BACKCHANNEL_SLACK_PAYLOADS names no folder with recorded payloads")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no payloads below %s: %v", folder, err)
	}
	def, taken := Definition(newWorld(t).Client), 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var recorded any
		if err := json.Unmarshal(content, &recorded); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		each(recorded, func(user map[string]any) {
			raw, err := json.Marshal(user)
			if err != nil {
				t.Fatal(err)
			}
			if rec, fate := one(t, def, told("T1", "user_change", ts(came), `,"user":`+string(raw))); rec == nil {
				t.Errorf("%s: %+v", file, fate)
			}
			taken++
		})
	}
	if taken == 0 {
		t.Error("no user was found")
	}
	t.Logf("%d users", taken)
}

// each calls f with every user object in a JSON value.
func each(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			each(e, f)
		}
	case map[string]any:
		_, profile := v["profile"].(map[string]any)
		if id, _ := v["id"].(string); profile && (strings.HasPrefix(id, "U") || strings.HasPrefix(id, "W")) {
			f(v)
		}
		for _, e := range v {
			each(e, f)
		}
	}
}

// FuzzProcess: no outside bytes make it panic, and every record has a fate.
func FuzzProcess(f *testing.F) {
	f.Add(told("T1", "app_uninstalled", ts(came), "").Value)
	f.Add(told("T1", "tokens_revoked", ts(came), ours).Value)
	f.Add(told("T1", "user_change", ts(came), `,"user":{"id":"U1","profile":{"email":"a@b.c"}}`).Value)
	f.Add([]byte(`{"event_type":"team_join","envelope":{"event":{"user":{"id":1}}}}`))
	for kind := range handlers {
		f.Add(told("T1", kind, ts(came), `,"user":{"id":"U1","profile":[]},"channel":"C1"`).Value)
		f.Add(told("T1", kind, ts(came), `,"user":"U0BOT","inviter":null,"channel":{"id":"C1","name":"x"},"new_channel_id":"C2","old_channel_id":"C1"`).Value)
	}
	def := Definition(newWorld(f).Client)
	f.Fuzz(func(t *testing.T, value []byte) {
		rec, fate := one(t, def, &kgo.Record{Value: value})
		if rec == nil && fate.Dropped == "" && fate.Rejected == "" {
			t.Errorf("%q has no fate", value)
		}
	})
}
