package email

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/ledger"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// world is a mail server, a Redis with complete views, and a clock.
type world struct {
	t    *testing.T
	srv  *server
	mini *miniredis.Miniredis
	rdb  *redis.Client

	mu       sync.Mutex
	now      time.Time
	outcomes []schemas.Outcome
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, srv: newServer(t), mini: miniredis.NewMiniRedis(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	if err := w.mini.Start(); err != nil {
		t.Fatal(err)
	}
	w.rdb = redis.NewClient(&redis.Options{Addr: w.mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = w.rdb.Close(); w.mini.Close() })
	w.rdb.Set(t.Context(), schemas.ViewsCompleteKey, "1", 0)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	w.now = w.now.Add(d)
	w.mu.Unlock()
	w.mini.FastForward(d)
}

func (w *world) publish(_ context.Context, o schemas.Outcome) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes = append(w.outcomes, o)
	return nil
}

func (w *world) take() []schemas.Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.outcomes
	w.outcomes = nil
	return got
}

func (w *world) define() sinks.Definition {
	return Definition(Options{Redis: w.rdb, Transport: w.srv.transport(w.t, time.Minute), Publish: w.publish, Now: w.clock})
}

func (w *world) write(s sinks.Sink, batch ...*kgo.Record) sinks.Result {
	w.t.Helper()
	result, err := s.Write(w.t.Context(), batch)
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

func rec(t testing.TB, d schemas.Delivery) *kgo.Record {
	t.Helper()
	value, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{Topic: schemas.DeliveriesEmail.Name, Key: []byte(schemas.OrgKey(d.OrgID, d.Recipient.KeyPart())), Value: value}
}

func TestContract(t *testing.T) {
	sinkstest.Check(t, func(t *testing.T, _ *sinkstest.Kafka) sinkstest.Subject {
		w := newWorld(t)
		return sinkstest.Subject{
			Define: w.define,
			Good:   func(n int) *kgo.Record { return rec(t, delivery(fmt.Sprintf("p%d@acme.example", n), n)) },
			Bad: func() *kgo.Record {
				d := delivery("zoe@acme.example", 1)
				d.Content.Title = ""
				return rec(t, d)
			},
			Reason: schemas.Malformed, Secret: secret,
			Break: func() func() {
				w.mini.SetError("LOADING Redis is loading the dataset in memory")
				return func() { w.mini.SetError("") }
			},
			Effects: func(testing.TB) []string {
				var all []string
				for _, m := range w.srv.mails() {
					all = append(all, m.to)
				}
				return all
			},
		}
	})
}

// What became of a mail by what the server said, with the outcome that the upstream hears of.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(*world, *schemas.Delivery)
		want    string // status reason ambiguous, or "" when it has to wait
		mails   int
	}{
		"250":            {func(*world, *schemas.Delivery) {}, "delivered  false", 1},
		"550":            {func(w *world, d *schemas.Delivery) { w.srv.rcpt[d.Email] = refusal(550) }, "failed email_refused false", 0},
		"451":            {func(w *world, d *schemas.Delivery) { w.srv.rcpt[d.Email] = refusal(451) }, "", 0},
		"lost, repeat":   {func(w *world, _ *schemas.Delivery) { w.srv.drop, w.srv.drops = "DATA", 1 }, "", 1},
		"lost, silence":  {silent, "failed ambiguous_silenced true", 1},
		"expired":        {func(w *world, d *schemas.Delivery) { d.ExpiresAt = w.clock() }, "expired past_expiry false", 0},
		"lost goodbye":   {func(w *world, _ *schemas.Delivery) { w.srv.drop, w.srv.drops = "RSET", 1 }, "delivered  false", 1},
		"no address":     {func(_ *world, d *schemas.Delivery) { d.Email = "nobody" }, "failed email_refused false", 0},
		"not ours, yet":  {begun(0), "", 0},
		"owner has gone": {begun(settle + time.Second), "delivered  true", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			d := delivery("zoe@acme.example", 1)
			tt.prepare(w, &d)
			s := w.define().Sink
			result := w.write(s, rec(t, d))
			outcomes := w.take()
			got := ""
			if len(outcomes) == 1 {
				got = fmt.Sprint(outcomes[0].Status, " ", outcomes[0].Reason, " ", outcomes[0].Ambiguous)
			}
			if got != tt.want || len(outcomes) > 1 || (len(result.Deferred) == 1) != (tt.want == "") {
				t.Errorf("outcomes %+v, result %+v, want %q", outcomes, result, tt.want)
			}
			if n := len(w.srv.mails()); n != tt.mails {
				t.Errorf("%d mails, want %d", n, tt.mails)
			}
			if text := fmt.Sprintf("%+v", outcomes); strings.Contains(text, secret) {
				t.Errorf("the outcome holds text or the server's words: %s", text)
			}
		})
	}
}

