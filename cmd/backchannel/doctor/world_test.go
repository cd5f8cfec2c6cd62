package doctor

import (
	"context"
	"crypto/hmac"
	"crypto/md5" // as RFC 2195 has it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/alicebob/miniredis/v2"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/apply"
	"github.com/bigmind/backchannel/deploy/apply/applytest"
	"github.com/bigmind/backchannel/deploy/embedded/chdb/chdbtest"
	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest/diagnose"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/schemas/seal"
	"github.com/bigmind/backchannel/sinks/email"
)

// engineAddr is one engine for all tests, with the tables applied once.
var engineAddr string

func TestMain(m *testing.M) {
	chdbtest.Main(m, func(ctx context.Context, addr string) error {
		engineAddr = addr
		_, err := apply.ClickHouse(ctx, database(), false)
		return err
	})
}

func database() *clickhouse.Options { return applytest.Options(engineAddr, "doctor") }

// world is an installation in which everything works: the engines, a workspace in a simulated Slack, a mail server, and an ingest that says so.
type world struct {
	t       *testing.T
	kafka   *kfake.Cluster
	mini    *miniredis.Miniredis
	ch      clickhouse.Conn
	slack   *slacksim.Client
	team    slacksim.Team
	app     slacksim.App
	install slacksim.Install
	record  schemas.Installation
	metrics string // what ingest answers
	opts    Options
}

const (
	org     schemas.OrgID            = "acme"
	channel schemas.ChannelID        = "C1"
	ready   schemas.NotificationType = "meeting_analysis.ready"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, mini: miniredis.RunT(t), metrics: `backchannel_ingest_requests_total{result="accepted"} 7` + "\n"}
	var err error
	w.kafka, err = kfake.NewCluster(kfake.NumBrokers(1))
	w.must(err)
	t.Cleanup(w.kafka.Close)
	rdb := redis.NewClient(&redis.Options{Addr: w.mini.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	w.ch, err = clickhouse.Open(database())
	w.must(err)
	t.Cleanup(func() { _ = w.ch.Close() })
	ours := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		fmt.Fprint(out, map[string]string{"/readyz": "ready\n", "/metrics": w.metrics}[r.URL.Path])
	}))
	t.Cleanup(ours.Close)
	w.opts = Options{
		Kafka: []kgo.Opt{kgo.SeedBrokers(w.kafka.ListenAddrs()...)}, KafkaAt: "kafka", RedisAt: "redis", ClickHouseAt: "clickhouse", Replication: 1,
		Groups: []string{"backchannel-enrich", "backchannel-views"}, Redis: rdb, ClickHouse: database(), HTTP: &http.Client{Timeout: 30 * time.Second},
		Mail: w.mailServer("secret", "CRAM-MD5"), Ingest: ours.URL, Behind: time.Minute, Timeout: 30 * time.Second, Now: time.Now,
	}
	w.simulate()
	_, err = apply.Topics(t.Context(), w.admin(), 1, false)
	w.must(err)
	w.installed()
	w.views()
	w.people()
	return w
}

// admin is a new client: one that knows what was there may answer from memory.
func (w *world) admin() *kadm.Client {
	client, err := kgo.NewClient(w.opts.Kafka...)
	w.must(err)
	w.t.Cleanup(client.Close)
	return kadm.NewClient(client)
}

func (w *world) simulate() {
	ctx := w.t.Context()
	sim, err := slacksim.New(slacksim.Options{})
	w.must(err)
	server := httptest.NewServer(sim.Handler())
	w.t.Cleanup(func() { server.Close(); _ = sim.Close() })
	w.opts.SlackAPI = server.URL + "/api/"
	w.slack = slacksim.NewClient(server.URL, server.Client())
	w.team, err = w.slack.CreateTeam(ctx, slacksim.Team{Name: "Acme"})
	w.must(err)
	w.app, err = w.slack.CreateApp(ctx, slacksim.App{Name: "Bigmind"})
	w.must(err)
	w.install, err = w.slack.Install(ctx, w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...)})
	w.must(err)
}

// installed records the installation, its token sealed.
func (w *world) installed() {
	tokens := sealer(w.t)
	sealed, err := tokens.Seal(w.team.ID, w.install.Token)
	w.must(err)
	w.opts.Tokens = tokens
	w.record = schemas.Installation{
		OrgID: org, TeamID: w.team.ID, TeamName: "Acme", Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...), SealedToken: sealed, Status: schemas.InstallActive,
	}
	value, err := schemas.SlackInstallations.Encode(w.record)
	w.must(err)
	w.produce(&kgo.Record{Topic: schemas.SlackInstallations.Name, Key: []byte(w.team.ID), Value: value})
}

