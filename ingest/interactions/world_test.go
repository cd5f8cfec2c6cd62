package interactions_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest/interactions"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "s3cret"

// world is the handler between the simulated Slack, a Redis with views, and a publisher that keeps what it is given.
type world struct {
	t       testing.TB
	slack   *slacksim.Client
	redis   *miniredis.Miniredis
	metrics *prometheus.Registry
	log     *strings.Builder
	base    string // of Slack
	url     string // of the handler
	handler http.Handler
	inner   *interactions.Interactions
	api     *slack.Client // with the workspace's token
	tokens  *seal.Sealer

	app           slacksim.App
	team          slacksim.Team
	install       slacksim.Install
	ada, ben, gus slacksim.Person // a member of the directory, an admin, and in no directory
	room, closed  slacksim.Channel

	mu        sync.Mutex // of what follows
	records   []*kgo.Record
	kafkaAway bool
}

// Publish keeps an association, and shows it in the view as the views sink would.
func (w *world) Publish(_ context.Context, records ...*kgo.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.kafkaAway {
		return errors.New("no broker answers")
	}
	w.records = append(w.records, records...)
	for _, rec := range records {
		team, channel := schemas.Key(rec.Key).Split()
		w.redis.HSet(schemas.ViewTeamAssociations(schemas.TeamID(team)), channel, schemas.ViewValue(int64(len(w.records)), rec.Value))
	}
	return nil
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := newBareWorld(t)
	front := httptest.NewServer(w.handler)
	t.Cleanup(front.Close)
	w.url = front.URL
	w.settle()
	return w
}

// newBareWorld has no workspace.
func newBareWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, redis: miniredis.RunT(t), metrics: prometheus.NewRegistry(), log: &strings.Builder{}}
	sim, err := slacksim.New(slacksim.Options{})
	w.must(err)
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() { server.Close(); w.must(sim.Close()) })
	w.base, w.slack = server.URL, slacksim.NewClient(server.URL, server.Client())
	keys, err := seal.NewKeySet()
	w.must(err)
	w.tokens, err = seal.New(keys)
	w.must(err)
	rdb := redis.NewClient(&redis.Options{Addr: w.redis.Addr(), DisableIdentity: true, MaxRetries: -1, DialTimeout: time.Second})
	t.Cleanup(func() { _ = rdb.Close() })
	w.inner, err = interactions.New(interactions.Options{
		APIURL: server.URL + "/api/", Redis: rdb, Publisher: w, Tokens: w.tokens, HTTP: server.Client(), Now: time.Now, Metrics: w.metrics,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	w.must(err)
	w.handler, err = interactions.NewHandler(w.inner, []string{"another app's", secret})
	w.must(err)
	w.redis.Set(schemas.ViewsCompleteKey, "1")
	return w
}

// settle makes a workspace, and the views of an organization that knows it.
func (w *world) settle() {
	ctx := w.t.Context()
	var err error
	w.app, err = w.slack.CreateApp(ctx, slacksim.App{Name: "Bigmind", SigningSecret: secret, InteractivityURL: w.url, OptionsURL: w.url})
	w.must(err)
	w.team, err = w.slack.CreateTeam(ctx, slacksim.Team{Name: "Northwind"})
	w.must(err)
	w.install, err = w.slack.Install(ctx, w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)})
	w.must(err)
	w.api = slack.New(w.install.Token, slack.OptionAPIURL(w.base+"/api/"))
	sealed, err := w.tokens.Seal(w.team.ID, w.install.Token)
	w.must(err)
	w.view(schemas.ViewTeamInstall(w.team.ID), schemas.FieldInstallation, schemas.Installation{
		OrgID: "acme", TeamID: w.team.ID, TeamName: "Northwind", Scopes: w.install.Scopes, SealedToken: sealed, BotUserID: w.install.BotUserID,
	})
	for _, p := range []struct {
		into *slacksim.Person
		name string
		role string
	}{{&w.ada, "Ada Okafor", "member"}, {&w.ben, "Ben Ruiz", "admin"}, {&w.gus, "Gus Lind", ""}} {
		email := strings.ToLower(strings.ReplaceAll(p.name, " ", ".")) + "@northwind.example"
		*p.into, err = w.slack.CreatePerson(ctx, w.team.ID, slacksim.Person{RealName: p.name, Email: email})
		w.must(err)
		w.view(schemas.ViewTeamUsers(w.team.ID), string(p.into.ID), schemas.SlackUser{OrgID: "acme", TeamID: w.team.ID, UserID: p.into.ID, Email: strings.ToUpper(email)})
		if p.role != "" {
			user := "usr-" + strings.ToLower(p.name[:3])
			w.view(schemas.ViewOrgUsers("acme"), user, schemas.DirectoryUser{OrgID: "acme", UserID: schemas.UserID(user), Email: email, Name: p.name, Role: p.role})
			_, err = w.redis.SAdd(schemas.ViewOrgEmail("acme", email), user, "usr-gone")
			w.must(err)
		}
	}
	w.room = w.channel("globex-rollout", false)
	w.closed = w.channel("initech", true)
	w.account("acc-globex", "Globex Corporation", "globex.example")
	w.account("acc-initech", "Initech", "initech.example")
	w.account("acc-acme", "Acme", "acme.example")
	w.deal("deal-pilot", "acc-globex", "Pilot")
	w.deal("deal-renewal", "acc-globex", "Renewal")
	w.deal("deal-initech", "acc-initech", "Onboarding")
}

