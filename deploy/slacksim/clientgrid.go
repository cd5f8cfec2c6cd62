package slacksim

import (
	"context"
	"net/http"
)

// GrantAccess installs an app for the whole organization of a workspace, or grants what is installed to one more workspace.
func (c *Client) GrantAccess(ctx context.Context, team TeamID, app AppID, scopes ...string) (out Install, err error) {
	return out, c.do(ctx, http.MethodPost, join("teams", team, "installs", app, "access"), OrgInstall{Scopes: scopes}, &out)
}

// RevokeAccess takes an org-wide installation from one workspace.
func (c *Client) RevokeAccess(ctx context.Context, team TeamID, app AppID) error {
	return c.do(ctx, http.MethodDelete, join("teams", team, "installs", app, "access"), nil, nil)
}
