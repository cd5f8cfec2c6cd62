package slack

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

func threaded(n int, mode schemas.ThreadMode) schemas.Delivery {
	d := delivery("T1", user(1), n)
	d.Thread, d.ThreadMode = "meeting-1", mode
	return d
}

// deliverAll writes deliveries to the end, and returns their outcomes.
func (w *world) deliverAll(s *Sink, deliveries ...schemas.Delivery) []schemas.Outcome {
	w.t.Helper()
	var waits []*kgo.Record
	for _, d := range deliveries {
		waits = append(waits, rec(w.t, d))
	}
	for n := 0; len(waits) > 0; n++ {
		if n > 40 {
			w.t.Fatalf("%d still wait", len(waits))
		}
		waits = w.write(s, waits...).Deferred
		w.advance(2 * time.Second)
	}
	return w.take()
}

// A later notification of a thread answers the first or updates it, in the same batch or later, by this replica or another.
func TestThreads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
	w.workspace("T1", "acme", 1)
	one, _ := w.replica()
	two, _ := w.replica()
	o := w.deliverAll(one, threaded(1, ""), threaded(2, schemas.ThreadReply))
	o = append(o, w.deliverAll(two, threaded(3, schemas.ThreadUpdate), threaded(4, ""))...)
	root := o[0].TS
	type place struct {
		Thread, Root bool
	}
	var got []place
	for _, o := range o {
		got = append(got, place{o.ThreadTS == root, o.TS == root})
	}
	if diff := cmp.Diff([]place{{false, true}, {true, false}, {false, true}, {true, false}}, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s\n%+v", diff, o)
	}
	messages, err := w.sim.Messages(t.Context(), "T1", o[0].ChannelID, slacksim.MessageQuery{})
	w.must(err)
	var texts []string
	for _, m := range messages.Messages {
		texts = append(texts, m.Text)
	}
	if len(texts) != 3 {
		t.Errorf("the DM shows %q", texts)
	}
}

// An update that is made again changes nothing: neither a lost answer nor a crash leaves a doubt, whatever the type prefers.
func TestAnUpdateIsNeverInDoubt(t *testing.T) {
	t.Parallel()
	for _, policy := range []schemas.AmbiguousPolicy{schemas.Repeat, schemas.Silence} {
		w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true, NoRateLimits: true})
		w.workspace("T1", "acme", 1)
		s, reg := w.replica()
		w.deliverAll(s, threaded(1, ""))
		w.fault(slacksim.Fault{Kind: slacksim.FaultAPIError, Error: "internal_error", Method: methodUpdate, After: true, Count: 2})
		d := threaded(2, schemas.ThreadUpdate)
		d.OnAmbiguous = policy
		if o := w.deliverAll(s, d); len(o) != 1 || o[0].Status != schemas.Delivered || o[0].Ambiguous {
			t.Errorf("%s: outcomes %+v", policy, o)
		}
		if n := w.ambiguous(reg, policy); n != 0 {
			t.Errorf("%s: %v counted", policy, n)
		}
	}
}

// Where the earlier message is gone, a new one is posted, and is the first from then on.
func TestAThreadWhoseMessageIsGone(t *testing.T) {
	t.Parallel()
	for _, mode := range []schemas.ThreadMode{schemas.ThreadReply, schemas.ThreadUpdate} {
		w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true, NoRateLimits: true})
		w.workspace("T1", "acme", 1)
		s, reg := w.replica()
		first := w.deliverAll(s, threaded(1, mode))[0]
		w.must(w.sim.Delete(t.Context(), "T1", first.ChannelID, first.TS))
		second := w.deliverAll(s, threaded(2, mode))
		third := w.deliverAll(s, threaded(3, mode))
		if len(second) != 1 || second[0].Status != schemas.Delivered || second[0].TS == first.TS || second[0].ThreadTS != "" {
			t.Errorf("%s: second %+v", mode, second)
		}
		if root := third[0].ThreadTS; mode == schemas.ThreadReply && root != second[0].TS || mode == schemas.ThreadUpdate && third[0].TS != second[0].TS {
			t.Errorf("%s: third %+v", mode, third)
		}
		if n := w.ambiguous(reg, schemas.Repeat); n > 0 {
			t.Errorf("%v in doubt", n)
		}
	}
}

// A person who has moved to another workspace has another thread there.
func TestAThreadOfAnotherWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
	w.workspace("T1", "acme", 1)
	w.workspace("T2", "acme", 1)
	s, _ := w.replica()
	w.deliverAll(s, threaded(1, schemas.ThreadUpdate))
	d := threaded(2, schemas.ThreadUpdate)
	d.TeamID = "T2"
	if o := w.deliverAll(s, d); len(o) != 1 || o[0].Status != schemas.Delivered || o[0].TeamID != "T2" || len(w.shown()) != 2 {
		t.Errorf("outcomes %+v", o)
	}
}
