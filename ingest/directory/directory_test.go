package directory

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/slack-go/slack"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
)

// world is a workspace with the app in it, in virtual time: Slack's limits are those of real minutes.
type world struct {
	t       *testing.T
	slack   *slacksim.Client
	sim     *slacksim.Simulator
	redis   *redis.Client
	mini    *miniredis.Miniredis
	opts    []kgo.Opt
	client  *kgo.Client
	tokens  *seal.Sealer
	team    slacksim.Team
	app     slacksim.App
	install slacksim.Install
}

// inWorld makes a workspace in which the app was granted some scopes.
func inWorld(t *testing.T, settings slacksim.Settings, scopes []string, test func(t *testing.T, w *world)) {
	t.Helper()
	mini := miniredis.RunT(t) // outside the bubble, whose time would not pass while it listens
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, mini: mini}
		var network kfake.VirtualNetwork
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen),
			kfake.SeedTopics(1, schemas.SlackInstallations.Name, schemas.SlackUsers.Name, schemas.SlackChannels.Name))
		w.must(err)
		defer cluster.Close()
		w.opts = []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext)}
		w.client, err = kgo.NewClient(w.opts...)
		w.must(err)
		defer w.client.Close()
		w.sim, err = slacksim.New(slacksim.Options{Settings: settings})
		w.must(err)
		defer func() { w.must(w.sim.Close()) }()
		w.slack = slacksim.NewClient("http://slack.test", &http.Client{Transport: inProcess{w.sim.Handler()}})
		w.redis = redis.NewClient(&redis.Options{Addr: mini.Addr()})
		defer w.redis.Close()
		keys, err := seal.NewKeySet()
		w.must(err)
		w.tokens, err = seal.New(keys)
		w.must(err)
		mini.Set(schemas.ViewsCompleteKey, "1")
		// The budget's clock is Redis's own.
		done, ticked := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ticked)
			ticker := time.NewTicker(100 * time.Millisecond)
			defer ticker.Stop()
			for last := time.Now(); ; {
				mini.SetTime(time.Now())
				mini.FastForward(time.Since(last))
				last = time.Now()
				select {
				case <-done:
					return
				case <-ticker.C:
				}
			}
		}()
		defer func() { close(done); <-ticked }()
		ctx := t.Context()
		w.team, err = w.slack.CreateTeam(ctx, slacksim.Team{Name: "Acme"})
		w.must(err)
		w.app, err = w.slack.CreateApp(ctx, slacksim.App{Name: "Bigmind"})
		w.must(err)
		w.install, err = w.slack.Install(ctx, w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: scopes})
		w.must(err)
		test(t, w)
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// installed writes the installation's record.
func (w *world) installed(at time.Time) {
	w.t.Helper()
	sealed, err := w.tokens.Seal(w.team.ID, w.install.Token)
	w.must(err)
	value, err := schemas.SlackInstallations.Encode(schemas.Installation{
		OrgID: "acme", TeamID: w.team.ID, Scopes: w.install.Scopes, SealedToken: sealed, Status: schemas.InstallActive, InstalledAt: at, BotUserID: w.install.BotUserID,
	})
	w.must(err)
	w.must(w.client.ProduceSync(w.t.Context(), &kgo.Record{Topic: schemas.SlackInstallations.Name, Key: []byte(w.team.ID), Value: value}).FirstErr())
}

// run works until the returned function is called, which ends it as a crash does for everybody else: no lease is given back.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	d := New(Options{
		Kafka: w.opts, Publisher: ingest.Kafka{Client: w.client}, Redis: w.redis, Tokens: w.tokens, APIURL: "http://slack.test/api/",
		HTTP: &http.Client{Transport: inProcess{w.sim.Handler()}}, Every: 24 * time.Hour, PerMinute: 19, Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	done := make(chan struct{})
	go func() { defer close(done); _ = d.Run(ctx) }()
	return func() { cancel(); <-done }
}

