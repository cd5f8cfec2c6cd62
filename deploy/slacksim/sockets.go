package slacksim

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxSockets is how many connections an app has at once (docs.slack.dev/apis/events-api/using-socket-mode).
	maxSockets = 10
	// maxAck is where acknowledgements begin to be dropped without a word (slack-go's socketmode, verified against Slack).
	maxAck = 20 << 10
	// ticketLife is how long the address of apps.connections.open is good for.
	ticketLife = 30 * time.Second
	// ghostLife is how long a connection that went without a farewell counts, and is sent envelopes that nobody reads.
	ghostLife = 30 * time.Second
	// socketLife is when a connection is refreshed: "every few hours"; socketWarning comes so long before.
	socketLife    = 4 * time.Hour
	socketWarning = 10 * time.Second
	// pingEvery is how often Slack pings; clients take silence for a dead connection.
	pingEvery = 5 * time.Second
)

// sockets are the Socket Mode connections of all apps. Its mu is never held while the simulator's is asked for.
type sockets struct {
	mu      sync.Mutex
	tickets map[string]ticket
	open    map[AppID][]*socket
	waiting map[string]chan json.RawMessage // by envelope id
	random  *rand.Rand
	closed  bool
	wg      sync.WaitGroup
}

type ticket struct {
	app AppID
	at  time.Time
}

// socket is one connection. A ghost's peer has gone without a word. A deaf one is half open: it still stands, but nothing that
// either side says gets through, pings neither.
type socket struct {
	id    string
	app   AppID
	conn  *websocket.Conn
	write sync.Mutex
	ghost *time.Timer
	deaf  atomic.Bool
	done  chan struct{}
}

func newSockets(seed uint64) *sockets {
	return &sockets{
		tickets: map[string]ticket{}, open: map[AppID][]*socket{}, waiting: map[string]chan json.RawMessage{},
		random: rand.New(rand.NewPCG(seed, seed)), //nolint:gosec // reproducible on purpose
	}
}

func (k *socket) send(v any) error {
	k.write.Lock()
	defer k.write.Unlock()
	if err := k.conn.SetWriteDeadline(time.Now().Add(eventTimeout)); err != nil {
		return err
	}
	return k.conn.WriteJSON(v)
}

// disconnect tells the app to go elsewhere; all reasons but a warning end the connection, with a close frame to which the app has
// some seconds to answer.
func (k *socket) disconnect(reason string) {
	_ = k.send(map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "applink-sim"}})
	if reason == "warning" {
		return
	}
	until := time.Now().Add(eventTimeout)
	_ = k.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), until)
	_ = k.conn.SetReadDeadline(until)
}

// add counts a connection in, unless there are ten.
func (ss *sockets) add(k *socket) (n int, ok bool) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if len(ss.open[k.app]) >= maxSockets || ss.closed {
		return 0, false
	}
	ss.open[k.app] = append(ss.open[k.app], k)
	return len(ss.open[k.app]), true
}

func (ss *sockets) remove(k *socket) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.open[k.app] = slices.DeleteFunc(ss.open[k.app], func(o *socket) bool { return o == k })
}

// haunt leaves a ghost, which counts until its time is over.
func (ss *sockets) haunt(k *socket) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if !ss.closed {
		k.ghost = time.AfterFunc(ghostLife, func() { ss.remove(k) })
	}
}

// pick is any connection: the one that sent something has no claim to the answer.
func (ss *sockets) pick(app AppID) *socket {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if len(ss.open[app]) == 0 {
		return nil
	}
	return ss.open[app][ss.random.IntN(len(ss.open[app]))]
}

func (ss *sockets) list(app AppID) []*socket {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return slices.Clone(ss.open[app])
}

