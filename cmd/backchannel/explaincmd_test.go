package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest/deliverylog"
	"github.com/bigmind/backchannel/schemas"
)

// explained is a Redis with the views of acme: Slack is connected, Ada is matched and Ben is not.
func explained(t *testing.T) (mini *miniredis.Miniredis, put func(key, field string, v any)) {
	t.Helper()
	mini = miniredis.RunT(t)
	put = func(key, field string, v any) {
		t.Helper()
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		mini.HSet(key, field, schemas.ViewValue(1, raw))
	}
	if err := mini.Set(schemas.ViewsCompleteKey, "1"); err != nil {
		t.Fatal(err)
	}
	put(schemas.ViewOrgInstalls("acme"), "T1", schemas.Installation{OrgID: "acme", TeamID: "T1", Status: schemas.InstallActive, SealedToken: "sealed"})
	for _, id := range []string{"ada", "ben"} {
		put(schemas.ViewOrgUsers("acme"), id, schemas.DirectoryUser{OrgID: "acme", UserID: schemas.UserID(id), Email: id + "@acme.example"})
		if _, err := mini.SAdd(schemas.ViewOrgEmail("acme", id+"@acme.example"), id); err != nil {
			t.Fatal(err)
		}
	}
	put(schemas.ViewOrgSlackUsers("acme"), "T1/U1", schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Email: "ada@acme.example"})
	if _, err := mini.SAdd(schemas.ViewOrgSlackEmail("acme", "ada@acme.example"), "T1/U1"); err != nil {
		t.Fatal(err)
	}
	return mini, put
}

// What would happen now, and which of the product page's checks fails: in words, and as an exit code.
func TestExplainWhatWouldHappenNow(t *testing.T) {
	for name, tt := range map[string]struct {
		world func(put func(key, field string, v any))
		args  []string
		code  int
		want  []string
	}{
		"all is well": {nil, []string{"--user", "ada@acme.example", "--type", "meeting_analysis.ready"}, 0, []string{
			"by slack to T1/U1 would be sent at once", "by email to ada@acme.example would be sent at once", "has had 0 of this type", "cap is 30", "The checks for Slack:",
		}},
		"by id":       {nil, []string{"--user", "ada", "--type", "coaching.insight"}, 0, []string{"by slack to T1/U1 would be sent at once"}},
		"not matched": {nil, []string{"--user", "ben", "--type", "coaching.insight"}, 4, []string{"by slack it cannot be sent. no_slack_match"}},
		"not connected": {func(put func(string, string, any)) {
			put(schemas.ViewOrgInstalls("acme"), "T1", schemas.Installation{OrgID: "acme", TeamID: "T1", Status: schemas.InstallRevoked})
		}, []string{"--user", "ada", "--type", "coaching.insight"}, 4, []string{"by slack it cannot be sent. slack_not_connected"}},
		"turned off": {func(put func(string, string, any)) {
			put(schemas.ViewOrgPreferences("acme"), "ada", schemas.Preferences{OrgID: "acme", UserID: "ada", Categories: map[schemas.Category]schemas.ChannelPreference{"coaching": schemas.PreferOff}})
		}, []string{"--user", "ada", "--type", "coaching.insight"}, 4, []string{"would not be sent. type_off", "decides: off"}},
		"by email only": {func(put func(string, string, any)) {
			put(schemas.ViewOrgPreferences("acme"), "", schemas.Preferences{OrgID: "acme", Types: map[schemas.NotificationType]schemas.ChannelPreference{"coaching.insight": schemas.PreferEmail}})
		}, []string{"--user", "ada", "--type", "coaching.insight"}, 0, []string{"by email to ada@acme.example would be sent at once"}},
		"in quiet hours": {func(put func(string, string, any)) {
			put(schemas.ViewOrgPreferences("acme"), "ada", schemas.Preferences{OrgID: "acme", UserID: "ada", QuietHours: quietNow()})
		}, []string{"--user", "ada", "--type", "coaching.insight"}, 0, []string{"would be sent at ", "when the person's quiet hours end"}},
		"of no use later": {func(put func(string, string, any)) {
			put(schemas.ViewOrgPreferences("acme"), "ada", schemas.Preferences{OrgID: "acme", UserID: "ada", QuietHours: quietNow()})
		}, []string{"--user", "ada", "--type", "pipeline.daily_todos"}, 4, []string{"of no use later"}},
		"unknown type":   {nil, []string{"--user", "ada", "--type", "no.such"}, 4, []string{"unknown_type"}},
		"unknown person": {nil, []string{"--user", "who", "--type", "coaching.insight"}, 4, []string{"unknown_recipient"}},
	} {
		t.Run(name, func(t *testing.T) {
			mini, put := explained(t)
			if tt.world != nil {
				tt.world(put)
			}
			out, err := execute(t, "", append([]string{"explain", "--redis-url", "redis://" + mini.Addr() + "/0", "--org", "acme"}, tt.args...)...)
			if code := exitCodeOf(err); code != tt.code {
				t.Errorf("exit code %d (%v), want %d", code, err, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("it does not say %q:\n%s", want, out)
				}
			}
		})
	}
}

