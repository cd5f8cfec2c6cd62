package socketmode_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/ingest/socketmode"
	"github.com/bigmind/backchannel/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network is where WebSockets work in virtual time: pipes, each of which can go dead without a word.
type network struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	mu    sync.Mutex
	wires []*wire
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}
func (n *network) Close() error   { n.once.Do(func() { close(n.done) }); return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{} }
func (n *network) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	w := &wire{Conn: sending(client), dead: make(chan struct{})}
	n.mu.Lock()
	n.wires = append(n.wires, w)
	n.mu.Unlock()
	n.conns <- sending(server)
	return w, nil
}

// sender is an end of a pipe that takes what is written at once, as a socket does: a mutex that is held while writing would otherwise
// stop virtual time.
type sender struct {
	net.Conn
	mu     sync.Mutex
	closed bool
	queue  chan []byte
}

func sending(c net.Conn) *sender {
	s := &sender{Conn: c, queue: make(chan []byte, 10_000)}
	go func() {
		for p := range s.queue {
			_, _ = c.Write(p)
		}
		_ = c.Close()
	}()
	return s
}

func (s *sender) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, net.ErrClosed
	}
	s.queue <- bytes.Clone(p)
	return len(p), nil
}

// Close sends what was written, if somebody reads it.
func (s *sender) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.queue)
		_ = s.SetReadDeadline(time.Now())
		_ = s.Conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	}
	return nil
}

func (s *sender) SetWriteDeadline(time.Time) error { return nil } // writing does not wait
func (s *sender) SetDeadline(t time.Time) error    { return s.SetReadDeadline(t) }

// last is the wire that was laid last.
func (n *network) last() *wire {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.wires[len(n.wires)-1]
}

func (n *network) laid() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.wires)
}

// wire is our end of a connection. Once dead, nothing arrives on either side, and nobody is told.
type wire struct {
	net.Conn
	dead chan struct{}
}

func (w *wire) isDead() bool {
	select {
	case <-w.dead:
		return true
	default:
		return false
	}
}

func (w *wire) Read(p []byte) (int, error) {
	for {
		n, err := w.Conn.Read(p)
		if err != nil || !w.isDead() {
			return n, err
		}
	}
}

func (w *wire) Write(p []byte) (int, error) {
	if w.isDead() {
		return len(p), nil
	}
	return w.Conn.Write(p)
}

// stage is a workspace in the simulator, a broker, and how the component reaches both.
type stage struct {
	*slacksim.Client
	t       *testing.T
	net     *network
	broker  *kfake.Cluster
	kafka   *kgo.Client
	sim     *slacksim.Simulator
	team    slacksim.Team
	ada     slacksim.Person
	app     slacksim.App
	install slacksim.Install
	room    slacksim.Channel
	api     *api
}

// onStage runs a test in virtual time.
func onStage(t *testing.T, test func(t *testing.T, s *stage)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, net: &network{conns: make(chan net.Conn), done: make(chan struct{})}}
		var vnet kfake.VirtualNetwork
		var err error
		s.broker, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(vnet.Listen), kfake.SeedTopics(3, schemas.SlackEvents.Name))
		s.must(err)
		defer s.broker.Close()
		s.kafka, err = kgo.NewClient(kgo.SeedBrokers(s.broker.ListenAddrs()...), kgo.Dialer(vnet.DialContext), kgo.ProducerLinger(2*time.Millisecond))
		s.must(err)
		defer s.kafka.Close()
		s.sim, err = slacksim.New(slacksim.Options{})
		s.must(err)
		defer func() { s.must(s.sim.Close()) }()
		s.Client = slacksim.NewClient("http://slack.test", &http.Client{Transport: inProcess{s.sim.Handler()}})
		s.api = &api{inProcess: inProcess{s.sim.Handler()}}
		server := &http.Server{Handler: s.sim.Handler(), ReadHeaderTimeout: time.Minute}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(s.net) }()
		defer func() { _ = server.Close(); <-served }()
		ctx := t.Context()
		s.team, err = s.CreateTeam(ctx, slacksim.Team{Name: "Acme"})
		s.must(err)
		s.ada, err = s.CreatePerson(ctx, s.team.ID, slacksim.Person{Name: "ada"})
		s.must(err)
		s.app, err = s.CreateApp(ctx, slacksim.App{Name: "Bigmind", SocketMode: true, Events: []string{"message.channels"}})
		s.must(err)
		s.install, err = s.Install(ctx, s.team.ID, slacksim.InstallRequest{App: s.app.ID, Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)})
		s.must(err)
		s.room, err = s.CreateChannel(ctx, s.team.ID, slacksim.Channel{Name: "acme", Members: []slacksim.UserID{s.ada.ID, s.install.BotUserID}})
		s.must(err)
		test(t, s)
	})
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// api is Slack's Web API as the component reaches it: each call is counted, and may fail before it arrives.
type api struct {
	inProcess
	mu    sync.Mutex
	calls int
	fail  func(n int) (status, retryAfter int) // status 0: it goes through
}

func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	a.calls++
	n := a.calls
	a.mu.Unlock()
	if a.fail != nil {
		if status, after := a.fail(n); status != 0 {
			w := httptest.NewRecorder()
			if after > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(after))
			}
			w.WriteHeader(status)
			return w.Result(), nil
		}
	}
	return a.inProcess.RoundTrip(r)
}

