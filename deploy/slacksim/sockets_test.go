package slacksim_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// pipes is a listener without sockets, so that WebSockets work in a synctest bubble.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.conns <- server
	return client, nil
}

// socketStage is a bubble whose app is in Socket Mode.
type socketStage struct {
	*bubble
	app    slacksim.App
	dialer *websocket.Dialer
}

func inSocketStage(t *testing.T, run func(*testing.T, *socketStage)) {
	synctest.Test(t, func(t *testing.T) {
		st := &socketStage{bubble: newBubble(t, slacksim.Options{}, 1, func(http.ResponseWriter, *http.Request) { t.Error("something came over HTTP") })}
		on := true
		st.app = must(st.UpdateApp(t.Context(), st.install.App, slacksim.AppPatch{SocketMode: &on}))(t)
		p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: st.sim.Handler(), ReadHeaderTimeout: time.Minute}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(p) }()
		st.dialer = &websocket.Dialer{NetDialContext: p.dial}
		run(t, st)
		st.close()
		_ = server.Close()
		<-served
	})
}

func (st *socketStage) slackGo() *slack.Client {
	return slack.New(st.install.Token, slack.OptionAppLevelToken(st.app.AppToken), slack.OptionAPIURL("http://slack.test/api/"),
		slack.OptionHTTPClient(&http.Client{Transport: direct{st.sim.Handler()}}))
}

// connect opens a bare connection, and reads its first message.
func (st *socketStage) connect() (*websocket.Conn, map[string]any) {
	st.t.Helper()
	_, address, err := st.slackGo().StartSocketModeContext(st.t.Context())
	if err != nil {
		st.t.Fatal(err)
	}
	conn, res, err := st.dialer.DialContext(st.t.Context(), address, nil)
	if err != nil {
		st.t.Fatal(err)
	}
	_ = res.Body.Close()
	return conn, st.read(conn)
}

func (st *socketStage) read(conn *websocket.Conn) map[string]any {
	st.t.Helper()
	var got map[string]any
	if err := conn.ReadJSON(&got); err != nil {
		st.t.Fatal(err)
	}
	return got
}

func (st *socketStage) say() {
	st.t.Helper()
	must(st.Say(st.t.Context(), st.team.ID, st.rooms[0].ID, st.ada.ID, "hi"))(st.t)
}

