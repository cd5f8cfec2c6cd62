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
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/events"
	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/enrich"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/views"
)

// TestVirtualDay is a day of many workspaces in virtual time: simulator, ingest, views and enrich, with a broker on a network in
// memory. VIRTUAL_WORKSPACES and VIRTUAL_HOURS say how many and how long ('make test-virtual': 1,000 for 24 hours); each says 100 things in three channels of which one is
// not associated, answers, edits and deletes. Of Slack's deliveries some come twice, some out of order, and ingest fails some.
// In the end context.messages, folded by identity and version, is the simulator's record.
func TestVirtualDay(t *testing.T) {
	began := time.Now()
	rdb := miniredis.RunT(t) // outside the bubble, whose time would not pass while it listens
	var day virtualDay
	synctest.Test(t, func(t *testing.T) {
		day = virtualDay{t: t, redis: rdb.Addr(), random: rand.New(rand.NewPCG(5, 8)), channels: map[slacksim.ChannelID]bool{}}
		day.length = time.Duration(number(t, "VIRTUAL_HOURS", 2)) * time.Hour
		day.run(int(number(t, "VIRTUAL_WORKSPACES", 10)))
	})
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("%d workspaces, %d messages, %d edits, %d deletes, %d events delivered in %d attempts, %d records kept: %s, %d MiB from the system",
		len(day.teams), day.said, day.edited, day.deleted, day.stats.Created, day.attempts, day.kept, time.Since(began).Round(time.Millisecond), memory.Sys>>20)
}

type virtualDay struct {
	t       *testing.T
	redis   string
	length  time.Duration
	random  *rand.Rand
	slack   *slacksim.Client
	kafka   []kgo.Opt
	handler http.Handler
	stop    context.CancelFunc
	working sync.WaitGroup
	teams   []virtualTeam
	// channels are those that are associated.
	channels                              map[slacksim.ChannelID]bool
	said, edited, deleted, attempts, kept int
	mu                                    sync.Mutex
	stats                                 slacksim.DeliveryStats
}

type virtualTeam struct {
	id       slacksim.TeamID
	people   []slacksim.UserID
	channels []slacksim.ChannelID
	messages []slacksim.Message
}

const (
	messagesPerTeam = 100
	virtualSecret   = "virtual-signing-secret"
)

func (d *virtualDay) run(workspaces int) {
	var network kfake.VirtualNetwork
	var topics []string
	for _, spec := range schemas.AllTopics() {
		topics = append(topics, spec.Name)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(1, topics...))
	d.must(err)
	defer cluster.Close()
	d.kafka = []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext)}
	client, err := kgo.NewClient(d.kafka...)
	d.must(err)
	defer client.Close()
	rdb := redis.NewClient(&redis.Options{Addr: d.redis})
	defer rdb.Close()
	sim, err := slacksim.New(slacksim.Options{Client: &http.Client{Transport: inProcess{d.receive}}, Settings: slacksim.Settings{ReplyEvents: true}})
	d.must(err)
	defer func() { d.must(sim.Close()) }()
	d.slack = slacksim.NewClient("http://slack.test", &http.Client{Transport: inProcess{sim.Handler().ServeHTTP}})

	ctx, stop := context.WithCancel(context.WithoutCancel(d.t.Context()))
	d.stop = stop
	defer d.working.Wait()
	defer stop()
	d.start(ctx, client, rdb)
	d.build(client, workspaces)
	d.awaitComplete(rdb)
	d.talk()
	d.stats, err = d.slack.Idle(d.t.Context())
	d.must(err)
	d.compare(client)
}

// start runs ingest, the views sink and enrich.
func (d *virtualDay) start(ctx context.Context, client *kgo.Client, rdb *redis.Client) {
	quiet := slog.New(slog.DiscardHandler)
	var err error
	d.handler, err = events.New(events.Options{
		Secrets: []string{virtualSecret}, Publisher: ingest.Kafka{Client: client}, Now: time.Now, Metrics: prometheus.NewRegistry(), Log: quiet,
	})
	d.must(err)
	sink, err := sinks.NewRunner(views.Definition(rdb, kadm.NewClient(client), quiet), sinks.Options{Kafka: d.kafka, Metrics: sinks.NewMetrics(prometheus.NewRegistry()), Log: quiet})
	d.must(err)
	processor, err := processors.NewRunner(enrich.Definition(rdb), processors.Options{Kafka: d.kafka, Metrics: processors.NewMetrics(prometheus.NewRegistry()), Log: quiet})
	d.must(err)
	d.working.Go(func() { _ = sink.Run(ctx) })
	d.working.Go(func() { _ = processor.Run(ctx) })
}

