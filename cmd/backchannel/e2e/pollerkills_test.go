//go:build faults

package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/deploy/slacksim"
)

// TestPollerKills kills the process that polls KILLS times (kill -9), each time before, during or after one of the next pages that it asks Slack for, while it
// reads the past of three channels on embedded engines. In the end 'backchannel audit' finds no difference, and no more pages were asked for twice than
// there were kills. It takes about 25 s a kill: as long as a dead replica's lease lasts, and some pages.
func TestPollerKills(t *testing.T) {
	kills, seed := int(number(t, "KILLS", 3)), number(t, "FAULTS_SEED", uint64(time.Now().UnixNano()%1_000_000))
	t.Logf("%d kills; again with: make test-kills KILLS=%d FAULTS_SEED=%d", kills, kills, seed)
	p := newEmbedded(t)
	watched := watchPages(t, p.simulator)
	p.env = append(p.env, "BACKCHANNEL_SLACK_API_URL="+watched.url+"/api/", "BACKCHANNEL_RECONCILE_EVERY=24h", "BACKCHANNEL_RECONCILE_QUIET=24h")
	engines := realengines.FreeAddrs(t, 1)[0]
	p.start("engines", engines, "run", "processors", "sinks", "--embedded").Await(time.Minute, ready(engines))
	w := p.build(false)
	channels := p.past(w, 3, kills*70+100) // a kill comes within eight pages of ten messages
	random := rand.New(rand.NewPCG(seed, 3))
	poller := p.start("poller", p.http, "run", "ingest")
	for n := range kills {
		watched.arm(1+random.IntN(8), random.IntN(3))
		select {
		case <-watched.struck:
		case <-time.After(3 * time.Minute):
			t.Fatalf("kill %d: no page was asked for", n+1)
		}
		time.Sleep(time.Duration(random.Int64N(int64(30 * time.Millisecond)))) // anywhere in what it does with the page
		poller.Kill()
		watched.release()
		poller = p.start("poller", p.http, "run", "ingest")
	}
	for _, c := range channels {
		eventually(t, 10*time.Minute, func() error {
			if out, code := p.command("", "sync", "status", "--channel", string(c)); code != 0 || !strings.Contains(out, "100%") {
				return fmt.Errorf("sync status: exit code %d\n%s", code, out)
			}
			return nil
		})
	}
	pages, again := watched.count()                                         // before audit, which reads the same messages
	p.env = append(p.env, "BACKCHANNEL_SLACK_API_URL="+p.simulator+"/api/") // in pages of Slack's size
	for _, c := range channels {
		eventually(t, time.Minute, func() error { // what is in Kafka reaches ClickHouse
			if out, code := p.command("", "audit", "--channel", string(c)); code != 0 {
				return fmt.Errorf("audit: exit code %d\n%s", code, out)
			}
			return nil
		})
	}
	t.Logf("%d pages of the past, %d of them asked for again, %d kills", pages, again, kills)
	if again > kills || pages < kills {
		t.Errorf("%d pages, %d asked for again after %d kills", pages, again, kills)
	}
}

// past fills channels, of which the first is the world's, and associates them.
func (p *pipeline) past(w *world, channels, messages int) []slacksim.ChannelID {
	p.t.Helper()
	ctx, all := p.t.Context(), []slacksim.ChannelID{w.channel}
	for n := range channels - 1 {
		c, err := p.slack.CreateChannel(ctx, w.team, slacksim.Channel{Name: fmt.Sprint("customer-", n), Members: []slacksim.UserID{w.ada.ID, w.install.BotUserID}})
		p.must(err)
		all = append(all, c.ID)
	}
	for n := range messages {
		c := all[n%len(all)]
		m, err := p.slack.Say(ctx, w.team, c, w.ada.ID, fmt.Sprint("message ", n))
		p.must(err)
		if n%50 == 0 {
			_, err = p.slack.Reply(ctx, w.team, c, m.TS, w.ada.ID, fmt.Sprint("answer ", n))
			p.must(err)
		}
	}
	for _, c := range all {
		p.produce("channel.associations", string(w.team)+"/"+string(c), object{"org_id": org, "team_id": w.team, "channel_id": c, "account_id": "acc-acme"})
	}
	return all
}

// pageWatch stands before the simulator, makes its pages small and knows which were asked for.
type pageWatch struct {
	url    string
	struck chan struct{}

	mu    sync.Mutex
	pages map[string]int
	left  int // pages until it strikes; 0: not armed
	stage int // 0: before Slack has the request, 1: before its answer is on its way, 2: after
	gate  chan struct{}
}

const smallPage = "10" // messages

func watchPages(t *testing.T, simulator string) *pageWatch {
	t.Helper()
	target, err := url.Parse(simulator)
	if err != nil {
		t.Fatal(err)
	}
	watch := &pageWatch{struck: make(chan struct{}, 1), pages: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/conversations.history") {
			proxy.ServeHTTP(w, r)
			return
		}
		stage := watch.page(r)
		if stage == 0 {
			watch.strike(r)
			return // whoever asked is dead
		}
		proxy.ServeHTTP(w, r)
		if stage > 0 {
			if stage == 2 {
				_ = http.NewResponseController(w).Flush() // the caller may be gone
			}
			watch.strike(r)
		}
	}))
	t.Cleanup(server.Close)
	watch.url = server.URL
	return watch
}

// page notes what is asked for, makes it small, and returns at which stage to strike, -1 for not at all.
func (p *pageWatch) page(r *http.Request) int {
	body, _ := io.ReadAll(r.Body) // an incomplete one is refused by the simulator
	form, _ := url.ParseQuery(string(body))
	form.Set("limit", smallPage)
	text := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	p.mu.Lock()
	defer p.mu.Unlock()
	if latest, err := strconv.ParseFloat(form.Get("latest"), 64); err == nil && latest < float64(time.Now().Unix()) { // else it is the newest page
		p.pages[form.Get("channel")+" "+form.Get("latest")+" "+form.Get("cursor")]++
	}
	if p.left == 0 {
		return -1
	}
	if p.left--; p.left > 0 {
		return -1
	}
	return p.stage
}

func (p *pageWatch) arm(pages, stage int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.stage, p.gate = pages, stage, make(chan struct{})
}

// strike says that it is time, and holds the answer until the process is dead.
func (p *pageWatch) strike(r *http.Request) {
	p.mu.Lock()
	gate := p.gate
	p.mu.Unlock()
	p.struck <- struct{}{}
	select {
	case <-gate:
	case <-r.Context().Done():
	}
}

func (p *pageWatch) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.gate)
}

// count is how many pages of the past there were, and how often one was asked for again.
func (p *pageWatch) count() (pages, again int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.pages {
		pages++
		again += n - 1
	}
	return pages, again
}
