package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// world is a workspace in the simulator and what upstream systems say about it.
type world struct {
	team                 slacksim.TeamID
	app                  slacksim.App
	install              slacksim.Install
	channel, private     slacksim.ChannelID // associated, and not
	ada, ben, gone, mute slacksim.Person    // ben is in no directory; gone is deactivated; mute has no email
}

const org = "org-e2e"

type object map[string]any

// build makes the workspace and produces its control records as plain JSON, as kcat would.
func (p *pipeline) build(events bool) *world {
	p.t.Helper()
	ctx, w := p.t.Context(), &world{}
	team, err := p.slack.CreateTeam(ctx, slacksim.Team{Name: "Northwind"})
	p.must(err)
	w.team = team.ID
	for _, person := range []struct {
		into *slacksim.Person
		as   slacksim.Person
	}{
		{&w.ada, slacksim.Person{Name: "ada", RealName: "Ada Okafor", Email: "Ada.Okafor@northwind.example"}},
		{&w.ben, slacksim.Person{Name: "ben", RealName: "Ben Ruiz", Email: "ben.ruiz@northwind.example"}},
		{&w.gone, slacksim.Person{Name: "gone", RealName: "Gone Away", Email: "gone@northwind.example", Deleted: true}},
		{&w.mute, slacksim.Person{Name: "mute", RealName: "Mute Lin"}},
	} {
		*person.into, err = p.slack.CreatePerson(ctx, w.team, person.as)
		p.must(err)
	}
	app := slacksim.App{Name: "Bigmind", SigningSecret: signingSecret, Events: []string{"message.channels", "message.groups"}, ClientID: p.setting("SLACK_CLIENT_ID"), ClientSecret: p.setting("SLACK_CLIENT_SECRET")}
	if events {
		app.EventsURL = "http://" + p.http + "/slack/events"
	}
	w.app, err = p.slack.CreateApp(ctx, app)
	p.must(err)
	w.install, err = p.slack.Install(ctx, w.team, slacksim.InstallRequest{App: w.app.ID, Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)})
	p.must(err)
	members := []slacksim.UserID{w.ada.ID, w.ben.ID, w.install.BotUserID}
	for into, name := range map[*slacksim.ChannelID]string{&w.channel: "acme-rollout", &w.private: "random"} {
		made, err := p.slack.CreateChannel(ctx, w.team, slacksim.Channel{Name: name, Members: members})
		p.must(err)
		*into = made.ID
	}
	p.control(w)
	return w
}

func (p *pipeline) control(w *world) {
	p.t.Helper()
	sealed, code := p.command(w.install.Token+"\n", "seal", "--team", string(w.team))
	if code != 0 {
		p.t.Fatalf("seal: exit code %d", code)
	}
	team := string(w.team)
	p.produce("slack.installations", team, object{
		"org_id": org, "team_id": team, "app_id": w.app.ID, "bot_user_id": w.install.BotUserID, "bot_id": w.install.BotID,
		"scopes": w.install.Scopes, "sealed_token": strings.TrimSpace(sealed), "status": "active",
	})
	for _, person := range []slacksim.Person{w.ada, w.ben, w.gone, w.mute} {
		p.produce("slack.users", team+"/"+string(person.ID), object{
			"org_id": org, "team_id": team, "user_id": person.ID, "name": person.RealName, "email": person.Email, "deleted": person.Deleted,
		})
	}
	for user, email := range map[string]string{
		"usr-ada": "ada.okafor@northwind.example", "usr-ben": "ben.ruiz@northwind.example", "usr-gone": "gone@northwind.example",
		"usr-stranger": "stranger@northwind.example", "usr-noemail": "", "usr-disabled": "x@northwind.example", "usr-quiet": "ada.okafor@northwind.example",
	} {
		p.produce("directory.users", org+"/"+user, object{"org_id": org, "user_id": user, "email": email, "disabled": user == "usr-disabled"})
	}
	p.produce("notification.preferences", org+"/usr-quiet", object{"org_id": org, "user_id": "usr-quiet", "types": object{"coaching.insight": "off"}})
	p.produce("notification.preferences", org+"/usr-noemail", object{"org_id": org, "user_id": "usr-noemail", "types": object{"coaching.insight": "email"}})
	p.produce("directory.users", "org-unconnected/usr-1", object{"org_id": "org-unconnected", "user_id": "usr-1", "email": "one@unconnected.example"})
	p.produce("crm.accounts", org+"/acc-acme", object{"org_id": org, "account_id": "acc-acme", "name": "Acme Corp"})
	p.produce("crm.deals", org+"/deal-1", object{"org_id": org, "deal_id": "deal-1", "account_id": "acc-acme", "name": "Renewal"})
	p.produce("channel.associations", team+"/"+string(w.channel), object{
		"org_id": org, "team_id": team, "channel_id": w.channel, "account_id": "acc-acme", "deal_id": "deal-1",
	})
	p.awaitViews(w)
}

// awaitViews waits until the last of the control records is where processors look: what is said before is rightly left out.
func (p *pipeline) awaitViews(w *world) {
	p.t.Helper()
	want := map[string]string{
		schemas.ViewTeamInstall(w.team):         schemas.FieldInstallation,
		schemas.ViewTeamAssociations(w.team):    string(w.channel),
		schemas.ViewTeamUsers(w.team):           string(w.mute.ID),
		schemas.ViewOrgUsers(org):               "usr-ada",
		schemas.ViewOrgUsers("org-unconnected"): "usr-1",
	}
	for _, user := range []string{"usr-ben", "usr-gone", "usr-stranger", "usr-noemail", "usr-disabled", "usr-quiet"} {
		want[schemas.ViewOrgUsers(org)+"\x00"+user] = user
	}
	for _, user := range []string{"usr-quiet", "usr-noemail"} {
		want[schemas.ViewOrgBase(org)+"preferences\x00"+user] = user
	}
	for _, person := range []slacksim.Person{w.ada, w.ben, w.gone} {
		want[schemas.ViewTeamUsers(w.team)+"\x00"+string(person.ID)] = string(person.ID)
	}
	eventually(p.t, time.Minute, func() error {
		for key, field := range want {
			key, _, _ = strings.Cut(key, "\x00")
			if found, err := p.redis.HExists(p.t.Context(), key, field).Result(); err != nil || !found {
				return fmt.Errorf("the Redis view %s has no %s (%w)", key, field, err)
			}
		}
		return nil
	})
}

// produce puts one record on a topic; v is a string as it is, anything else as JSON.
func (p *pipeline) produce(topic, key string, v any) *kgo.Record {
	p.t.Helper()
	value, plain := v.(string)
	if !plain {
		raw, err := json.Marshal(v)
		p.must(err)
		value = string(raw)
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	rec := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
	p.must(p.kafka.ProduceSync(ctx, rec).FirstErr())
	return rec
}

func (p *pipeline) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}