// receive is ingest behind a balancer that loses one request of a hundred, after or before ingest had it.
func (d *virtualDay) receive(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.attempts++
	lost := d.random.IntN(200)
	d.mu.Unlock()
	switch lost {
	case 0:
		http.Error(w, "no backend answers", http.StatusBadGateway)
	case 1:
		d.handler.ServeHTTP(httptest.NewRecorder(), r)
		http.Error(w, "the backend's answer was lost", http.StatusGatewayTimeout)
	default:
		d.handler.ServeHTTP(w, r)
	}
}

// build makes the workspaces and the control records that go with them.
func (d *virtualDay) build(client *kgo.Client, workspaces int) {
	ctx := d.t.Context()
	app, err := d.slack.CreateApp(ctx, slacksim.App{
		Name: "Bigmind", SigningSecret: virtualSecret, EventsURL: "http://ingest.test/slack/events", Events: []string{"message.channels"},
	})
	d.must(err)
	for n := range workspaces {
		team, err := d.slack.CreateTeam(ctx, slacksim.Team{Name: fmt.Sprint("Company ", n)})
		d.must(err)
		t := virtualTeam{id: team.ID}
		for i := range 4 {
			p, err := d.slack.CreatePerson(ctx, team.ID, slacksim.Person{RealName: fmt.Sprint("Person ", i), Email: fmt.Sprintf("p%d@company%d.example", i, n)})
			d.must(err)
			t.people = append(t.people, p.ID)
		}
		install, err := d.slack.Install(ctx, team.ID, slacksim.InstallRequest{App: app.ID, Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)})
		d.must(err)
		org := fmt.Sprint("org-", n%max(1, workspaces/2))
		produced := []*kgo.Record{control("slack.installations", string(team.ID), object{
			"org_id": org, "team_id": team.ID, "app_id": app.ID, "bot_user_id": install.BotUserID, "bot_id": install.BotID, "scopes": install.Scopes, "status": "active",
		})}
		for i := range 3 {
			c, err := d.slack.CreateChannel(ctx, team.ID, slacksim.Channel{Name: fmt.Sprint("customer-", i), Members: append(t.people, install.BotUserID)})
			d.must(err)
			t.channels = append(t.channels, c.ID)
			if i < 2 {
				d.channels[c.ID] = true
				produced = append(produced, control("channel.associations", string(team.ID)+"/"+string(c.ID), object{
					"org_id": org, "team_id": team.ID, "channel_id": c.ID, "account_id": fmt.Sprint("acc-", i),
				}))
			}
		}
		d.must(client.ProduceSync(ctx, produced...).FirstErr())
		d.teams = append(d.teams, t)
	}
	_, err = d.slack.Idle(ctx)
	d.must(err)
	for _, f := range []slacksim.Fault{
		{Kind: slacksim.FaultDuplicateEvents, Share: 0.03, Seed: 1}, {Kind: slacksim.FaultReorderEvents, DelayMS: 90_000, Share: 0.03, Seed: 2},
	} {
		_, err := d.slack.AddFault(ctx, f)
		d.must(err)
	}
}

func control(topic, key string, value object) *kgo.Record {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err) // literals
	}
	return &kgo.Record{Topic: topic, Key: []byte(key), Value: raw}
}

// awaitComplete waits until the last association is in the views.
func (d *virtualDay) awaitComplete(rdb *redis.Client) {
	last := d.teams[len(d.teams)-1]
	for range 600 {
		n, err := rdb.HLen(d.t.Context(), schemas.ViewTeamAssociations(last.id)).Result()
		d.must(err)
		if complete, err := rdb.Get(d.t.Context(), schemas.ViewsCompleteKey).Result(); err == nil && complete == "1" && n == 2 {
			return
		}
		time.Sleep(time.Second)
	}
	d.t.Fatal("the views are not complete after ten minutes")
}

// talk spreads what is said, answered, edited and deleted over the day.
func (d *virtualDay) talk() {
	turns := len(d.teams) * messagesPerTeam
	pause := d.length / time.Duration(turns)
	for n := range turns {
		time.Sleep(pause)
		d.turn(&d.teams[n%len(d.teams)], n)
	}
}

