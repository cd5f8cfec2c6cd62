package history

import (
	"fmt"
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

// While there is a past to read, nearly every call that Slack allows of the method that takes longest is made, and none too many; a second replica changes
// neither.
func TestTheBudgetIsUsedAndKept(t *testing.T) {
	long(t)
	for _, tt := range []struct {
		name     string
		unlisted bool
		replicas int
		allowed  float64 // a minute
		messages int
	}{{"internal", false, 1, 50, 1500}, {"internal, two replicas", false, 2, 50, 1500}, {"commercial", true, 1, 1, 150}, {"commercial, two replicas", true, 2, 1, 150}} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, slacksim.Settings{}, tt.unlisted, func(w *world) {
				all := budgeted(w, "customer", 6, tt.messages, 3)
				w.installed(nil)
				for n := range tt.replicas {
					stop, _ := w.start(fmt.Sprint("replica-", n))
					defer stop()
				}
				time.Sleep(10 * time.Second) // they know of each other
				w.associate(all...)
				began := time.Now()
				w.until(100*time.Hour, "half of the threads are read", func() bool {
					return w.calls(methodReplies).OK > tt.messages
				})
				used := float64(w.calls(methodReplies).Calls) / (time.Since(began).Minutes() * tt.allowed)
				w.until(100*time.Hour, "the backfill is complete", w.complete(all...))
				took := time.Since(began)
				history, replies := w.calls(methodHistory), w.calls(methodReplies)
				t.Logf("%.1f%% of what Slack allows; took %s; history %+v, replies %+v", 100*used, took, history, replies)
				if used < 0.95 {
					t.Errorf("%.1f%% of the calls that Slack allows were made", 100*used)
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
