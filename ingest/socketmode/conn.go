package socketmode

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// pingEvery is how often we ask whether anybody is there; Slack pings too. silence is how long nothing may come, of either.
	pingEvery = 10 * time.Second
	silence   = 25 * time.Second
	// writeWithin bounds each write: a half-open socket takes some, and then blocks.
	writeWithin = 5 * time.Second
	// lingers is how long a connection that was told to go is kept: 'warning' comes about 10 s ahead of the end.
	lingers = 30 * time.Second
	// farewell is how long Slack may take to answer our close frame. It does not close the connection itself (node-slack-sdk #2752).
	farewell = time.Second
	// waiting is how many events may wait for Kafka, and answering how many interactions for their answer. What comes beyond is not
	// acknowledged, so that reading goes on: Slack's pings are read there too.
	waiting   = 1024
	answering = 64
)

var errSilent = errors.New("nothing came over a connection for 25 s, not even an answer to our pings")

// conn is one connection.
type conn struct {
	*Client
	ws    *websocket.Conn
	write sync.Mutex

	// leaving is closed when another connection should take over; why, then, is nil or what is wrong.
	leaving chan struct{}
	leave   sync.Once
	why     error

	mu      sync.Mutex // of closing, and of sending to events
	closing bool       // nothing is taken any more
	events  chan frame
	answers chan struct{} // a place for each interaction that is being answered
	tasks   sync.WaitGroup
}

func newConn(c *Client, ws *websocket.Conn) *conn {
	ws.SetReadLimit(maxFrame)
	// Slack's close frame is answered when what was taken is acknowledged: nothing may follow ours.
	ws.SetCloseHandler(func(int, string) error { return nil })
	return &conn{
		Client: c, ws: ws, leaving: make(chan struct{}), events: make(chan frame, waiting), answers: make(chan struct{}, answering),
	}
}

// run takes and acknowledges until the connection ends, it has lingered, or ctx is done; then what was taken is acknowledged still.
func (k *conn) run(ctx context.Context) {
	k.count(1)
	ended, done := make(chan error, 1), make(chan struct{})
	go func() { ended <- k.read() }()
	k.tasks.Go(k.publish)
	var pinging sync.WaitGroup
	pinging.Go(func() { k.ping(done) })
	over, err := k.until(ctx, ended)
	k.stop()
	k.tasks.Wait()
	close(done)
	pinging.Wait()
	_ = k.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(writeWithin))
	if !over {
		_ = k.ws.SetReadDeadline(time.Now().Add(farewell)) // reading fails then
		<-ended
	}
	_ = k.ws.Close() // all was said
	k.count(-1)
	k.end(ctx, err)
}

// until waits for the end. over says that nothing can be read any more, and err why.
func (k *conn) until(ctx context.Context, ended <-chan error) (over bool, err error) {
	leaving, lingered := k.leaving, (<-chan time.Time)(nil)
	for {
		select {
		case err = <-ended:
			return true, err
		case <-ctx.Done():
			return false, nil
		case <-lingered:
			return false, nil
		case <-leaving:
			leaving, lingered = nil, time.After(lingers)
		}
	}
}

// end says how the connection ended, unless Slack had said so before.
func (k *conn) end(ctx context.Context, err error) {
	reason := ""
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case ctx.Err() != nil:
		reason = "drained"
	case isNet && timeout.Timeout():
		reason, err = "silent", errSilent
	case closed(err):
		reason, err = "closed", nil
	default:
		reason = "lost"
	}
	k.goes(reason, err)
}

// goes lets another connection take over. Only the first reason counts.
func (k *conn) goes(reason string, why error) {
	k.leave.Do(func() {
		k.ends.WithLabelValues(reason).Inc()
		k.why = why
		close(k.leaving)
	})
}

// read takes what comes until nothing more does.
func (k *conn) read() error {
	k.alive()
	k.ws.SetPongHandler(func(string) error { k.alive(); return nil })
	k.ws.SetPingHandler(func(text string) error {
		k.alive()
		_ = k.ws.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(writeWithin)) // a dead connection shows by its silence
		return nil
	})
	for {
		_, raw, err := k.ws.ReadMessage()
		if err != nil {
			return err
		}
		k.alive()
		k.frame(raw)
	}
}

// alive starts the silence anew.
func (k *conn) alive() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.closing { // then the deadline is the farewell's
		_ = k.ws.SetReadDeadline(time.Now().Add(silence))
	}
}

func (k *conn) ping(done <-chan struct{}) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			_ = k.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin)) // see read
		}
	}
}

// stop takes nothing more.
func (k *conn) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closing = true
	close(k.events)
}
