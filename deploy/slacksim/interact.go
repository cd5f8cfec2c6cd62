package slacksim

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// interactions are what people and apps have under way: they end with the process, as triggers and modals are short-lived.
type interactions struct {
	triggers   map[string]*openTrigger
	views      map[string]*modal
	responses  map[string]*responseURL
	ephemerals []Ephemeral
}

func newInteractions() interactions {
	return interactions{triggers: map[string]*openTrigger{}, views: map[string]*modal{}, responses: map[string]*responseURL{}}
}

func (i *interactions) depth(m *modal) int {
	n := 0
	for ; m != nil; m = i.views[m.below] {
		n++
	}
	return n
}

// find is an app's view by its id or its external id.
func (i *interactions) find(app AppID, team TeamID, id, external string) *modal {
	for _, m := range i.views {
		if m.app == app && m.team == team && (m.id() == id || (external != "" && m.body["external_id"] == external)) {
			return m
		}
	}
	return nil
}

// expire forgets triggers and response URLs that can do nothing any more.
func (i *interactions) expire(now time.Time) {
	for id, t := range i.triggers {
		if now.Sub(t.at) > time.Minute { // kept for a while, so that a late one is told that it has expired
			delete(i.triggers, id)
		}
	}
	for id, u := range i.responses {
		if now.Sub(u.at) > 2*responseLife {
			delete(i.responses, id)
		}
	}
}

// trigger makes a trigger_id for what a person has just done.
func (s *Simulator) trigger(app AppID, team TeamID, user UserID, view string) string {
	s.interact.expire(s.now())
	id := randomFrom("123456789", 13) + "." + randomFrom("123456789", 12) + "." + newSecret(32)
	s.interact.triggers[id] = &openTrigger{app: app, team: team, user: user, view: view, at: s.now()}
	return id
}

// wake tells the page that something changed. Callers hold mu.
func (s *Simulator) wake() {
	if !s.closed {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// common is what every interaction payload begins with.
func (s *Simulator) common(kind string, app *App, t *team, user UserID) map[string]any {
	var enterprise any
	if e := t.Enterprise; e != nil {
		enterprise = map[string]any{"id": e.ID, "name": e.Name}
	}
	name := t.users[user].Name
	return map[string]any{
		"type": kind, "api_app_id": app.ID, "token": app.VerificationToken, "enterprise": enterprise, "is_enterprise_install": false,
		"team": map[string]any{"id": t.ID, "domain": t.Domain},
		"user": map[string]any{"id": user, "username": name, "name": name, "team_id": t.ID},
	}
}

// ask sends an interaction to an app and returns its answer. Nothing is sent again: the person sees that it failed.
func (s *Simulator) ask(ctx context.Context, app App, target string, payload map[string]any) ([]byte, error) {
	if app.SocketMode {
		return s.askSocket(ctx, app, payload)
	}
	if target == "" {
		return nil, refuse("app %s has no URL for this; PATCH /control/apps/%s with interactivity_url and options_url", app.ID, app.ID)
	}
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	body := url.Values{"payload": {string(mustJSON(payload))}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		return nil, refuse("the app's URL is not one: %v", err)
	}
	timestamp := strconv.FormatInt(s.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
	req.Header.Set("X-Slack-Request-Timestamp", timestamp)
	req.Header.Set("X-Slack-Signature", sign(app.SigningSecret, timestamp, []byte(body)))
	res, err := s.client.Do(req)
	if err != nil {
		return nil, refuse("%s did not answer: %s", app.Name, failure(err))
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return nil, refuse("%s did not answer: %s", app.Name, failure(err))
	case res.StatusCode != http.StatusOK:
		return nil, refuse("%s answered with status %d", app.Name, res.StatusCode)
	}
	return answer, nil
}

// actionTS is when an action was made, as payloads have it.
func actionTS(now time.Time) string { return string(formatTS(now.UnixMicro())) }

// decodeAny decodes JSON, keeping numbers as they are.
func decodeAny(raw []byte) any {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}