func sealer(t *testing.T) *seal.Sealer {
	t.Helper()
	keys, err := seal.NewKeySet()
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := seal.New(keys)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func (w *world) produce(records ...*kgo.Record) {
	w.t.Helper()
	client, err := kgo.NewClient(w.opts.Kafka...)
	w.must(err)
	defer client.Close()
	w.must(client.ProduceSync(w.t.Context(), records...).FirstErr())
}

// views writes the state of views that have all there is.
func (w *world) views() {
	w.must(w.mini.Set(schemas.ViewsCompleteKey, "1"))
	var names []string
	for _, t := range schemas.ViewTopics() {
		names = append(names, t.Name)
	}
	ends, err := w.admin().ListEndOffsets(w.t.Context(), names...)
	w.must(err)
	ends.Each(func(o kadm.ListedOffset) {
		field := o.Topic + "/" + strconv.Itoa(int(o.Partition))
		w.mini.HSet(schemas.ViewsReadyKey, field, "1")
		w.mini.HSet(schemas.ViewsOffsetsKey, field, "id:"+strconv.FormatInt(o.Offset, 10))
	})
}

// people are Ada, here and in Slack, and a channel that is linked.
func (w *world) people() {
	w.put(schemas.ViewOrgInstalls(org), string(w.team.ID), w.record)
	w.put(schemas.ViewTeamInstall(w.team.ID), schemas.FieldInstallation, w.record)
	w.put(schemas.ViewOrgUsers(org), "ada", schemas.DirectoryUser{OrgID: org, UserID: "ada", Name: "Ada", Email: "ada@acme.example"})
	w.index(schemas.ViewOrgEmail(org, "ada@acme.example"), "ada")
	w.slackUser("ada@acme.example")
	w.put(schemas.ViewTeamChannels(w.team.ID), string(channel), schemas.SlackChannel{OrgID: org, TeamID: w.team.ID, ChannelID: channel, Name: "globex", IsMember: true})
	w.put(schemas.ViewTeamAssociations(w.team.ID), string(channel), schemas.ChannelAssociation{OrgID: org, TeamID: w.team.ID, ChannelID: channel, AccountID: "a1"})
	w.put(schemas.ViewOrgAccounts(org), "a1", schemas.Account{OrgID: org, AccountID: "a1", Name: "Globex"})
	w.put(schemas.ViewTeamCheckpoints(w.team.ID), string(channel), schemas.SyncCheckpoint{OrgID: org, TeamID: w.team.ID, ChannelID: channel, Status: schemas.SyncComplete})
}

func (w *world) slackUser(email string) {
	key := string(w.team.ID) + "/U1"
	w.put(schemas.ViewOrgSlackUsers(org), key, schemas.SlackUser{OrgID: org, TeamID: w.team.ID, UserID: "U1", Name: "Ada", Email: email})
	w.index(schemas.ViewOrgSlackEmail(org, email), key)
}

func (w *world) put(key, field string, v any) {
	w.t.Helper()
	value, err := json.Marshal(v)
	w.must(err)
	w.mini.HSet(key, field, schemas.ViewValue(1, value))
}

func (w *world) index(key, member string) {
	w.t.Helper()
	_, err := w.mini.SAdd(key, member)
	w.must(err)
}

func (w *world) exec(statement string) {
	w.t.Helper()
	if err := w.ch.Exec(context.Background(), statement); err != nil { // also when the test is over
		w.t.Fatalf("%s: %v", statement, err)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// mailServer takes a user and their password, by the mechanisms that it offers, and is how a mail server is asked.
func (w *world) mailServer(password string, mechanisms ...string) Mailer {
	w.t.Helper()
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{mechanisms: mechanisms}, nil }))
	srv.AllowInsecureAuth, srv.Domain = true, "localhost"
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	w.t.Cleanup(func() { _ = srv.Close(); <-served })
	return w.mailAt(ln.Addr().String(), password)
}

func (w *world) mailAt(addr, password string) Mailer {
	w.t.Helper()
	mailer, err := email.NewSMTP("smtp://user:"+password+"@"+addr, "notifications@acme.example")
	w.must(err)
	return mailer
}

type session struct {
	smtp.Session
	mechanisms []string
}

func (s session) AuthMechanisms() []string { return s.mechanisms }

func (session) Auth(string) (sasl.Server, error) { return &cramMD5{}, nil }

// cramMD5 is a way to log in that is safe without TLS (RFC 2195).
type cramMD5 struct{ asked bool }

const challenge = "<1896.697170952@localhost>"

func (c *cramMD5) Next(response []byte) ([]byte, bool, error) {
	if !c.asked {
		c.asked = true
		return []byte(challenge), false, nil
	}
	mac := hmac.New(md5.New, []byte("secret"))
	mac.Write([]byte(challenge))
	if string(response) != "user "+hex.EncodeToString(mac.Sum(nil)) {
		return nil, true, smtp.ErrAuthFailed
	}
	return nil, true, nil
}

func (session) Reset()        {}
func (session) Logout() error { return nil }

// run lists the lines.
func (w *world) run() (lines []Line) {
	w.t.Helper()
	w.must(Run(w.t.Context(), w.opts, func(l Line) { lines = append(lines, l) }))
	return lines
}

// failed are the lines that say that something is broken.
func failed(lines []Line) (all []Line) {
	for _, l := range lines {
		if l.Result == diagnose.Fail {
			all = append(all, l)
		}
	}
	return all
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func says(l Line, texts ...string) bool {
	for _, text := range texts {
		if !strings.Contains(l.Fact, text) {
			return false
		}
	}
	return l.Next != ""
}
