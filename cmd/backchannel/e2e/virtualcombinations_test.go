package e2e

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/processors/release"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/processors/route/oracle"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/email"
	slacksink "github.com/bigmind/backchannel/sinks/slack"
	"github.com/bigmind/backchannel/sinks/views"
)

// A sample of the combinations that processors/route holds against its oracle (COMBINATIONS says how many) goes through the whole pipeline: control
// topics and a request in, a DM at the simulator's and a mail out, or the outcome that says why not. What is held is delivered when the quiet hours
// are over, in virtual time.
func TestVirtualCombinations(t *testing.T) {
	mini := miniredis.RunT(t)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2000, 1, 3, 15, 50, 0, 0, time.UTC))) // a Monday, 10:50 in New York
		r := &combining{notifying: newNotifying(t, mini, rand.New(rand.NewPCG(3, 4)))}
		r.steady = true
		r.serve(func(ctx context.Context, client *kgo.Client, working *sync.WaitGroup) {
			stop := r.runEverything(ctx, client, working)
			defer stop()
			all := oracle.All()
			r.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			all = all[:number(t, "COMBINATIONS", 60)]
			for i, s := range all {
				r.install(client, s, i)
			}
			time.Sleep(30 * time.Second) // the views have it
			for i, s := range all {
				r.request(client, s, i)
			}
			time.Sleep(5 * time.Minute)
			r.compare(all, false)
			time.Sleep(25 * time.Minute) // the quiet hours are over
			r.compare(all, true)
		})
	})
}

type combining struct {
	*notifying
	app   slacksim.AppID
	users []slacksim.UserID
}

// runEverything runs what is between a request and its person.
func (r *combining) runEverything(ctx context.Context, client *kgo.Client, working *sync.WaitGroup) (stop func()) {
	app, err := r.sim.CreateApp(r.t.Context(), slacksim.App{Name: "Bigmind"})
	r.must(err)
	r.app = app.ID
	rdb := redis.NewClient(&redis.Options{Addr: r.mini.Addr(), MaxRetries: -1})
	quiet := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(ctx)
	r.process(ctx, working, route.Definition(rdb, time.Now), release.Definition(rdb, time.Now))
	l := &life{}
	publish := func(ctx context.Context, o schemas.Outcome) error {
		value, err := schemas.NotificationOutcomes.Encode(o)
		if err != nil {
			return err
		}
		return client.ProduceSync(ctx, &kgo.Record{Topic: schemas.NotificationOutcomes.Name, Key: []byte(schemas.OrgKey(o.OrgID, o.RequestID)), Value: value}).FirstErr()
	}
	defs := []sinks.Definition{views.Definition(rdb, kadm.NewClient(client), quiet)}
	for _, urgent := range []bool{false, true} {
		defs = append(defs,
			slacksink.Definition(slacksink.Options{
				Redis: rdb, Tokens: unsealed{}, APIURL: "http://slack.test/api/", HTTP: l.client(r.web), Limits: slacksink.DefaultLimits,
				Publish: publish, Now: time.Now, Metrics: prometheus.NewRegistry(), Urgent: urgent,
			}),
			email.Definition(email.Options{Redis: rdb, Transport: lifeMail{l, r.notifying}, Publish: publish, Now: time.Now, Urgent: urgent}))
	}
	for _, def := range defs {
		runner, err := sinks.NewRunner(def, sinks.Options{Kafka: r.kafka, Metrics: sinks.NewMetrics(prometheus.NewRegistry()), Log: quiet})
		r.must(err)
		working.Go(func() { _ = runner.Run(ctx) })
	}
	return func() { cancel(); working.Go(func() { _ = rdb.Close() }) }
}

func combined(i int) (schemas.OrgID, schemas.RequestID) {
	return schemas.OrgID(fmt.Sprint("org-", i)), schemas.RequestID(fmt.Sprint("request-", i))
}

