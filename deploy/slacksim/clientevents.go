package slacksim

import (
	"context"
	"net/http"
)

// EnableEvents re-enables an app's subscription after Slack's rule has disabled it.
func (c *Client) EnableEvents(ctx context.Context, app AppID) (out App, err error) {
	return out, c.do(ctx, http.MethodPost, join("apps", app, "events", "enable"), nil, &out)
}
