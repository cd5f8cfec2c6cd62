package slacksim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Client drives a simulator over its control API. Its methods fail with an error that carries the simulator's sentence.
type Client struct {
	base string
	http *http.Client
}

// NewClient makes a client of the simulator at base, such as http://127.0.0.1:8090. A nil client is http.DefaultClient.
func NewClient(base string, client *http.Client) *Client {
	if client == nil {
		client = http.DefaultClient
	}
	return &Client{base: strings.TrimSuffix(base, "/"), http: client}
}

// CreateTeam makes a workspace with a channel #general. Name is required.
func (c *Client) CreateTeam(ctx context.Context, t Team) (out Team, err error) {
	return out, c.do(ctx, http.MethodPost, "/control/teams", t, &out)
}

// Teams lists the workspaces.
func (c *Client) Teams(ctx context.Context) (out []Team, err error) {
	return out, c.do(ctx, http.MethodGet, "/control/teams", nil, &out)
}

// CreatePerson adds a member. Name or RealName is required.
func (c *Client) CreatePerson(ctx context.Context, team TeamID, p Person) (out Person, err error) {
	return out, c.do(ctx, http.MethodPost, join("teams", team, "users"), p, &out)
}

// UpdatePerson changes what the patch names.
func (c *Client) UpdatePerson(ctx context.Context, team TeamID, user UserID, p PersonPatch) (out Person, err error) {
	return out, c.do(ctx, http.MethodPatch, join("teams", team, "users", user), p, &out)
}

// Deactivate deactivates a member.
func (c *Client) Deactivate(ctx context.Context, team TeamID, user UserID) error {
	yes := true
	_, err := c.UpdatePerson(ctx, team, user, PersonPatch{Deleted: &yes})
	return err
}

// People lists a workspace's members, bots and deactivated ones included.
func (c *Client) People(ctx context.Context, team TeamID) (out []Person, err error) {
	return out, c.do(ctx, http.MethodGet, join("teams", team, "users"), nil, &out)
}

// CreateChannel makes a channel with its first members, which causes no events.
func (c *Client) CreateChannel(ctx context.Context, team TeamID, ch Channel) (out Channel, err error) {
	return out, c.do(ctx, http.MethodPost, join("teams", team, "channels"), ch, &out)
}

// UpdateChannel renames, archives, or sets topic or purpose.
func (c *Client) UpdateChannel(ctx context.Context, team TeamID, channel ChannelID, p ChannelPatch) (out Channel, err error) {
	return out, c.do(ctx, http.MethodPatch, join("teams", team, "channels", channel), p, &out)
}

// Channels lists a workspace's conversations, DMs included.
func (c *Client) Channels(ctx context.Context, team TeamID) (out []Channel, err error) {
	return out, c.do(ctx, http.MethodGet, join("teams", team, "channels"), nil, &out)
}

// Invite adds members to a channel; with an empty inviter they join by themselves.
func (c *Client) Invite(ctx context.Context, team TeamID, channel ChannelID, inviter UserID, users ...UserID) error {
	return c.do(ctx, http.MethodPost, join("teams", team, "channels", channel, "members"), Invitation{Users: users, Inviter: inviter}, nil)
}

// Remove takes a member out of a channel; with an empty actor they leave by themselves.
func (c *Client) Remove(ctx context.Context, team TeamID, channel ChannelID, user, actor UserID) error {
	path := join("teams", team, "channels", channel, "members", user)
	if actor != "" {
		path += "?actor=" + url.QueryEscape(string(actor))
	}
	return c.do(ctx, http.MethodDelete, path, nil, nil)
}

// CreateApp registers an app; empty secrets are made up. Name is required.
func (c *Client) CreateApp(ctx context.Context, a App) (out App, err error) {
	return out, c.do(ctx, http.MethodPost, "/control/apps", a, &out)
}

// UpdateApp changes what the patch names, such as the events URL.
func (c *Client) UpdateApp(ctx context.Context, app AppID, p AppPatch) (out App, err error) {
	return out, c.do(ctx, http.MethodPatch, join("apps", app), p, &out)
}

// Apps lists the apps, their secrets included.
func (c *Client) Apps(ctx context.Context) (out []App, err error) {
	return out, c.do(ctx, http.MethodGet, "/control/apps", nil, &out)
}

// Install puts an app into a workspace, or adds scopes to it there. The answer has its token.
func (c *Client) Install(ctx context.Context, team TeamID, in InstallRequest) (out Install, err error) {
	return out, c.do(ctx, http.MethodPost, join("teams", team, "installs"), in, &out)
}

// Installed is an app's installation in a workspace.
func (c *Client) Installed(ctx context.Context, team TeamID, app AppID) (out Install, err error) {
	return out, c.do(ctx, http.MethodGet, join("teams", team, "installs", app), nil, &out)
}

// Revoke makes the app's token in a workspace useless.
func (c *Client) Revoke(ctx context.Context, team TeamID, app AppID) error {
	return c.do(ctx, http.MethodPost, join("teams", team, "installs", app, "revoke"), nil, nil)
}

// Uninstall removes an app from a workspace.
func (c *Client) Uninstall(ctx context.Context, team TeamID, app AppID) error {
	return c.do(ctx, http.MethodDelete, join("teams", team, "installs", app), nil, nil)
}

// Settings are those in force.
func (c *Client) Settings(ctx context.Context) (out Settings, err error) {
	return out, c.do(ctx, http.MethodGet, "/control/settings", nil, &out)
}

// SetSettings replaces all settings; zero fields take their defaults.
func (c *Client) SetSettings(ctx context.Context, in Settings) (out Settings, err error) {
	return out, c.do(ctx, http.MethodPut, "/control/settings", in, &out)
}

// AddFault puts a fault in force; the answer has its id.
func (c *Client) AddFault(ctx context.Context, f Fault) (out Fault, err error) {
	return out, c.do(ctx, http.MethodPost, "/control/faults", f, &out)
}

// Faults lists those in force.
func (c *Client) Faults(ctx context.Context) (out []Fault, err error) {
	return out, c.do(ctx, http.MethodGet, "/control/faults", nil, &out)
}

// RemoveFault ends one fault.
func (c *Client) RemoveFault(ctx context.Context, id int) error {
	return c.do(ctx, http.MethodDelete, join("faults", strconv.Itoa(id)), nil, nil)
}

// ClearFaults ends all faults.
func (c *Client) ClearFaults(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/control/faults", nil, nil)
}

// join makes a control path of its parts, which are of any string type.
func join(parts ...any) string {
	var b strings.Builder
	b.WriteString("/control")
	for _, p := range parts {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(fmt.Sprint(p)))
	}
	return b.String()
}

// do makes a request and decodes its answer into out, unless that is nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode a control request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make a control request: %w", err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the Slack simulator: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read the Slack simulator's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return answerError(method, path, res.StatusCode, raw)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("decode the Slack simulator's answer to %s %s: %w", method, path, err)
	}
	return nil
}

func answerError(method, path string, status int, raw []byte) error {
	var answer struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Error == "" {
		return fmt.Errorf("%s %s: the Slack simulator answered %d", method, path, status)
	}
	return fmt.Errorf("%s %s: %w", method, path, errors.New(answer.Error))
}