// TestSlackGoInSocketMode: slack-go's own client connects, acknowledges an event, answers a submission, and reconnects
// when a refresh is requested.
func TestSlackGoInSocketMode(t *testing.T) {
	inSocketStage(t, func(t *testing.T, st *socketStage) {
		ctx, cancel := context.WithCancel(t.Context())
		client := socketmode.New(st.slackGo(), socketmode.OptionDialer(st.dialer))
		ended := make(chan struct{})
		go func() { defer close(ended); _ = client.RunContext(ctx) }()
		counts := map[socketmode.EventType]int{}
		handled := make(chan struct{})
		go func() {
			defer close(handled)
			for {
				select {
				case ev := <-client.Events:
					counts[ev.Type]++
					if ev.Type == socketmode.EventTypeEventsAPI || ev.Type == socketmode.EventTypeInteractive {
						_ = client.Ack(*ev.Request)
					}
				case <-ctx.Done():
					return
				}
			}
		}()
		synctest.Wait()
		st.say()
		if stats := must(st.Idle(t.Context()))(t); stats.Accepted != 1 || stats.Retries != 0 {
			t.Errorf("%+v", stats)
		}
		posted := st.api("chat.postMessage", map[string][]string{"channel": {string(st.rooms[0].ID)}, "text": {"x"}, "blocks": {buttonBlocks}})
		ts, _ := posted["ts"].(string)
		if err := st.Press(t.Context(), st.team.ID, slacksim.Press{User: st.ada.ID, Channel: st.rooms[0].ID, TS: slacksim.TS(ts), Action: "link"}); err != nil {
			t.Error(err)
		}
		if err := st.Disconnect(t.Context(), st.app.ID, slacksim.Disconnection{Reason: "refresh_requested"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		cancel()
		<-ended
		<-handled
		if counts["connected"] != 2 || counts["hello"] != 2 || counts["events_api"] < 1 || counts["interactive"] != 1 {
			t.Errorf("slack-go saw %v", counts)
		}
	})
}

// TestUnacknowledgedEnvelopesComeAgain: 'any may get any envelope', redelivery, and 'acks of 20 kB and more are silently
// dropped'.
func TestUnacknowledgedEnvelopesComeAgain(t *testing.T) {
	inSocketStage(t, func(t *testing.T, st *socketStage) {
		conn, hello := st.connect()
		if hello["type"] != "hello" || hello["num_connections"] != 1.0 {
			t.Errorf("hello is %v", hello)
		}
		st.say()
		first := st.read(conn)
		if err := conn.WriteJSON(map[string]any{"envelope_id": first["envelope_id"], "payload": map[string]any{"x": strings.Repeat("x", 20<<10)}}); err != nil {
			t.Fatal(err)
		}
		second := st.read(conn)
		if err := conn.WriteJSON(map[string]any{"envelope_id": second["envelope_id"]}); err != nil {
			t.Fatal(err)
		}
		stats := must(st.Idle(t.Context()))(t)
		got := []any{first["type"], first["retry_attempt"], second["retry_attempt"], second["retry_reason"], stats.Accepted, stats.Retries}
		if diff := cmp.Diff([]any{"events_api", 0.0, 1.0, "http_timeout", 1, 1}, got); diff != "" {
			t.Error(diff)
		}
		_ = conn.Close()
	})
}

// TestTenSocketsAndGhosts: 'up to 10 connections', too_many_websockets, and 'ghost connections use up the 10'.
func TestTenSocketsAndGhosts(t *testing.T) {
	inSocketStage(t, func(t *testing.T, st *socketStage) {
		var conns []*websocket.Conn
		for range 10 {
			conn, _ := st.connect()
			conns = append(conns, conn)
		}
		_, got := st.connect()
		if got["type"] != "disconnect" || got["reason"] != "too_many_websockets" {
			t.Errorf("the eleventh got %v", got)
		}
		_ = conns[0].NetConn().Close() // without a farewell
		synctest.Wait()
		if _, got := st.connect(); got["reason"] != "too_many_websockets" {
			t.Errorf("a ghost does not count: %v", got)
		}
		time.Sleep(31 * time.Second)
		conn, got := st.connect()
		if got["type"] != "hello" {
			t.Errorf("a ghost counts for ever: %v", got)
		}
		for _, c := range append(conns, conn) {
			_ = c.Close()
		}
	})
}

// TestDisconnectReasons: warning, refresh_requested, link_disabled.
func TestDisconnectReasons(t *testing.T) {
	inSocketStage(t, func(t *testing.T, st *socketStage) {
		conn, _ := st.connect()
		for _, reason := range []string{"warning", "refresh_requested"} { // after hours, by itself
			if got := st.read(conn); got["reason"] != reason {
				t.Errorf("%v, want %s", got, reason)
			}
		}
		conn, _ = st.connect()
		off := false
		heard := make(chan any, 1)
		go func() {
			var got map[string]any
			_ = conn.ReadJSON(&got)
			heard <- got["reason"]
		}()
		must(st.UpdateApp(t.Context(), st.app.ID, slacksim.AppPatch{SocketMode: &off}))(t)
		if got := <-heard; got != "link_disabled" {
			t.Error(got)
		}
		_ = conn.Close()
		if _, _, err := st.slackGo().StartSocketModeContext(t.Context()); err == nil {
			t.Error("a connection was opened with Socket Mode off")
		}
	})
}

// TestAHalfOpenConnection: 'Half-open sockets whose deadman never fires': it stands and counts, gets envelopes that nobody sees, and
// neither pings nor answers a ping.
func TestAHalfOpenConnection(t *testing.T) {
	inSocketStage(t, func(t *testing.T, st *socketStage) {
		conn, _ := st.connect()
		var pings, pongs atomic.Int64
		conn.SetPingHandler(func(string) error { pings.Add(1); return nil })
		conn.SetPongHandler(func(string) error { pongs.Add(1); return nil })
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				if _, _, err := conn.ReadMessage(); err != nil {
					return
				}
				t.Error("something got through")
			}
		}()
		ping := func() {
			if err := conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)); err != nil {
				t.Error(err)
			}
			time.Sleep(6 * time.Second)
		}
		ping()
		if pings.Load() != 1 || pongs.Load() != 1 {
			t.Errorf("while it is whole: %d pings and %d pongs", pings.Load(), pongs.Load())
		}
		if err := st.Disconnect(t.Context(), st.app.ID, slacksim.Disconnection{Reason: "half_open"}); err != nil {
			t.Fatal(err)
		}
		ping()
		st.say()
		stats := must(st.Idle(t.Context()))(t)
		list := must(st.Sockets(t.Context(), st.app.ID))(t)
		if pings.Load() != 1 || pongs.Load() != 1 || stats.GivenUp != 1 || len(list) != 1 || !list[0].Deaf {
			t.Errorf("%d pings, %d pongs, %+v, %+v", pings.Load(), pongs.Load(), stats, list)
		}
		_ = conn.Close()
		<-ended
	})
}

// TestARefreshWithoutWarning: 'warning ~10 s ahead if at all'.
func TestARefreshWithoutWarning(t *testing.T) {
	inSocketStage(t, func(t *testing.T, st *socketStage) {
		must(st.SetSettings(t.Context(), slacksim.Settings{UnwarnedRefresh: true}))(t)
		conn, _ := st.connect()
		if got := st.read(conn); got["reason"] != "refresh_requested" {
			t.Errorf("%v, want refresh_requested", got)
		}
		_ = conn.Close()
	})
}

// TestHowOftenConnectionsOpen: apps.connections.open is tier 3, or '[unsettled]: tier 1 in one SDK'.
func TestHowOftenConnectionsOpen(t *testing.T) {
	inSocketStage(t, func(t *testing.T, st *socketStage) {
		opened := func() int {
			for n := 0; ; n++ {
				if _, _, err := st.slackGo().StartSocketModeContext(t.Context()); err != nil {
					return n
				}
			}
		}
		if n := opened(); n != 50 {
			t.Errorf("%d a minute, want 50", n)
		}
		time.Sleep(time.Minute)
		must(st.SetSettings(t.Context(), slacksim.Settings{ConnectionsPerMinute: 1}))(t)
		if n := opened(); n != 1 {
			t.Errorf("in tier 1 %d a minute", n)
		}
	})
}
