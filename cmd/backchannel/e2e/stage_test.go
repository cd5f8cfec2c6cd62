//go:build real

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest/slackapp"
	"github.com/bigmind/backchannel/schemas"
)

// stage is the three tiers, one process each, on engines that can be taken away, watched by a Prometheus, with a little traffic all the time.
type stage struct {
	*pipeline
	world       *world
	brokers     []*realengines.Kafka
	redis       *realengines.Redis
	ch          *realengines.ClickHouse
	mail        *door
	tiers       map[string]*realengines.Process
	addrs       map[string]string
	tiny        string // a small disk, with a process of its own on it
	prometheus  *realengines.Prometheus
	inhibitions []inhibition
	forging     context.CancelFunc
	faster      int // by how much time passes faster in the rules
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{
		brokers: realengines.StartKafkaCluster(t, 1), redis: realengines.StartRedis(t), ch: realengines.StartClickHouse(t), mail: openDoor(t),
		tiers: map[string]*realengines.Process{}, addrs: map[string]string{}, inhibitions: inhibitions(t), faster: int(number(t, "FASTER", 20)),
	}
	s.pipeline = newPipeline(t, s.brokers[0].Addr(), s.redis.Addr(), s.ch.Addr())
	s.env = append(s.env, "BACKCHANNEL_SMTP_URL=smtp://"+s.mail.addr, "BACKCHANNEL_SLACK_CLIENT_ID="+clientID, "BACKCHANNEL_SLACK_CLIENT_SECRET="+clientSecret)
	if out, code := s.command("", "apply"); code != 0 {
		t.Fatalf("apply: exit code %d, %s", code, out)
	}
	free := realengines.FreeAddrs(t, 3)
	s.addrs["ingest"], s.addrs["processors"], s.addrs["sinks"], s.addrs["tiny"] = s.http, free[0], free[1], free[2]
	targets := map[string][]string{}
	s.tiny = smallDisk(t, "512m")
	s.startAll()
	for name, addr := range s.addrs {
		targets["backchannel-"+name] = []string{addr}
	}
	s.world = s.build(true)
	s.connectable()
	s.produce("org.settings", org, object{"org_id": org, "caps": object{"*": object{"per_recipient": 1_000_000, "per_org": 1_000_000}}})
	s.produce("notification.preferences", org+"/usr-stranger", object{"org_id": org, "user_id": "usr-stranger", "types": object{"coaching.insight": "email"}})
	s.traffic(t)
	s.awaitTraffic()
	s.prometheus = realengines.StartPrometheus(t, targets, fasterRules(t, s.faster))
	if os.Getenv("HOLD") == "" {
		s.settle(t)
	}
	return s
}

// awaitTraffic waits until everything has worked for a while: what is new takes longer than what is promised.
func (s *stage) awaitTraffic() {
	eventually(s.t, 5*time.Minute, func() error {
		var rows, notified uint64
		err := errors.Join(s.sql([]any{&rows}, "SELECT count() FROM conversations WHERE now() - ts_time < 60"),
			s.sql([]any{&notified}, "SELECT count() FROM notification_outcomes FINAL WHERE status = 'delivered'"))
		if err == nil && (rows < 30 || notified < 30) {
			err = fmt.Errorf("of the last minute there are %d messages, and %d notifications arrived", rows, notified)
		}
		return err
	})
}

// settle lets Prometheus see for what the rules take for an hour, five minutes at most, that nothing is wrong. A share of next to nothing says nothing.
func (s *stage) settle(t *testing.T) {
	for until := time.Now().Add(min(time.Hour/time.Duration(s.faster), 5*time.Minute)); time.Now().Before(until); {
		time.Sleep(time.Second)
	}
	s.calm(t, fault{}, map[string]time.Duration{})
}

func (s *stage) kill(tier string) func() { return func() { s.tiers[tier].Kill() } }

func (s *stage) pause(tier string) func() { return func() { s.tiers[tier].Pause() } }

func (s *stage) resume(tier string) func() { return func() { s.tiers[tier].Resume() } }

func (s *stage) start(tier string) func() {
	return func() {
		if tier == "tiny" {
			s.startTiny()
		} else {
			s.tiers[tier] = s.pipeline.start(tier, s.addrs[tier], "run", tier)
		}
	}
}

func (s *stage) startAll() {
	for name := range s.addrs {
		s.start(name)()
	}
	for name, addr := range s.addrs {
		s.tiers[name].Await(2*time.Minute, ready(addr))
	}
}

func (s *stage) killAll() {
	for _, process := range s.tiers {
		process.Kill()
	}
}

// traffic is a message a second and, every two, a notification by each channel, whatever becomes of them: half of what Slack allows for one person.
func (s *stage) traffic(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			_, _ = s.slack.Say(ctx, s.world.team, s.world.channel, s.world.ada.ID, fmt.Sprint("message ", n)) // a partition refuses it
			bounded, cancel := context.WithTimeout(ctx, time.Second)
			for _, user := range []string{"usr-ada", "usr-stranger"} { // by Slack, by email
				if n%2 == 1 {
					continue
				}
				value := fmt.Sprintf(`{"org_id":%q,"request_id":"traffic-%s-%d","type":"coaching.insight","recipient":{"user_id":%q},"content":{"title":"Notification %d"}}`, org, user, n, user, n)
				s.kafka.Produce(bounded, &kgo.Record{Topic: "notification.requests", Key: []byte(org + "/" + user), Value: []byte(value)}, nil)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
			cancel()
		}
	})
	t.Cleanup(func() { stop(); done.Wait() })
}

func (s *stage) strikeSlack(f slacksim.Fault) {
	_, err := s.slack.AddFault(s.t.Context(), f)
	s.must(err)
}

