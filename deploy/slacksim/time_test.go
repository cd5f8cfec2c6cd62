package slacksim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// The tests of this file run in virtual time: minutes pass in no time, and exactly.

// bubble is a simulator reached without sockets.
type bubble struct {
	*slacksim.Client
	t       *testing.T
	sim     *slacksim.Simulator
	team    slacksim.Team
	ada     slacksim.Person
	install slacksim.Install
	rooms   []slacksim.Channel
	// transport carries events; before lets a test fail one before it arrives.
	transport *failing
}

type failing struct {
	direct
	before func(*http.Request) error
}

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.before != nil {
		if err := f.before(r); err != nil {
			return nil, err
		}
	}
	return f.direct.RoundTrip(r)
}

// newBubble makes a workspace with so many channels, and an app whose events go to handle.
func newBubble(t *testing.T, o slacksim.Options, rooms int, handle http.HandlerFunc) *bubble {
	transport := &failing{direct: direct{handle}}
	o.Client = &http.Client{Transport: transport}
	sim, err := slacksim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b := &bubble{t: t, sim: sim, transport: transport, Client: slacksim.NewClient("http://slack.test", &http.Client{Transport: direct{sim.Handler()}})}
	ctx := t.Context()
	b.team = must(b.CreateTeam(ctx, slacksim.Team{Name: "Acme"}))(t)
	b.ada = must(b.CreatePerson(ctx, b.team.ID, slacksim.Person{Name: "ada"}))(t)
	app := must(b.CreateApp(ctx, slacksim.App{Name: "Backchannel", EventsURL: "http://app.test/events", Events: []string{"message.channels"}}))(t)
	b.install = must(b.Install(ctx, b.team.ID, slacksim.InstallRequest{App: app.ID, Scopes: allScopes}))(t)
	for i := range rooms {
		b.rooms = append(b.rooms, must(b.CreateChannel(ctx, b.team.ID, slacksim.Channel{
			Name: fmt.Sprintf("room-%d", i), Members: []slacksim.UserID{b.ada.ID, b.install.BotUserID},
		}))(t))
	}
	return b
}

func (b *bubble) close() {
	b.t.Helper()
	if err := b.sim.Close(); err != nil {
		b.t.Error(err)
	}
}

// call asks the Web API with a form; it returns status, Slack's error and Retry-After.
func (b *bubble) call(method string, args url.Values) (int, string, string) {
	b.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, "/api/"+method, strings.NewReader(args.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+b.install.Token)
	b.sim.Handler().ServeHTTP(w, r)
	var body struct{ Error string }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		b.t.Fatal(err)
	}
	return w.Code, body.Error, w.Header().Get("Retry-After")
}

// attempts collects when an events URL was asked, and what it was told.
type attempts struct {
	mu    sync.Mutex
	begin time.Time
	seen  []string
}

func (a *attempts) note(r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, strings.TrimSpace(fmt.Sprintf("%s %s %s", time.Since(a.begin), r.Header.Get("X-Slack-Retry-Num"), r.Header.Get("X-Slack-Retry-Reason"))))
	return len(a.seen)
}

