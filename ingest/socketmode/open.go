package socketmode

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/ingest"
)

// openWithin is how long Slack may take for each of the three steps: the address, the handshake, the greeting.
const openWithin = 10 * time.Second

// maxFrame is far more than an event has (see events). What is larger ends the connection.
const maxFrame = 8 << 20

var (
	errTooMany = errors.New("one of the ten connections that Slack allows an app: other replicas have them, or ghosts of processes that were killed, " +
		"which Slack drops after a while (too_many_websockets)")
	errDisabled = errors.New("the app's Socket Mode, which is switched off: switch it on at api.slack.com/apps, Socket Mode (link_disabled)")
	errRefused  = errors.New("a slack-app-token that Slack does not refuse: an app-level token (xapp-…) with the scope connections:write, " +
		"of an app with Socket Mode on")
)

// open opens a connection and waits for Slack's greeting.
func (c *Client) open(ctx context.Context) (*conn, error) {
	address, err := c.ask(ctx)
	if err != nil {
		return nil, err
	}
	ws, res, err := c.opts.Dial.DialContext(ctx, address, nil)
	if res != nil {
		_ = res.Body.Close() // empty, or the reason of a refusal, which the status says
	}
	if err != nil {
		c.ends.WithLabelValues("lost").Inc()
		return nil, fmt.Errorf("connect to Slack: %w", ingest.WithoutURL(err))
	}
	k := newConn(c, ws)
	if err := k.greeted(ctx); err != nil {
		_ = ws.Close() // there is an error already
		return nil, err
	}
	return k, nil
}

// ask asks for the address of a connection: one connection at a time, and not before Slack wants to be asked again.
func (c *Client) ask(ctx context.Context) (string, error) {
	c.opening.Lock()
	defer c.opening.Unlock()
	if ingest.Sleep(ctx, time.Until(c.limited)); ctx.Err() != nil {
		return "", ctx.Err()
	}
	bounded, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	_, address, err := c.slack.StartSocketModeContext(bounded)
	if err == nil {
		return address, nil
	}
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		c.limited = time.Now().Add(limited.RetryAfter)
		c.ends.WithLabelValues("limited").Inc()
		return "", fmt.Errorf("apps.connections.open: %w", err)
	}
	if answer, ok := errors.AsType[slack.SlackErrorResponse](err); ok && !passing[answer.Err] {
		c.ends.WithLabelValues("refused").Inc()
		return "", fmt.Errorf("%w (%s)", errRefused, answer.Err)
	}
	c.ends.WithLabelValues("lost").Inc()
	return "", fmt.Errorf("apps.connections.open: %w", ingest.WithoutURL(err))
}

// passing are the codes that a later try can do without (docs.slack.dev/reference/methods/apps.connections.open).
var passing = map[string]bool{
	"internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true, "ratelimited": true, "team_added_to_org": true,
}

// greeted waits for hello. Instead Slack may say at once that this connection is one too many.
func (k *conn) greeted(ctx context.Context) error {
	_ = k.ws.SetReadDeadline(time.Now().Add(openWithin)) // reading fails then
	stop := context.AfterFunc(ctx, func() { _ = k.ws.SetReadDeadline(time.Now()) })
	defer stop()
	_, raw, err := k.ws.ReadMessage()
	if err != nil {
		k.ends.WithLabelValues("lost").Inc()
		return fmt.Errorf("wait for Slack's greeting: %w", err)
	}
	f, err := parse(raw, time.Now())
	switch {
	case err != nil:
		k.ends.WithLabelValues("lost").Inc()
		return err
	case f.Type == "disconnect":
		k.ends.WithLabelValues(f.end()).Inc()
		return f.reason()
	case f.Type != "hello":
		k.ends.WithLabelValues("lost").Inc()
		return errors.New("the first word that came over a connection was no greeting")
	}
	k.counted.Set(float64(f.Connections))
	k.opts.Log.Info("Socket Mode: connected", "connections_counted_by_slack", f.Connections)
	return nil
}

// reason is what Slack's word means: nil when the connection is only to be replaced.
func (f *frame) reason() error {
	switch f.Reason {
	case "too_many_websockets":
		return errTooMany
	case "link_disabled":
		return errDisabled
	}
	return nil
}

// end is the metric's word for it: warning and refresh_requested are one, and so is what Slack may add.
func (f *frame) end() string {
	if f.Reason == "too_many_websockets" || f.Reason == "link_disabled" {
		return f.Reason
	}
	return "refresh"
}

// closed says whether Slack ended a connection with a farewell.
func closed(err error) bool {
	_, ok := errors.AsType[*websocket.CloseError](err)
	return ok
}