// close ends all connections and waits for their goroutines.
func (ss *sockets) close() {
	ss.mu.Lock()
	ss.closed = true
	for _, list := range ss.open {
		for _, k := range list {
			if k.ghost != nil {
				k.ghost.Stop()
			}
			_ = k.conn.Close()
		}
	}
	ss.mu.Unlock()
	ss.wg.Wait()
}

// deliver sends an envelope over any connection and waits for its acknowledgement. ok is false when there was none in
// time; reason is Slack's word for why.
func (ss *sockets) deliver(ctx context.Context, app AppID, envelope map[string]any) (answer json.RawMessage, reason string) {
	k := ss.pick(app)
	if k == nil {
		return nil, "connection_failed"
	}
	id := newUUID()
	envelope["envelope_id"] = id
	acked := make(chan json.RawMessage, 1)
	ss.mu.Lock()
	ss.waiting[id] = acked
	ss.mu.Unlock()
	defer func() {
		ss.mu.Lock()
		delete(ss.waiting, id)
		ss.mu.Unlock()
	}()
	if !ss.isGhost(k) && !k.deaf.Load() {
		_ = k.send(envelope) // a failure shows as silence, as at Slack
	}
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	select {
	case answer = <-acked:
		return answer, ""
	case <-ctx.Done():
		return nil, reasonTimeout
	}
}

// acknowledge takes what an app sent. What is too long is dropped without a word.
func (ss *sockets) acknowledge(raw []byte) {
	var ack struct {
		ID      string          `json:"envelope_id"`
		Payload json.RawMessage `json:"payload"`
	}
	if len(raw) >= maxAck || json.Unmarshal(raw, &ack) != nil {
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if waiting := ss.waiting[ack.ID]; waiting != nil {
		waiting <- ack.Payload
		delete(ss.waiting, ack.ID)
	}
}

// openConnection answers apps.connections.open, which takes an app-level token.
func (s *Simulator) openConnection(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = r.FormValue("token")
	}
	s.mu.Lock()
	app, err := s.socketApp(token)
	s.mu.Unlock()
	if err != nil {
		s.answer(w, "apps.connections.open", nil, err, nil)
		return
	}
	secret := newSecret(32)
	s.sockets.mu.Lock()
	s.sockets.tickets[secret] = ticket{app: app.ID, at: s.now()}
	s.sockets.mu.Unlock()
	s.answer(w, "apps.connections.open", response{"url": "ws://" + r.Host + "/link/?ticket=" + secret + "&app_id=" + string(app.ID)}, nil, nil)
}

func (s *Simulator) socketApp(token string) (*App, error) {
	switch {
	case token == "":
		return nil, fail("not_authed")
	case s.state.tokens[token] != nil:
		return nil, fail("not_allowed_token_type")
	}
	for _, a := range s.state.apps {
		if a.AppToken == token && a.SocketMode {
			c := &call{Simulator: s, method: "apps.connections.open", app: a}
			return a, c.limit(windowKey{method: c.method, app: a.ID}, s.settings.ConnectionsPerMinute)
		}
	}
	return nil, fail("invalid_auth")
}

// overSocket delivers an event to an app in Socket Mode.
func (s *Simulator) overSocket(ctx context.Context, d *delivery) result {
	_, reason := s.sockets.deliver(ctx, d.App, map[string]any{
		"type": "events_api", "payload": d.Body, "accepts_response_payload": false,
		"retry_attempt": d.attempts, "retry_reason": d.reason,
	})
	return result{accepted: reason == "", reason: reason}
}

// askSocket sends an interaction to an app in Socket Mode.
func (s *Simulator) askSocket(ctx context.Context, app App, payload map[string]any) ([]byte, error) {
	kind := payload["type"]
	answer, reason := s.sockets.deliver(ctx, app.ID, map[string]any{
		"type": "interactive", "payload": payload, "accepts_response_payload": kind == "view_submission" || kind == "block_suggestion",
	})
	if reason != "" {
		return nil, refuse("%s did not answer: %s", app.Name, reason)
	}
	return answer, nil
}
