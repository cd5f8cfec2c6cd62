package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/schemas"
)

// The way of the product page, with no record made by hand but those of the CRM and the directory: an owner connects Slack and authorises
// channel sync, and adds the app to a public and a private channel; the prompt that comes is answered in the modal. What is said in them
// then is a row with its account and deal; nothing is one before that. The prompt says what was done, and its button undoes it.
func TestChannelsAreLinkedInSlack(t *testing.T) {
	p := newEmbedded(t)
	s := p.settleSetup()
	public := s.linkedRoom("globex-rollout", false, "glöb", "acc-globex", "deal-pilot")
	private := s.linkedRoom("initech-board", true, "initech.ex", "acc-initech", "")
	s.awaitRow(public, "after", "Globex", "Pilot")
	s.awaitRow(private, "after", "Initech", "")
	p.awaitSaid(public, "<#"+string(public)+"> is linked to *Globex*, deal *Pilot*.")
	p.awaitSaid(private, "<#"+string(private)+"> is linked to *Initech*.")
	s.unlink(public)
	p.awaitSaid(public, "<#"+string(public)+"> is no longer linked to an account. Its messages are not synced.")
	eventually(t, within, func() error {
		var n uint64
		if err := p.sql([]any{&n}, "SELECT count() FROM conversations WHERE channel_id = ?", string(public)); err != nil || n == 0 {
			return err
		}
		return fmt.Errorf("an unlinked channel still has %d rows", n)
	})
	violations, err := p.slack.Violations(t.Context(), 0)
	p.must(err)
	for _, v := range violations {
		t.Errorf("Slack would refuse, ignore or warn of: %+v", v)
	}
}

// setup is a connected workspace, and who links its channels.
type setup struct {
	*pipeline
	team slacksim.TeamID
	app  slacksim.App
	ada  slacksim.Person
}

func (p *pipeline) settleSetup() *setup {
	p.t.Helper()
	ctx, s := p.t.Context(), &setup{pipeline: p}
	var events []string
	for _, e := range slackapp.Events() {
		events = append(events, e.Name)
	}
	var err error
	s.app, err = p.slack.CreateApp(ctx, slacksim.App{
		Name: "Bigmind", SigningSecret: signingSecret, RedirectURLs: []string{"http://" + p.http + slackapp.CallbackPath}, Events: events,
		EventsURL: "http://" + p.http + slackapp.EventsPath, InteractivityURL: "http://" + p.http + slackapp.InteractionsPath, OptionsURL: "http://" + p.http + slackapp.InteractionsPath,
	})
	p.must(err)
	p.env = append(p.env, "BACKCHANNEL_SLACK_CLIENT_ID="+s.app.ClientID, "BACKCHANNEL_SLACK_CLIENT_SECRET="+s.app.ClientSecret)
	p.startAll()
	team, err := p.slack.CreateTeam(ctx, slacksim.Team{Name: "Northwind"})
	p.must(err)
	s.team = team.ID
	s.ada, err = p.slack.CreatePerson(ctx, s.team, slacksim.Person{RealName: "Ada Okafor", Email: "ada@northwind.example"})
	p.must(err)
	p.produce("directory.users", org+"/usr-ada", object{"org_id": org, "user_id": "usr-ada", "email": "ada@northwind.example", "name": "Ada Okafor", "role": "owner"})
	p.produce("crm.accounts", org+"/acc-globex", object{"org_id": org, "account_id": "acc-globex", "name": "Globex", "domains": []string{"globex.example"}})
	p.produce("crm.accounts", org+"/acc-initech", object{"org_id": org, "account_id": "acc-initech", "name": "Initech", "domains": []string{"initech.example"}})
	p.produce("crm.deals", org+"/deal-pilot", object{"org_id": org, "deal_id": "deal-pilot", "account_id": "acc-globex", "name": "Pilot"})
	p.awaitView(schemas.ViewOrgUsers(org), "usr-ada")
	p.awaitView(schemas.ViewOrgDeals(org), "deal-pilot")
	p.awaitView(schemas.ViewOrgAccounts(org), "acc-initech")
	for _, more := range [][]string{nil, {"--channel-sync"}} {
		if status, page := p.walk(&s.app, p.link("usr-ada", more...), s.ada); status != http.StatusOK {
			p.t.Fatalf("connecting %v: %d\n%s", more, status, page)
		}
		p.awaitView(schemas.ViewTeamInstall(s.team), schemas.FieldInstallation) // the second step asks whether the first was taken
	}
	eventually(p.t, within, func() error { // before that, what happens in channels is not ours to know
		value, err := p.redis.HGet(ctx, schemas.ViewTeamInstall(s.team), schemas.FieldInstallation).Result()
		if err == nil && !strings.Contains(value, schemas.ScopeGroupsHistory) {
			err = fmt.Errorf("the installation is %s", value)
		}
		return err
	})
	p.awaitView(schemas.ViewTeamUsers(s.team), string(s.ada.ID))
	return s
}

