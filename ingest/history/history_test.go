package history

import (
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// long is for days of virtual time with hundreds of threads: minutes with the race detector, for which -short leaves them out. 'make test' runs the
// package without it too.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes minutes with the race detector")
	}
}

// The past of a channel comes once it is associated: newest first, with all threads, within Slack's limits.
func TestBackfill(t *testing.T) {
	inWorld(t, slacksim.Settings{}, false, func(w *world) {
		c := w.channel("customer")
		for n := range 2500 {
			m := w.ago(80*24*time.Hour-time.Duration(n)*time.Minute*45, c, slacksim.Say{Text: fmt.Sprint("message ", n)})
			if n%50 == 0 {
				for i := range 3 {
					w.ago(80*24*time.Hour-time.Duration(n)*time.Minute*45-time.Duration(i+1)*time.Minute, c, slacksim.Say{Text: fmt.Sprint("reply ", n, " ", i), ThreadTS: m.TS})
				}
			}
		}
		w.installed(nil)
		w.associate(c)
		stop, _ := w.start("a")
		defer stop()
		took := w.until(time.Hour, "the channel is complete", w.complete(c))
		w.same(time.Now().Add(-90*24*time.Hour), c)
		history, replies := w.calls(methodHistory), w.calls(methodReplies)
		if history.Calls < 3 || history.Calls > 6 || replies.Calls != 50 || history.Errors["ratelimited"]+replies.Errors["ratelimited"] > 0 {
			t.Errorf("history %+v, replies %+v", history, replies)
		}
		if took > 75*time.Second { // 50 threads at 49 a minute
			t.Errorf("took %s", took)
		}
		t.Logf("took %s, %+v", took, w.coverage(c))
	})
}