// install makes a situation, in an organization with a workspace of its own.
func (r *combining) install(client *kgo.Client, s oracle.Situation, i int) {
	ctx := r.t.Context()
	org, _ := combined(i)
	address := ""
	if s.Email {
		address = fmt.Sprintf("ann@company%d.example", i)
	}
	team, err := r.sim.CreateTeam(ctx, slacksim.Team{Name: string(org)})
	r.must(err)
	in, err := r.sim.Install(ctx, team.ID, slacksim.InstallRequest{App: r.app, Scopes: schemas.NotificationScopes()})
	r.must(err)
	person, err := r.sim.CreatePerson(ctx, team.ID, slacksim.Person{RealName: "Ann"})
	r.must(err)
	r.users = append(r.users, person.ID)
	user := schemas.SlackUser{OrgID: org, TeamID: team.ID, UserID: person.ID, Email: "somebody@else.example", TimeZone: "America/New_York"}
	if s.Matched && s.Email {
		user.Email = address
	}
	status := schemas.InstallUninstalled
	if s.Connected {
		status = schemas.InstallActive
	}
	own := s.Preferences(org, "ann", s.User)
	if s.Quiet {
		own.QuietHours = &schemas.QuietHours{From: "10:00", To: "11:10", TimeZone: "America/New_York"}
	}
	settings := schemas.OrgSettings{OrgID: org}
	if s.Fallback {
		settings.Fallback = schemas.OtherChannel
	}
	r.must(client.ProduceSync(ctx,
		recorded(r.notifying, schemas.SlackInstallations, string(team.ID), schemas.Installation{
			OrgID: org, TeamID: team.ID, AppID: string(r.app), Scopes: in.Scopes, SealedToken: in.Token, Status: status,
		}),
		recorded(r.notifying, schemas.DirectoryUsers, string(schemas.OrgKey(org, "ann")), schemas.DirectoryUser{OrgID: org, UserID: "ann", Email: address}),
		recorded(r.notifying, schemas.SlackUsers, string(schemas.TeamUserKey(team.ID, person.ID)), user),
		recorded(r.notifying, schemas.NotificationPreferences, string(org), s.Preferences(org, "", s.Org)),
		recorded(r.notifying, schemas.NotificationPreferences, string(schemas.OrgKey(org, "ann")), own),
		recorded(r.notifying, schemas.OrgsSettings, string(org), settings),
	).FirstErr())
}

func recorded[T any](r *notifying, topic schemas.Topic[T], key string, value T) *kgo.Record {
	raw, err := topic.Encode(value)
	r.must(err)
	return &kgo.Record{Topic: topic.Name, Key: []byte(key), Value: raw}
}

func (r *combining) request(client *kgo.Client, s oracle.Situation, i int) {
	org, id := combined(i)
	r.must(client.ProduceSync(r.t.Context(), recorded(r.notifying, schemas.NotificationRequests, string(org), schemas.NotificationRequest{
		RequestID: id, OrgID: org, Type: schemas.NotificationType(s.Kind), Recipient: schemas.Recipient{UserID: "ann"},
		Content: schemas.Content{Title: string(id)}, CreatedAt: time.Now(),
	})).FirstErr())
}

// compare holds the outcomes, what Slack shows and what was mailed against the oracle; later says that the quiet hours are over.
func (r *combining) compare(all []oracle.Situation, later bool) {
	said, posted := r.outcomesOf(), r.postedTo()
	wrong := 0
	for i, s := range all {
		org, id := combined(i)
		want := strings.ReplaceAll(s.Expected(), " sent", " delivered")
		if later {
			want = strings.ReplaceAll(want, " held", " delivered")
		}
		got := slices.Sorted(slices.Values(said[org]))
		wanted := slices.DeleteFunc(strings.Split(want, ", "), func(one string) bool { return strings.HasSuffix(one, " held") || one == "" })
		mailed := r.mails[string(schemas.NewDeliveryID(org, id, "", "ann", schemas.ByEmail))]
		dms := posted[r.users[i]]
		if !slices.Equal(got, wanted) || (dms == 1) != slices.Contains(wanted, "slack delivered") || (mailed == 1) != slices.Contains(wanted, "email delivered") || dms > 1 || mailed > 1 {
			if wrong++; wrong < 10 {
				r.t.Errorf("%+v, later %t: %q, %d DMs, %d mails; want %q", s, later, got, dms, mailed, want)
			}
		}
	}
	r.t.Logf("%d combinations, %d wrong", len(all), wrong)
}

// outcomesOf are the words of all outcomes so far, by organization.
func (r *combining) outcomesOf() map[schemas.OrgID][]string {
	reader, err := scan.Client(r.kafka)
	r.must(err)
	defer reader.Close()
	spans, err := scan.All(r.t.Context(), reader, schemas.NotificationOutcomes.Name)
	r.must(err)
	said := map[schemas.OrgID][]string{}
	r.must(scan.Read(r.t.Context(), reader, spans, func(rec *kgo.Record) error {
		o, err := schemas.NotificationOutcomes.Decode(rec.Value)
		said[o.OrgID] = append(said[o.OrgID], strings.Join(strings.Fields(fmt.Sprint(o.Channel, " ", o.Status, " ", o.Reason)), " "))
		return err
	}))
	return said
}

// postedTo is how many DMs each person has.
func (r *combining) postedTo() map[slacksim.UserID]int {
	posts, err := r.sim.Posts(r.t.Context(), slacksim.PostQuery{})
	r.must(err)
	to := map[slacksim.UserID]int{}
	for _, p := range posts.Posts {
		to[p.Recipient]++
	}
	return to
}