func (d *virtualDay) turn(t *virtualTeam, n int) {
	ctx := d.t.Context()
	d.mu.Lock()
	kind, who, where := d.random.IntN(100), t.people[d.random.IntN(len(t.people))], t.channels[d.random.IntN(len(t.channels))]
	pick := d.random.IntN(max(1, len(t.messages)))
	d.mu.Unlock()
	var m slacksim.Message
	var err error
	if kind < 25 && len(t.messages) > 0 && t.messages[pick].ThreadTS == "" {
		m, err = d.slack.Reply(ctx, t.id, t.messages[pick].Channel, t.messages[pick].TS, who, fmt.Sprint("answer ", n))
	} else {
		m, err = d.slack.Say(ctx, t.id, where, who, fmt.Sprint("message ", n))
	}
	d.must(err)
	d.said++
	t.messages = append(t.messages, m)
	pick %= len(t.messages)
	old := t.messages[pick]
	switch {
	case kind%5 == 0:
		_, err = d.slack.Edit(ctx, t.id, old.Channel, old.TS, fmt.Sprint("edited ", n))
		d.edited++
	case kind%10 == 1 && old.ThreadTS != "" || kind%20 == 3 && pick != len(t.messages)-1:
		err = d.slack.Delete(ctx, t.id, old.Channel, old.TS)
		t.messages[pick] = t.messages[len(t.messages)-1]
		t.messages = t.messages[:len(t.messages)-1]
		d.deleted++
	}
	d.must(err)
}

// compare reads context.messages to its end and folds it.
func (d *virtualDay) compare(client *kgo.Client) {
	want := map[string]said{}
	for _, t := range d.teams {
		for after := slacksim.TS(""); ; {
			page, err := d.slack.TeamMessages(d.t.Context(), t.id, slacksim.MessageQuery{After: after})
			d.must(err)
			for _, m := range page.Messages {
				after = m.TS
				if d.channels[m.Channel] {
					want[string(m.Channel)+"/"+string(m.TS)] = said{string(m.User), m.Text, string(m.ThreadTS)}
				}
			}
			if !page.More {
				break
			}
		}
	}
	reader, err := kgo.NewClient(append(d.kafka, kgo.ConsumeTopics(schemas.ContextMessages.Name), kgo.FetchIsolationLevel(kgo.ReadCommitted()))...)
	d.must(err)
	defer reader.Close()
	newest := map[string]schemas.ContextMessage{}
	for range 900 { // seconds
		d.fold(reader, newest)
		if err = d.differs(want, newest); err == nil {
			return
		}
	}
	d.t.Error(err)
}

func (d *virtualDay) fold(reader *kgo.Client, newest map[string]schemas.ContextMessage) {
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Second)
	defer cancel()
	for _, rec := range reader.PollFetches(ctx).Records() {
		m, err := schemas.ContextMessages.Decode(rec.Value)
		d.must(err)
		d.kept++
		if !d.channels[m.ChannelID] {
			d.t.Fatalf("a message of channel %s was kept, which is not associated", m.ChannelID)
		}
		key := string(m.ChannelID) + "/" + string(m.TS)
		if old, known := newest[key]; !known || m.Version >= old.Version {
			newest[key] = m
		}
	}
}

// differs says how what was kept differs from what was said.
func (d *virtualDay) differs(want map[string]said, newest map[string]schemas.ContextMessage) error {
	missing, wrong, extra := 0, 0, 0
	for key, m := range newest {
		w, stands := want[key]
		switch thread := string(m.ThreadTS); {
		case m.Deleted && stands, !m.Deleted && !stands:
			extra++
		case stands && w != said{string(m.UserID), m.Text, strings.TrimPrefix(thread, string(m.TS))}:
			wrong++
		}
	}
	for key := range want {
		if _, kept := newest[key]; !kept {
			missing++
		}
	}
	if missing+wrong+extra > 0 {
		return fmt.Errorf("of %d messages %d are missing, %d are stale or wrong, and %d that are gone stand or the other way round", len(want), missing, wrong, extra)
	}
	return nil
}

func (d *virtualDay) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// inProcess carries requests to a handler without a socket.
type inProcess struct{ handle http.HandlerFunc }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() { defer close(done); p.handle(w, r) }()
	select {
	case <-done:
		return w.Result(), nil
	case <-r.Context().Done():
		return nil, errors.Join(r.Context().Err())
	}
}