// linkedRoom makes a channel that the app is added to, says something in it before and after it is linked, and links it.
func (s *setup) linkedRoom(name string, private bool, typed, account, deal string) slacksim.ChannelID {
	s.t.Helper()
	ctx := s.t.Context()
	room, err := s.slack.CreateChannel(ctx, s.team, slacksim.Channel{Name: name, IsPrivate: private, Members: []slacksim.UserID{s.ada.ID}})
	s.must(err)
	s.must(s.slack.Invite(ctx, s.team, room.ID, s.ada.ID, botOf(s.pipeline, s.team, s.app.ID)))
	s.awaitChannel(s.team, room.ID, `"is_member":true`)
	_, err = s.slack.Say(ctx, s.team, room.ID, s.ada.ID, "before")
	s.must(err)
	awaitConsumed(s.t, s.pipeline, schemas.SlackEvents.Name, "enrich", marker)
	var n uint64
	s.must(s.sql([]any{&n}, "SELECT count() FROM conversations WHERE channel_id = ?", string(room.ID)))
	if n != 0 {
		s.t.Errorf("%d rows of a channel that is not linked", n)
	}

	in, ts := s.prompt(room.ID)
	s.must(s.slack.Press(ctx, s.team, slacksim.Press{User: s.ada.ID, Channel: in, TS: ts, Action: schemas.SetupAction}))
	if found := s.types("account", typed); len(found) != 1 || found[0] != account {
		s.t.Fatalf("%q finds %v", typed, found)
	}
	s.must(s.slack.Press(ctx, s.team, slacksim.Press{User: s.ada.ID, View: s.modal().ID, Action: "account", Values: []string{account}}))
	submission := slacksim.Submission{User: s.ada.ID, View: s.modal().ID}
	if deal != "" {
		s.types("deal", "")
		for _, b := range s.modal().Blocks.BlockSet {
			if strings.HasPrefix(b.ID(), "deal:") {
				submission.Values = map[string]map[string][]string{b.ID(): {"deal": {deal}}}
			}
		}
	}
	got, err := s.slack.Submit(ctx, s.team, submission)
	s.must(err)
	if len(got.Errors)+len(got.Views) > 0 {
		s.t.Fatalf("submitting: %v, %d views stay open", got.Errors, len(got.Views))
	}
	s.awaitView(schemas.ViewTeamAssociations(s.team), string(room.ID))
	_, err = s.slack.Say(ctx, s.team, room.ID, s.ada.ID, "after")
	s.must(err)
	return room.ID
}

// unlink takes a channel's link back.
func (s *setup) unlink(channel slacksim.ChannelID) {
	s.t.Helper()
	in, ts := s.prompt(channel)
	s.must(s.slack.Press(s.t.Context(), s.team, slacksim.Press{User: s.ada.ID, Channel: in, TS: ts, Action: schemas.SetupAction}))
	s.must(s.slack.Press(s.t.Context(), s.team, slacksim.Press{User: s.ada.ID, View: s.modal().ID, Action: "unlink"}))
}

// prompt waits for the prompt about a channel, which Ada, who added the app, has in a DM.
func (s *setup) prompt(about slacksim.ChannelID) (in slacksim.ChannelID, ts slacksim.TS) {
	s.t.Helper()
	eventually(s.t, within, func() error {
		all, posts := s.prompts()
		for _, post := range posts {
			if aboutChannel(s.t, post) == about && post.Method == "chat.postMessage" && post.Recipient == s.ada.ID {
				in, ts = post.Channel, post.TS
				return nil
			}
		}
		return fmt.Errorf("no prompt about %s to %s; those posted are %v", about, s.ada.ID, all)
	})
	s.awaitView(schemas.ViewTeamPrompts(s.team), string(about)) // nobody answers within the blink of an eye that this takes
	return in, ts
}

func (s *setup) modal() slack.View {
	s.t.Helper()
	views, err := s.slack.Views(s.t.Context(), s.team, s.ada.ID)
	s.must(err)
	if len(views) != 1 {
		s.t.Fatalf("%d modals are open, want 1", len(views))
	}
	var v slack.View
	s.must(json.Unmarshal(views[0], &v))
	return v
}

// types is what a select of the modal offers for a text.
func (s *setup) types(action, text string) (values []string) {
	s.t.Helper()
	options, err := s.slack.Options(s.t.Context(), s.team, slacksim.Query{Press: slacksim.Press{User: s.ada.ID, View: s.modal().ID, Action: action}, Value: text})
	s.must(err)
	for _, raw := range options {
		var o struct{ Value string }
		s.must(json.Unmarshal(raw, &o))
		values = append(values, o.Value)
	}
	return values
}

func (s *setup) awaitRow(channel slacksim.ChannelID, text, account, deal string) {
	s.t.Helper()
	eventually(s.t, within, func() error {
		var said, accountName, dealName string
		err := s.sql([]any{&said, &accountName, &dealName}, "SELECT text, account_name, deal_name FROM conversations WHERE channel_id = ? AND text = ?", string(channel), text)
		if err == nil && (said != text || accountName != account || dealName != deal) {
			err = fmt.Errorf("the row says %q, %q, %q", said, accountName, dealName)
		}
		return err
	})
}
