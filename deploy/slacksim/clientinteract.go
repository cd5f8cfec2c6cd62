package slacksim

import (
	"context"
	"encoding/json"
	"net/http"
)

// Press has a person press a button or choose from a menu, in a message or a modal. It fails when the app does not
// answer 200 within 3 seconds, as the person would see.
func (c *Client) Press(ctx context.Context, team TeamID, in Press) error {
	return c.do(ctx, http.MethodPost, join("teams", team, "press"), in, nil)
}

// Views are the modals that a person has open, the upmost last.
func (c *Client) Views(ctx context.Context, team TeamID, user UserID) (out []json.RawMessage, err error) {
	return out, c.do(ctx, http.MethodGet, join("teams", team, "users", user, "views"), nil, &out)
}

// Submit fills in a modal and sends it off.
func (c *Client) Submit(ctx context.Context, team TeamID, in Submission) (out Submitted, err error) {
	return out, c.do(ctx, http.MethodPost, join("teams", team, "views", "submit"), in, &out)
}

// CloseView closes a modal.
func (c *Client) CloseView(ctx context.Context, team TeamID, in Closing) error {
	return c.do(ctx, http.MethodPost, join("teams", team, "views", "close"), in, nil)
}

// Options types into an external select and returns what the app offers.
func (c *Client) Options(ctx context.Context, team TeamID, in Query) (out []json.RawMessage, err error) {
	return out, c.do(ctx, http.MethodPost, join("teams", team, "views", "options"), in, &out)
}

// Ephemerals are the messages that apps showed to one person through a response_url.
func (c *Client) Ephemerals(ctx context.Context) (out []Ephemeral, err error) {
	return out, c.do(ctx, http.MethodGet, "/control/ephemerals", nil, &out)
}
