package slacksim

import (
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

// socketRoutes are Socket Mode's, and the control of its connections.
func (s *Simulator) socketRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/apps.connections.open", s.openConnection)
	mux.HandleFunc("GET /link/", s.link)
	mux.HandleFunc("GET /control/apps/{app}/sockets", unlocked(func(r *http.Request, _ none) ([]Connection, error) {
		out := []Connection{}
		for _, k := range s.sockets.list(AppID(r.PathValue("app"))) {
			out = append(out, Connection{ID: k.id, Ghost: s.sockets.isGhost(k), Deaf: k.deaf.Load()})
		}
		return out, nil
	}))
	mux.HandleFunc("POST /control/apps/{app}/sockets/disconnect", unlocked(func(r *http.Request, in Disconnection) (none, error) {
		return none{}, s.disconnect(AppID(r.PathValue("app")), in)
	}))
}

// Connection is one Socket Mode connection that Slack counts. A ghost's app has gone without a farewell; a deaf one is half open.
type Connection struct {
	ID    string `json:"id"`
	Ghost bool   `json:"ghost,omitempty"`
	Deaf  bool   `json:"deaf,omitempty"`
}

// Disconnection tells an app's connections to go: with warning they stay open.
type Disconnection struct {
	// Reason is warning, refresh_requested, link_disabled or too_many_websockets; or half_open, which says nothing: the connection
	// stands, and is dead.
	Reason string `json:"reason"`
	// ID names one connection. Default: all.
	ID string `json:"id,omitempty"`
}

func (s *Simulator) disconnect(app AppID, in Disconnection) error {
	if !slices.Contains([]string{"warning", "refresh_requested", "link_disabled", "too_many_websockets", "half_open"}, in.Reason) {
		return refuse("reason is %q; give warning, refresh_requested, link_disabled, too_many_websockets or half_open", in.Reason)
	}
	for _, k := range s.sockets.list(app) {
		switch {
		case in.ID != "" && in.ID != k.id:
		case in.Reason == "half_open":
			k.deaf.Store(true)
		default:
			k.disconnect(in.Reason)
			if in.Reason != "warning" {
				s.sockets.remove(k)
			}
		}
	}
	return nil
}

func (ss *sockets) isGhost(k *socket) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return k.ghost != nil
}

var upgrader = websocket.Upgrader{
	HandshakeTimeout: eventTimeout,
	CheckOrigin:      func(*http.Request) bool { return true }, // the ticket is the proof
}

// link is the address that apps.connections.open gave.
func (s *Simulator) link(w http.ResponseWriter, r *http.Request) {
	secret := r.URL.Query().Get("ticket")
	s.sockets.mu.Lock()
	t, known := s.sockets.tickets[secret]
	delete(s.sockets.tickets, secret)
	if s.sockets.closed {
		known = false
	} else if known {
		s.sockets.wg.Add(1)
		defer s.sockets.wg.Done()
	}
	s.sockets.mu.Unlock()
	if !known || s.now().Sub(t.at) > ticketLife {
		http.Error(w, "the ticket is used or expired; ask apps.connections.open for another", http.StatusUnauthorized)
		return
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	k := &socket{id: newUUID(), app: t.app, conn: conn, done: make(chan struct{})}
	n, ok := s.sockets.add(k)
	if !ok {
		k.disconnect("too_many_websockets")
		for err == nil {
			_, _, err = conn.ReadMessage()
		}
		_ = conn.Close()
		return
	}
	conn.SetPingHandler(k.pong)
	s.mu.Lock()
	warned := !s.settings.UnwarnedRefresh
	s.mu.Unlock()
	s.sockets.wg.Go(func() { k.keep(warned) })
	err = k.send(map[string]any{
		"type": "hello", "num_connections": n, "connection_info": map[string]any{"app_id": t.app},
		"debug_info": map[string]any{"host": "applink-sim", "build_number": 1, "approximate_connection_time": int(socketLife.Seconds())},
	})
	for err == nil {
		var raw []byte
		if _, raw, err = conn.ReadMessage(); err == nil && !k.deaf.Load() {
			s.sockets.acknowledge(raw)
		}
	}
	close(k.done)
	_ = conn.Close()
	if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) {
		s.sockets.remove(k)
		return
	}
	s.sockets.haunt(k)
}

// pong answers an app's ping.
func (k *socket) pong(text string) error {
	if k.deaf.Load() {
		return nil
	}
	_ = k.conn.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(eventTimeout)) // a failure shows in the next read
	return nil
}

// keep pings a connection, and refreshes it when its time has come, with or without a warning.
func (k *socket) keep(warned bool) {
	ping, warn, end := time.NewTicker(pingEvery), time.NewTimer(socketLife-socketWarning), time.NewTimer(socketLife)
	defer ping.Stop()
	defer warn.Stop()
	defer end.Stop()
	for {
		select {
		case <-k.done:
			return
		case <-ping.C:
			if k.deaf.Load() {
				continue
			}
			_ = k.conn.WriteControl(websocket.PingMessage, []byte("Ping from applink-sim"), time.Now().Add(eventTimeout))
		case <-warn.C:
			if warned && !k.deaf.Load() {
				k.disconnect("warning")
			}
		case <-end.C:
			if !k.deaf.Load() {
				k.disconnect("refresh_requested")
			}
		}
	}
}
