package slacksim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"go.uber.org/goleak"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a simulator with one workspace, two people, a channel, and an app that hears of everything.
type world struct {
	*slacksim.Client
	t       *testing.T
	url     string
	team    slacksim.Team
	ada     slacksim.Person
	bob     slacksim.Person
	channel slacksim.Channel
	app     slacksim.App
	install slacksim.Install
	api     *slack.Client
	inbox   *inbox
}

var allScopes = []string{
	"app_mentions:read", "channels:history", "channels:read", "chat:write", "groups:history", "groups:read", "im:write",
	"im:read", "mpim:read", "mpim:write", "users:read", "users:read.email",
}

var allEvents = []string{
	"message.channels", "message.groups", "app_mention", "member_joined_channel", "member_left_channel", "channel_left",
	"group_left", "channel_rename", "group_rename", "channel_archive", "team_join", "user_change", "app_uninstalled", "tokens_revoked",
}

func newWorld(t *testing.T, o slacksim.Options) *world {
	t.Helper()
	sim, err := slacksim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	w := &world{t: t, url: server.URL, inbox: newInbox(t)}
	hc := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		hc.CloseIdleConnections()
		server.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Client = slacksim.NewClient(server.URL, hc)
	ctx := t.Context()
	w.team = must(w.CreateTeam(ctx, slacksim.Team{Name: "Acme Inc"}))(t)
	w.ada = must(w.CreatePerson(ctx, w.team.ID, slacksim.Person{Name: "ada", RealName: "Ada Lovelace", Email: "ada@acme.example"}))(t)
	w.bob = must(w.CreatePerson(ctx, w.team.ID, slacksim.Person{Name: "bob"}))(t)
	w.app = must(w.CreateApp(ctx, slacksim.App{Name: "Backchannel", EventsURL: w.inbox.url, Events: allEvents}))(t)
	w.install = must(w.Install(ctx, w.team.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: allScopes}))(t)
	w.channel = must(w.CreateChannel(ctx, w.team.ID, slacksim.Channel{
		Name: "acme-deal", Members: []slacksim.UserID{w.ada.ID, w.bob.ID, w.install.BotUserID},
	}))(t)
	w.inbox.setSecret(w.app.SigningSecret)
	w.api = w.as(w.install.Token)
	w.settle()
	w.inbox.take()
	return w
}

// as is slack-go's client with a token.
func (w *world) as(token string) *slack.Client {
	hc := &http.Client{Transport: &http.Transport{}}
	w.t.Cleanup(hc.CloseIdleConnections)
	return slack.New(token, slack.OptionAPIURL(w.url+"/api/"), slack.OptionHTTPClient(hc))
}

// settle waits for deliveries.
func (w *world) settle() slacksim.DeliveryStats {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	return must(w.Idle(ctx))(w.t)
}

// must fails the test on an error: must(f())(t).
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// inbox is an events URL that checks signatures with slack-go and keeps what it gets.
type inbox struct {
	url string

	mu     sync.Mutex
	secret string
	got    []received
	answer func(n int, r *http.Request) int
	tries  int
	bad    []error
}

type received struct {
	header   http.Header
	envelope map[string]any
	event    map[string]any
}

func newInbox(t *testing.T) *inbox {
	in := &inbox{}
	server := httptest.NewServer(in)
	in.url = server.URL + "/slack/events"
	t.Cleanup(func() {
		server.Close()
		for _, err := range in.bad {
			t.Errorf("an event's signature: %v", err)
		}
	})
	return in
}

func (in *inbox) setSecret(s string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.secret = s
}

// respond sets the status answered to the n-th request from now, from 0.
func (in *inbox) respond(answer func(n int, r *http.Request) int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.answer, in.tries = answer, 0
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	in.mu.Lock()
	defer in.mu.Unlock()
	if err != nil {
		return // the simulator was closed in the middle of it, as a test ended
	}
	if in.secret != "" {
		v, err := slack.NewSecretsVerifier(r.Header, in.secret)
		if err == nil {
			_, _ = v.Write(body)
			err = v.Ensure()
		}
		if err != nil {
			in.bad = append(in.bad, err)
		}
	}
	got := received{header: r.Header.Clone()}
	if err := json.Unmarshal(body, &got.envelope); err != nil {
		in.bad = append(in.bad, err)
		return
	}
	got.event, _ = got.envelope["event"].(map[string]any)
	in.got = append(in.got, got)
	if in.answer != nil {
		status := in.answer(in.tries, r)
		in.tries++
		w.WriteHeader(status)
	}
}

// take empties the inbox.
func (in *inbox) take() []received {
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.got
	in.got = nil
	return got
}

// newInboxServer serves an events URL of a test's own.
func newInboxServer(t *testing.T, handle http.HandlerFunc) string {
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

// direct is a transport that asks a handler without a socket, so that it works in a synctest bubble.
type direct struct{ http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	answered := make(chan *http.Response, 1)
	go func() {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		answered <- w.Result()
	}()
	select {
	case res := <-answered:
		return res, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}
