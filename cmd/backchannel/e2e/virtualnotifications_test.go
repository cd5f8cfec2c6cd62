package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/email"
	"github.com/bigmind/backchannel/sinks/sinkstest"
	slacksink "github.com/bigmind/backchannel/sinks/slack"
)

// TestVirtualNotifications has many notifications requested for many people of many workspaces, in virtual time: routed, and delivered by
// Slack, against the simulator, or to the one person in ten who prefers it, by email. 1% of posts are taken and the connection then lost, both sinks are killed now and then, and of every ten
// workspaces one is throttled in storms and one has a token that Slack refuses. Then it does the same without the sick ones, and a tenth of
// it with a Slack that ignores client_msg_id. Every request ends in an outcome; what was posted twice was counted as ambiguous; and the
// sick ones slow nobody down. NOTIFICATIONS,
// NOTIFICATIONS_PEOPLE and NOTIFICATIONS_WORKSPACES say how many ('make test-notifications': 100,000 for 20,000 people in 50).
func TestVirtualNotifications(t *testing.T) {
	requests := int(number(t, "NOTIFICATIONS", 300))
	people := int(number(t, "NOTIFICATIONS_PEOPLE", 100))
	workspaces := int(number(t, "NOTIFICATIONS_WORKSPACES", 10))
	runs := []virtualRun{
		{name: "all is well", requests: requests},
		{name: "some are sick", requests: requests, sick: true},
		{name: "some are sick, and Slack does not know a client_msg_id again", requests: max(requests/10, 300), sick: true, ignored: true},
	}
	for i := range runs {
		run, began := &runs[i], time.Now()
		mini := miniredis.RunT(t) // outside the bubble, whose time would not pass while it listens
		synctest.Test(t, func(t *testing.T) {
			r := newNotifying(t, mini, rand.New(rand.NewPCG(3, 4)))
			r.virtualRun = *run
			r.serve(func(ctx context.Context, client *kgo.Client, working *sync.WaitGroup) {
				teams := r.build(people, workspaces)
				r.route(ctx, working)
				for _, name := range []string{"slack", "email"} {
					working.Go(func() { r.keepAlive(ctx, client, name) })
				}
				r.ask(client, teams, run.requests)
				r.wait()
			})
			run.p99 = r.judge()
		})
		t.Logf("%s: p99 of the healthy workspaces %v; took %v", run.name, run.p99, time.Since(began).Round(time.Millisecond))
	}
	if well, sick := runs[0].p99, runs[1].p99; sick > well*11/10 && requests >= 10_000 { // fewer have no p99 to speak of
		t.Errorf("with sick workspaces the others' p99 is %v, without them %v", sick, well)
	}
}

// virtualRun is one way to do it.
type virtualRun struct {
	name     string
	requests int
	sick     bool
	ignored  bool // Slack posts again what bears a client_msg_id that it knows
	p99      time.Duration
}

type notifying struct {
	virtualRun
	t      *testing.T
	mini   *miniredis.Miniredis
	steady bool // nothing is lost, nobody killed
	random *rand.Rand
	sim    *slacksim.Client
	web    http.Handler
	kafka  []kgo.Opt

	mu        sync.Mutex
	asked     map[string]time.Time // by delivery
	posted    map[string]time.Time // outcomes of healthy workspaces
	outcomes  map[string]schemas.Outcome
	mails     map[string]int
	ambiguous float64
	kills     int
	sickOrgs  map[schemas.OrgID]bool
}

// life is one incarnation of a sink. Once it is dead, nothing of it gets through any more: what it was doing ends as if the process had.
type life struct {
	dead  atomic.Bool
	redis *redis.Client
	stop  context.CancelFunc
	gone  chan struct{}
	reg   *prometheus.Registry
}

var errDead = errors.New("this process is dead")

func (l *life) client(h http.Handler) slacksink.HTTPClient { return lifeClient{l, h} }

// lifeClient is Slack as a process sees it: what was on its way when the process died has its effect.
type lifeClient struct {
	*life
	web http.Handler
}

