package slacksim

import (
	"context"
	"net/http"
)

// Share shares a channel with another workspace (Slack Connect), or begins to.
func (c *Client) Share(ctx context.Context, host TeamID, channel ChannelID, in Sharing) (out Channel, err error) {
	return out, c.do(ctx, http.MethodPost, join("teams", host, "channels", channel, "share"), in, &out)
}

// Unshare disconnects a workspace that was invited, and returns what it keeps of the channel.
func (c *Client) Unshare(ctx context.Context, host TeamID, channel ChannelID, from TeamID) (out Channel, err error) {
	return out, c.do(ctx, http.MethodPost, join("teams", host, "channels", channel, "unshare"), Unsharing{From: from}, &out)
}

// Identify gives a channel another id, as Slack does when shares begin and end.
func (c *Client) Identify(ctx context.Context, team TeamID, channel, id ChannelID) (out Channel, err error) {
	return out, c.do(ctx, http.MethodPost, join("teams", team, "channels", channel, "identify"), Identity{ID: id}, &out)
}

// DeleteChannel deletes a channel with all that was said in it.
func (c *Client) DeleteChannel(ctx context.Context, team TeamID, channel ChannelID) error {
	return c.do(ctx, http.MethodDelete, join("teams", team, "channels", channel), nil, nil)
}
