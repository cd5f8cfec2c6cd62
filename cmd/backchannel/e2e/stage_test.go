//go:build real

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/deploy/slacksim"
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
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{
		brokers: realengines.StartKafkaCluster(t, 1), redis: realengines.StartRedis(t), ch: realengines.StartClickHouse(t), mail: openDoor(t),
		tiers: map[string]*realengines.Process{}, addrs: map[string]string{}, inhibitions: inhibitions(t),
	}
	s.pipeline = newPipeline(t, s.brokers[0].Addr(), s.redis.Addr(), s.ch.Addr())
	s.env = append(s.env, "BACKCHANNEL_SMTP_URL=smtp://"+s.mail.addr)
	if out, code := s.command("", "apply"); code != 0 {
		t.Fatalf("apply: exit code %d, %s", code, out)
	}
	free := realengines.FreeAddrs(t, 2)
	s.addrs["ingest"], s.addrs["processors"], s.addrs["sinks"] = s.http, free[0], free[1]
	targets := map[string][]string{}
	for name, addr := range s.addrs {
		s.tiers[name] = s.pipeline.start(name, addr, "run", name)
		targets[name] = []string{addr}
	}
	for name, addr := range s.addrs {
		s.tiers[name].Await(2*time.Minute, ready(addr))
	}
	targets["tiny"] = []string{s.startTiny(t)}
	s.world = s.build(true)
	s.produce("org.settings", org, object{"org_id": org, "caps": object{"*": object{"per_recipient": 1_000_000, "per_org": 1_000_000}}})
	s.produce("notification.preferences", org+"/usr-stranger", object{"org_id": org, "user_id": "usr-stranger", "types": object{"coaching.insight": "email"}})
	s.traffic(t)
	s.prometheus = realengines.StartPrometheus(t, targets, fasterRules(t))
	s.calm("the start")
	return s
}

func (s *stage) of(tier string) *realengines.Process { return s.tiers[tier] }

func (s *stage) kill(tier string) func() { return func() { s.tiers[tier].Kill() } }

func (s *stage) start(tier string) func() {
	return func() { s.tiers[tier] = s.pipeline.start(tier, s.addrs[tier], "run", tier) }
}

func (s *stage) killAll() {
	for _, process := range s.tiers {
		process.Kill()
	}
}

// traffic is one message and one notification a second, whatever becomes of them.
func (s *stage) traffic(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			_, _ = s.slack.Say(ctx, s.world.team, s.world.channel, s.world.ada.ID, fmt.Sprint("message ", n)) // a partition refuses it
			bounded, cancel := context.WithTimeout(ctx, time.Second)
			for _, user := range []string{"usr-ada", "usr-stranger"} { // by Slack, by email
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

func (s *stage) slackAway() {
	s.strikeSlack(slacksim.Fault{Kind: slacksim.FaultAPIStatus, Status: http.StatusServiceUnavailable})
}

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

// revoke takes the token away in Slack, of which Slack tells nobody: its events are withheld.
func (s *stage) revoke() {
	for _, event := range []string{"tokens_revoked", "app_uninstalled"} {
		s.strikeSlack(slacksim.Fault{Kind: slacksim.FaultWithholdEvents, Event: event})
	}
	s.must(s.slack.Revoke(s.t.Context(), s.world.team, s.world.app.ID))
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
			req.Header.Set("X-Slack-Request-Timestamp", fmt.Sprint(time.Now().Unix()))
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

// startTiny runs a process with embedded engines on a disk of its own. Making one takes root.
func (s *stage) startTiny(t *testing.T) (addr string) {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=512m"); err != nil {
		t.Fatalf("make a disk that can be filled, which takes root: %v", err)
	}
	s.tiny = dir
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	free := realengines.FreeAddrs(t, 4)
	s.tiers["tiny"] = realengines.Start(t, "tiny", t.TempDir(), []string{
		"BACKCHANNEL_HTTP_ADDR=" + free[0], "BACKCHANNEL_KAFKA_BROKERS=" + free[1], "BACKCHANNEL_REDIS_URL=redis://" + free[2] + "/0", "BACKCHANNEL_CLICKHOUSE_URL=http://" + free[3],
		"BACKCHANNEL_SLACK_SIGNING_SECRET=x", "BACKCHANNEL_DATA=" + dir,
	}, s.executable(), "run", "events", "--embedded")
	s.tiers["tiny"].Await(2*time.Minute, ready(free[0]))
	return free[0]
}

// fillDisk leaves a twentieth of it.
func (s *stage) fillDisk() {
	var disk syscall.Statfs_t
	s.must(syscall.Statfs(s.tiny, &disk))
	free, all := int64(disk.Bavail)*disk.Bsize, int64(disk.Blocks)*disk.Bsize
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
