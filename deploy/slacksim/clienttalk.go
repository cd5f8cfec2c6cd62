package slacksim

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Say has a person say something in a channel they are in.
func (c *Client) Say(ctx context.Context, team TeamID, channel ChannelID, user UserID, text string) (Message, error) {
	return c.Speak(ctx, team, channel, Say{User: user, Text: text})
}

// Reply has a person answer in a thread.
func (c *Client) Reply(ctx context.Context, team TeamID, channel ChannelID, root TS, user UserID, text string) (Message, error) {
	return c.Speak(ctx, team, channel, Say{User: user, ThreadTS: root, Text: text})
}

// Broadcast has a person answer in a thread and show the answer in the channel too.
func (c *Client) Broadcast(ctx context.Context, team TeamID, channel ChannelID, root TS, user UserID, text string) (Message, error) {
	return c.Speak(ctx, team, channel, Say{User: user, ThreadTS: root, Broadcast: true, Text: text})
}

// BotMessage has a legacy integration say something: subtype bot_message.
func (c *Client) BotMessage(ctx context.Context, team TeamID, channel ChannelID, name, text string) (Message, error) {
	return c.Speak(ctx, team, channel, Say{Bot: name, Text: text})
}

// ServiceMessage leaves one of Slack's own messages in a channel, such as pinned_item.
func (c *Client) ServiceMessage(ctx context.Context, team TeamID, channel ChannelID, subtype string, user UserID, text string) (Message, error) {
	return c.Speak(ctx, team, channel, Say{Service: subtype, User: user, Text: text})
}

// Speak is all of the above.
func (c *Client) Speak(ctx context.Context, team TeamID, channel ChannelID, say Say) (out Message, err error) {
	return out, c.do(ctx, http.MethodPost, messagesPath(team, channel), say, &out)
}

// Edit gives a message a new text, by its author.
func (c *Client) Edit(ctx context.Context, team TeamID, channel ChannelID, ts TS, text string) (out Message, err error) {
	return out, c.do(ctx, http.MethodPatch, messagesPath(team, channel, ts), Edit{Text: text}, &out)
}

// Change edits a message, or changes it as Slack itself does.
func (c *Client) Change(ctx context.Context, team TeamID, channel ChannelID, ts TS, in Edit) (out Message, err error) {
	return out, c.do(ctx, http.MethodPatch, messagesPath(team, channel)+"/"+string(ts), in, &out)
}

// Unfurl shows a link's preview under a message.
func (c *Client) Unfurl(ctx context.Context, team TeamID, channel ChannelID, ts TS, in Unfurl) (out Message, err error) {
	return out, c.do(ctx, http.MethodPost, messagesPath(team, channel, ts, "unfurl"), in, &out)
}

// Delete takes a message away.
func (c *Client) Delete(ctx context.Context, team TeamID, channel ChannelID, ts TS) error {
	return c.do(ctx, http.MethodDelete, messagesPath(team, channel, ts), nil, nil)
}

func messagesPath(team TeamID, channel ChannelID, rest ...any) string {
	return join(append([]any{"teams", team, "channels", channel, "messages"}, rest...)...)
}

// Messages is one page of a channel's record, oldest first.
func (c *Client) Messages(ctx context.Context, team TeamID, channel ChannelID, q MessageQuery) (out Messages, err error) {
	return out, c.do(ctx, http.MethodGet, messagesPath(team, channel)+"?"+q.values().Encode(), nil, &out)
}

// TeamMessages is a workspace's whole record. The query's After and Limit do not apply.
func (c *Client) TeamMessages(ctx context.Context, team TeamID, q MessageQuery) (out Messages, err error) {
	return out, c.do(ctx, http.MethodGet, join("teams", team, "messages")+"?"+q.values().Encode(), nil, &out)
}

func (q MessageQuery) values() url.Values {
	v := url.Values{}
	if q.After != "" {
		v.Set("after", string(q.After))
	}
	if q.ChangedSince != 0 {
		v.Set("changed_since", strconv.FormatUint(q.ChangedSince, 10))
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Deleted {
		v.Set("deleted", "true")
	}
	if q.Service {
		v.Set("service", "true")
	}
	return v
}

// Posts lists what apps posted, in order.
func (c *Client) Posts(ctx context.Context, q PostQuery) (out Posts, err error) {
	v := url.Values{}
	for name, value := range map[string]string{"app": string(q.App), "team": string(q.Team), "channel": string(q.Channel)} {
		if value != "" {
			v.Set(name, value)
		}
	}
	v.Set("after", strconv.Itoa(q.After))
	v.Set("limit", strconv.Itoa(q.Limit))
	return out, c.do(ctx, http.MethodGet, "/control/posts?"+v.Encode(), nil, &out)
}

// Violations lists what apps did wrong, after the n-th.
func (c *Client) Violations(ctx context.Context, after int) (out []Violation, err error) {
	return out, c.do(ctx, http.MethodGet, "/control/violations?after="+strconv.Itoa(after), nil, &out)
}

// Deliveries counts what became of events.
func (c *Client) Deliveries(ctx context.Context) (out DeliveryStats, err error) {
	return out, c.do(ctx, http.MethodGet, "/control/deliveries", nil, &out)
}

// Calls counts Web API calls by method since the start.
func (c *Client) Calls(ctx context.Context) (out map[string]CallStats, err error) {
	return out, c.do(ctx, http.MethodGet, "/control/calls", nil, &out)
}

// Idle waits until every event has been accepted or given up, and returns the counts. It gives up with ctx.
func (c *Client) Idle(ctx context.Context) (DeliveryStats, error) {
	for {
		var out Idleness
		if err := c.do(ctx, http.MethodPost, "/control/idle", idleRequest{TimeoutMS: int((5 * time.Second).Milliseconds())}, &out); err != nil {
			return out.Stats, err
		}
		if out.Idle {
			return out.Stats, nil
		}
		if err := ctx.Err(); err != nil {
			return out.Stats, fmt.Errorf("wait for events to settle, %d pending: %w", out.Stats.Pending, err)
		}
	}
}
