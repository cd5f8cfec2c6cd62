package slacksim

import (
	"crypto/subtle"
	"strings"
	"time"
)

// tokenLife is how long a token lives with token rotation on (docs.slack.dev/authentication/using-token-rotation).
const tokenLife = 12 * time.Hour

var (
	oauthAccessArgs = argSpec{
		"client_id": argString, "client_secret": argString, "code": argString, "redirect_uri": argString, "grant_type": argString, "refresh_token": argString,
	}
	oauthExchangeArgs = argSpec{"client_id": argString, "client_secret": argString}
)

// client finds the app that calls, by its id and secret.
func (c *call) client() (*App, error) {
	a := c.appByClient(c.args.str("client_id"))
	if a == nil {
		return nil, fail("invalid_client_id")
	}
	if subtle.ConstantTimeCompare([]byte(a.ClientSecret), []byte(c.args.str("client_secret"))) != 1 {
		return nil, fail("bad_client_secret")
	}
	return a, nil
}

// oauthAccess answers oauth.v2.access: a code for a token, or a refresh token for the next one.
func oauthAccess(c *call) (response, error) {
	a, err := c.client()
	if err != nil {
		return nil, err
	}
	if c.args.str("grant_type") == "refresh_token" || c.args.has("refresh_token") {
		return c.refresh(a)
	}
	code, err := c.redeem(a)
	if err != nil {
		return nil, err
	}
	t := c.state.teams[code.Team]
	var in Install
	if code.Org {
		in, err = c.installOrg(t, a.ID, code.Granted)
	} else {
		in, err = c.install(t, InstallRequest{App: a.ID, Scopes: code.Granted})
	}
	if err != nil {
		return nil, err
	}
	if a.TokenRotation || c.settings.FreshTokens {
		if in, err = c.rotate(a, in); err != nil {
			return nil, err
		}
	}
	out := c.grantAnswer(a, in)
	out["authed_user"] = map[string]any{"id": code.User}
	return out, nil
}

// redeem uses up a code. A second use is told apart from one that was never given.
func (c *call) redeem(a *App) (*oauthCode, error) {
	code := c.codes[c.args.str("code")]
	switch {
	case code == nil || code.app != a.ID:
		return nil, fail("invalid_code")
	case code.used:
		return nil, fail("code_already_used")
	case c.now().Sub(code.made) >= codeLife:
		return nil, fail("invalid_code")
	case c.args.has("redirect_uri") && c.args.str("redirect_uri") != code.RedirectURI, !c.args.has("redirect_uri") && code.RedirectURI != a.RedirectURLs[0]:
		return nil, fail("bad_redirect_uri")
	}
	code.used = true
	return code, nil
}

// grantAnswer is what both of oauth.v2.access's uses answer.
func (c *call) grantAnswer(a *App, in Install) response {
	t := c.state.teams[in.Team]
	out := response{
		"access_token": in.Token, "token_type": "bot", "scope": strings.Join(in.Scopes, ","), "bot_user_id": in.BotUserID, "app_id": a.ID,
		"team": map[string]any{"id": t.ID, "name": t.Name}, "enterprise": nil, "is_enterprise_install": false,
	}
	if t.Enterprise != nil {
		out["enterprise"] = t.Enterprise
	}
	if in.Org != "" {
		out["team"], out["is_enterprise_install"] = nil, true
	}
	if in.Expires > 0 {
		out["expires_in"], out["refresh_token"] = in.Expires-c.now().Unix(), in.RefreshToken
	}
	return out
}

// rotate gives an installation a new token. The one before lives on until its end: two are live at most.
func (c *call) rotate(a *App, in Install) (Install, error) {
	in.FormerToken, in.FormerExpires = in.Token, in.Expires
	in.Token, in.Expires, in.RefreshToken = newBotToken(), 0, ""
	if a.TokenRotation {
		in.Token = "xoxe." + in.Token
		in.Expires = c.now().Add(tokenLife).Unix()
		in.RefreshToken = "xoxe-1-" + randomFrom("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 146)
		if in.FormerExpires == 0 { // a token of before rotation ends as a rotated one would
			in.FormerExpires = in.Expires
		}
	}
	return in, c.commitTokens(in)
}

// commitTokens gives an installation its tokens in every workspace that has it: an organization's installation is one.
func (c *call) commitTokens(in Install) error {
	for _, id := range c.state.teamOrder {
		there := c.state.teams[id].installs[in.App]
		if there == nil || id != in.Team && (in.Org == "" || there.Org != in.Org) {
			continue
		}
		next := *there
		next.Token, next.Expires, next.RefreshToken = in.Token, in.Expires, in.RefreshToken
		next.FormerToken, next.FormerExpires = in.FormerToken, in.FormerExpires
		if err := c.commit(change{Install: &next}); err != nil {
			return err
		}
	}
	return nil
}

// refresh takes a refresh token, which is good once.
func (c *call) refresh(a *App) (response, error) {
	token := c.args.str("refresh_token")
	for _, id := range c.state.teamOrder {
		in := c.state.teams[id].installs[a.ID]
		if in == nil || in.RefreshToken != token || token == "" {
			continue
		}
		if in.Removed || in.Revoked {
			return nil, fail("token_revoked")
		}
		next, err := c.rotate(a, *in)
		if err != nil {
			return nil, err
		}
		return c.grantAnswer(a, next), nil
	}
	return nil, fail("invalid_refresh_token")
}

// oauthExchange answers oauth.v2.exchange: a long-lived token for one that rotates, once the app has rotation on.
func oauthExchange(c *call) (response, error) {
	a, err := c.client()
	if err != nil {
		return nil, err
	}
	if !a.TokenRotation {
		return nil, fail("token_rotation_not_enabled")
	}
	if err := c.authenticate(c, c.token); err != nil {
		return nil, err
	}
	if c.in.App != a.ID {
		return nil, fail("invalid_client_id")
	}
	if c.in.RefreshToken != "" {
		return nil, fail("token_already_exchanged")
	}
	in, err := c.rotate(a, *c.in)
	if err != nil {
		return nil, err
	}
	return c.grantAnswer(a, in), nil
}

// authRevoke answers auth.revoke. With test it only says what it would do.
func authRevoke(c *call) (response, error) {
	if c.args.flag("test") {
		return response{"revoked": false}, nil
	}
	return response{"revoked": true}, c.revoke(c.team, c.app.ID, false)
}

// appsUninstall answers apps.uninstall: the app goes from the token's workspace.
func appsUninstall(c *call) (response, error) {
	a, err := c.client()
	if err != nil {
		return nil, err
	}
	if a.ID != c.app.ID {
		return nil, fail("client_id_token_mismatch")
	}
	return response{}, c.revoke(c.team, a.ID, true)
}
