package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
	"github.com/bigmind/backchannel/sinks/ledger"
	"github.com/bigmind/backchannel/sinks/sinkstest"
)

func TestContract(t *testing.T) {
	sinkstest.Check(t, func(t *testing.T, _ *sinkstest.Kafka) sinkstest.Subject {
		w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true}) // so that a repeat shows
		w.workspace("T1", "acme", 5)
		return sinkstest.Subject{
			Define: func() sinks.Definition {
				s, _ := w.replica()
				return sinks.Definition{Name: "slack", In: []schemas.Spec{schemas.DeliveriesSlack.Spec}, Sink: s, MaxBatch: 256, MaxWait: 5 * time.Millisecond}
			},
			Good: func(n int) *kgo.Record { return rec(t, delivery("T1", user(n), n)) },
			Bad: func() *kgo.Record {
				d := delivery("T1", user(5), 5)
				d.Content.Title = " "
				return rec(t, d)
			},
			Reason: schemas.Malformed, Secret: secret,
			Break: func() func() {
				w.mini.SetError("LOADING Redis is loading the dataset in memory")
				return func() { w.mini.SetError("") }
			},
			Effects: func(testing.TB) []string { return w.shown() },
		}
	})
}

// A delivery opens the DM, posts, and has one outcome that names where it was posted.
func TestPostsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
	w.workspace("T1", "acme", 1)
	s, _ := w.replica()
	d := rec(t, delivery("T1", user(1), 1))
	for range 3 { // the batch comes again after a crash before the commit
		if result := w.write(s, d); len(result.Rejected)+len(result.Deferred) > 0 {
			t.Fatalf("got %+v", result)
		}
		w.advance(time.Second)
	}
	posts, err := w.sim.Posts(t.Context(), slacksim.PostQuery{})
	w.must(err)
	if len(posts.Posts) != 1 || posts.Posts[0].Recipient != user(1) || posts.Posts[0].ClientMsgID == "" {
		t.Fatalf("posts: %+v", posts.Posts)
	}
	outcomes := w.take()
	if len(outcomes) != 3 || cmp.Diff(outcomes[0], outcomes[2]) != "" {
		t.Fatalf("a repeat has another outcome: %+v", outcomes)
	}
	o, p := outcomes[0], posts.Posts[0]
	if o.Status != schemas.Delivered || o.Ambiguous || string(o.TS) != string(p.TS) || string(o.ChannelID) != string(p.Channel) || o.TeamID != "T1" || o.RequestID == "" {
		t.Errorf("outcome %+v for post %+v", o, p)
	}
	noLeak(t, "the outcome", outcomes)
	if violations, err := w.sim.Violations(t.Context(), 0); err != nil || len(violations) > 0 {
		t.Errorf("Slack objects: %+v, %v", violations, err)
	}
}

// Two replicas have the same delivery at the same time, as when the group gave up on one of them. Both have looked and
// found no entry before either writes one: one post.
func TestTwoReplicasPostOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true, NoRateLimits: true})
	w.workspace("T1", "acme", 1)
	d := rec(t, delivery("T1", user(1), 1))
	opening, both := make(chan struct{}), make(chan struct{})
	errs := make(chan error, 2)
	for range 2 {
		s, _ := w.replica(func(o *Options) { o.HTTP = &meeting{HTTPClient: w.http, here: opening, all: both} })
		go func() { _, err := s.Write(t.Context(), []*kgo.Record{d}); errs <- err }()
		<-opening
		w.advance(time.Second) // the person's budget is not what stops the second
	}
	close(both)
	w.must(errors.Join(<-errs, <-errs))
	if shown := w.shown(); len(shown) != 1 {
		t.Errorf("posted %d times", len(shown))
	}
}

// meeting opens a DM when all have come as far.
type meeting struct {
	HTTPClient
	here, all chan struct{}
}

func (m *meeting) Do(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, methodOpen) {
		m.here <- struct{}{}
		<-m.all
	}
	return m.HTTPClient.Do(req)
}

// Likewise when both find an entry whose owner has gone.
func TestTwoReplicasTakeOverOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true, NoRateLimits: true})
	w.workspace("T1", "acme", 1)
	d := delivery("T1", user(1), 1)
	l := ledger.New(w.rdb, settle)
	if _, err := l.Begin(t.Context(), d.DeliveryID, nil, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	w.advance(settle + time.Second)
	opening, both := make(chan struct{}), make(chan struct{})
	errs := make(chan error, 2)
	for range 2 {
		s, _ := w.replica(func(o *Options) { o.HTTP = &meeting{HTTPClient: w.http, here: opening, all: both} })
		go func() { _, err := s.Write(t.Context(), []*kgo.Record{rec(t, d)}); errs <- err }()
		<-opening
		w.advance(time.Second)
	}
	close(both)
	w.must(errors.Join(<-errs, <-errs))
	if shown := w.shown(); len(shown) != 1 {
		t.Errorf("posted %d times", len(shown))
	}
}