func (c lifeClient) Do(req *http.Request) (*http.Response, error) {
	if c.dead.Load() {
		return nil, errDead
	}
	time.Sleep(100 * time.Millisecond) // there and back
	w, lost := httptest.NewRecorder(), false
	func() {
		defer func() {
			if v := recover(); v != nil {
				if err, is := v.(error); is && errors.Is(err, http.ErrAbortHandler) {
					lost = true
				} else {
					panic(v)
				}
			}
		}()
		c.web.ServeHTTP(w, req)
	}()
	if lost || c.dead.Load() {
		return nil, errDead
	}
	return w.Result(), nil
}

func newNotifying(t *testing.T, mini *miniredis.Miniredis, random *rand.Rand) *notifying {
	return &notifying{
		t: t, mini: mini, random: random, posted: map[string]time.Time{}, asked: map[string]time.Time{},
		outcomes: map[string]schemas.Outcome{}, mails: map[string]int{}, sickOrgs: map[schemas.OrgID]bool{},
	}
}

// serve makes a broker and a Slack for as long as what is done with them.
func (r *notifying) serve(do func(context.Context, *kgo.Client, *sync.WaitGroup)) {
	var network kfake.VirtualNetwork
	var topics []string
	for _, spec := range schemas.AllTopics() {
		topics = append(topics, spec.Name)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(6, topics...))
	r.must(err)
	defer cluster.Close()
	r.kafka = []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext)}
	client, err := kgo.NewClient(append(r.kafka, kgo.ProducerLinger(0))...)
	r.must(err)
	defer client.Close()
	sim, err := slacksim.New(slacksim.Options{Settings: slacksim.Settings{IgnoreClientMsgID: r.ignored}})
	r.must(err)
	r.t.Cleanup(func() { r.must(sim.Close()) })
	r.web = sim.Handler()
	r.sim = slacksim.NewClient("http://slack.test", &http.Client{Transport: inProcess{r.web.ServeHTTP}})

	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	var working sync.WaitGroup
	working.Go(func() { r.tick(ctx) })
	do(ctx, client, &working)
	stop()
	working.Wait()
}

// tick carries the bubble's time to Redis. To age its keys miniredis sorts them all, which there are a hundred thousand of: so they are aged once a second,
// and one that was just written loses a second that it has not lived through. Where few are, a budget lasts as long as it should.
func (r *notifying) tick(ctx context.Context) {
	const step = 20 * time.Millisecond
	aging := time.Second
	if r.steady {
		aging = step
	}
	for aged := time.Now(); ctx.Err() == nil; time.Sleep(step) {
		r.mini.SetTime(time.Now())
		if since := time.Since(aged); since >= aging {
			r.mini.FastForward(since)
			aged = time.Now()
		}
	}
}

type virtualCompany struct {
	id     slacksim.TeamID
	people []slacksim.UserID
	sick   bool
}

