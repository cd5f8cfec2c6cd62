package slacksim

import (
	"context"
	"net/http"
)

// Consent answers an app's request for scopes as a person does on the consent page, and returns where the browser goes then.
func (c *Client) Consent(ctx context.Context, in Consent) (out Redirect, err error) {
	return out, c.do(ctx, http.MethodPost, "/control/oauth/consent", in, &out)
}

// ImportManifest makes an app of a manifest (JSON).
func (c *Client) ImportManifest(ctx context.Context, manifest any) (out App, err error) {
	return out, c.do(ctx, http.MethodPost, "/control/apps/manifest", manifest, &out)
}
