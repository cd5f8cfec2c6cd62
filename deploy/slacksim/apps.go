package slacksim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

func (s *Simulator) app(id AppID) (*App, error) {
	if a := s.state.apps[id]; a != nil {
		return a, nil
	}
	return nil, missing("there is no app %q; POST /control/apps makes one", id)
}

func (s *Simulator) createApp(a App) (App, error) {
	if a.ID == "" {
		a.ID = AppID(newID("A"))
	}
	if s.state.apps[a.ID] != nil {
		return a, refuse("there is an app %s already; PATCH it to change it", a.ID)
	}
	if a.Name == "" {
		return a, refuse("name is missing: give the app's name, such as Backchannel")
	}
	fill(&a.ClientID, func() string { return randomFrom("123456789", 12) + "." + randomFrom("123456789", 13) })
	fill(&a.ClientSecret, func() string { return newSecret(32) })
	fill(&a.SigningSecret, func() string { return newSecret(32) })
	fill(&a.AppToken, func() string {
		return "xapp-1-" + string(a.ID) + "-" + randomFrom("123456789", 13) + "-" + newSecret(64)
	})
	fill(&a.VerificationToken, func() string { return newSecret(24) })
	return a, s.putApp(a)
}

func fill(field *string, value func() string) {
	if *field == "" {
		*field = value()
	}
}

func (s *Simulator) putApp(a App) error {
	if a.EventsURL != "" && !webURL(a.EventsURL) {
		return refuse("events_url is not an http or https URL; give one such as http://127.0.0.1:8080/slack/events")
	}
	for _, name := range a.Events {
		if _, known := eventScopes[name]; !known {
			return refuse("events has %q; give %s", name, strings.Join(slices.Sorted(maps.Keys(eventScopes)), ", "))
		}
	}
	for _, to := range a.RedirectURLs {
		if !webURL(to) {
			return refuse("redirect_urls has what is no http or https URL; give one such as http://127.0.0.1:8080/slack/callback")
		}
	}
	return s.commit(change{App: &a})
}

func webURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// AppPatch changes what it names.
type AppPatch struct {
	Name          *string   `json:"name,omitempty"`
	SigningSecret *string   `json:"signing_secret,omitempty"`
	EventsURL     *string   `json:"events_url,omitempty"`
	Events        *[]string `json:"events,omitempty"`
	// InteractivityURL and OptionsURL are not challenged, as at Slack.
	InteractivityURL *string   `json:"interactivity_url,omitempty"`
	OptionsURL       *string   `json:"options_url,omitempty"`
	DelayedEvents    *bool     `json:"delayed_events,omitempty"`
	SocketMode       *bool     `json:"socket_mode,omitempty"`
	TokenRotation    *bool     `json:"token_rotation,omitempty"`
	Unlisted         *bool     `json:"unlisted,omitempty"`
	AppToken         *string   `json:"app_token,omitempty"`
	RedirectURLs     *[]string `json:"redirect_urls,omitempty"`
	// Verify sends the URL a url_verification challenge first, as Slack does, and refuses one that does not answer it.
	Verify bool `json:"verify,omitempty"`
	// VerifyAs is how the challenge comes: json (the default), form, or text, which is the JSON under text/plain.
	VerifyAs string `json:"verify_as,omitempty"`
}