// quietNow are quiet hours that this is one of, whenever the test runs: all days but the ones around tomorrow have no work.
func quietNow() *schemas.QuietHours {
	return &schemas.QuietHours{WorkingDays: []schemas.Weekday{schemas.Weekdays[(time.Now().UTC().Weekday()+3)%7]}, TimeZone: "UTC"}
}

func TestExplainRefusals(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"nothing":            {nil, "--org is missing"},
		"neither":            {[]string{"--org", "acme"}, "--request"},
		"both":               {[]string{"--org", "acme", "--request", "r", "--user", "ada", "--type", "t"}, "--request"},
		"a person, no type":  {[]string{"--org", "acme", "--user", "ada"}, "--type"},
		"a role":             {[]string{"--org", "acme", "--user", "manager:ada", "--type", "t", "--redis-url", "redis://127.0.0.1:1/0"}, "an email or a directory user id"},
		"Redis is away":      {[]string{"--org", "acme", "--user", "ada", "--type", "t", "--redis-url", "redis://127.0.0.1:1/0"}, "Redis"},
		"ClickHouse is away": {[]string{"--org", "acme", "--request", "r", "--redis-url", "redis://127.0.0.1:1/0", "--clickhouse-url", "http://127.0.0.1:1"}, "notification_log"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := execute(t, "", append([]string{"explain"}, tt.args...)...)
			if err == nil || exitCodeOf(err) != 1 || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// logged is a log that has these entries.
type logged []deliverylog.Entry

func (l logged) Find(context.Context, schemas.OrgID, deliverylog.Query) ([]deliverylog.Entry, error) {
	return l, nil
}

// What became of a request: what is over, by whom, why and when; and what waits, until when.
func TestExplainWhatBecameOfARequest(t *testing.T) {
	at := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	mailed := deliverylog.Entry{
		Recipient: "ada", Channel: "email", Type: "alert.important", Status: schemas.Delivered, Rule: schemas.RuleTypeDefault, Choice: "both", Considered: []string{"type_default=both"},
		Reply: "2.0.0 OK: queued", Attempts: 3, RequestedAt: at, At: at.Add(2 * time.Second), Named: "account_owner:acc-1",
	}
	off := deliverylog.Entry{Recipient: "ben", Type: "alert.important", Status: schemas.Suppressed, Reason: schemas.TypeOff, RequestedAt: at, At: at}
	off.Explain()
	held := schemas.HeldNotification{
		OrgID: "acme", Channel: schemas.BySlack, Why: schemas.QuietTime, DueAt: at.Add(time.Hour), Delivery: schemas.Delivery{
			DeliveryID: schemas.NewDeliveryID("acme", "r", "", "ada", schemas.BySlack), RequestID: "r", OrgID: "acme", Type: "alert.important",
			Recipient: schemas.Recipient{UserID: "ada"}, TeamID: "T1", SlackUserID: "U1", Content: schemas.Content{Title: "s3cret"}, OnAmbiguous: schemas.Repeat,
		},
	}
	for name, tt := range map[string]struct {
		rows logged
		held bool
		code int
		want []string
	}{
		"delivered":           {logged{mailed}, false, 0, []string{"alert.important: delivered by email for ada, 2026-11-26T09:00:02Z", "2.0.0 OK: queued", "it took 3 attempts", "the request named account_owner:acc-1", "it took 2s"}},
		"suppressed":          {logged{off}, false, 4, []string{"suppressed for ben", "type_off: "}},
		"one waits, one went": {logged{mailed}, true, 0, []string{"delivered by email", "waits until 2026-11-26T10:00:00Z, by slack for ada", "quiet_hours: "}},
		"it waits":            {nil, true, 5, []string{"waits until 2026-11-26T10:00:00Z, by slack for ada"}},
		"nothing yet":         {nil, false, 5, nil},
	} {
		t.Run(name, func(t *testing.T) {
			mini := miniredis.RunT(t)
			rdb := redis.NewClient(&redis.Options{Addr: mini.Addr()})
			t.Cleanup(func() { _ = rdb.Close() })
			if _, err := mini.SAdd(schemas.ViewOrgDone("acme", "r"), schemas.DoneHeld+string(held.Delivery.DeliveryID)); err != nil {
				t.Fatal(err)
			}
			if tt.held { // else it has just left
				mini.HSet(schemas.ViewHeld(3)+schemas.HeldItems, string(held.Key()), string(held.AppendJSON(nil)))
			}
			var out bytes.Buffer
			err := explainRequest(t.Context(), &out, tt.rows, rdb, "acme", "r")
			if code := exitCodeOf(err); code != tt.code {
				t.Errorf("exit code %d (%v), want %d", code, err, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("it does not say %q:\n%s", want, out.String())
				}
			}
			if strings.Contains(out.String(), "s3cret") || strings.Contains(out.String(), "waits") != tt.held {
				t.Errorf("it says:\n%s", out.String())
			}
		})
	}
}
