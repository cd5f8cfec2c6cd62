package slacksim_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"golang.org/x/oauth2"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// signUp is an app that is installed by OAuth, with slack-go as its client, and a clock that the test moves.
type signUp struct {
	*slacksim.Client
	t    *testing.T
	now  time.Time
	base string
	team slacksim.Team
	ada  slacksim.Person
	app  slacksim.App
}

const redirectURL = "https://app.example/slack/callback"

func newSignUp(t *testing.T, app slacksim.App) *signUp {
	t.Helper()
	s := &signUp{t: t, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	sim := must(slacksim.New(slacksim.Options{Clock: func() time.Time { return s.now }}))(t)
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	s.Client, s.base = slacksim.NewClient(server.URL, nil), server.URL
	s.team = must(s.CreateTeam(t.Context(), slacksim.Team{Name: "Acme"}))(t)
	s.ada = must(s.CreatePerson(t.Context(), s.team.ID, slacksim.Person{RealName: "Ada Okafor", Email: "ada@acme.example"}))(t)
	app.Name, app.RedirectURLs = "Bigmind", []string{redirectURL}
	s.app = must(s.CreateApp(t.Context(), app))(t)
	return s
}

func (s *signUp) ask(scope string) slacksim.Consent {
	return slacksim.Consent{ClientID: s.app.ClientID, RedirectURI: redirectURL, State: "st", Scope: scope, Team: s.team.ID, User: s.ada.ID}
}

// allow is a person's consent: the code of the redirect.
func (s *signUp) allow(c slacksim.Consent) string {
	s.t.Helper()
	to := must(s.Consent(s.t.Context(), c))(s.t)
	u := must(url.Parse(to.URL))(s.t)
	if !strings.HasPrefix(to.URL, redirectURL+"?") || u.Query().Get("state") != "st" || u.Query().Get("code") == "" {
		s.t.Fatalf("the redirect is %s", to.URL)
	}
	return u.Query().Get("code")
}

func (s *signUp) exchange(code string) (*slack.OAuthV2Response, error) {
	return slack.GetOAuthV2ResponseContext(s.t.Context(), http.DefaultClient, s.app.ClientID, s.app.ClientSecret, code, redirectURL, slack.OAuthOptionAPIURL(s.base+"/api/"))
}

func (s *signUp) refresh(token string) (*slack.OAuthV2Response, error) {
	return slack.RefreshOAuthV2TokenContext(s.t.Context(), http.DefaultClient, s.app.ClientID, s.app.ClientSecret, token, slack.OAuthOptionAPIURL(s.base+"/api/"))
}

// says is what auth.test answers a token: ok, or an error code.
func (s *signUp) says(token string) string {
	_, err := slack.New(token, slack.OptionAPIURL(s.base+"/api/")).AuthTestContext(s.t.Context())
	if err != nil {
		return err.Error()
	}
	return "ok"
}

// TestOAuthIsAdditive: 'Bot scopes are additive per installation', 'The token usually stays the same'.
func TestOAuthIsAdditive(t *testing.T) {
	s := newSignUp(t, slacksim.App{})
	first := must(s.exchange(s.allow(s.ask("chat:write,im:write"))))(t)
	second := must(s.exchange(s.allow(s.ask("channels:read"))))(t)
	if first.AccessToken != second.AccessToken || first.Scope != "chat:write,im:write" || second.Scope != "channels:read,chat:write,im:write" {
		t.Errorf("first %q, then %q, the same token: %t", first.Scope, second.Scope, first.AccessToken == second.AccessToken)
	}
	want := slack.OAuthV2Response{
		AccessToken: first.AccessToken, TokenType: "bot", Scope: "channels:read,chat:write,im:write", BotUserID: first.BotUserID, AppID: string(s.app.ID),
		Team: slack.OAuthV2ResponseTeam{ID: string(s.team.ID), Name: "Acme"}, AuthedUser: slack.OAuthV2ResponseAuthedUser{ID: string(s.ada.ID)},
	}
	want.Ok = true
	if diff := cmp.Diff(want, *second); diff != "" {
		t.Errorf("oauth.v2.access, want, got:\n%s", diff)
	}
	if got := s.says(first.AccessToken); got != "ok" {
		t.Errorf("auth.test: %s", got)
	}
	must(s.SetSettings(t.Context(), slacksim.Settings{FreshTokens: true}))(t)
	third := must(s.exchange(s.allow(s.ask("chat:write"))))(t)
	if third.AccessToken == first.AccessToken || s.says(third.AccessToken) != "ok" {
		t.Error("FreshTokens kept the token")
	}
}

// TestANarrowerGrant: 'The grant may be narrower than asked'.
func TestANarrowerGrant(t *testing.T) {
	s := newSignUp(t, slacksim.App{})
	ask := s.ask("users:read,users:read.email")
	ask.Granted = []string{"users:read"}
	if got := must(s.exchange(s.allow(ask)))(t); got.Scope != "users:read" {
		t.Errorf("granted %q", got.Scope)
	}
}

// TestCodes: 'Codes live 10 minutes', and are good once, for their own app and redirect URL.
func TestCodes(t *testing.T) {
	s := newSignUp(t, slacksim.App{})
	used := s.allow(s.ask("chat:write"))
	must(s.exchange(used))(t)
	late := s.allow(s.ask("chat:write"))
	s.now = s.now.Add(10 * time.Minute)
	elsewhere := s.ask("chat:write")
	elsewhere.RedirectURI += "/below"
	to := must(s.Consent(t.Context(), elsewhere))(t)
	below := must(url.Parse(to.URL))(t).Query().Get("code")
	for code, want := range map[string]string{used: "code_already_used", late: "invalid_code", "none": "invalid_code", below: "bad_redirect_uri"} {
		if _, err := s.exchange(code); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	s.app.ClientSecret = "wrong"
	if _, err := s.exchange("none"); err == nil || err.Error() != "bad_client_secret" {
		t.Errorf("a wrong secret: %v", err)
	}
	s.app.ClientID = "wrong"
	if _, err := s.exchange("none"); err == nil || err.Error() != "invalid_client_id" {
		t.Errorf("a wrong client id: %v", err)
	}
}

// TestTokenRotation: 'access 43,200 s, refresh tokens single-use, at most two live'.
func TestTokenRotation(t *testing.T) {
	s := newSignUp(t, slacksim.App{TokenRotation: true})
	first := must(s.exchange(s.allow(s.ask("chat:write"))))(t)
	if first.ExpiresIn != 43200 || !strings.HasPrefix(first.AccessToken, "xoxe.xoxb-") || !strings.HasPrefix(first.RefreshToken, "xoxe-1-") {
		t.Fatalf("granted %+v", first)
	}
	s.now = s.now.Add(11 * time.Hour)
	second := must(s.refresh(first.RefreshToken))(t)
	if _, err := s.refresh(first.RefreshToken); err == nil || err.Error() != "invalid_refresh_token" {
		t.Errorf("a refresh token's second use: %v", err)
	}
	if a, b := s.says(first.AccessToken), s.says(second.AccessToken); a != "ok" || b != "ok" {
		t.Errorf("both are live, yet they say %s, %s", a, b)
	}
	third := must(s.refresh(second.RefreshToken))(t)
	if a, b, c := s.says(first.AccessToken), s.says(second.AccessToken), s.says(third.AccessToken); a != "token_expired" || b != "ok" || c != "ok" {
		t.Errorf("two are live, yet they say %s, %s, %s", a, b, c)
	}
	s.now = s.now.Add(12 * time.Hour)
	if got := s.says(third.AccessToken); got != "token_expired" {
		t.Errorf("after 12 hours: %s", got)
	}
	if fourth := must(s.refresh(third.RefreshToken))(t); s.says(fourth.AccessToken) != "ok" {
		t.Error("a refresh token outlives its access token")
	}
}

// TestExchangeForRotation: oauth.v2.exchange turns a long-lived token into one that rotates.
func TestExchangeForRotation(t *testing.T) {
	s := newSignUp(t, slacksim.App{})
	first := must(s.exchange(s.allow(s.ask("chat:write"))))(t)
	call := func() string {
		form := url.Values{"client_id": {s.app.ClientID}, "client_secret": {s.app.ClientSecret}, "token": {first.AccessToken}}
		text, _ := s.send(http.MethodPost, "/api/oauth.v2.exchange", form)
		return text
	}
	if got := call(); !strings.Contains(got, "token_rotation_not_enabled") {
		t.Errorf("before rotation is on: %s", got)
	}
	on := true
	must(s.UpdateApp(t.Context(), s.app.ID, slacksim.AppPatch{TokenRotation: &on}))(t)
	if got := call(); !strings.Contains(got, `"expires_in":43200`) {
		t.Errorf("once it is on: %s", got)
	}
}

// TestRevoking: auth.revoke ends a token; installing again resumes.
func TestRevoking(t *testing.T) {
	s := newSignUp(t, slacksim.App{})
	first := must(s.exchange(s.allow(s.ask("chat:write"))))(t)
	api := slack.New(first.AccessToken, slack.OptionAPIURL(s.base+"/api/"))
	if got, err := api.SendAuthRevokeContext(t.Context(), ""); err != nil || !got.Revoked {
		t.Fatalf("auth.revoke: %+v, %v", got, err)
	}
	if got := s.says(first.AccessToken); got != "token_revoked" {
		t.Errorf("after auth.revoke: %s", got)
	}
	again := must(s.exchange(s.allow(s.ask("chat:write"))))(t)
	if a, b := s.says(first.AccessToken), s.says(again.AccessToken); a != "token_revoked" || b != "ok" {
		t.Errorf("after installing again: %s, %s", a, b)
	}
	if err := slack.New(again.AccessToken, slack.OptionAPIURL(s.base+"/api/")).UninstallAppContext(t.Context(), s.app.ClientID, s.app.ClientSecret); err != nil {
		t.Fatal(err)
	}
	if got := s.says(again.AccessToken); got != "account_inactive" {
		t.Errorf("after apps.uninstall: %s", got)
	}
}

// TestWhatTheConsentPageRefuses: each in Slack's code.
func TestWhatTheConsentPageRefuses(t *testing.T) {
	s := newSignUp(t, slacksim.App{})
	bot := must(s.Install(t.Context(), s.team.ID, slacksim.InstallRequest{App: s.app.ID, Scopes: []string{"chat:write"}}))(t)
	tests := []struct {
		name, want string
		change     func(*slacksim.Consent)
	}{
		{"no such app", "invalid_client_id", func(c *slacksim.Consent) { c.ClientID = "1.2" }},
		{"another host", "bad_redirect_uri", func(c *slacksim.Consent) { c.RedirectURI = "https://evil.example/slack/callback" }},
		{"beside the redirect URL", "bad_redirect_uri", func(c *slacksim.Consent) { c.RedirectURI = redirectURL + "-evil" }},
		{"no scope", "invalid_scope", func(c *slacksim.Consent) { c.Scope = "" }},
		{"no such scope", "invalid_scope", func(c *slacksim.Consent) { c.Scope = "chat:read" }},
		{"signing in and a bot scope", "invalid_scope", func(c *slacksim.Consent) { c.Scope = "openid,chat:write" }},
		{"more than was asked", "not asked for", func(c *slacksim.Consent) { c.Granted = []string{"users:read"} }},
		{"a bot answers", "may not install apps", func(c *slacksim.Consent) { c.User = bot.BotUserID }},
		{"nobody answers", "has no member", func(c *slacksim.Consent) { c.User = "U0" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ask := s.ask("chat:write")
			tt.change(&ask)
			if _, err := s.Consent(t.Context(), ask); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// TestTheConsentPage: a person unticks a scope and allows, or cancels.
func TestTheConsentPage(t *testing.T) {
	s := newSignUp(t, slacksim.App{})
	q := url.Values{"client_id": {s.app.ClientID}, "scope": {"chat:write,users:read"}, "redirect_uri": {redirectURL}, "state": {"st"}}
	page, _ := s.send(http.MethodGet, "/oauth/v2/authorize?"+q.Encode(), nil)
	shows(t, page, "Bigmind is requesting permission", `value="users:read" checked`, "Ada Okafor")
	answer := func(do string) url.Values {
		form := url.Values{"who": {string(s.team.ID) + "/" + string(s.ada.ID)}, "granted": {"chat:write"}, "do": {do}}
		for k, v := range q {
			form[k] = v
		}
		_, to := s.send(http.MethodPost, "/oauth/v2/authorize", form)
		return must(url.Parse(to))(t).Query()
	}
	if got := answer("deny"); got.Get("error") != "access_denied" || got.Get("state") != "st" || got.Has("code") {
		t.Errorf("cancelled: %v", got)
	}
	if got := must(s.exchange(answer("allow").Get("code")))(t); got.Scope != "chat:write" {
		t.Errorf("allowed %q", got.Scope)
	}
}

// TestSignInWithSlack: discovery, keys, RS256 and nonce, checked by an OpenID client that knows nothing of the simulator.
func TestSignInWithSlack(t *testing.T) {
	s := newSignUp(t, slacksim.App{})
	provider := must(oidc.NewProvider(t.Context(), s.base))(t)
	config := oauth2.Config{ClientID: s.app.ClientID, ClientSecret: s.app.ClientSecret, Endpoint: provider.Endpoint(), RedirectURL: redirectURL}
	ask := s.ask("openid email profile")
	ask.Nonce = "n0nce"
	token := must(config.Exchange(t.Context(), s.allow(ask)))(t)
	raw, _ := token.Extra("id_token").(string)
	id := must(provider.VerifierContext(t.Context(), &oidc.Config{ClientID: s.app.ClientID, Now: func() time.Time { return s.now }}).Verify(t.Context(), raw))(t)
	var claims struct {
		Email    string `json:"email"`
		Verified bool   `json:"email_verified"`
		Name     string `json:"name"`
		Team     string `json:"https://slack.com/team_id"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	got := []any{id.Subject, id.Nonce, claims.Email, claims.Verified, claims.Name, claims.Team, id.VerifyAccessToken(token.AccessToken)}
	if diff := cmp.Diff([]any{string(s.ada.ID), "n0nce", "ada@acme.example", true, "Ada Okafor", string(s.team.ID), nil}, got); diff != "" {
		t.Errorf("the id token, want, got:\n%s", diff)
	}
	info := must(provider.UserInfo(t.Context(), config.TokenSource(t.Context(), token)))(t)
	if info.Subject != string(s.ada.ID) || info.Email != "ada@acme.example" {
		t.Errorf("userInfo: %+v", info)
	}
}

// TestManifests: an app from its manifest, and what is wrong with one, with its place.
func TestManifests(t *testing.T) {
	s := newSignUp(t, slacksim.App{})
	type object = map[string]any
	manifest := func() object {
		return object{
			"display_information": object{"name": "Bigmind"}, "features": object{"bot_user": object{"display_name": "bigmind"}},
			"oauth_config": object{"redirect_urls": []string{redirectURL}, "scopes": object{"bot": []string{"chat:write", "channels:history"}}},
			"settings": object{
				"event_subscriptions": object{"request_url": "https://app.example/slack/events", "bot_events": []string{"message.channels", "app_uninstalled"}},
				"interactivity":       object{"is_enabled": true, "request_url": "https://app.example/slack/interactions"},
			},
		}
	}
	app := must(s.ImportManifest(t.Context(), manifest()))(t)
	got := []any{app.Name, app.RedirectURLs, app.EventsURL, app.Events, app.InteractivityURL, app.OptionsURL, app.SocketMode}
	want := []any{"Bigmind", []string{redirectURL}, "https://app.example/slack/events", []string{"message.channels", "app_uninstalled"}, "https://app.example/slack/interactions", "https://app.example/slack/interactions", false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the app, want, got:\n%s", diff)
	}
	tests := map[string]func(object){
		"/display_information/name":                  func(m object) { m["display_information"] = object{} },
		"/features/bot_user":                         func(m object) { delete(m, "features") },
		"/oauth_config/scopes/bot/0":                 func(m object) { m["oauth_config"] = object{"scopes": object{"bot": []string{"chat:read"}}} },
		"/settings/event_subscriptions/bot_events/0": func(m object) { m["oauth_config"] = object{"scopes": object{"bot": []string{"chat:write"}}} },
		"/settings/event_subscriptions/request_url": func(m object) {
			m["settings"] = object{"event_subscriptions": object{"bot_events": []string{"app_uninstalled"}}}
		},
		"/settings/interactivity/request_url": func(m object) { m["settings"] = object{"interactivity": object{"is_enabled": true}} },
		`unknown field "settingz"`:            func(m object) { m["settingz"] = object{} },
	}
	for want, change := range tests {
		m := manifest()
		change(m)
		if _, err := s.ImportManifest(t.Context(), m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// send is a request as a browser makes it. It returns the page, and where it leads.
func (s *signUp) send(method, path string, form url.Values) (text, location string) {
	s.t.Helper()
	req := must(http.NewRequestWithContext(s.t.Context(), method, s.base+path, strings.NewReader(form.Encode())))(s.t)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	return string(must(io.ReadAll(res.Body))(s.t)), res.Header.Get("Location")
}
