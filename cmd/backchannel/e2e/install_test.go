package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// An owner connects Slack and then authorises channel sync, through Slack's consent page, with no record of an installation made by
// hand; a notification then reaches a person. A member of the organization cannot begin.
func TestInstall(t *testing.T) {
	p := newEmbedded(t)
	redirects := []string{"http://" + p.http + "/slack/callback"}
	app, err := p.slack.CreateApp(t.Context(), slacksim.App{
		Name: "Bigmind", SigningSecret: signingSecret, RedirectURLs: redirects,
		EventsURL: "http://" + p.http + "/slack/events", Events: []string{"app_uninstalled", "tokens_revoked", "team_join", "user_change", "member_joined_channel", "channel_rename", "channel_left"},
	})
	p.must(err)
	p.env = append(p.env, "BACKCHANNEL_SLACK_CLIENT_ID="+app.ClientID, "BACKCHANNEL_SLACK_CLIENT_SECRET="+app.ClientSecret)
	p.startAll()
	team, err := p.slack.CreateTeam(t.Context(), slacksim.Team{Name: "Northwind"})
	p.must(err)
	ada, err := p.slack.CreatePerson(t.Context(), team.ID, slacksim.Person{RealName: "Ada Okafor", Email: "ada@northwind.example"})
	p.must(err)
	for user, role := range map[string]string{"usr-ada": "owner", "usr-mia": "member"} {
		p.produce("directory.users", org+"/"+user, object{"org_id": org, "user_id": user, "email": strings.TrimPrefix(user, "usr-") + "@northwind.example", "role": role})
	}
	p.awaitView(schemas.ViewOrgUsers(org), "usr-ada")
	p.awaitView(schemas.ViewOrgUsers(org), "usr-mia")

	if status, page := p.walk(nil, p.link("usr-mia"), ada); status != http.StatusForbidden || !strings.Contains(page, "Only an owner or administrator") {
		t.Errorf("a member's link: %d\n%s", status, page)
	}
	if status, page := p.walk(&app, p.link("usr-ada"), ada); status != http.StatusOK || !strings.Contains(page, "Northwind is connected") {
		t.Fatalf("connecting: %d\n%s", status, page)
	}
	p.awaitView(schemas.ViewTeamInstall(team.ID), schemas.FieldInstallation)
	p.awaitView(schemas.ViewTeamUsers(team.ID), string(ada.ID)) // read from Slack, and matched by email
	out, code := p.command("", "notify", "--org", org, "--type", "alert.important", "--to", "usr-ada", "--title", "Hello")
	if code != 0 || !strings.Contains(out, `"status":"delivered"`) {
		t.Errorf("notify: exit code %d\n%s", code, out)
	}
	calls, err := p.slack.Calls(t.Context())
	p.must(err)
	for method := range calls { // a workspace that only has the first step
		if !slices.Contains([]string{"oauth.v2.access", "auth.test", "users.list", "conversations.open", "chat.postMessage"}, method) {
			t.Errorf("%s was called for notifications", method)
		}
	}
	if status, page := p.walk(&app, p.link("usr-ada", "--channel-sync"), ada); status != http.StatusOK || !strings.Contains(page, "Channel sync is on for Northwind") {
		t.Fatalf("authorising channel sync: %d\n%s", status, page)
	}
	room, err := p.slack.CreateChannel(t.Context(), team.ID, slacksim.Channel{Name: "unasked"})
	p.must(err)
	joined, err := p.slack.CreateChannel(t.Context(), team.ID, slacksim.Channel{Name: "acme-rollout", Members: []slacksim.UserID{ada.ID}})
	p.must(err)
	p.must(p.slack.Invite(t.Context(), team.ID, joined.ID, ada.ID, botOf(p, team.ID, app.ID)))
	p.awaitChannel(team.ID, joined.ID, `"is_member":true`)
	name := "acme-live"
	_, err = p.slack.UpdateChannel(t.Context(), team.ID, joined.ID, slacksim.ChannelPatch{Name: &name})
	p.must(err)
	p.awaitChannel(team.ID, joined.ID, `"name":"acme-live"`)
	// A second authorisation reads the lists again, and finds it as the events told.
	if status, page := p.walk(&app, p.link("usr-ada", "--channel-sync"), ada); status != http.StatusOK {
		t.Fatalf("authorising channel sync again: %d\n%s", status, page)
	}
	p.awaitChannel(team.ID, joined.ID, `"is_member":true`)
	if n, err := p.redis.HExists(t.Context(), schemas.ViewTeamChannels(team.ID), string(room.ID)).Result(); err != nil || n {
		t.Errorf("a channel that the app is not in is kept: %v", err)
	}
	p.uninstallAndBack(app, team.ID, ada)
}

