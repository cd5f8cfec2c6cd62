package history

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// A poller that is killed at any step, of which each command to Redis, each call of Slack and each write to Kafka has two, loses nothing and costs one page
// at most. Another one takes over within the lease.
func TestKills(t *testing.T) {
	long(t)
	const kills = 50
	calls := func(kill bool) (needed int) {
		inWorld(t, slacksim.Settings{}, true, func(w *world) {
			all := budgeted(w, "customer", 3, 300, 6)
			w.installed(nil)
			random := rand.New(rand.NewPCG(5, 5))
			n := 0
			_, kill1 := w.start("replica-0")
			w.associate(all...)
			for ; kill && n < kills; n++ {
				w.mu.Lock()
				w.killAt = 1 + random.IntN(90)
				w.mu.Unlock()
				name := fmt.Sprint("replica-", n)
				w.until(3*time.Hour, "it dies", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.dead[name] })
				kill1()
				_, kill1 = w.start(fmt.Sprint("replica-", n+1))
			}
			w.until(100*time.Hour, "the backfill is complete", w.complete(all...))
			history, replies := w.calls(methodHistory), w.calls(methodReplies)
			kill1()
			w.same(time.Now().Add(-100*24*time.Hour), all...)
			needed = history.Calls + replies.Calls
			if got := history.Errors["ratelimited"] + replies.Errors["ratelimited"]; got > 0 {
				t.Errorf("%d calls were answered with 429", got)
			}
		})
		return needed
	}
	undisturbed := calls(false)
	if disturbed := calls(true); disturbed > undisturbed+kills {
		t.Errorf("%d calls with %d kills, %d without: more than one page was asked again per kill", disturbed, kills, undisturbed)
	} else {
		t.Logf("%d calls with %d kills, %d without", disturbed, kills, undisturbed)
	}
}

// Channels that are complete, and in which nobody talks, are not read again because a replica comes, goes or dies; but they are, at once, when nobody has polled
// for a while.
func TestARestartCostsNoVisit(t *testing.T) {
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		w.opts.Every, w.opts.Quiet = time.Minute, 6*time.Hour
		var all []slacksim.ChannelID
		for n := range 10 {
			c := w.channel(fmt.Sprint("customer-", n))
			w.ago(20*24*time.Hour, c, slacksim.Say{Text: "long ago"})
			all = append(all, c)
		}
		w.installed(nil)
		w.associate(all...)
		stop, _ := w.start("a")
		w.until(time.Hour, "the backfill is complete", w.complete(all...))
		_, killB := w.start("b")
		time.Sleep(10 * time.Minute) // the workspace falls to the one or the other
		before := w.calls(methodHistory).Calls
		stop()
		time.Sleep(5 * time.Minute)
		_, killC := w.start("c")
		time.Sleep(5 * time.Minute)
		killB()
		time.Sleep(5 * time.Minute)
		if more := w.calls(methodHistory).Calls - before; more > 0 {
			t.Errorf("%d calls more after replicas came, left and died", more)
		}
		killC()
		time.Sleep(gapAfter + time.Minute)
		stop, _ = w.start("d")
		defer stop()
		time.Sleep(2 * time.Minute)
		if more := w.calls(methodHistory).Calls - before; more != len(all) {
			t.Errorf("%d calls after a time in which nobody polled, want one for each of %d channels", more, len(all))
		}
	})
}

// Since when somebody polls is noted once, also when Redis has lost it alone; or every channel would be read again whenever the views are asked.
func TestSinceWhenSomebodyPolls(t *testing.T) {
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		rdb := w.newRedis()
		defer func() { _ = rdb.Close() }()
		r := newReplicas(rdb)
		since := func() time.Time {
			w.t.Helper()
			at, err := r.polled(w.t.Context(), time.Now())
			w.must(err)
			return at
		}
		first := since()
		time.Sleep(gapAfter / 2)
		if again := since(); !again.Equal(first.Truncate(time.Second)) {
			w.t.Errorf("since %s, and a while later since %s", first, again)
		}
		w.must(rdb.Del(w.t.Context(), schemas.IdleKey).Err())
		lost := since()
		time.Sleep(gapAfter / 2)
		if again := since(); !again.Equal(lost.Truncate(time.Second)) || !lost.After(first) {
			w.t.Errorf("it was lost, and is since %s, and a while later since %s", lost, again)
		}
		time.Sleep(gapAfter + time.Second)
		if late := since(); !late.After(lost) {
			w.t.Errorf("nobody polled for longer than %s, and somebody has since %s", gapAfter, late)
		}
	})
}

// Who dies is noticed within the lease; who leaves gives way at once.
func TestTakingOver(t *testing.T) {
	long(t)
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		all := budgeted(w, "customer", 1, 3000, 2)
		w.installed(nil)
		w.associate(all...)
		_, kill := w.start("a")
		time.Sleep(time.Minute)
		stopB, _ := w.start("b")
		time.Sleep(time.Minute)
		kill() // one of both has the workspace, perhaps not this one
		before := w.calls(methodReplies).Calls
		time.Sleep(leaseLife + beatEvery + 10*time.Second)
		after := w.calls(methodReplies).Calls
		if after <= before {
			t.Error("nobody took the workspace over within the lease")
		}
		stopB()
		stopC, _ := w.start("c")
		defer stopC()
		before = w.calls(methodReplies).Calls
		time.Sleep(10 * time.Second)
		if w.calls(methodReplies).Calls <= before {
			t.Error("a workspace that was given back was not taken up at once")
		}
	})
}