// latest reads a topic to its end: by key, and how many records there are.
func (w *world) latest(topic string) (map[string][]byte, int) {
	w.t.Helper()
	reader, err := kgo.NewClient(append(w.opts, kgo.ConsumeTopics(topic))...)
	w.must(err)
	defer reader.Close()
	found, n := map[string][]byte{}, 0
	for {
		ctx, cancel := context.WithTimeout(w.t.Context(), 2*time.Second)
		records := reader.PollFetches(ctx).Records()
		cancel()
		if len(records) == 0 {
			return found, n
		}
		for _, rec := range records {
			found[string(rec.Key)] = rec.Value
			n++
		}
	}
}

func (w *world) calls(method string) slacksim.CallStats {
	w.t.Helper()
	calls, err := w.slack.Calls(w.t.Context())
	w.must(err)
	return calls[method]
}

type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, r)
	return rec.Result(), nil
}

var allScopes = append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)

// Ten thousand people and five thousand channels come within Slack's limits, without a 429; a process that dies in the middle costs
// one page at most, and the lease's time.
func TestTenThousandPeople(t *testing.T) {
	const people, channels = 10_000, 5_000
	inWorld(t, slacksim.Settings{}, allScopes, func(t *testing.T, w *world) {
		for n := range people {
			_, err := w.slack.CreatePerson(t.Context(), w.team.ID, slacksim.Person{RealName: fmt.Sprint("Person ", n), Email: fmt.Sprintf("p%d@acme.example", n)})
			w.must(err)
		}
		for n := range channels {
			_, err := w.slack.CreateChannel(t.Context(), w.team.ID, slacksim.Channel{Name: fmt.Sprint("room-", n), Members: []slacksim.UserID{w.install.BotUserID}})
			w.must(err)
		}
		w.installed(time.Now())
		stop := w.run()
		time.Sleep(time.Minute) // of virtual time: about twenty pages
		stop()
		if n := w.calls("users.list").Calls; n < 10 || n > 25 {
			t.Fatalf("%d pages in a minute", n)
		}
		if p, err := PeopleProgress(t.Context(), w.redis, w.team.ID); err != nil || !p.Reading || p.Read < 2000 || p.Read > 5000 || !p.Complete.IsZero() {
			t.Errorf("in the middle: %v, %v", p, err)
		}
		stop = w.run()
		defer stop()
		time.Sleep(10 * time.Minute)
		users, _ := w.latest(schemas.SlackUsers.Name)
		rooms, _ := w.latest(schemas.SlackChannels.Name)
		if len(users) != people+2 || len(rooms) != channels { // Slackbot and the bot
			t.Errorf("%d people and %d channels, want %d and %d", len(users), len(rooms), people+2, channels)
		}
		if p, err := PeopleProgress(t.Context(), w.redis, w.team.ID); err != nil || p.Reading || p.Read < people || p.Complete.IsZero() {
			t.Errorf("at the end: %v, %v", p, err)
		}
		for method, pages := range map[string]int{"users.list": 51, "conversations.list": 26} {
			got := w.calls(method)
			if got.Calls > pages+1 || got.Errors["ratelimited"] > 0 {
				t.Errorf("%s: %+v, want %d pages and one again at most, and no 429", method, got, pages)
			}
		}
		time.Sleep(25 * time.Hour)
		if n := w.calls("users.list").Calls; n < 2*51 {
			t.Errorf("%d pages a day later, want all of them again", n)
		}
	})
}

// Wherever it dies, a page is asked for again at most, and nobody is missed.
func TestItDiesAgainAndAgain(t *testing.T) {
	const people, pages = 4_000, 21
	inWorld(t, slacksim.Settings{}, schemas.NotificationScopes(), func(t *testing.T, w *world) {
		for n := range people {
			_, err := w.slack.CreatePerson(t.Context(), w.team.ID, slacksim.Person{RealName: fmt.Sprint("Person ", n)})
			w.must(err)
		}
		w.installed(time.Now())
		deaths, life := 0, 4*time.Second
		for ; w.calls("users.list").Calls < pages-1 && deaths < 60; deaths++ {
			stop := w.run()
			time.Sleep(life)
			stop()
			life = leaseLife + leaseLife/4 + time.Duration(deaths)*700*time.Millisecond // the dead one's lease comes first, and then some pages
		}
		stop := w.run()
		defer stop()
		time.Sleep(5 * time.Minute)
		users, _ := w.latest(schemas.SlackUsers.Name)
		if got := w.calls("users.list"); len(users) != people+2 || got.Calls > pages+deaths || got.Errors["ratelimited"] > 0 || deaths < 3 {
			t.Errorf("%d people in %+v after %d deaths, want %d in %d pages and one again for each", len(users), got, deaths, people+2, pages)
		}
	})
}

