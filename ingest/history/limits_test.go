package history

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// budgeted is a workspace whose past takes a while.
func budgeted(w *world, name string, channels, messages, everyNth int) (all []slacksim.ChannelID) {
	for n := range channels {
		c := w.channel(fmt.Sprint(name, "-", n))
		all = append(all, c)
		for i := range messages {
			ago := 80*24*time.Hour - time.Duration(i)*80*24*time.Hour/time.Duration(messages+1)
			m := w.ago(ago, c, slacksim.Say{Text: fmt.Sprint("message ", i)})
			if i%everyNth == 0 {
				w.ago(ago-time.Minute, c, slacksim.Say{Text: "reply", ThreadTS: m.TS})
			}
		}
	}
	return all
}

// counted counts calls by method and channel.
type counted struct {
	HTTPClient
	mu    sync.Mutex
	calls map[string]map[string]int
}

func (c *counted) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	if c.calls[method] == nil {
		c.calls[method] = map[string]int{}
	}
	c.calls[method][form.Get("channel")]++
	c.mu.Unlock()
	return c.HTTPClient.Do(r)
}

// fairness is Jain's index of what channels had: 1 when all had the same, 1/n when one had everything.
func (c *counted) fairness(method string) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum, squares := 0.0, 0.0
	for _, n := range c.calls[method] {
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	return sum * sum / (float64(len(c.calls[method])) * squares)
}

// While there is a past to read, nearly every call that Slack allows of the method that takes longest is made, and none too many; a second replica changes
// neither. All of it takes hardly longer than Slack's limits let it, and while all channels have something to read, all have the same. HISTORY_BACKLOG makes
// it larger: 'make bench' prints it.
func TestTheBudgetIsUsedAndKept(t *testing.T) {
	long(t)
	for _, tt := range []struct {
		name     string
		unlisted bool
		replicas int
		messages int
	}{{"internal", false, 1, 600}, {"internal, two replicas", false, 2, 600}, {"commercial", true, 1, 120}, {"commercial, two replicas", true, 2, 120}} {
		t.Run(tt.name, func(t *testing.T) {
			tt.messages *= sized(t, "HISTORY_BACKLOG", 1)
			inWorld(t, slacksim.Settings{}, tt.unlisted, func(w *world) {
				count := &counted{HTTPClient: w.opts.HTTP, calls: map[string]map[string]int{}}
				w.opts.HTTP = count
				allowed := perMinute[w.opts.Class]
				all := budgeted(w, "customer", 6, tt.messages, 3)
				threads := 6 * tt.messages / 3
				w.installed(nil)
				for n := range tt.replicas {
					stop, _ := w.start(fmt.Sprint("replica-", n))
					defer stop()
				}
				time.Sleep(10 * time.Second) // they know of each other
				w.associate(all...)
				began := time.Now()
				w.until(1000*time.Hour, "most threads are read", func() bool {
					return w.calls(methodReplies).OK > threads*3/4
				})
				used := float64(w.calls(methodReplies).Calls) / (time.Since(began).Minutes() * allowed)
				fairness := count.fairness(methodReplies)
				took := time.Since(began) + w.until(1000*time.Hour, "the backfill is complete", w.complete(all...))
				history, replies := w.calls(methodHistory), w.calls(methodReplies)
				bound := time.Duration(float64(threads) / allowed * float64(time.Minute))
				t.Logf("%.1f%% of the requests that Slack allows were used; complete in %s, %.3f times the bound of %s for %d threads; Jain's fairness index %.4f; history %+v, replies %+v", 100*used,
					took.Round(time.Second), took.Seconds()/bound.Seconds(), bound.Round(time.Second), threads, fairness, history, replies)
				if used < 0.95 {
					t.Errorf("%.1f%% of the calls that Slack allows were made", 100*used)
				}
				if took.Seconds() > 1.06*bound.Seconds() {
					t.Errorf("it took %s, and Slack's limits let it take %s", took, bound)
				}
				if fairness < 0.99 {
					t.Errorf("Jain's fairness index is %.4f", fairness)
				}
				if n := history.Errors["ratelimited"] + replies.Errors["ratelimited"]; n*1000 >= history.Calls+replies.Calls {
					t.Errorf("%d of %d calls were answered with 429", n, history.Calls+replies.Calls)
				}
				w.same(time.Now().Add(-100*24*time.Hour), all...)
			})
		})
	}
}

// A huge channel delays the others' first page by no more than its turn.
func TestAHugeChannelStarvesNobody(t *testing.T) {
	long(t)
	inWorld(t, slacksim.Settings{}, true, func(w *world) {
		huge := budgeted(w, "huge", 1, 1200, 1e6)[0]
		w.installed(nil)
		stop, _ := w.start("a")
		defer stop()
		w.associate(huge)
		time.Sleep(20 * time.Minute)
		small := budgeted(w, "small", 5, 10, 1e6)
		w.associate(small...)
		took := w.until(time.Hour, "each has its first page", func() bool {
			for _, c := range small {
				if w.coverage(c).Newest == "" {
					return false
				}
			}
			return true
		})
		if took > 7*time.Minute { // five pages, one a minute, and what was under way
			t.Errorf("the first pages of five small channels took %s beside a huge one", took)
		}
		w.until(100*time.Hour, "the huge one goes on", w.complete(huge))
	})
}

// A workspace that Slack limits more than its class says teaches its budget.
func TestABudgetIsTaught(t *testing.T) {
	inWorld(t, slacksim.Settings{}, true, func(w *world) {
		w.opts.Class = "marketplace" // it is not
		c := budgeted(w, "customer", 1, 450, 1e6)[0]
		w.installed(nil)
		stop, _ := w.start("a")
		defer stop()
		w.associate(c)
		w.until(100*time.Hour, "the backfill is complete", w.complete(c))
		w.same(time.Now().Add(-100*24*time.Hour), c)
		if n := w.calls(methodHistory); n.Errors["ratelimited"] > n.OK {
			t.Errorf("%+v", n)
		}
	})
}
