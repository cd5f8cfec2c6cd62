package demo

import (
	"context"
	"fmt"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// world is the simulated customer workspace and what the organization knows of it.
type world struct {
	org      schemas.OrgID
	team     slacksim.Team
	app      slacksim.App
	install  slacksim.Install
	people   []slacksim.Person // who talk
	customer slacksim.Team     // whose people are in the first channel too, by Slack Connect
	guests   []slacksim.Person // they
	channels []channel
	users    []schemas.DirectoryUser // whom upstream notifies
}

type channel struct {
	slacksim.Channel
	account schemas.AccountID // empty: not associated, so nothing of it may be kept
	deal    schemas.DealID
}

var cast = []slacksim.Person{
	{Name: "ada", RealName: "Ada Okafor", Email: "Ada.Okafor@northwind.example", TZ: "Europe/London"},
	{Name: "ben", RealName: "Ben Ruiz", Email: "ben.ruiz@northwind.example", TZ: "America/New_York"},
	{Name: "chloe", RealName: "Chloé Martin", Email: "chloe.martin@northwind.example", TZ: "Europe/Paris"},
	{Name: "dmitri", RealName: "Dmitri Volkov", Email: "dmitri.volkov@northwind.example", TZ: "Europe/Berlin"},
	{Name: "emi", RealName: "江美 Tanaka", Email: "emi.tanaka@northwind.example", TZ: "Asia/Tokyo"},
	{Name: "femi", RealName: "Femi Adeyemi", Email: "femi.adeyemi@northwind.example", TZ: "Africa/Lagos"},
	{Name: "grace", RealName: "Grace Lin"}, // no email: talks, but can be matched to nobody
	{Name: "hank", RealName: "Hank Moody", Email: "hank.moody@northwind.example", Deleted: true},
}

// guests are people of the customer whom the first room is about.
var guests = []slacksim.Person{
	{Name: "wile", RealName: "Wile E. Coyote", Email: "wile@acme.example", TZ: "America/Phoenix"},
	{Name: "road", RealName: "R. Runner", Email: "runner@acme.example", TZ: "America/Phoenix"},
}

var rooms = []struct {
	name    string
	private bool
	account schemas.Account
	deal    schemas.Deal
}{
	{"acme-rollout", false, schemas.Account{AccountID: "acc-acme", Name: "Acme Corp", Domains: []string{"acme.example"}}, schemas.Deal{DealID: "deal-acme-2027", Name: "Acme renewal 2027", Stage: "negotiation"}},
	{"globex-pilot", true, schemas.Account{AccountID: "acc-globex", Name: "Globex", Domains: []string{"globex.example"}}, schemas.Deal{DealID: "deal-globex-pilot", Name: "Globex pilot", Stage: "evaluation"}},
	{"initech-support", false, schemas.Account{AccountID: "acc-initech", Name: "Initech", Domains: []string{"initech.example"}}, schemas.Deal{}},
	{"random", false, schemas.Account{}, schemas.Deal{}},
}

// build makes the workspace by the simulator's control API and tells Kafka about it, as OAuth, directory sync, the setup
// modal and the CRM will.
func build(ctx context.Context, o Options) (*world, error) {
	w := &world{org: "org-northwind"}
	var err error
	if w.team, err = o.Slack.CreateTeam(ctx, slacksim.Team{Name: "Northwind", Domain: "northwind"}); err != nil {
		return nil, err
	}
	if err := w.settle(ctx, o); err != nil {
		return nil, err
	}
	records, err := w.records(o.Seal)
	if err != nil {
		return nil, err
	}
	if err := o.Kafka.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return nil, fmt.Errorf("produce the control records: %w", err)
	}
	return w, nil
}

// settle fills the workspace: people, channels, the app and its invitation.
func (w *world) settle(ctx context.Context, o Options) error {
	var members []slacksim.UserID
	for _, p := range cast {
		person, err := o.Slack.CreatePerson(ctx, w.team.ID, p)
		if err != nil {
			return err
		}
		if !p.Deleted {
			members = append(members, person.ID)
		}
		w.people = append(w.people, person)
	}
	var err error
	var redirects []string
	for _, path := range o.RedirectPaths {
		redirects = append(redirects, o.PublicURL+path)
	}
	w.app, err = o.Slack.CreateApp(ctx, slacksim.App{
		Name: "Bigmind", ClientID: o.ClientID, ClientSecret: o.ClientSecret, RedirectURLs: redirects, SigningSecret: o.SigningSecret, EventsURL: o.EventsURL, InteractivityURL: o.InteractURL, OptionsURL: o.InteractURL,
		Events: []string{"message.channels", "message.groups", "member_joined_channel", "app_mention", "app_uninstalled", "tokens_revoked"},
	})
	if err != nil {
		return err
	}
	scopes := append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)
	if w.install, err = o.Slack.Install(ctx, w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: scopes}); err != nil {
		return err
	}
	for _, room := range rooms {
		made, err := o.Slack.CreateChannel(ctx, w.team.ID, slacksim.Channel{Name: room.name, IsPrivate: room.private, Members: members})
		if err != nil {
			return err
		}
		if err := o.Slack.Invite(ctx, w.team.ID, made.ID, members[0], w.install.BotUserID); err != nil {
			return err
		}
		w.channels = append(w.channels, channel{Channel: made, account: room.account.AccountID, deal: room.deal.DealID})
	}
	return w.connect(ctx, o)
}

// connect shares the first channel with the customer's own workspace, and brings the customer's people in.
func (w *world) connect(ctx context.Context, o Options) error {
	var err error
	if w.customer, err = o.Slack.CreateTeam(ctx, slacksim.Team{Name: rooms[0].account.Name, Domain: "acme"}); err != nil {
		return err
	}
	shared := w.channels[0].ID
	if _, err := o.Slack.Share(ctx, w.team.ID, shared, slacksim.Sharing{With: w.customer.ID}); err != nil {
		return err
	}
	for _, g := range guests {
		person, err := o.Slack.CreatePerson(ctx, w.customer.ID, g)
		if err != nil {
			return err
		}
		if err := o.Slack.Invite(ctx, w.customer.ID, shared, "", person.ID); err != nil {
			return err
		}
		w.guests = append(w.guests, person)
	}
	return nil
}

// associated says whether messages of a channel are kept.
func (w *world) associated(id slacksim.ChannelID) bool {
	for _, c := range w.channels {
		if c.ID == id {
			return c.account != ""
		}
	}
	return false
}