func (w *world) channel(name string, private bool) slacksim.Channel {
	w.t.Helper()
	c, err := w.slack.CreateChannel(w.t.Context(), w.team.ID, slacksim.Channel{Name: name, IsPrivate: private, Members: []slacksim.UserID{w.ada.ID, w.ben.ID, w.gus.ID, w.install.BotUserID}})
	w.must(err)
	w.view(schemas.ViewTeamChannels(w.team.ID), string(c.ID), schemas.SlackChannel{OrgID: "acme", TeamID: w.team.ID, ChannelID: c.ID, Name: name, IsPrivate: private, IsMember: true})
	return c
}

func (w *world) account(id, name, domain string) {
	a := schemas.Account{OrgID: "acme", AccountID: schemas.AccountID(id), Name: name, Domains: []string{domain}}
	w.view(schemas.ViewOrgAccounts("acme"), id, a)
	w.index(schemas.ViewOrgAccountIndex("acme"), schemas.ViewOrgAccountEntries("acme"), id, a.SearchEntries())
}

func (w *world) deal(id, account, name string) {
	d := schemas.Deal{OrgID: "acme", DealID: schemas.DealID(id), AccountID: schemas.AccountID(account), Name: name}
	w.view(schemas.ViewOrgDeals("acme"), id, d)
	w.index(schemas.ViewOrgDealIndex("acme"), schemas.ViewOrgDealEntries("acme"), id, d.SearchEntries())
}

func (w *world) index(index, entries, id string, of []string) {
	for _, e := range of {
		_, err := w.redis.ZAdd(index, 0, e+schemas.EntryEnd+id)
		w.must(err)
	}
	w.redis.HSet(entries, id, schemas.ViewValue(1, []byte(schemas.EntrySeparator+strings.Join(of, schemas.EntrySeparator))))
}

