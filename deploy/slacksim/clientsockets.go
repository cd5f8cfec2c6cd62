package slacksim

import (
	"context"
	"net/http"
)

// Sockets lists an app's Socket Mode connections, ghosts included.
func (c *Client) Sockets(ctx context.Context, app AppID) (out []Connection, err error) {
	return out, c.do(ctx, http.MethodGet, join("apps", app, "sockets"), nil, &out)
}

// Disconnect tells an app's connections to go, or warns them.
func (c *Client) Disconnect(ctx context.Context, app AppID, in Disconnection) error {
	return c.do(ctx, http.MethodPost, join("apps", app, "sockets", "disconnect"), in, nil)
}