// One message a second to a person, and a budget for the workspace, whatever the number of replicas.
func TestReplicasShareTheBudgets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{}) // Slack at its strictest: it would answer 429
	w.workspace("T1", "acme", 30)
	small := func(o *Options) { o.Limits.MessagesPerMinute = 60 } // a burst of 5, then one a second
	one, _ := w.replica(small)
	two, _ := w.replica(small)
	first, second := rec(t, delivery("T1", user(1), 1)), rec(t, delivery("T1", user(1), 2))
	if result := w.write(one, first); len(result.Deferred) != 0 {
		t.Fatal("the first message had to wait")
	}
	if result := w.write(two, second); len(result.Deferred) != 1 {
		t.Fatal("a second message in the same second went out from the other replica")
	}
	w.advance(time.Second)
	if result := w.write(two, second); len(result.Deferred) != 0 {
		t.Fatal("the second message still waits after a second")
	}
	w.advance(time.Minute)
	var many []*kgo.Record
	for n := range 20 {
		many = append(many, rec(t, delivery("T1", user(n+2), 3)))
	}
	sent := 20 - len(w.write(one, many[:10]...).Deferred) - len(w.write(two, many[10:]...).Deferred)
	if sent != 5 {
		t.Errorf("%d messages went out at once, the workspace's burst is 5", sent)
	}
	calls, err := w.sim.Calls(t.Context())
	w.must(err)
	if n := calls["chat.postMessage"].Errors["ratelimited"]; n > 0 {
		t.Errorf("Slack had to say 429 %d times", n)
	}
}

// Order for one person holds: when one delivery has to wait, those behind it wait too.
func TestOrderForAPersonHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{})
	w.workspace("T1", "acme", 1)
	s, _ := w.replica()
	var waiting []*kgo.Record
	var want []string
	for n := range 4 {
		d := delivery("T1", user(1), n)
		waiting = append(waiting, rec(t, d))
		want = append(want, d.Content.Title)
	}
	for round := 0; len(waiting) > 0; round++ {
		if round > 10 {
			t.Fatalf("after %d seconds %d still wait", round, len(waiting))
		}
		waiting = w.write(s, waiting...).Deferred
		w.advance(time.Second)
	}
	if diff := cmp.Diff(want, w.shown()); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}

// A 429 holds that workspace alone, for as long as Slack said, on every replica, and at once.
func TestRetryAfterHoldsThatWorkspaceAlone(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]slacksim.Fault{
		"chat.postMessage":   {Kind: slacksim.FaultAPIStatus, Status: 429, RetryAfter: 30, Method: "chat.postMessage", Team: "T1"},
		"conversations.open": {Kind: slacksim.FaultAPIStatus, Status: 429, RetryAfter: 30, Method: "conversations.open", Team: "T1"},
		"in a 200":           {Kind: slacksim.FaultAPIError, Error: "ratelimited", Method: "chat.postMessage", Team: "T1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slacksim.Settings{NoRateLimits: true})
			w.workspace("T1", "acme", 40)
			w.workspace("T2", "acme", 1)
			one, _ := w.replica()
			two, _ := w.replica()
			w.fault(f)
			batch := []*kgo.Record{rec(t, delivery("T2", user(1), 1))}
			for n := range 40 {
				batch = append(batch, rec(t, delivery("T1", user(n+1), 1)))
			}
			result := w.write(one, batch...)
			if len(result.Deferred) != 40 || len(w.shown()) != 1 {
				t.Fatalf("%d deferred, shown %v", len(result.Deferred), w.shown())
			}
			calls, err := w.sim.Calls(t.Context())
			w.must(err)
			struck := calls[f.Method].Calls
			if struck > 1+parallelRecipients {
				t.Errorf("%d calls after Slack had said to wait", struck)
			}
			w.must(w.sim.ClearFaults(t.Context()))
			w.advance(time.Second)
			if left := len(w.write(two, result.Deferred...).Deferred); left != 40 {
				t.Errorf("the other replica sent %d before the time was over", 40-left)
			}
			w.advance(31 * time.Second)
			for range 10 {
				result = w.write(two, result.Deferred...)
				w.advance(10 * time.Second)
			}
			if len(result.Deferred) != 0 || len(w.shown()) != 41 {
				t.Errorf("%d still wait, %d shown", len(result.Deferred), len(w.shown()))
			}
		})
	}
}

// While the views are being rebuilt, the ledger may lack what was posted: nothing is posted.
func TestWaitsForCompleteViews(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{})
	w.workspace("T1", "acme", 1)
	s, _ := w.replica()
	w.must(w.rdb.Del(t.Context(), schemas.ViewsCompleteKey).Err())
	if _, err := s.Write(t.Context(), []*kgo.Record{rec(t, delivery("T1", user(1), 1))}); !errors.Is(err, errViewsIncomplete) {
		t.Errorf("got %v", err)
	}
	if shown := w.shown(); len(shown) > 0 {
		t.Errorf("posted: %v", shown)
	}
}

