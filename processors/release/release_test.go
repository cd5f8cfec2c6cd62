package release_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/processors/release"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/sinkstest"
	"github.com/bigmind/backchannel/sinks/views"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// clock is a clock that the test sets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// held makes a held notification of somebody by Slack.
func held(user, request, group string, due time.Time) schemas.HeldNotification {
	to := schemas.Recipient{UserID: schemas.UserID(user)}
	return schemas.HeldNotification{
		OrgID: "acme", Group: group, Channel: schemas.BySlack, Why: schemas.QuietTime, DueAt: due,
		Delivery: schemas.Delivery{
			DeliveryID: schemas.NewDeliveryID("acme", schemas.RequestID(request), "", user, schemas.BySlack), RequestID: schemas.RequestID(request),
			OrgID: "acme", Type: "coaching.insight", Recipient: to, TeamID: "T1", SlackUserID: "U1", OnAmbiguous: schemas.Repeat,
			Content: schemas.Content{Title: "About " + request}, RequestedAt: noon.Add(-time.Hour + time.Duration(request[len(request)-1])*time.Second),
		},
	}
}

// world is a broker and a Redis with the views sink at work.
type world struct {
	t     *testing.T
	kafka *sinkstest.Kafka
	redis *processorstest.Redis
	clock *clock
	put   *kgo.Client
	stop  func()
}

const partitions = 3

func newWorld(t *testing.T) *world {
	t.Helper()
	topics := append(schemas.ViewTopics(), processors.DeliveryTopics()...)
	w := &world{t: t, kafka: sinkstest.NewKafka(t, partitions, topics...), redis: processorstest.NewRedis(t), clock: &clock{at: noon}}
	w.redis.Mini.Del(schemas.ViewsCompleteKey)
	var err error
	if w.put, err = kgo.NewClient(append(w.kafka.Options(), kgo.RecordPartitioner(processors.NewPartitioner()))...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.put.Close)
	w.stop = w.views()
	return w
}