func TestEventRetries(t *testing.T) {
	tests := []struct {
		name   string
		handle func(n int, w http.ResponseWriter, r *http.Request)
		want   []string
		stats  slacksim.DeliveryStats
	}{
		{
			"accepted at the third retry", func(n int, w http.ResponseWriter, _ *http.Request) {
				if n < 4 {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			},
			[]string{"0s", "0s 1 http_error", "1m0s 2 http_error", "6m0s 3 http_error"},
			slacksim.DeliveryStats{Created: 1, Accepted: 1, FailedAttempts: 3, Retries: 3},
		},
		{
			"given up", func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
			[]string{"0s", "0s 1 http_error", "1m0s 2 http_error", "6m0s 3 http_error"},
			slacksim.DeliveryStats{Created: 1, GivenUp: 1, FailedAttempts: 4, Retries: 3},
		},
		{
			"no retry wanted", func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Slack-No-Retry", "1")
				w.WriteHeader(http.StatusBadRequest)
			},
			[]string{"0s"}, slacksim.DeliveryStats{Created: 1, GivenUp: 1, FailedAttempts: 1},
		},
		{
			"no-retry on a success changes nothing", func(_ int, w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Slack-No-Retry", "1") },
			[]string{"0s"}, slacksim.DeliveryStats{Created: 1, Accepted: 1},
		},
		{
			"slower than 3 seconds", func(n int, _ http.ResponseWriter, r *http.Request) {
				if n == 1 {
					<-r.Context().Done()
				}
			},
			[]string{"0s", "3s 1 http_timeout"}, slacksim.DeliveryStats{Created: 1, Accepted: 1, FailedAttempts: 1, Retries: 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &attempts{begin: time.Now()}
				b := newBubble(t, slacksim.Options{}, 1, func(w http.ResponseWriter, r *http.Request) { tt.handle(a.note(r), w, r) })
				defer b.close()
				must(b.Say(t.Context(), b.team.ID, b.rooms[0].ID, b.ada.ID, "hi"))(t)
				stats := must(b.Idle(t.Context()))(t)
				if diff := cmp.Diff(tt.want, a.seen); diff != "" {
					t.Error(diff)
				}
				if diff := cmp.Diff(tt.stats, stats); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestDeliveryIsBoundedAndOrdered: never more than so many at once, and first attempts of a channel in order.
func TestDeliveryIsBoundedAndOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running, most := 0, 0
		texts := map[string][]string{}
		b := newBubble(t, slacksim.Options{EventConcurrency: 3}, 6, func(_ http.ResponseWriter, r *http.Request) {
			var body struct {
				Event struct{ Channel, Text string }
			}
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				t.Error(err)
			}
			mu.Lock()
			running++
			most = max(most, running)
			texts[body.Event.Channel] = append(texts[body.Event.Channel], body.Event.Text)
			mu.Unlock()
			time.Sleep(time.Second) // virtual: a slow app
			mu.Lock()
			running--
			mu.Unlock()
		})
		defer b.close()
		var want []string
		for i := range 10 {
			want = append(want, strconv.Itoa(i))
			for _, room := range b.rooms {
				must(b.Say(t.Context(), b.team.ID, room.ID, b.ada.ID, strconv.Itoa(i)))(t)
			}
		}
		must(b.Idle(t.Context()))(t)
		if most != 3 {
			t.Errorf("%d deliveries at once, want 3", most)
		}
		for _, room := range b.rooms {
			if diff := cmp.Diff(want, texts[string(room.ID)]); diff != "" {
				t.Errorf("%s: %s", room.Name, diff)
			}
		}
	})
}

func TestPostsAreOneASecondPerChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, slacksim.Options{Settings: slacksim.Settings{PostsPerMinute: 5}}, 2, func(http.ResponseWriter, *http.Request) {})
		defer b.close()
		post := func(room int, wantStatus int, wantWait string) {
			t.Helper()
			status, code, wait := b.call("chat.postMessage", url.Values{"channel": {string(b.rooms[room].ID)}, "text": {"x"}})
			if status != wantStatus || wait != wantWait || (status == 429) != (code == "ratelimited") {
				t.Errorf("at %s: %d %s, Retry-After %q; want %d, %q", time.Now(), status, code, wait, wantStatus, wantWait)
			}
		}
		post(0, 200, "")
		post(0, 429, "1")
		post(1, 200, "") // another channel
		time.Sleep(950 * time.Millisecond)
		post(0, 200, "") // the network's jitter is forgiven
		time.Sleep(950 * time.Millisecond)
		post(0, 200, "")
		time.Sleep(100 * time.Millisecond)
		post(0, 429, "1")
		time.Sleep(time.Second)
		post(0, 200, "")
		time.Sleep(time.Second)
		post(0, 429, "56") // five a minute is the workspace's limit
		time.Sleep(56 * time.Second)
		post(0, 200, "")
	})
}

func TestTiersArePerMinuteMethodAndWorkspace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, slacksim.Options{}, 0, func(http.ResponseWriter, *http.Request) {})
		defer b.close()
		for i := range 20 {
			if status, code, _ := b.call("users.list", nil); status != 200 || code != "" {
				t.Fatalf("call %d: %d %s", i+1, status, code)
			}
		}
		time.Sleep(500 * time.Millisecond)
		if status, code, wait := b.call("users.list", nil); status != 429 || code != "ratelimited" || wait != "60" {
			t.Errorf("call 21: %d %s, Retry-After %s; want to wait 60 s", status, code, wait)
		}
		if status, _, _ := b.call("users.info", url.Values{"user": {string(b.ada.ID)}}); status != 200 {
			t.Errorf("users.info is limited with users.list: %d", status)
		}
		time.Sleep(time.Minute)
		if status, _, _ := b.call("users.list", nil); status != 200 {
			t.Errorf("still limited after a minute: %d", status)
		}
	})
}

func TestLatencyFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, slacksim.Options{}, 0, func(http.ResponseWriter, *http.Request) {})
		defer b.close()
		must(b.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultAPILatency, DelayMS: 2500, Count: 1}))(t)
		begin := time.Now()
		b.call("auth.test", nil)
		b.call("auth.test", nil)
		if took := time.Since(begin); took != 2500*time.Millisecond {
			t.Errorf("two calls took %s, want the first to wait 2.5 s", took)
		}
	})
}

// TestScheduledMessages: chat.scheduleMessage posts when its time has come, and 'does not post when it has metadata'.
func TestScheduledMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, slacksim.Options{}, 1, func(http.ResponseWriter, *http.Request) {})
		defer b.close()
		schedule := func(in time.Duration, more url.Values) any {
			args := url.Values{"channel": {string(b.rooms[0].ID)}, "text": {"later"}, "post_at": {strconv.FormatInt(time.Now().Add(in).Unix(), 10)}}
			for name, v := range more {
				args[name] = v
			}
			got := b.api("chat.scheduleMessage", args)
			if got["ok"] == true {
				return true
			}
			return got["error"]
		}
		got := []any{
			schedule(-time.Minute, nil), schedule(121*24*time.Hour, nil), schedule(time.Hour, nil),
			schedule(time.Hour, url.Values{"metadata": {`{"event_type":"x","event_payload":{}}`}}),
		}
		if diff := cmp.Diff([]any{"time_in_past", "time_too_far", true, true}, got); diff != "" {
			t.Error(diff)
		}
		said := func() int {
			return len(must(b.Messages(t.Context(), b.team.ID, b.rooms[0].ID, slacksim.MessageQuery{}))(t).Messages)
		}
		time.Sleep(time.Hour - time.Second)
		before := said()
		time.Sleep(2 * time.Second)
		if after := said(); before != 0 || after != 1 {
			t.Errorf("%d messages before their time, %d after it, want 0 and 1", before, after)
		}
	})
}