func (w *world) view(key, field string, v any) {
	w.t.Helper()
	value, err := json.Marshal(v)
	w.must(err)
	w.redis.HSet(key, field, schemas.ViewValue(1, value))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// prompt posts a message with the button of the setup prompt, in a channel, about a channel.
func (w *world) prompt(in, about slacksim.ChannelID) slacksim.TS {
	w.t.Helper()
	button := slack.NewButtonBlockElement(schemas.SetupAction, string(about), slack.NewTextBlockObject("plain_text", "Link", false, false))
	_, ts, err := w.api.PostMessageContext(w.t.Context(), string(in), slack.MsgOptionText("Whose is it?", false), slack.MsgOptionBlocks(slack.NewActionBlock(schemas.SetupBlock, button)))
	w.must(err)
	return slacksim.TS(ts)
}

// press has somebody press the prompt about a channel, which stands in another one: Slack takes one post a second and channel.
func (w *world) press(who slacksim.Person, about slacksim.ChannelID) {
	w.t.Helper()
	in, err := w.slack.CreateChannel(w.t.Context(), w.team.ID, slacksim.Channel{Name: strings.ToLower(rand.Text()), Members: []slacksim.UserID{who.ID, w.install.BotUserID}})
	w.must(err)
	ts := w.prompt(in.ID, about)
	w.must(w.slack.Press(w.t.Context(), w.team.ID, slacksim.Press{User: who.ID, Channel: in.ID, TS: ts, Action: schemas.SetupAction}))
}

// top is the modal that somebody has open, nil for none.
func (w *world) top(who slacksim.Person) *slack.View {
	w.t.Helper()
	views, err := w.slack.Views(w.t.Context(), w.team.ID, who.ID)
	w.must(err)
	if len(views) == 0 {
		return nil
	}
	v := &slack.View{}
	w.must(json.Unmarshal(views[len(views)-1], v))
	return v
}

// reads is what a modal says, block by block.
func reads(v *slack.View) string {
	var out []string
	if v == nil {
		return ""
	}
	for _, b := range v.Blocks.BlockSet {
		switch b := b.(type) {
		case *slack.SectionBlock:
			out = append(out, b.Text.Text)
		case *slack.InputBlock:
			out = append(out, "["+b.Label.Text+"]")
		case *slack.ActionBlock:
			out = append(out, "(buttons)")
		}
	}
	return strings.Join(out, "\n")
}

// types is what a select offers for a text, values in order.
func (w *world) types(who slacksim.Person, action, text string) (values []string) {
	w.t.Helper()
	options, err := w.slack.Options(w.t.Context(), w.team.ID, slacksim.Query{Press: slacksim.Press{User: who.ID, View: w.top(who).ID, Action: action}, Value: text})
	w.must(err)
	for _, raw := range options {
		var o struct{ Value string }
		w.must(json.Unmarshal(raw, &o))
		values = append(values, o.Value)
	}
	return values
}

// choose picks an account and has the app asked for its deals.
func (w *world) choose(who slacksim.Person, account string) {
	w.t.Helper()
	w.types(who, "account", account[4:])
	w.must(w.slack.Press(w.t.Context(), w.team.ID, slacksim.Press{User: who.ID, View: w.top(who).ID, Action: "account", Values: []string{account}}))
}

// dealBlock is the id of the block in which a deal is chosen.
func dealBlock(v *slack.View) string {
	for _, b := range v.Blocks.BlockSet {
		if in, ok := b.(*slack.InputBlock); ok && strings.HasPrefix(in.BlockID, "deal:") {
			return in.BlockID
		}
	}
	return ""
}

// submit sends the modal off, with a deal if one is given, and returns the errors at its fields.
func (w *world) submit(who slacksim.Person, deal string) map[string]string {
	w.t.Helper()
	v := w.top(who)
	in := slacksim.Submission{User: who.ID, View: v.ID}
	if deal != "" {
		w.types(who, "deal", "")
		in.Values = map[string]map[string][]string{dealBlock(v): {"deal": {deal}}}
	}
	got, err := w.slack.Submit(w.t.Context(), w.team.ID, in)
	w.must(err)
	return got.Errors
}

// link is the association that was published last, nil for a tombstone.
func (w *world) link(t *testing.T) *schemas.ChannelAssociation {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.records) == 0 {
		t.Fatal("nothing was published")
	}
	rec := w.records[len(w.records)-1]
	if rec.Topic != schemas.ChannelAssociations.Name {
		t.Fatalf("published to %s", rec.Topic)
	}
	if rec.Value == nil {
		return nil
	}
	a, err := schemas.ChannelAssociations.Decode(rec.Value)
	w.must(err)
	if string(rec.Key) != string(schemas.TeamChannelKey(a.TeamID, a.ChannelID)) {
		t.Errorf("under the key %s", rec.Key)
	}
	return &a
}

// told is what was said to people alone, by response_url.
func (w *world) told() (all []string) {
	w.t.Helper()
	ephemerals, err := w.slack.Ephemerals(w.t.Context())
	w.must(err)
	for _, e := range ephemerals {
		all = append(all, e.Text)
	}
	return all
}

// request is a payload as Slack would send it now.
func request(payload string) *http.Request {
	return signedForm(url.Values{"payload": {payload}}.Encode(), time.Now(), secret)
}

func signedForm(body string, at time.Time, secret string) *http.Request {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + timestamp + ":" + body))
	r := httptest.NewRequest(http.MethodPost, "/slack/interactions", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Slack-Request-Timestamp", timestamp)
	r.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	return r
}
