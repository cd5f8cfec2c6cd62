package slack

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// A process that dies between Slack's acceptance and the ledger leaves a note. Others leave the delivery alone while its
// owner may still be at it, and act by its policy afterwards.
func TestACrashBetweenPostAndLedger(t *testing.T) {
	t.Parallel()
	for policy, want := range map[schemas.AmbiguousPolicy]struct {
		posts   int
		outcome string
	}{
		schemas.Repeat:  {2, "delivered"},
		schemas.Silence: {1, "failed ambiguous_silenced"},
	} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
			w.workspace("T1", "acme", 1)
			d := delivery("T1", user(1), 1)
			d.OnAmbiguous = policy
			dying, _ := w.replica()
			posted, end, gone := make(chan struct{}), make(chan struct{}), make(chan struct{})
			dying.opts.HTTP = &dies{HTTPClient: w.http, after: posted, end: end}
			go func() {
				defer close(gone)
				_, _ = dying.Write(context.WithoutCancel(t.Context()), []*kgo.Record{rec(t, d)})
			}()
			t.Cleanup(func() { close(end); <-gone })
			<-posted // and it does not come back while the test runs

			next, reg := w.replica()
			for range 19 {
				w.advance(time.Second)
				if result := w.write(next, rec(t, d)); len(result.Deferred) != 1 {
					t.Fatal("the delivery was taken from its owner")
				}
			}
			w.advance(2 * time.Second)
			w.write(next, rec(t, d))
			outcomes := w.take()
			if got := statuses(outcomes); len(got) != 1 || got[0] != want.outcome || !outcomes[0].Ambiguous {
				t.Errorf("outcomes %+v, want %s, ambiguous", outcomes, want.outcome)
			}
			if n := len(w.shown()); n != want.posts {
				t.Errorf("%d posts, want %d", n, want.posts)
			}
			if n := w.ambiguous(reg, policy); n != 1 {
				t.Errorf("%v counted as ambiguous", n)
			}
		})
	}
}

// dies posts, and does not return before the end: the process is gone.
type dies struct {
	HTTPClient
	after, end chan struct{}
}

func (d *dies) Do(req *http.Request) (*http.Response, error) {
	res, err := d.HTTPClient.Do(req)
	if err != nil || !strings.HasSuffix(req.URL.Path, methodPost) {
		return res, err
	}
	_ = res.Body.Close()
	close(d.after)
	<-d.end
	return nil, errors.New("gone")
}

// A Slack that takes messages and answers with an error must not make a person's inbox fill up: each repeat waits longer.
func TestRepeatsComeEverMoreSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
	w.workspace("T1", "acme", 1)
	s, _ := w.replica()
	w.fault(slacksim.Fault{Kind: slacksim.FaultAPIError, Error: "internal_error", Method: methodPost, After: true})
	d := rec(t, delivery("T1", user(1), 1))
	for range 600 {
		w.write(s, d)
		w.advance(time.Second)
	}
	if n := len(w.shown()); n < 5 || n > 10 {
		t.Errorf("%d messages in ten minutes", n)
	}
}

// A Redis that is away when Slack has accepted is no doubt either: this process knows, and writes it down when it can.
func TestAnAcceptedPostIsRememberedUntilTheLedgerHasIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
	w.workspace("T1", "acme", 1)
	s, reg := w.replica(func(o *Options) { o.HTTP = &breaking{HTTPClient: w.http, w: w} })
	d := rec(t, delivery("T1", user(1), 1))
	if _, err := s.Write(t.Context(), []*kgo.Record{d}); err == nil {
		t.Fatal("Write succeeded without a ledger")
	}
	w.mini.SetError("")
	w.advance(time.Hour)
	w.write(s, d)
	if n := w.ambiguous(reg, schemas.Repeat); n != 0 || len(w.shown()) != 1 {
		t.Errorf("%v in doubt, shown %v", n, w.shown())
	}
	if o := w.take(); len(o) != 1 || o[0].Status != schemas.Delivered || o[0].Ambiguous || o[0].TS == "" {
		t.Errorf("outcomes %+v", o)
	}
}

// breaking takes Redis away once Slack has accepted.
type breaking struct {
	HTTPClient
	w *world
}

func (b *breaking) Do(req *http.Request) (*http.Response, error) {
	res, err := b.HTTPClient.Do(req)
	if strings.HasSuffix(req.URL.Path, methodPost) {
		b.w.mini.SetError("LOADING Redis is loading the dataset in memory")
	}
	return res, err
}

// An outcome that could not be published is published from the ledger, and nothing is posted again.
func TestAnOutcomeThatWasNotPublished(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
	w.workspace("T1", "acme", 1)
	s, _ := w.replica()
	d := rec(t, delivery("T1", user(1), 1))
	w.failPublishing(errors.New("Kafka is away"))
	if _, err := s.Write(t.Context(), []*kgo.Record{d}); err == nil {
		t.Fatal("Write succeeded although the outcome was not published")
	} else {
		noLeak(t, "the error", err)
	}
	w.failPublishing(nil)
	w.advance(time.Second)
	other, _ := w.replica()
	w.write(other, d)
	if o := w.take(); len(o) != 1 || o[0].Status != schemas.Delivered || len(w.shown()) != 1 {
		t.Errorf("outcomes %+v, shown %v", o, w.shown())
	}
}

// A dead letter that was not produced when the process died is asked for again.
func TestRefusedContentIsRejectedAgainAfterACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{})
	w.workspace("T1", "acme", 1)
	w.fault(slacksim.Fault{Kind: slacksim.FaultAPIError, Error: "invalid_blocks", Method: methodPost, Count: 1})
	d := rec(t, delivery("T1", user(1), 1))
	for range 2 {
		s, _ := w.replica()
		if result := w.write(s, d); len(result.Rejected) != 1 || result.Rejected[0].Reason != schemas.ContentRefused {
			t.Fatalf("got %+v", result)
		}
	}
}

// Shutdown in the middle of a post: it is not cut off, since nobody would know whether Slack took it.
func TestAPostIsNotCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
	w.workspace("T1", "acme", 1)
	ctx, cancel := context.WithCancel(t.Context())
	s, _ := w.replica(func(o *Options) { o.HTTP = &during{HTTPClient: w.http, then: cancel} })
	if _, err := s.Write(ctx, []*kgo.Record{rec(t, delivery("T1", user(1), 1))}); err != nil {
		t.Fatal(err)
	}
	if got := statuses(w.take()); len(got) != 1 || got[0] != "delivered" {
		t.Errorf("outcomes %v", got)
	}
	if _, err := s.Write(ctx, []*kgo.Record{rec(t, delivery("T1", user(1), 2))}); err == nil {
		t.Error("a new post was begun after the end")
	}
}

// during cancels when a post is under way.
type during struct {
	HTTPClient
	then func()
}

func (d *during) Do(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, methodPost) {
		d.then()
	}
	return d.HTTPClient.Do(req)
}