// What is read of people, and that without channel sync no channel is asked for.
func TestPeople(t *testing.T) {
	inWorld(t, slacksim.Settings{ShortPages: true, CursorEnd: "varied"}, schemas.NotificationScopes(), func(t *testing.T, w *world) {
		for _, p := range []slacksim.Person{
			{ID: "UADA", RealName: "Ada Okafor", Email: "Ada@acme.example", TZ: "Europe/London"}, {ID: "UGUEST", Name: "guest", IsRestricted: true}, {ID: "UGONE", Name: "gone", Deleted: true, Email: "gone@acme.example"},
		} {
			_, err := w.slack.CreatePerson(t.Context(), w.team.ID, p)
			w.must(err)
		}
		w.installed(time.Now())
		defer w.run()()
		time.Sleep(5 * time.Minute)
		got, _ := w.latest(schemas.SlackUsers.Name)
		for id, want := range map[string]string{"UADA": "true Europe/London Ada Okafor", "UGUEST": "false Etc/UTC guest", "UGONE": "false  gone", "USLACKBOT": "false Etc/UTC Slackbot", string(w.install.BotUserID): "false Etc/UTC Bigmind"} {
			u, err := schemas.SlackUsers.Decode(got[string(w.team.ID)+"/"+id])
			if line := fmt.Sprint(u.Matchable(), " ", u.TimeZone, " ", u.Name); err != nil || line != want {
				t.Errorf("%s: %s, %v, want %s", id, line, err, want)
			}
		}
		calls, err := w.slack.Calls(t.Context())
		w.must(err)
		for method := range calls {
			if method != "users.list" {
				t.Errorf("%s was called for a workspace that only has notifications", method)
			}
		}
	})
}

// Cursors that expire or come again, 429s and failures in between cost time, and nobody is missed.
func TestTroubles(t *testing.T) {
	inWorld(t, slacksim.Settings{}, schemas.NotificationScopes(), func(t *testing.T, w *world) {
		for n := range 1000 {
			_, err := w.slack.CreatePerson(t.Context(), w.team.ID, slacksim.Person{RealName: fmt.Sprint("Person ", n)})
			w.must(err)
		}
		for _, f := range []slacksim.Fault{
			{Kind: slacksim.FaultRepeatCursor, Method: "users.list", Count: 2}, {Kind: slacksim.FaultAPIStatus, Method: "users.list", Status: 429, RetryAfter: 30, Count: 2},
			{Kind: slacksim.FaultAPIStatus, Method: "users.list", Status: 503, Count: 2}, {Kind: slacksim.FaultAPIError, Method: "users.list", Error: "internal_error", Count: 1},
			{Kind: slacksim.FaultAPIError, Method: "users.list", Error: "invalid_cursor", Count: 1, Share: 0.3, Seed: 3},
		} {
			_, err := w.slack.AddFault(t.Context(), f)
			w.must(err)
		}
		w.installed(time.Now())
		defer w.run()()
		time.Sleep(20 * time.Minute)
		if got, _ := w.latest(schemas.SlackUsers.Name); len(got) != 1002 {
			t.Errorf("%d people, want 1,002", len(got))
		}
	})
}