func (s *stage) slackDown() {
	s.strikeSlack(slacksim.Fault{Kind: slacksim.FaultAPIStatus, Status: http.StatusServiceUnavailable})
}

func (s *stage) slackAway() { s.strikeSlack(slacksim.Fault{Kind: slacksim.FaultPartition}) }

func (s *stage) clear() { s.must(s.slack.ClearFaults(s.t.Context())) }

func (s *stage) throttle() {
	s.strikeSlack(slacksim.Fault{Kind: slacksim.FaultAPIStatus, Method: "chat.postMessage", Status: http.StatusTooManyRequests, RetryAfter: 1, Share: 0.5, Seed: 1})
}

// stall has Slack answer no page of history, and then associates a channel that has a past.
func (s *stage) stall() {
	for n := range 50 {
		_, err := s.slack.Say(s.t.Context(), s.world.team, s.world.private, s.world.ada.ID, fmt.Sprint("the past ", n))
		s.must(err)
	}
	for _, method := range []string{"conversations.history", "conversations.replies"} {
		s.strikeSlack(slacksim.Fault{Kind: slacksim.FaultAPIStatus, Method: method, Status: http.StatusServiceUnavailable})
	}
	team := string(s.world.team)
	s.produce("channel.associations", team+"/"+string(s.world.private), object{"org_id": org, "team_id": team, "channel_id": s.world.private, "account_id": "acc-acme"})
}

// revoke takes the token away in Slack, of which Slack tells nobody: the app does not listen to such events.
func (s *stage) revoke() { s.must(s.slack.Revoke(s.t.Context(), s.world.team, s.world.app.ID)) }

const clientID, clientSecret = "1234.5678", "e2e-client-secret-0a1b2c3d4e"

// connectable lets Ada connect Slack, as her organization's owner.
func (s *stage) connectable() {
	s.produce("directory.users", org+"/usr-ada", object{"org_id": org, "user_id": "usr-ada", "email": "ada.okafor@northwind.example", "role": "owner"})
	redirects := []string{"http://" + s.http + slackapp.CallbackPath}
	_, err := s.slack.UpdateApp(s.t.Context(), s.world.app.ID, slacksim.AppPatch{RedirectURLs: &redirects})
	s.must(err)
}

// reconnect follows the runbook: an owner opens the link, and then that of channel sync.
func (s *stage) reconnect() {
	for _, more := range [][]string{nil, {"--channel-sync"}} {
		was := s.installation()
		if status, page := s.walk(&s.world.app, s.link("usr-ada", more...), s.world.ada); status != http.StatusOK {
			s.t.Fatalf("connecting %v: %d\n%s", more, status, page)
		}
		eventually(s.t, within, func() error {
			if s.installation() == was {
				return errors.New("the record of the installation is the former one")
			}
			return nil
		})
	}
}

func (s *stage) installation() string {
	view, err := s.pipeline.redis.HGet(s.t.Context(), schemas.ViewTeamInstall(s.world.team), schemas.FieldInstallation).Result()
	s.must(err)
	return view
}

// poison is what no reader of the topic can make sense of.
func (s *stage) poison() {
	for n := range 100 {
		s.produce("notification.requests", org+"/poison", fmt.Sprintf(`{"org_id": %d, "request_id"`, n))
	}
}

// forge sends requests that somebody else has signed, ten a second.
func (s *stage) forge() {
	ctx, stop := context.WithCancel(s.t.Context())
	s.forging = stop
	go func() {
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.http+"/slack/events", strings.NewReader(`{"type":"event_callback"}`))
			if err != nil {
				return
			}
			req.Header.Set("X-Slack-Request-Timestamp", strconv.FormatInt(time.Now().Unix(), 10))
			req.Header.Set("X-Slack-Signature", "v0=00")
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
}

func (s *stage) stopForging() { s.forging() }

// startTiny runs a process with embedded engines on the small disk.
func (s *stage) startTiny() {
	free := realengines.FreeAddrs(s.t, 3)
	s.tiers["tiny"] = realengines.Start(s.t, "tiny", s.dir, []string{
		"BACKCHANNEL_HTTP_ADDR=" + s.addrs["tiny"], "BACKCHANNEL_KAFKA_BROKERS=" + free[0], "BACKCHANNEL_REDIS_URL=redis://" + free[1] + "/0", "BACKCHANNEL_CLICKHOUSE_URL=http://" + free[2],
		"BACKCHANNEL_SLACK_SIGNING_SECRET=x", "BACKCHANNEL_DATA=" + s.tiny,
	}, s.executable(), "run", "events", "--embedded")
}

// fillDisk leaves a twentieth of it.
func (s *stage) fillDisk() {
	free, all := room(s.t, s.tiny)
	s.must(os.WriteFile(filepath.Join(s.tiny, "ballast"), make([]byte, free-all/20), 0o644))
}

func (s *stage) emptyDisk() { s.must(os.Remove(filepath.Join(s.tiny, "ballast"))) }

// door is a mail server that can be shut, and opened at the same address.
type door struct {
	t      *testing.T
	addr   string
	server *smtp.Server
}

func openDoor(t *testing.T) *door {
	d := &door{t: t, addr: "127.0.0.1:0"}
	d.Open()
	t.Cleanup(d.Close)
	return d
}

// Open begins to take mail.
func (d *door) Open() {
	d.t.Helper()
	ln, err := net.Listen("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.addr = ln.Addr().String()
	d.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailbox{}, nil }))
	d.server.Domain = "localhost"
	go func(server *smtp.Server) { _ = server.Serve(ln) }(d.server) // ends with Close
}

// Close refuses connections.
func (d *door) Close() { _ = d.server.Close() }