func (r *notifying) build(people, workspaces int) (teams []virtualCompany) {
	ctx := r.t.Context()
	app, err := r.sim.CreateApp(ctx, slacksim.App{Name: "Bigmind"})
	r.must(err)
	rdb := redis.NewClient(&redis.Options{Addr: r.mini.Addr()})
	defer rdb.Close()
	if !r.steady {
		_, err = r.sim.AddFault(ctx, slacksim.Fault{Kind: slacksim.FaultAPIReset, Method: "chat.postMessage", After: true, Share: 0.01, Seed: 9})
		r.must(err)
	}
	for n := range workspaces {
		team, err := r.sim.CreateTeam(ctx, slacksim.Team{Name: fmt.Sprint("Company ", n)})
		r.must(err)
		c := virtualCompany{id: team.ID, sick: n%10 < 2 && !r.steady}
		for i := range people / workspaces {
			p, err := r.sim.CreatePerson(ctx, team.ID, slacksim.Person{RealName: fmt.Sprint("Person ", i)})
			r.must(err)
			c.people = append(c.people, p.ID)
		}
		r.know(rdb, &c)
		in, err := r.sim.Install(ctx, team.ID, slacksim.InstallRequest{App: app.ID, Scopes: schemas.NotificationScopes()})
		r.must(err)
		install := schemas.Installation{OrgID: orgOf(team.ID), TeamID: team.ID, Scopes: in.Scopes, SealedToken: in.Token, Status: schemas.InstallActive}
		r.must(rdb.HSet(ctx, schemas.ViewTeamInstall(team.ID), schemas.FieldInstallation, viewed(install)).Err())
		r.must(rdb.HSet(ctx, schemas.ViewOrgInstalls(install.OrgID), string(team.ID), viewed(install)).Err())
		switch {
		case !c.sick || !r.sick:
		case n%10 == 0:
			_, err = r.sim.AddFault(ctx, slacksim.Fault{Kind: slacksim.FaultAPIStatus, Status: 429, RetryAfter: 30, Team: team.ID, Method: "chat.postMessage", Share: 0.2, Seed: uint64(n) + 1})
			r.must(err)
		default:
			r.must(r.sim.Revoke(ctx, team.ID, app.ID))
		}
		teams = append(teams, c)
		r.sickOrgs[orgOf(team.ID)] = c.sick
	}
	r.must(rdb.Set(ctx, schemas.ViewsCompleteKey, "1", 0).Err())
	return teams
}

func orgOf(team slacksim.TeamID) schemas.OrgID { return schemas.OrgID("org-" + team) }

// know writes the views of a workspace's people, as the views sink would. One in ten wants email.
func (r *notifying) know(rdb *redis.Client, c *virtualCompany) {
	ctx, org := r.t.Context(), orgOf(c.id)
	_, err := rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, who := range c.people {
			user, key := schemas.UserID(who), string(schemas.TeamUserKey(c.id, who))
			pipe.HSet(ctx, schemas.ViewOrgUsers(org), string(user), viewed(schemas.DirectoryUser{OrgID: org, UserID: user, Email: emailOf(who)}))
			pipe.HSet(ctx, schemas.ViewOrgSlackUsers(org), key, viewed(schemas.SlackUser{OrgID: org, TeamID: c.id, UserID: who, Email: emailOf(who)}))
			pipe.SAdd(ctx, schemas.ViewOrgSlackEmail(org, emailOf(who)), key)
			if byEmail(i) {
				pipe.HSet(ctx, schemas.ViewOrgPreferences(org), string(user), viewed(schemas.Preferences{
					OrgID: org, UserID: user, Types: map[schemas.NotificationType]schemas.ChannelPreference{requestedType: schemas.PreferEmail},
				}))
			}
		}
		// What is measured here is not what a cap keeps back.
		pipe.HSet(ctx, schemas.ViewOrgSettings(org), "", viewed(schemas.OrgSettings{
			OrgID: org, Caps: map[schemas.NotificationType]schemas.Cap{schemas.AnyType: {PerRecipient: 10_000, PerOrg: 1_000_000}},
		}))
		return nil
	})
	r.must(err)
}

func viewed(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // records of ours
	}
	return schemas.ViewValue(1, raw)
}

func emailOf(who slacksim.UserID) string { return strings.ToLower(string(who)) + "@company.example" }

func byEmail(person int) bool { return person%10 == 9 }

// requestedType is by Slack unless somebody wants otherwise, and is repeated when in doubt.
const requestedType schemas.NotificationType = "channel_context.updated"

// route runs what is between a request and its deliveries.
func (r *notifying) route(ctx context.Context, working *sync.WaitGroup) {
	rdb := redis.NewClient(&redis.Options{Addr: r.mini.Addr(), MaxRetries: -1})
	r.process(ctx, working, route.Definition(rdb, time.Now))
	working.Go(func() { <-ctx.Done(); _ = rdb.Close() })
}

// process runs processors until ctx is done.
func (r *notifying) process(ctx context.Context, working *sync.WaitGroup, defs ...processors.Definition) {
	for _, def := range defs {
		runner, err := processors.NewRunner(def, processors.Options{Kafka: r.kafka, Metrics: processors.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler)})
		r.must(err)
		working.Go(func() { _ = runner.Run(ctx) })
	}
}