// A token that Slack refuses is left alone; installing again resumes.
func TestARefusedToken(t *testing.T) {
	inWorld(t, slacksim.Settings{}, schemas.NotificationScopes(), func(t *testing.T, w *world) {
		w.must(w.slack.Revoke(t.Context(), w.team.ID, w.app.ID))
		w.installed(time.Now())
		defer w.run()()
		time.Sleep(time.Hour)
		if got := w.calls("users.list"); got.Calls != 1 {
			t.Errorf("a dead token was used %d times", got.Calls)
		}
		var err error
		w.install, err = w.slack.Install(t.Context(), w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: schemas.NotificationScopes()})
		w.must(err)
		w.installed(time.Now())
		time.Sleep(5 * time.Minute)
		if got, _ := w.latest(schemas.SlackUsers.Name); len(got) != 2 {
			t.Errorf("%d people after installing again, want 2", len(got))
		}
	})
}

// A channel that the app has left says so at the next pass; a private one is gone.
func TestChannelsThatWereLeft(t *testing.T) {
	inWorld(t, slacksim.Settings{}, allScopes, func(t *testing.T, w *world) {
		for id, private := range map[string]bool{"C0PUBLIC": false, "C0PRIVATE": true} {
			value, err := schemas.SlackChannels.Encode(schemas.SlackChannel{OrgID: "acme", TeamID: w.team.ID, ChannelID: schemas.ChannelID(id), IsPrivate: private, IsMember: true})
			w.must(err)
			w.mini.HSet(schemas.ViewTeamChannels(w.team.ID), id, schemas.ViewValue(1, value))
		}
		w.installed(time.Now())
		defer w.run()()
		time.Sleep(5 * time.Minute)
		got, _ := w.latest(schemas.SlackChannels.Name)
		public, err := schemas.SlackChannels.Decode(got[string(w.team.ID)+"/C0PUBLIC"])
		private, there := got[string(w.team.ID)+"/C0PRIVATE"]
		if err != nil || public.IsMember || !there || private != nil {
			t.Errorf("the public one is %+v, %v; the private one %s", public, err, private)
		}
	})
}

// A channel that the app was added to has its name within a minute, and not at the next reading of the list.
func TestAChannelThatTheAppWasAddedTo(t *testing.T) {
	inWorld(t, slacksim.Settings{}, allScopes, func(t *testing.T, w *world) {
		w.installed(time.Now())
		defer w.run()()
		time.Sleep(5 * time.Minute)
		c, err := w.slack.CreateChannel(t.Context(), w.team.ID, slacksim.Channel{Name: "hooli-onboarding", Members: []slacksim.UserID{w.install.BotUserID}})
		w.must(err)
		for _, key := range []schemas.Key{schemas.TeamChannelKey(w.team.ID, c.ID), schemas.TeamChannelKey(w.team.ID, "C0GONE"), schemas.TeamChannelKey("T0ELSEWHERE", "C0OTHER")} {
			w.mini.ZAdd(schemas.ViewOrgChannelIndex("acme"), 0, schemas.ListUnnamed+schemas.StateOpen+"c0"+schemas.EntryEnd+string(key))
		}
		time.Sleep(time.Minute)
		got, n := w.latest(schemas.SlackChannels.Name)
		named, err := schemas.SlackChannels.Decode(got[string(schemas.TeamChannelKey(w.team.ID, c.ID))])
		if err != nil || named.Name != "hooli-onboarding" || !named.IsMember || len(got) != 1 {
			t.Errorf("%+v, %v, of %d records", named, err, n)
		}
	})
}

// Of a shared channel it is known with which other companies; the workspaces of our own are none.
func TestOtherCompanies(t *testing.T) {
	w := &workspace{in: &schemas.Installation{TeamID: "T1", EnterpriseID: "E1"}}
	shared := slack.Channel{}
	shared.IsExtShared, shared.ConnectedTeamIDs, shared.InternalTeamIDs = true, []string{"T1", "T9", "T2", "E1", "E8"}, []string{"T1", "T2"}
	if diff := cmp.Diff([]schemas.TeamID{"T9", "E8"}, w.others(&shared)); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	shared.IsExtShared = false
	if got := w.others(&shared); got != nil {
		t.Errorf("a channel that is shared within the organization has %v", got)
	}
}