// Uninstalling ends it, with nothing called any more; installing again resumes. Who joins meanwhile is known by an event.
func (p *pipeline) uninstallAndBack(app slacksim.App, team slacksim.TeamID, ada slacksim.Person) {
	p.t.Helper()
	ctx := p.t.Context()
	cleo, err := p.slack.CreatePerson(ctx, team, slacksim.Person{RealName: "Cleo Duarte", Email: "cleo@northwind.example"})
	p.must(err)
	p.awaitView(schemas.ViewTeamUsers(team), string(cleo.ID))
	p.must(p.slack.Uninstall(ctx, team, app.ID))
	status := func(want schemas.InstallStatus) {
		eventually(p.t, within, func() error {
			value, err := p.redis.HGet(ctx, schemas.ViewTeamInstall(team), schemas.FieldInstallation).Result()
			if err == nil && !strings.Contains(value, `"status":"`+string(want)+`"`) {
				err = fmt.Errorf("the installation is not %s: %s", want, value)
			}
			return err
		})
	}
	notify := func(want string) {
		if out, _ := p.command("", "notify", "--org", org, "--type", "alert.important", "--to", "usr-ada", "--title", "Hello"); !strings.Contains(out, want) {
			p.t.Errorf("notify lacks %s:\n%s", want, out)
		}
	}
	status(schemas.InstallUninstalled)
	notify(`"reason":"slack_not_connected"`)
	if status, page := p.walk(&app, p.link("usr-ada"), ada); status != http.StatusOK {
		p.t.Fatalf("installing again: %d\n%s", status, page)
	}
	status(schemas.InstallActive)
	notify(`"channel":"slack","status":"delivered"`)
}

// awaitChannel waits until the record of a channel says something.
func (p *pipeline) awaitChannel(team slacksim.TeamID, channel slacksim.ChannelID, want string) {
	p.t.Helper()
	eventually(p.t, within, func() error {
		value, err := p.redis.HGet(p.t.Context(), schemas.ViewTeamChannels(team), string(channel)).Result()
		if err == nil && !strings.Contains(value, want) {
			err = fmt.Errorf("the channel is %s", value)
		}
		return err
	})
}

func botOf(p *pipeline, team slacksim.TeamID, app slacksim.AppID) slacksim.UserID {
	in, err := p.slack.Installed(p.t.Context(), team, app)
	p.must(err)
	return in.BotUserID
}

func (p *pipeline) link(user string, more ...string) string {
	p.t.Helper()
	out, code := p.command("", append([]string{"install-link", "--org", org, "--user", user}, more...)...)
	if code != 0 {
		p.t.Fatalf("install-link: exit code %d", code)
	}
	return strings.TrimSpace(out)
}

// walk opens a link as a browser, answers the consent page that it leads to as somebody, and returns the page at the end.
func (p *pipeline) walk(app *slacksim.App, link string, who slacksim.Person) (status int, page string) {
	p.t.Helper()
	jar, err := cookiejar.New(nil)
	p.must(err)
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	open := func(address string) (status int, body, to string) {
		req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, address, nil)
		p.must(err)
		res, err := client.Do(req)
		p.must(err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		p.must(err)
		return res.StatusCode, string(text), res.Header.Get("Location")
	}
	status, page, to := open(link)
	if app != nil {
		authorize, err := url.Parse(to)
		if err != nil || !strings.HasPrefix(to, p.simulator+"/oauth/v2/authorize?") {
			p.t.Fatalf("the link leads to %d %s %s", status, to, page)
		}
		q := authorize.Query()
		teams, err := p.slack.Teams(p.t.Context())
		p.must(err)
		back, err := p.slack.Consent(p.t.Context(), slacksim.Consent{
			ClientID: q.Get("client_id"), RedirectURI: q.Get("redirect_uri"), State: q.Get("state"), Scope: q.Get("scope"), Team: teams[0].ID, User: who.ID,
		})
		p.must(err)
		if u, err := url.Parse(back.URL); err != nil || u.Host != p.http {
			p.t.Fatalf("the consent leads to %s", back.URL)
		}
		status, page, _ = open(back.URL)
	}
	return status, page
}

// awaitView waits until a view has a field.
func (p *pipeline) awaitView(key, field string) {
	p.t.Helper()
	eventually(p.t, within, func() error { return p.redis.HGet(p.t.Context(), key, field).Err() })
}