// ask produces the requests, at three quarters of what Slack allows each workspace.
func (r *notifying) ask(client *kgo.Client, teams []virtualCompany, requests int) {
	pause := time.Minute / time.Duration(180*len(teams))
	for n := range requests {
		time.Sleep(pause)
		c := &teams[n%len(teams)]
		if !c.sick || r.sick {
			r.produce(client, c, n/len(teams))
		}
	}
	r.must(client.Flush(r.t.Context()))
}

// produce asks for the n-th message in a workspace.
func (r *notifying) produce(client *kgo.Client, c *virtualCompany, n int) {
	person := n % len(c.people)
	request := schemas.NotificationRequest{
		RequestID: schemas.RequestID(fmt.Sprint("request-", n)), OrgID: orgOf(c.id), Type: requestedType,
		Recipient: schemas.Recipient{UserID: schemas.UserID(c.people[person])},
		Content:   schemas.Content{Title: fmt.Sprint("request-", n), Body: "**Something** happened"},
		ExpiresAt: time.Now().Add(expiry), CreatedAt: time.Now(),
	}
	by := schemas.BySlack
	if byEmail(person) {
		by = schemas.ByEmail
	}
	id := schemas.NewDeliveryID(request.OrgID, request.RequestID, "", request.Recipient.KeyPart(), by)
	value, err := schemas.NotificationRequests.Encode(request)
	r.must(err)
	r.mu.Lock()
	r.asked[string(id)] = time.Now()
	r.mu.Unlock()
	client.Produce(r.t.Context(), &kgo.Record{Topic: schemas.NotificationRequests.Name, Key: []byte(request.OrgID), Value: value}, nil)
}

// expiry is what workspaces that wait for good reach, and others do not.
const expiry = 3 * time.Minute

// keepAlive runs a sink, kills it now and then, and starts it again.
func (r *notifying) keepAlive(ctx context.Context, client *kgo.Client, name string) {
	for ctx.Err() == nil {
		l := r.start(client, name)
		r.mu.Lock()
		after := 5*time.Second + time.Duration(r.random.Int64N(int64(time.Minute)))
		r.mu.Unlock()
		if r.steady {
			after = 24 * time.Hour
		}
		select {
		case <-ctx.Done():
		case <-time.After(after):
			r.mu.Lock()
			r.kills++
			r.mu.Unlock()
			l.dead.Store(true)
			_ = l.redis.Close()
		}
		l.stop()
		<-l.gone
		_ = l.redis.Close()
		if name == "slack" {
			r.mu.Lock()
			r.ambiguous += sinkstest.Value(r.t, l.reg, "backchannel_sinks_slack_ambiguous_total", map[string]string{"sink": "slack", "policy": "repeat"})
			r.mu.Unlock()
		}
	}
}

func (r *notifying) start(client *kgo.Client, name string) *life {
	ctx, stop := context.WithCancel(context.WithoutCancel(r.t.Context()))
	// go-redis keeps the timers of those who wait for a connection, for the whole process: the next bubble would be given one of this. So nobody waits.
	l := &life{redis: redis.NewClient(&redis.Options{Addr: r.mini.Addr(), MaxRetries: -1, PoolSize: 2000}), stop: stop, gone: make(chan struct{}), reg: prometheus.NewRegistry()}
	publish := func(ctx context.Context, o schemas.Outcome) error {
		if l.dead.Load() {
			return errDead
		}
		value, err := schemas.NotificationOutcomes.Encode(o)
		if err != nil {
			return err
		}
		r.mu.Lock()
		if _, again := r.outcomes[string(o.DeliveryID)]; !again {
			r.outcomes[string(o.DeliveryID)], r.posted[string(o.DeliveryID)] = o, time.Now()
		}
		r.mu.Unlock()
		return client.ProduceSync(ctx, &kgo.Record{Topic: schemas.NotificationOutcomes.Name, Key: []byte(o.RequestID), Value: value}).FirstErr()
	}
	def := slacksink.Definition(slacksink.Options{
		Redis: l.redis, Tokens: unsealed{}, APIURL: "http://slack.test/api/", HTTP: l.client(r.web), Limits: slacksink.DefaultLimits,
		Publish: publish, Now: time.Now, Metrics: l.reg,
	})
	if name == "email" {
		def = email.Definition(email.Options{Redis: l.redis, Transport: lifeMail{l, r}, Publish: publish, Now: time.Now})
	}
	runner, err := sinks.NewRunner(def, sinks.Options{Kafka: r.kafka, Metrics: sinks.NewMetrics(l.reg), Log: slog.New(slog.DiscardHandler), Drain: time.Second})
	r.must(err)
	go func() { defer close(l.gone); _ = runner.Run(ctx) }()
	return l
}