func silent(w *world, d *schemas.Delivery) {
	w.srv.drop, w.srv.drops = "DATA", 1
	d.OnAmbiguous = schemas.Silence
}

// begun is a note that another process left so long ago.
func begun(ago time.Duration) func(*world, *schemas.Delivery) {
	return func(w *world, d *schemas.Delivery) {
		if _, err := ledger.New(w.rdb, settle).Begin(w.t.Context(), d.DeliveryID, nil, w.clock().Add(-ago)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// One recipient's greylisting holds up nobody else, and is not answered with a storm.
func TestOneRecipientsServerIsBusy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.srv.rcpt["grey@acme.example"] = refusal(451)
	s := w.define().Sink
	grey, fine := rec(t, delivery("grey@acme.example", 1)), rec(t, delivery("fine@acme.example", 1))
	result := w.write(s, grey, fine)
	if len(result.Deferred) != 1 || result.Waiting != nil || len(w.srv.mails()) != 1 {
		t.Fatalf("result %+v, mails %v", result, w.srv.mails())
	}
	w.srv.mu.Lock()
	delete(w.srv.rcpt, "grey@acme.example")
	w.srv.mu.Unlock()
	w.advance(firstRetry - time.Second)
	if result := w.write(s, grey); len(result.Deferred) != 1 || len(w.srv.mails()) != 1 {
		t.Fatal("it was tried again at once")
	}
	w.advance(2 * time.Second)
	if result := w.write(s, grey); len(result.Deferred) != 0 || len(w.srv.mails()) != 2 {
		t.Fatal("it was not tried again")
	}
}

// A server that takes mails and loses the connection must not make an inbox fill up.
func TestRepeatsComeEverMoreSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.srv.drop, w.srv.drops = "DATA", 1000
	s := w.define().Sink
	d := rec(t, delivery("zoe@acme.example", 1))
	for range 600 {
		w.write(s, d)
		w.advance(time.Second)
	}
	if n := len(w.srv.mails()); n < 5 || n > 10 {
		t.Errorf("%d mails in ten minutes", n)
	}
}

// A Redis that is away when the server has accepted is no doubt: this process knows.
func TestAnAcceptedMailIsRememberedUntilTheLedgerHasIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	def := Definition(Options{Redis: w.rdb, Transport: breaking{w.srv.transport(t, time.Minute), w.mini}, Publish: w.publish, Now: w.clock})
	d := rec(t, delivery("zoe@acme.example", 1))
	if _, err := def.Sink.Write(t.Context(), []*kgo.Record{d}); err == nil {
		t.Fatal("Write succeeded without a ledger")
	}
	w.mini.SetError("")
	w.advance(time.Hour)
	w.write(def.Sink, d)
	if o := w.take(); len(o) != 1 || o[0].Status != schemas.Delivered || o[0].Ambiguous || len(w.srv.mails()) != 1 {
		t.Errorf("outcomes %+v, mails %v", o, w.srv.mails())
	}
}

