package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/schemas"
)

// Each reason for which somebody is nobody in Slack.
func TestMatches(t *testing.T) {
	mini := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	put := func(key, field string, v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		mini.HSet(key, field, schemas.ViewValue(1, raw))
	}
	if _, err := matches(t.Context(), rdb, "acme"); err == nil || !strings.Contains(err.Error(), "not complete") {
		t.Errorf("before the views are complete: %v", err)
	}
	mini.Set(schemas.ViewsCompleteKey, "1")
	for id, status := range map[schemas.TeamID]schemas.InstallStatus{"T1": schemas.InstallActive, "T2": schemas.InstallUninstalled} {
		put(schemas.ViewOrgInstalls("acme"), string(id), schemas.Installation{OrgID: "acme", TeamID: id, Status: status})
	}
	want := []match{}
	for i, c := range []struct {
		id, email, reason string
		disabled          bool
		slack             *schemas.SlackUser
	}{
		{id: "u1", email: " Ann@Acme.example ", slack: &schemas.SlackUser{Email: "ann@acme.example"}},
		{id: "u2", email: "bot@x", reason: "the Slack account with this email is a bot", slack: &schemas.SlackUser{IsBot: true}},
		{id: "u3", email: "far@x", reason: "the Slack account with this email is another company's", slack: &schemas.SlackUser{IsExternal: true}},
		{id: "u4", email: "gone@x", reason: "the Slack account with this email is deactivated", slack: &schemas.SlackUser{Deleted: true}},
		{id: "u5", email: "old@x", reason: "only in a workspace that is no longer connected", slack: &schemas.SlackUser{TeamID: "T2"}},
		{id: "u6", email: "nobody@x", reason: "nobody in the connected workspaces has this email"},
		{id: "u7", reason: "no email in the directory"},
		{id: "u8", email: "off@x", reason: "disabled in the directory", disabled: true, slack: &schemas.SlackUser{}},
	} {
		put(schemas.ViewOrgUsers("acme"), c.id, schemas.DirectoryUser{OrgID: "acme", UserID: schemas.UserID(c.id), Email: c.email, Disabled: c.disabled})
		m := match{UserID: schemas.UserID(c.id), Email: c.email, Reason: c.reason}
		if s := c.slack; s != nil {
			s.OrgID, s.UserID = "acme", schemas.SlackUserID("U"+string(rune('1'+i)))
			if s.TeamID == "" {
				s.TeamID = "T1"
			}
			if s.Email == "" {
				s.Email = c.email
			}
			put(schemas.ViewOrgSlackUsers("acme"), string(s.TeamID)+"/"+string(s.UserID), s)
			if c.reason == "" {
				m.Team, m.Slack = s.TeamID, s.UserID
			}
		}
		want = append(want, m)
	}
	got, err := matches(t.Context(), rdb, "acme")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, want, got:\n%s", err, diff)
	}
	var out strings.Builder
	if err := printMatches(&out, got[:2], false); err != nil || !strings.Contains(out.String(), "u1    Ann") && !strings.Contains(out.String(), "T1/U1") {
		t.Errorf("%v\n%s", err, out.String())
	}
}