// views runs the views sink until its answer is called.
func (w *world) views() (stop func()) {
	def := views.Definition(w.redis.Client, w.kafka.Admin, slog.New(slog.DiscardHandler))
	runner, err := sinks.NewRunner(def, sinks.Options{Kafka: w.kafka.Options(), Metrics: sinks.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	return running(w.t, runner)
}

// run runs a replica of release until its answer is called.
func (w *world) run() (stop func()) {
	runner, err := processors.NewRunner(release.Definition(w.redis.Client, w.clock.now), processors.Options{
		Kafka: append(w.kafka.Options(), kgo.MaxVersions(kversion.V3_9_0())), Metrics: processors.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return running(w.t, runner)
}

func running(t *testing.T, runner interface{ Run(context.Context) error }) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = runner.Run(ctx)
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(stop)
	return stop
}

func (w *world) hold(all ...schemas.HeldNotification) {
	w.t.Helper()
	for _, h := range all {
		value, err := schemas.NotificationHeld.Encode(h)
		if err != nil {
			w.t.Fatal(err)
		}
		rec := &kgo.Record{Topic: schemas.NotificationHeld.Name, Key: []byte(h.Key()), Value: value}
		if err := w.put.ProduceSync(w.t.Context(), rec).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// said lists the deliveries that there are: whom, and how many requests each is the answer to.
func (w *world) said() []string {
	w.t.Helper()
	var all []string
	for _, rec := range w.kafka.ReadCommitted(w.t, schemas.DeliveriesSlack.Name) {
		d, err := schemas.DeliveriesSlack.Decode(rec.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		names := []string{string(d.RequestID)}
		for _, m := range d.Merged {
			names = append(names, string(m.RequestID))
		}
		all = append(all, string(d.Recipient.UserID)+": "+strings.Join(names, " "))
	}
	slices.Sort(all)
	return all
}

func (w *world) await(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	var got []string
	defer func() {
		if w.t.Failed() {
			w.t.Logf("deliveries are %q", got)
		}
	}()
	sinkstest.Eventually(w.t, fmt.Sprintf("deliveries to be %q", want), func() bool { got = w.said(); return slices.Equal(got, want) })
}

// What is held leaves when it is due, once, with its tombstone; a group as one message when its first is due.
func TestWhatIsDueLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hold(held("ada", "r1", "", noon.Add(time.Hour)), held("ada", "r2", "", noon.Add(2*time.Hour)),
		held("ben", "g1", "daily", noon.Add(time.Hour)), held("ben", "g2", "daily", noon.Add(3*time.Hour)), held("ben", "alone", "", noon.Add(time.Hour)))
	stop := w.run()
	w.hold(held("cyn", "now", "", noon.Add(-time.Minute)))
	w.await("cyn: now")
	w.clock.set(noon.Add(time.Hour))
	w.await("cyn: now", "ada: r1", "ben: g1 g2", "ben: alone")
	stop()
	w.clock.set(noon.Add(24 * time.Hour))
	w.run()
	w.await("cyn: now", "ada: r1", "ben: g1 g2", "ben: alone", "ada: r2")
	values, tombstones := 0, 0
	for _, rec := range w.kafka.ReadCommitted(w.t, schemas.NotificationHeld.Name) {
		if rec.Value == nil {
			tombstones++
		} else {
			values++
		}
	}
	if values != 6 || tombstones != 6 {
		t.Errorf("%d held, %d ended", values, tombstones)
	}
}

// What expires while it waits is told, not sent.
func TestWhatExpiredIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	late := held("ada", "late", "daily", noon.Add(-time.Second))
	late.Delivery.ExpiresAt = noon.Add(-time.Minute)
	w.hold(late, held("ada", "good", "daily", noon.Add(-time.Second)))
	w.run()
	w.await("ada: good")
	outcomes := w.kafka.ReadCommitted(w.t, schemas.NotificationOutcomes.Name)
	if len(outcomes) != 1 {
		t.Fatalf("%d outcomes", len(outcomes))
	}
	o, err := schemas.NotificationOutcomes.Decode(outcomes[0].Value)
	if err != nil || o.RequestID != "late" || o.Status != schemas.Expired || o.ReleasedAt.IsZero() {
		t.Errorf("%+v, %v", o, err)
	}
}

// A Redis that is lost while something waits is rebuilt from the topic; nothing leaves twice, nothing is forgotten.
func TestRedisIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hold(held("ada", "r1", "", noon.Add(-time.Minute)), held("ada", "r2", "", noon.Add(time.Hour)))
	w.run()
	w.await("ada: r1")
	w.redis.Mini.FlushAll()
	w.clock.set(noon.Add(time.Hour))
	w.await("ada: r1", "ada: r2")
}

// A view that is behind shows what has left already. Neither the owner nor the next one sends it again.
func TestAViewThatIsBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hold(held("ada", "r1", "", noon.Add(time.Hour)))
	sinkstest.Eventually(t, "the view to show it", func() bool { return len(w.due()) == 1 })
	w.stop() // from now on the view stays as it is
	stop := w.run()
	w.clock.set(noon.Add(time.Hour))
	w.await("ada: r1")
	w.ticks(3)
	stop()
	w.run() // the next owner
	w.ticks(3)
	w.await("ada: r1")
	w.hold(held("ada", "r2", "", noon.Add(time.Minute)))
	w.views()
	w.await("ada: r1", "ada: r2")
}

// due lists the keys that the views show.
func (w *world) due() (keys []string) {
	for p := range int32(partitions) {
		members, err := w.redis.Client.ZRange(w.t.Context(), schemas.ViewHeld(p)+schemas.HeldDue, 0, -1).Result()
		if err != nil {
			w.t.Fatal(err)
		}
		keys = append(keys, members...)
	}
	return keys
}

// ticks waits until release has looked for what is due so many times more.
func (w *world) ticks(n int64) {
	w.t.Helper()
	before := w.redis.Trips()
	sinkstest.Eventually(w.t, "release to look", func() bool { return w.redis.Trips() >= before+n })
}

// Replicas come and go while a thousand things are due, one after another: each leaves once.
func TestRebalances(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const each = 40
	var want []string
	release := w.run()
	for round := range 4 {
		var batch []schemas.HeldNotification
		for i := range each {
			name := fmt.Sprintf("r%d-%02d", round, i)
			batch = append(batch, held(fmt.Sprintf("u%02d", i), name, "", noon))
			want = append(want, fmt.Sprintf("u%02d: %s", i, name))
		}
		w.hold(batch...)
		next := w.run()
		w.ticks(1)
		release()
		release = next
	}
	w.await(want...)
	w.ticks(3)
	w.await(want...)
}

// What leaves and the tombstone that ends it are in one transaction: a crash between two would send it again. make test-guards
// takes that away, and this has to fail.
func TestADeliveryAndItsTombstoneAreOneTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	open := map[string]map[string]bool{} // transactional id: topics that were produced to
	var transactions [][]string
	w.kafka.Cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.Cluster.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		produce, is := req.(*kmsg.ProduceRequest)
		if !is || produce.TransactionID == nil {
			return nil, nil, false
		}
		id := *produce.TransactionID
		if open[id] == nil {
			open[id] = map[string]bool{}
		}
		for _, topic := range produce.Topics {
			open[id][topic.Topic] = true
		}
		return nil, nil, false
	})
	w.kafka.Cluster.ControlKey(int16(kmsg.EndTxn), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.Cluster.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		if end, is := req.(*kmsg.EndTxnRequest); is {
			if topics := slices.Sorted(maps.Keys(open[end.TransactionalID])); len(topics) > 0 {
				transactions = append(transactions, topics)
			}
			delete(open, end.TransactionalID)
		}
		return nil, nil, false
	})
	w.hold(held("ada", "r1", "", noon), held("ben", "r2", "g", noon), held("ben", "r3", "g", noon))
	w.run()
	w.await("ada: r1", "ben: r2 r3")
	mu.Lock()
	defer mu.Unlock()
	if len(transactions) == 0 {
		t.Error("nothing was produced in a transaction")
	}
	for _, topics := range transactions {
		if !slices.Equal(topics, []string{schemas.DeliveriesSlack.Name, schemas.NotificationHeld.Name}) {
			t.Errorf("a transaction wrote %q", topics)
		}
	}
}
