package slacksim

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// answersOf are a method's answers, for the methods that need more than a token and a workspace: a code, a trigger, an app's token.
// Nil for all others.
func (s *shapes) answersOf(t *testing.T, name string) []map[string]any {
	t.Helper()
	switch name {
	case "oauth.v2.access":
		plain := s.signed(t, name, s.code(t, "chat:write"))
		s.app.TokenRotation = true
		rotated := s.signed(t, name, s.code(t, "chat:write"))
		return []map[string]any{plain, rotated, s.signed(t, name, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {str2(rotated["refresh_token"])}})}
	case "openid.connect.token":
		return []map[string]any{s.signed(t, name, s.code(t, "openid,email,profile"))}
	case "openid.connect.userInfo":
		s.token = str2(s.signed(t, "openid.connect.token", s.code(t, "openid,email,profile"))["access_token"])
		return []map[string]any{s.call(t, name, nil)}
	case "apps.connections.open":
		s.app.SocketMode = true
		s.token = s.app.AppToken
		return []map[string]any{s.call(t, name, nil)}
	case "views.open":
		return []map[string]any{s.opened(t)}
	case "views.push":
		return []map[string]any{s.call(t, name, s.viewArgs(str2(within(s.opened(t), "view", "id"))))}
	case "views.update":
		return []map[string]any{s.call(t, name, url.Values{"view_id": {str2(within(s.opened(t), "view", "id"))}, "view": {shapeView}})}
	}
	return nil
}

const shapeView = `{"type":"modal","title":{"type":"plain_text","text":"T"},"submit":{"type":"plain_text","text":"S"},"close":{"type":"plain_text","text":"C"},
"callback_id":"c","blocks":[{"type":"input","block_id":"b","label":{"type":"plain_text","text":"L"},"element":{"type":"plain_text_input","action_id":"a"}}]}`

func (s *shapes) opened(t *testing.T) map[string]any {
	t.Helper()
	return s.call(t, "views.open", s.viewArgs(""))
}

// viewArgs carry a trigger of the person's, from a view or from a message.
func (s *shapes) viewArgs(view string) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return url.Values{"trigger_id": {s.trigger(s.app.ID, s.team, UserID(s.user), view)}, "view": {shapeView}}
}

// code is what a person's consent gives to the app.
func (s *shapes) code(t *testing.T, scope string) url.Values {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	to, err := s.consent(Consent{ClientID: s.app.ClientID, Scope: scope, Team: s.team, User: UserID(s.user)})
	noError(t, err)
	u, err := url.Parse(to.URL)
	noError(t, err)
	return url.Values{"code": {u.Query().Get("code")}}
}

// signed calls a method with the app's secret instead of a token.
func (s *shapes) signed(t *testing.T, name string, args url.Values) map[string]any {
	t.Helper()
	args.Set("client_id", s.app.ClientID)
	args.Set("client_secret", s.app.ClientSecret)
	token := s.token
	s.token = ""
	defer func() { s.token = token }()
	return s.call(t, name, args)
}

func (s *shapes) call(t *testing.T, name string, args url.Values) map[string]any {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/"+name, strings.NewReader(args.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got["ok"] != true {
		t.Fatalf("%s answered %s", name, w.Body)
	}
	return got
}

func within(v any, path ...string) any {
	for _, name := range path {
		o, _ := v.(map[string]any)
		v = o[name]
	}
	return v
}