// updateApp takes the lock itself, since the challenge must not be sent under it.
func (s *Simulator) updateApp(ctx context.Context, id AppID, patch AppPatch) (App, error) {
	s.mu.Lock()
	old, err := s.app(id)
	if err != nil {
		s.mu.Unlock()
		return App{}, err
	}
	a := *old
	s.mu.Unlock()
	set(&a.Name, patch.Name)
	set(&a.SigningSecret, patch.SigningSecret)
	set(&a.EventsURL, patch.EventsURL)
	set(&a.Events, patch.Events)
	set(&a.InteractivityURL, patch.InteractivityURL)
	set(&a.OptionsURL, patch.OptionsURL)
	set(&a.DelayedEvents, patch.DelayedEvents)
	set(&a.SocketMode, patch.SocketMode)
	set(&a.TokenRotation, patch.TokenRotation)
	set(&a.Unlisted, patch.Unlisted)
	set(&a.AppToken, patch.AppToken)
	set(&a.RedirectURLs, patch.RedirectURLs)
	if !a.SocketMode {
		if err := s.disconnect(id, Disconnection{Reason: "link_disabled"}); err != nil {
			return a, err
		}
	}
	if patch.Verify {
		if err := s.verifyURL(ctx, a, patch.VerifyAs); err != nil {
			return a, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return a, s.putApp(a)
}

// verifyURL challenges an events URL (docs.slack.dev/reference/events/url_verification).
func (s *Simulator) verifyURL(ctx context.Context, a App, as string) error {
	challenge := newSecret(40)
	fields := map[string]string{"token": a.VerificationToken, "challenge": challenge, "type": "url_verification"}
	body, header := []byte(mustJSON(fields)), http.Header{}
	switch as {
	case "form":
		form := url.Values{}
		for name, value := range fields {
			form.Set(name, value)
		}
		body = []byte(form.Encode())
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	case "text":
		header.Set("Content-Type", "text/plain; charset=utf-8")
	case "", "json":
	default:
		return refuse("verify_as is %q; give json, form or text", as)
	}
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	res, err := s.send(ctx, a, s.now(), body, header)
	if err != nil {
		return refuse("the events URL did not answer the challenge: %s", failure(err))
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil || res.StatusCode != http.StatusOK || !answers(answer, challenge) {
		return refuse("the events URL answered the challenge with status %d, and not with its value", res.StatusCode)
	}
	return nil
}

// answers: the challenge as plain text, as a form, or as JSON.
func answers(answer []byte, challenge string) bool {
	text := strings.TrimSpace(string(answer))
	if text == challenge || text == "challenge="+challenge {
		return true
	}
	var object struct {
		Challenge string `json:"challenge"`
	}
	return json.Unmarshal(answer, &object) == nil && object.Challenge == challenge
}

// InstallRequest puts an app into a workspace, or adds scopes to it where it is.
type InstallRequest struct {
	App    AppID    `json:"app"`
	Scopes []string `json:"scopes"`
	// The rest is made up when empty.
	Token     string `json:"token,omitempty"`
	BotUserID UserID `json:"bot_user_id,omitempty"`
	BotID     BotID  `json:"bot_id,omitempty"`
	// Exempt installs as before Slack's rule for unlisted apps.
	Exempt bool `json:"exempt,omitempty"`
}

// install adds scopes to a standing installation, whose token stays, as Slack's OAuth does; or makes a new one.
func (s *Simulator) install(t *team, req InstallRequest) (Install, error) {
	a, err := s.app(req.App)
	if err != nil {
		return Install{}, err
	}
	if len(req.Scopes) == 0 {
		return Install{}, refuse("scopes is empty: give those granted, such as chat:write")
	}
	old := t.installs[req.App]
	if old != nil && !old.Removed && !old.Revoked {
		in := *old
		in.Scopes = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(old.Scopes), req.Scopes...))))
		return in, s.commit(change{Install: &in})
	}
	in := Install{
		App: a.ID, Team: t.ID, Scopes: slices.Clone(req.Scopes), Token: req.Token, BotUserID: req.BotUserID, BotID: req.BotID,
		Installed: s.now().Unix(), Exempt: req.Exempt,
	}
	if old != nil {
		in.BotUserID, in.BotID = old.BotUserID, old.BotID
	}
	fill(&in.Token, newBotToken)
	if in.BotID == "" {
		in.BotID = BotID(newID("B"))
	}
	if in.BotUserID == "" {
		in.BotUserID = UserID(newID("U"))
	}
	if s.state.tokens[in.Token] != nil {
		return in, refuse("that token is in use; leave token out to have one made")
	}
	if err := s.putBotUser(t, a, in); err != nil {
		return in, err
	}
	return in, s.commit(change{Install: &in})
}

func (s *Simulator) putBotUser(t *team, a *App, in Install) error {
	p := Person{
		ID: in.BotUserID, Name: slug(a.Name), RealName: a.Name, IsBot: true, BotID: in.BotID, AppID: a.ID, TZ: "Etc/UTC",
		Updated: s.now().Unix(),
	}
	if old := t.users[p.ID]; old != nil && old.AppID != a.ID {
		return refuse("bot_user_id %s is another member", p.ID)
	}
	return s.commit(change{Person: &personChange{Team: t.ID, Person: p}})
}

func (s *Simulator) installed(t *team, id AppID) (Install, error) {
	if in := t.installs[id]; in != nil {
		return *in, nil
	}
	return Install{}, missing("app %q is not installed in workspace %s", id, t.ID)
}

// revoke makes the token useless; uninstall removes the app and its bot user too.
func (s *Simulator) revoke(t *team, id AppID, uninstall bool) error {
	in, err := s.installed(t, id)
	if err != nil {
		return err
	}
	in.Revoked = true
	in.Removed = in.Removed || uninstall
	if err := s.commit(change{Install: &in}); err != nil || !uninstall {
		return err
	}
	bot := *t.users[in.BotUserID]
	bot.Deleted = true
	if err := s.commit(change{Person: &personChange{Team: t.ID, Person: bot}}); err != nil {
		return fmt.Errorf("deactivate the bot user: %w", err)
	}
	return nil
}
