package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/schemas"
)

// pages reads a list to its end, and returns how many pages it has.
func pages[T any](w *world, path string) (all []T, n int) {
	w.t.Helper()
	for cursor := ""; ; n++ {
		at := path
		if cursor != "" {
			at += "&cursor=" + cursor
		}
		page := into[struct {
			Items []T
			Next  string
		}](w, w.ask("admin", "GET", at, ""))
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, n + 1
		}
	}
}

func TestChannels(t *testing.T) {
	w := newWorld(t)
	revoked := schemas.Installation{OrgID: org, TeamID: "T2", Status: schemas.InstallRevoked, Reason: "token_revoked", SealedToken: "sealed-secret"}
	w.put(schemas.ViewOrgInstalls(org), "T2", revoked)
	w.put(schemas.ViewTeamInstall("T2"), schemas.FieldInstallation, revoked)
	for i := range 450 { // more than is asked of Redis at once, each of which a search for "room" would find twice
		id := fmt.Sprintf("D%03d", i)
		w.apply(schemas.SlackChannels.Spec, schemas.TeamChannelKey("T2", schemas.ChannelID(id)), schemas.SlackChannel{
			OrgID: org, TeamID: "T2", ChannelID: schemas.ChannelID(id), Name: fmt.Sprintf("room-%d-room", i), IsMember: true, IsPrivate: i%2 == 1,
		})
	}
	w.apply(schemas.SlackChannels.Spec, "T2/D100", nil)
	w.put(schemas.ViewTeamChannels("T2"), "D101", schemas.SlackChannel{OrgID: "globex", TeamID: "T2", ChannelID: "D101", Name: "secret-of-globex"})
	w.apply(schemas.ChannelAssociations.Spec, "T2/D400", schemas.ChannelAssociation{OrgID: org, TeamID: "T2", ChannelID: "D400", AccountID: "a1"})
	w.put(schemas.ViewTeamCheckpoints("T2"), "D400", schemas.SyncCheckpoint{OrgID: org, TeamID: "T2", ChannelID: "D400", Status: schemas.SyncStopped, Reason: schemas.TokenRefused})
	for query, want := range map[string]struct{ channels, pages int }{
		"limit=200": {449, 3}, "limit=50": {449, 9}, "limit=7&team=T1": {1, 1}, "team=T2&private=true": {224, 5}, "private=false&limit=200": {225, 2}, "linked=true": {1, 1}, "linked=false&limit=200": {448, 3},
		"member=true&limit=200": {449, 3}, "member=false": {0, 1}, "q=room-44": {11, 1}, "q=room&limit=200": {448, 3}, "q=room&private=true&limit=200": {224, 2}, "q=nothing": {0, 1}, "q=!": {0, 1}, "team=T9": {0, 1},
	} {
		all, n := pages[Channel](w, "/api/v1/channels?"+query)
		seen := map[string]bool{}
		for _, c := range all {
			seen[string(c.TeamID)+string(c.ChannelID)] = true
			if strings.Contains(c.Name, "globex") {
				t.Errorf("%s: %+v", query, c)
			}
		}
		if len(all) != want.channels || len(seen) != want.channels || n != want.pages {
			t.Errorf("%s: %d channels, %d of them once, in %d pages; want %+v", query, len(all), len(seen), n, want)
		}
	}
	one := into[Channel](w, w.ask("admin", "GET", "/api/v1/channels/T2/D400", ""))
	if one.Association == nil || one.Association.AccountID != "a1" || one.Sync == nil || one.Sync.Reason != schemas.TokenRefused {
		t.Errorf("%+v", one)
	}
	if got := w.ask("admin", "GET", "/api/v1/channels/T2/D100", ""); got.status != 404 {
		t.Errorf("one that is gone: %+v", got)
	}
	if got := w.ask("admin", "GET", "/api/v1/workspaces", ""); !strings.Contains(got.body, "token_revoked") || strings.Contains(got.body, "sealed") {
		t.Errorf("%+v", got)
	}
	if got := w.ask("admin", "GET", "/api/v1/channels?cursor=*", ""); got.status != 422 {
		t.Errorf("%+v", got)
	}
}

func TestPeople(t *testing.T) {
	w := newWorld(t)
	w.apply(schemas.SlackUsers.Spec, "T1/U1", schemas.SlackUser{OrgID: org, TeamID: team, UserID: "U1", Email: "meg@acme.example"})
	all, _ := pages[Person](w, "/api/v1/people?limit=1")
	var said []string
	for _, p := range all {
		said = append(said, fmt.Sprint(p.UserID, " ", p.Role, " ", p.TeamID, p.SlackID, p.Why))
	}
	want := "ada owner nobody in the connected workspaces has this email|meg member T1U1|gone owner disabled in the directory"
	if got := strings.Join(said, "|"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	for query, n := range map[string]int{"matched=true": 1, "matched=false": 2, "q=ada": 1, "q=zoe": 0} {
		if all, _ := pages[Person](w, "/api/v1/people?"+query); len(all) != n {
			t.Errorf("%s: %+v", query, all)
		}
	}
	if p := into[Person](w, w.ask("member", "GET", "/api/v1/people/meg", "")); p.SlackID != "U1" {
		t.Errorf("%+v", p)
	}
}
