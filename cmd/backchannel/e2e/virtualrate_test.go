package e2e

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	slacksink "github.com/bigmind/backchannel/sinks/slack"
)

// TestVirtualPostingRate has some minutes' worth of messages (RATE_MINUTES) wait in one workspace, and measures, in virtual time, which share of what
// the workspace is allowed a minute the sink posts, once the burst with which it begins is over. Slack never has to say 429.
func TestVirtualPostingRate(t *testing.T) {
	minutes := int(number(t, "RATE_MINUTES", 0))
	if minutes == 0 {
		t.Skip("'make bench' measures it: RATE_MINUTES says of how many minutes")
	}
	mini := miniredis.RunT(t)
	synctest.Test(t, func(t *testing.T) {
		r := newNotifying(t, mini, rand.New(rand.NewPCG(1, 2)))
		r.steady = true
		r.serve(func(ctx context.Context, client *kgo.Client, working *sync.WaitGroup) {
			teams := r.build(40, 1)
			allowed := slacksink.DefaultLimits.MessagesPerMinute
			r.route(ctx, working)
			working.Go(func() { r.keepAlive(ctx, client, "slack") })
			for n := range minutes * allowed * 10 / 9 {
				if !byEmail(n % len(teams[0].people)) {
					r.produce(client, &teams[0], n)
				}
			}
			r.wait()
			first, last, n := time.Time{}, time.Time{}, 0
			posts, err := r.sim.Posts(t.Context(), slacksim.PostQuery{})
			r.must(err)
			for _, p := range posts.Posts[allowed/12:] {
				if last = time.UnixMicro(p.At); n == 0 {
					first = last
				}
				n++
			}
			share := float64(n-1) / last.Sub(first).Minutes() / float64(allowed)
			t.Logf("%d messages in %v: %.1f%% of %d a minute", len(posts.Posts), last.Sub(time.UnixMicro(posts.Posts[0].At)).Round(time.Millisecond), 100*share, allowed)
			calls, err := r.sim.Calls(t.Context())
			r.must(err)
			if limited := calls["chat.postMessage"].Errors["ratelimited"]; share < 0.95 || limited > 0 {
				t.Errorf("the share is %.3f, and Slack had to say 429 %d times", share, limited)
			}
		})
	})
}