func (a *api) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

// inProcess asks a handler without a network.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// running is the component at work, and what can be seen of it.
type running struct {
	t       *testing.T
	metrics *prometheus.Registry
	log     *strings.Builder
	mu      sync.Mutex
	health  []string // each change: "" for ready
	cancel  context.CancelFunc
	ended   chan struct{}
}

func (s *stage) options() socketmode.Options {
	return socketmode.Options{
		AppToken: s.app.AppToken, APIURL: "http://slack.test/api/", HTTP: &http.Client{Transport: s.api},
		Dial: &websocket.Dialer{NetDialContext: s.net.dial, WriteBufferSize: 64 << 10}, Connections: 2, Publisher: ingest.Kafka{Client: s.kafka},
	}
}

// run starts it; stop ends it as SIGTERM does, and waits.
func run(t *testing.T, opts socketmode.Options) *running {
	t.Helper()
	r := &running{t: t, metrics: prometheus.NewRegistry(), log: &strings.Builder{}, ended: make(chan struct{})}
	opts.Metrics, opts.Health = r.metrics, r.tell
	opts.Log = slog.New(slog.NewTextHandler(&locked{mu: &r.mu, to: r.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r.cancel = cancel
	go func() {
		defer close(r.ended)
		if err := socketmode.New(opts).Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	return r
}

func (r *running) stop() { r.cancel(); <-r.ended }

func (r *running) tell(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	said := ""
	if err != nil {
		said = err.Error()
	}
	if n := len(r.health); n == 0 || r.health[n-1] != said {
		r.health = append(r.health, said)
	}
}

// waits is what it last said that it waits for.
func (r *running) waits() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.health[len(r.health)-1]
}

func (r *running) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

type locked struct {
	mu *sync.Mutex
	to *strings.Builder
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

// metric reads a counter or gauge by name and label.
func (r *running) metric(name, label string) (value float64) {
	r.t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "backchannel_ingest_socket_"+name && (label == "" || len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == label) {
				value += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return value
}

func (s *stage) say(text string) {
	s.t.Helper()
	_, err := s.Say(s.t.Context(), s.team.ID, s.room.ID, s.ada.ID, text)
	s.must(err)
}

// settled waits until every event is accepted or given up.
func (s *stage) settled() slacksim.DeliveryStats {
	s.t.Helper()
	stats, err := s.Idle(s.t.Context())
	s.must(err)
	return stats
}

// published is every event on the topic, in its order.
func (s *stage) published() []schemas.SlackEvent {
	s.t.Helper()
	var all []schemas.SlackEvent
	for partition := range int32(3) {
		end := s.broker.PartitionInfo(schemas.SlackEvents.Name, partition).HighWatermark
		if end == 0 {
			continue
		}
		s.kafka.AddConsumePartitions(map[string]map[int32]kgo.Offset{schemas.SlackEvents.Name: {partition: kgo.NewOffset().AtStart()}})
		for n := int64(0); n < end; {
			ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
			fetches := s.kafka.PollFetches(ctx)
			cancel()
			s.must(fetches.Err())
			fetches.EachRecord(func(rec *kgo.Record) {
				event, err := schemas.SlackEvents.Decode(rec.Value)
				s.must(err)
				all = append(all, event)
				n = rec.Offset + 1
			})
		}
		s.kafka.RemoveConsumePartitions(map[string][]int32{schemas.SlackEvents.Name: {partition}})
	}
	return all
}

// everySaid fails unless each of so many messages is on the topic.
func (s *stage) everySaid(n int) {
	s.t.Helper()
	found := map[string]bool{}
	events := s.published()
	for _, e := range events {
		found[e.EventID] = true
	}
	if len(found) != n {
		s.t.Errorf("%d different events of %d are on the topic, of %d records", len(found), n, len(events))
	}
}

// hold keeps Kafka from answering until the returned function is called.
func (s *stage) hold() (release func()) {
	answer := make(chan struct{})
	s.broker.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		s.broker.SleepControl(func() { <-answer })
		return nil, nil, false
	})
	return sync.OnceFunc(func() { close(answer) })
}

func (s *stage) sockets() (open, ghosts int) {
	s.t.Helper()
	list, err := s.Sockets(s.t.Context(), s.app.ID)
	s.must(err)
	for _, c := range list {
		if c.Ghost {
			ghosts++
		} else {
			open++
		}
	}
	return open, ghosts
}

// kept is a Publisher that keeps what it is given.
type kept struct {
	mu      sync.Mutex
	records []*kgo.Record
	away    bool
}

func (k *kept) Publish(_ context.Context, records ...*kgo.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away {
		return errors.New("Kafka is away")
	}
	k.records = append(k.records, records...)
	return nil
}

func (k *kept) take() []*kgo.Record {
	k.mu.Lock()
	defer k.mu.Unlock()
	got := k.records
	k.records = nil
	return got
}

// answering is an Interactions that gives one answer.
type answering struct {
	answer string
	err    error
	mu     sync.Mutex
	got    []string
}

func (a *answering) Handle(_ context.Context, payload []byte) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, string(payload))
	return []byte(a.answer), a.err
}

func sayMany(s *stage, n int) {
	for i := range n {
		s.say(fmt.Sprint("message ", i))
	}
}