type breaking struct {
	Transport
	mini *miniredis.Miniredis
}

func (b breaking) Send(ctx context.Context, d *schemas.Delivery) (string, error) {
	reply, err := b.Transport.Send(ctx, d)
	b.mini.SetError("LOADING Redis is loading the dataset in memory")
	return reply, err
}

// While the views are being rebuilt the ledger may lack what was sent; and a server that is away stalls, it drops nothing.
func TestWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := rec(t, delivery("zoe@acme.example", 1))
	s := w.define().Sink
	w.rdb.Del(t.Context(), schemas.ViewsCompleteKey)
	if _, err := s.Write(t.Context(), []*kgo.Record{d}); err == nil || len(w.srv.mails()) > 0 {
		t.Errorf("it did not wait for the views: %v", err)
	}
	w.rdb.Set(t.Context(), schemas.ViewsCompleteKey, "1", 0)
	nobody, err := NewSMTP("smtp://127.0.0.1:1", "a@b.example")
	if err != nil {
		t.Fatal(err)
	}
	away := Definition(Options{Redis: w.rdb, Transport: nobody, Publish: w.publish, Now: w.clock}).Sink
	if _, err := away.Write(t.Context(), []*kgo.Record{d}); err == nil || sinks.IsPermanent(err) {
		t.Errorf("got %v", err)
	}
	w.write(s, d)
	if o := w.take(); len(o) != 1 || o[0].Status != schemas.Delivered || o[0].Ambiguous {
		t.Errorf("outcomes %+v", o)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Write(canceled, []*kgo.Record{rec(t, delivery("zoe@acme.example", 2))}); !errors.Is(err, context.Canceled) {
		t.Errorf("a mail was begun after the end: %v", err)
	}
	if n := len(w.srv.mails()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// Shutdown in the middle of a mail: it is not cut off, since nobody would know whether the server took it.
func TestAMailIsNotCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := Definition(Options{Redis: w.rdb, Transport: during{w.srv.transport(t, time.Minute), cancel}, Publish: w.publish, Now: w.clock}).Sink
	if _, err := s.Write(ctx, []*kgo.Record{rec(t, delivery("zoe@acme.example", 1))}); err != nil {
		t.Fatal(err)
	}
	if o := w.take(); len(o) != 1 || o[0].Status != schemas.Delivered {
		t.Errorf("outcomes %+v", o)
	}
}

type during struct {
	Transport
	then func()
}

func (d during) Send(ctx context.Context, delivery *schemas.Delivery) (string, error) {
	d.then()
	return d.Transport.Send(ctx, delivery)
}

// Mails of a minute are bounded, for all replicas together, and what is over it waits.
func TestMailsOfAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mini.SetTime(w.clock())
	define := func() sinks.Sink {
		return Definition(Options{Redis: w.rdb, Transport: w.srv.transport(t, time.Minute), PerMinute: 24, Publish: w.publish, Now: w.clock}).Sink
	}
	one, two := define(), define()
	var waits []*kgo.Record
	for n := range 10 {
		waits = append(waits, rec(t, delivery(fmt.Sprintf("p%d@acme.example", n), n)))
	}
	left := len(w.write(one, waits[:5]...).Deferred) + len(w.write(two, waits[5:]...).Deferred)
	if left != 8 || len(w.srv.mails()) != 2 {
		t.Fatalf("%d wait, %d mails", left, len(w.srv.mails()))
	}
	w.advance(time.Minute)
	w.mini.SetTime(w.clock())
	for n := 0; n < 10 && len(waits) > 0; n++ {
		waits = w.write(one, waits...).Deferred
		w.advance(10 * time.Second)
		w.mini.SetTime(w.clock())
	}
	if n := len(w.srv.mails()); len(waits) > 0 || n != 10 {
		t.Errorf("%d wait, %d mails", len(waits), n)
	}
}