type unsealed struct{}

func (unsealed) Open(_ schemas.TeamID, sealed string) (string, error) { return sealed, nil }

// lifeMail is a mail server as a process sees it.
type lifeMail struct {
	*life
	run *notifying
}

func (m lifeMail) Send(_ context.Context, d *schemas.Delivery) (string, error) {
	if m.dead.Load() {
		return "", errDead
	}
	time.Sleep(20 * time.Millisecond)
	m.run.mu.Lock()
	m.run.mails[string(d.DeliveryID)]++
	m.run.mu.Unlock()
	if m.dead.Load() {
		return "", email.ErrUnanswered
	}
	return "250 2.0.0 OK", nil
}

// wait waits until everything that was asked has an outcome.
func (r *notifying) wait() {
	for range 3 * 3600 { // seconds
		r.mu.Lock()
		done := len(r.outcomes) >= len(r.asked)
		r.mu.Unlock()
		if done {
			return
		}
		time.Sleep(time.Second)
	}
	r.t.Errorf("of %d deliveries %d have an outcome", len(r.asked), len(r.outcomes))
}

func (r *notifying) judge() time.Duration {
	var latencies []time.Duration
	statuses, doubted := map[string]int{}, 0
	for id, o := range r.outcomes {
		statuses[strings.TrimSpace(fmt.Sprint(o.Channel, " ", o.Status, " ", o.Reason))]++
		if o.Ambiguous {
			doubted++
		}
		if o.Status == schemas.Delivered && !r.sickOrg(o.OrgID) {
			latencies = append(latencies, r.posted[id].Sub(r.asked[id]))
		}
	}
	posts, twice := map[string]int{}, 0
	for after := 0; ; {
		page, err := r.sim.Posts(r.t.Context(), slacksim.PostQuery{After: after})
		r.must(err)
		for _, p := range page.Posts {
			if p.Duplicate {
				continue // Slack knew it, and showed nothing
			}
			if posts[p.ClientMsgID]++; posts[p.ClientMsgID] == 2 {
				twice++
			}
		}
		if len(page.Posts) == 0 {
			break
		}
		after += len(page.Posts)
	}
	mailed := 0
	for _, n := range r.mails {
		if n > 1 {
			mailed++
		}
	}
	slices.Sort(latencies)
	r.t.Logf("%d deliveries, %v, %d kills, %v posts in doubt, %d outcomes say so, %d posted twice, %d mailed twice", len(r.asked), statuses, r.kills, r.ambiguous, doubted, twice, mailed)
	// One post in a hundred is in doubt by design, and 'repeat' posts it again: only Slack can know it again then.
	tooMany := float64(twice+mailed) > float64(len(r.asked))/1000 && !r.ignored
	if float64(twice) > r.ambiguous || mailed > doubted || tooMany {
		r.t.Errorf("%d were posted twice and %d mailed twice, of %d", twice, mailed, len(r.asked))
	}
	for id := range r.asked {
		if o := r.outcomes[id]; o.Status == schemas.Delivered && o.Channel == schemas.BySlack && posts[id] == 0 {
			r.t.Errorf("delivery %s is said to be delivered and was not posted", id)
		}
	}
	return latencies[len(latencies)*99/100]
}

func (r *notifying) sickOrg(org schemas.OrgID) bool { return r.sickOrgs[org] }

func (r *notifying) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}
