package history

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// What a channel costs does not grow with how many there are. It is measured in workspaces of twenty channels, each of a page with one thread, from the first
// page to an hour later: memory with the Redis that stands in for the real one. HISTORY_WORKSPACES is how many there are at most; 'make bench' has 10,000.
func TestManyWorkspaces(t *testing.T) {
	if os.Getenv("HISTORY_WORKSPACES") == "" {
		t.Skip("HISTORY_WORKSPACES is not set; see make bench")
	}
	const channels = 20
	var first costs
	for n := 50; n <= sized(t, "HISTORY_WORKSPACES", 50); n = min(n*10, max(n+1, sized(t, "HISTORY_WORKSPACES", 50))) {
		c := manyWorkspaces(t, n, channels)
		if first.memory == 0 {
			first = c
		}
		t.Logf("%6d workspaces, %7d channels: %5.1f KiB and %.2f ms of CPU a channel (%.2f and %.2f times the first), %d calls of Slack", n, n*channels,
			c.memory/1024, c.cpu*1000, c.memory/first.memory, c.cpu/first.cpu, c.calls)
		if c.memory > 1.25*first.memory {
			t.Errorf("memory a channel grows with how many there are: %.0f bytes, and %.0f of the first", c.memory, first.memory)
		}
		if n == sized(t, "HISTORY_WORKSPACES", 50) {
			return
		}
	}
}

// costs are a channel's, in bytes and seconds.
type costs struct {
	memory, cpu float64
	calls       int64
}

func manyWorkspaces(t *testing.T, workspaces, channels int) (c costs) {
	t.Helper()
	mini := miniredis.RunT(t)
	synctest.Test(t, func(t *testing.T) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(400 * 24 * time.Hour)
		var network kfake.VirtualNetwork
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(network.Listen), kfake.SeedTopics(1,
			schemas.SlackInstallations.Name, schemas.ChannelAssociations.Name, schemas.SlackChannels.Name, schemas.SyncRequests.Name))
		must(err)
		defer cluster.Close()
		kafka := []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.Dialer(network.DialContext), kgo.FetchMaxWait(10 * time.Minute)}
		client, err := kgo.NewClient(kafka...)
		must(err)
		mini.Set(schemas.ViewsCompleteKey, "1")
		var installs []*kgo.Record
		for n := range workspaces {
			team := schemas.TeamID(fmt.Sprintf("T%07d", n))
			value, err := schemas.SlackInstallations.Encode(schemas.Installation{
				OrgID: "acme", TeamID: team, Status: schemas.InstallActive, SealedToken: "sealed", InstalledAt: time.Now(),
				Scopes: append(schemas.NotificationScopes(), schemas.ChannelSyncScopes()...),
			})
			must(err)
			installs = append(installs, &kgo.Record{Topic: schemas.SlackInstallations.Name, Key: []byte(schemas.TeamKey(team)), Value: value})
			for i := range channels {
				id := schemas.ChannelID(fmt.Sprintf("C%d", i))
				value, err := schemas.ChannelAssociations.Encode(schemas.ChannelAssociation{OrgID: "acme", TeamID: team, ChannelID: id, AccountID: "acc-1", UpdatedAt: time.Now().UTC()})
				must(err)
				mini.HSet(schemas.ViewTeamAssociations(team), string(id), schemas.ViewValue(1, value))
			}
		}
		must(client.ProduceSync(t.Context(), installs...).FirstErr())
		client.Close()
		clock := &clock{mini: mini}
		rdb := redis.NewClient(&redis.Options{Addr: mini.Addr(), PoolSize: 4})
		defer rdb.Close()
		rdb.AddHook(clock)
		slack := newOnePage()
		coverage := &covered{complete: map[string]bool{}}
		memory, cpu := heap(), cpuTime(t)
		h := New(Options{
			Kafka: func(string) []kgo.Opt { return kafka }, Publisher: coverage, Redis: rdb, Tokens: anyToken{}, APIURL: "http://slack.test/api/", HTTP: slack,
			Class: schemas.ClassInternal, Window: 90 * 24 * time.Hour, Every: 5 * time.Minute, Quiet: 6 * time.Hour, Metrics: prometheus.NewRegistry(),
			Log: slog.New(slog.DiscardHandler),
		})
		h.replicas.every, h.replicas.life = 10*time.Minute, time.Hour
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = h.Run(ctx) })
		began := time.Now()
		for coverage.count() < workspaces*channels {
			if time.Since(began) > 24*time.Hour {
				t.Fatalf("%d of %d channels are complete after a day", coverage.count(), workspaces*channels)
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Hour)
		all := float64(workspaces * channels)
		c = costs{float64(heap()-memory) / all, (cpuTime(t) - cpu).Seconds() / all, slack.calls.Load()}
		stop()
		running.Wait()
	})
	return c
}

// onePage is Slack with the same page in every channel.
type onePage struct {
	history, replies string
	calls            atomic.Int64
}

func newOnePage() *onePage {
	old := time.Now().Add(-20 * 24 * time.Hour).Unix()
	root := fmt.Sprintf(`{"type":"message","user":"U1","text":"a question of a customer","ts":"%d.000100","thread_ts":"%d.000100","reply_count":1,"latest_reply":"%d.000300"}`, old, old, old)
	return &onePage{
		history: fmt.Sprintf(`{"ok":true,"messages":[{"type":"message","user":"U1","text":"another message","ts":"%d.000200"},%s],"has_more":false}`, old, root),
		replies: fmt.Sprintf(`{"ok":true,"messages":[%s,{"type":"message","user":"U2","text":"the answer","ts":"%d.000300","thread_ts":"%d.000100"}],"has_more":false}`, root, old, old),
	}
}

func (p *onePage) Do(r *http.Request) (*http.Response, error) {
	p.calls.Add(1)
	answer := p.history
	if strings.HasSuffix(r.URL.Path, methodReplies) {
		answer = p.replies
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// covered is a Publisher that counts which channels are complete.
type covered struct {
	mu       sync.Mutex
	complete map[string]bool
}

func (c *covered) Publish(_ context.Context, records ...*kgo.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rec := range records {
		if rec.Topic != schemas.SyncCheckpoints.Name {
			continue
		}
		cp, err := schemas.SyncCheckpoints.Decode(rec.Value)
		if err != nil {
			return err
		}
		if cp.Complete {
			c.complete[string(rec.Key)] = true
		}
	}
	return nil
}

func (c *covered) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.complete)
}

type anyToken struct{}

func (anyToken) Open(schemas.TeamID, string) (string, error) { return "token", nil }

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
