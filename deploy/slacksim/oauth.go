package slacksim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// codeLife is how long a code of OAuth is good (docs.slack.dev/authentication/installing-with-oauth).
const codeLife = 10 * time.Minute

// oauthCode is what somebody allowed, until the app asks for its token. Codes end with the process.
type oauthCode struct {
	Consent
	app  AppID
	made time.Time
	used bool
}

// Consent is a person's answer to an app's request for scopes, as the consent page sends it.
type Consent struct {
	ClientID    string `json:"client_id"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	State       string `json:"state,omitempty"`
	// Scope is what is asked for, separated by commas (OpenID: by spaces).
	Scope string `json:"scope"`
	Nonce string `json:"nonce,omitempty"`
	// Team and User are who answers, and where.
	Team TeamID `json:"team"`
	User UserID `json:"user"`
	// Granted narrows what is allowed. Empty: all that is asked for.
	Granted []string `json:"granted,omitempty"`
	// Org installs for the workspace's whole Enterprise Grid organization.
	Org bool `json:"org,omitempty"`
	// Deny: the person cancels.
	Deny bool `json:"deny,omitempty"`
}

// Redirect is where a browser is sent after an answer.
type Redirect struct {
	URL string `json:"url"`
}

// knownScopes are those that the simulator's methods and events ask for, and those that apps commonly ask for beside.
var knownScopes = []string{
	"app_mentions:read", "assistant:write", "bookmarks:read", "bookmarks:write", "calls:read", "calls:write", "channels:history", "channels:join",
	"channels:manage", "channels:read", "chat:write", "chat:write.customize", "chat:write.public", "commands", "conversations.connect:manage",
	"conversations.connect:read", "conversations.connect:write", "dnd:read", "emoji:read", "files:read", "files:write", "groups:history", "groups:read",
	"groups:write", "im:history", "im:read", "im:write", "incoming-webhook", "links:read", "links:write", "metadata.message:read", "mpim:history",
	"mpim:read", "mpim:write", "pins:read", "pins:write", "reactions:read", "reactions:write", "team:read", "usergroups:read", "usergroups:write",
	"users.profile:read", "users:read", "users:read.email", "users:write", "workflow.steps:execute",
}

func (s *Simulator) oauthRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /oauth/v2/authorize", func(w http.ResponseWriter, r *http.Request) { s.showConsent(w, r, false) })
	mux.HandleFunc("GET /openid/connect/authorize", func(w http.ResponseWriter, r *http.Request) { s.showConsent(w, r, true) })
	guard := http.NewCrossOriginProtection()
	mux.Handle("POST /oauth/v2/authorize", guard.Handler(http.HandlerFunc(s.answerConsent)))
	mux.HandleFunc("POST /control/oauth/consent", locked(s, func(_ *http.Request, in Consent) (Redirect, error) { return s.consent(in) }))
}

// asked is an app's request, checked.
type asked struct {
	app      *App
	scopes   []string
	redirect string
	openID   bool
}

// checkRequest refuses what Slack's page refuses, with Slack's codes.
func (s *Simulator) checkRequest(in Consent) (asked, error) {
	a := s.appByClient(in.ClientID)
	if a == nil {
		return asked{}, refuse("invalid_client_id: no app has this client_id")
	}
	out := asked{app: a, redirect: in.RedirectURI, scopes: splitScopes(in.Scope)}
	if out.redirect == "" && len(a.RedirectURLs) > 0 {
		out.redirect = a.RedirectURLs[0]
	}
	if !a.mayRedirect(out.redirect) {
		return asked{}, refuse("bad_redirect_uri: redirect_uri is none of the app's redirect URLs, nor below one")
	}
	if len(out.scopes) == 0 {
		return asked{}, refuse("invalid_scope: scope is missing")
	}
	out.openID = slices.Contains(out.scopes, "openid")
	for _, scope := range out.scopes {
		openID := slices.Contains([]string{"openid", "email", "profile"}, scope)
		switch {
		case out.openID != openID:
			return asked{}, refuse("invalid_scope: Sign in with Slack takes openid, email and profile, and nothing else")
		case !openID && !slices.Contains(knownScopes, scope):
			return asked{}, refuse("invalid_scope: there is no bot scope %s", plainScope(scope))
		}
	}
	return out, nil
}

func plainScope(scope string) string { return scope[:min(len(scope), 60)] }

func splitScopes(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func (s *Simulator) appByClient(id string) *App {
	for _, app := range s.state.apps {
		if app.ClientID == id && id != "" {
			return app
		}
	}
	return nil
}

// mayRedirect: to a redirect URL of the app, or below it (docs.slack.dev/authentication/installing-with-oauth).
func (a *App) mayRedirect(to string) bool {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" {
		return false
	}
	return slices.ContainsFunc(a.RedirectURLs, func(allowed string) bool {
		base, err := url.Parse(allowed)
		if err != nil || base.Scheme != u.Scheme || base.Host != u.Host {
			return false
		}
		path := strings.TrimSuffix(base.Path, "/")
		return u.Path == base.Path || u.Path == path || strings.HasPrefix(u.Path, path+"/")
	})
}

// consent is a person's answer. It returns where the browser goes: back to the app, with a code or access_denied.
func (s *Simulator) consent(in Consent) (Redirect, error) {
	req, err := s.checkRequest(in)
	if err != nil {
		return Redirect{}, err
	}
	back, err := url.Parse(req.redirect)
	if err != nil {
		return Redirect{}, refuse("redirect_uri is not a URL")
	}
	q := back.Query()
	q.Set("state", in.State)
	if in.Deny {
		q.Set("error", "access_denied")
		back.RawQuery = q.Encode()
		return Redirect{URL: back.String()}, nil
	}
	if err := s.checkAnswer(in, req); err != nil {
		return Redirect{}, err
	}
	code := randomFrom("123456789", 12) + "." + randomFrom("123456789", 13) + "." + newSecret(64)
	if in.Granted == nil {
		in.Granted = req.scopes
	}
	in.RedirectURI = req.redirect
	s.codes[code] = &oauthCode{Consent: in, app: req.app.ID, made: s.now()}
	q.Set("code", code)
	back.RawQuery = q.Encode()
	return Redirect{URL: back.String()}, nil
}

func (s *Simulator) checkAnswer(in Consent, req asked) error {
	t, err := s.team(in.Team)
	if err != nil {
		return err
	}
	p, err := s.person(t, in.User)
	if err != nil {
		return err
	}
	if p.IsBot || p.Deleted || p.IsUltraRestricted || p.IsRestricted && !req.openID {
		return refuse("member %s may not install apps: give an active member who is no guest and no bot", p.ID)
	}
	for _, scope := range in.Granted {
		if !slices.Contains(req.scopes, scope) {
			return refuse("granted has %s, which was not asked for", plainScope(scope))
		}
	}
	return nil
}