// What need not be asked of Slack has its outcome at once.
func TestWhatIsKnownBefore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(*world, *schemas.Delivery)
		want    string
	}{
		"expired":        {func(w *world, d *schemas.Delivery) { d.ExpiresAt = w.clock.Now() }, "expired past_expiry"},
		"not installed":  {func(_ *world, d *schemas.Delivery) { d.TeamID = "T9" }, "failed slack_not_connected"},
		"another tenant": {func(_ *world, d *schemas.Delivery) { d.OrgID = "globex" }, "failed tenant_mismatch"},
		"deactivated":    {deactivated, "failed account_inactive"},
		"revoked":        {installAs(schemas.InstallRevoked, "sealed:x"), "failed slack_not_connected"},
		"no token":       {installAs(schemas.InstallActive, ""), "failed slack_not_connected"},
		"unreadable":     {installAs(schemas.InstallActive, "another key set"), "failed token_unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slacksim.Settings{})
			w.workspace("T1", "acme", 1)
			s, _ := w.replica()
			d := delivery("T1", user(1), 1)
			tt.prepare(w, &d)
			w.write(s, rec(t, d))
			outcomes := w.take()
			if got := statuses(outcomes); len(got) != 1 || got[0] != tt.want {
				t.Errorf("outcomes %v, want %s", got, tt.want)
			}
			if shown := w.shown(); len(shown) > 0 {
				t.Errorf("posted: %v", shown)
			}
			noLeak(t, "the outcome", outcomes)
		})
	}
}

func deactivated(w *world, d *schemas.Delivery) {
	w.view(schemas.ViewTeamUsers(d.TeamID), string(d.SlackUserID), schemas.SlackUser{OrgID: "acme", TeamID: d.TeamID, UserID: d.SlackUserID, Deleted: true})
}

func installAs(status schemas.InstallStatus, sealed string) func(*world, *schemas.Delivery) {
	return func(w *world, d *schemas.Delivery) {
		w.install(schemas.Installation{OrgID: "acme", TeamID: d.TeamID, Status: status, SealedToken: sealed})
	}
}

// Another request with the same dedup id is the same delivery: not posted again, and its outcome says so.
func TestADedupIDIsOneDelivery(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true, NoRateLimits: true})
	w.workspace("T1", "acme", 1)
	s, _ := w.replica()
	d := delivery("T1", user(1), 1)
	again := d
	again.RequestID = "another"
	w.write(s, rec(t, d))
	w.write(s, rec(t, again))
	outcomes := w.take()
	if len(w.shown()) != 1 || len(outcomes) != 2 || outcomes[1].RequestID != "another" || outcomes[1].Reason != schemas.Duplicate || outcomes[1].Status != schemas.Delivered {
		t.Errorf("shown %v, outcomes %+v", w.shown(), outcomes)
	}
}

// One recipient's failure does not cut off posts to others, of which nobody would know whether Slack took them.
func TestAFailureCutsOffNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true, NoRateLimits: true})
	w.workspace("T1", "acme", 9)
	s, reg := w.replica()
	s.publish = func(ctx context.Context, o schemas.Outcome) error {
		if o.RequestID == "T1-U000001-1" {
			return errors.New("Kafka is away")
		}
		return w.publish(ctx, o)
	}
	w.fault(slacksim.Fault{Kind: slacksim.FaultAPILatency, DelayMS: 100, Method: "chat.postMessage", Count: 8})
	expired := delivery("T1", user(1), 1) // it fails to publish while the others are posting
	expired.ExpiresAt = w.clock.Now()
	batch := []*kgo.Record{rec(t, expired)}
	for n := 2; n <= 9; n++ {
		batch = append(batch, rec(t, delivery("T1", user(n), 1)))
	}
	if _, err := s.Write(t.Context(), batch); err == nil {
		t.Fatal("Write succeeded although an outcome was not published")
	}
	s.publish = w.publish
	w.advance(time.Minute)
	w.write(s, batch...)
	if shown := w.shown(); len(shown) != 8 {
		t.Errorf("%d posts for 8 people: %v", len(shown), shown)
	}
	if n := w.ambiguous(reg, schemas.Repeat); n > 0 {
		t.Errorf("%v deliveries were left in doubt", n)
	}
}

func TestAMalformedRecordIsRejectedAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{})
	w.workspace("T1", "acme", 1)
	s, _ := w.replica()
	bad := []*kgo.Record{{Value: []byte(`{"delivery_id":"` + secret)}, {}, {Value: []byte(`{}`)}}
	result := w.write(s, append(bad, rec(t, delivery("T1", user(1), 1)))...)
	if len(result.Rejected) != 3 || len(w.shown()) != 1 {
		t.Errorf("%d rejected, shown %v", len(result.Rejected), w.shown())
	}
	for _, r := range result.Rejected {
		noLeak(t, "the rejection", fmt.Sprint(r.Reason, r.Detail))
	}
}

func entry(t *testing.T, w *world, id schemas.DeliveryID) *schemas.LedgerEntry {
	t.Helper()
	raw, err := w.rdb.Get(t.Context(), schemas.LedgerKey(id)).Bytes()
	if err != nil {
		return nil
	}
	var e schemas.LedgerEntry
	w.must(json.Unmarshal(raw, &e))
	return &e
}
