package slacksim

import (
	"context"
	"encoding/json"
	"net/http"
)

// Closing is a person closing a modal: the upmost view, or all of them.
type Closing struct {
	User UserID `json:"user"`
	View string `json:"view"`
	All  bool   `json:"all,omitempty"`
}

// closeView sends view_closed where the view has notify_on_close, after it has closed.
func (s *Simulator) closeView(ctx context.Context, team TeamID, in Closing) error {
	ready, err := s.prepareClose(team, in)
	if err != nil || ready.payload == nil {
		return err
	}
	_, err = s.ask(ctx, ready.app, ready.app.InteractivityURL, ready.payload)
	return err
}

func (s *Simulator) prepareClose(id TeamID, in Closing) (prepared, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.team(id)
	if err != nil {
		return prepared{}, err
	}
	m, err := s.openView(t, in.User, in.View)
	if err != nil {
		return prepared{}, err
	}
	all := in.All || m.body["clear_on_close"] == true
	if all {
		s.clear(m)
	}
	delete(s.interact.views, m.id())
	s.wake()
	if m.body["notify_on_close"] != true {
		return prepared{}, nil
	}
	app := s.state.apps[m.app]
	out := s.common("view_closed", app, t, in.User)
	out["view"], out["is_cleared"] = m.payload(), all
	return prepared{app: *app, payload: out}, nil
}

// interactRoutes are people using what apps show them, and apps answering through a response_url.
func (s *Simulator) interactRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /actions/{secret}", s.serveResponseURL)
	mux.HandleFunc("POST /control/teams/{team}/press", unlocked(func(r *http.Request, in Press) (none, error) {
		return none{}, s.press(r.Context(), TeamID(r.PathValue("team")), in, "http://"+r.Host)
	}))
	mux.HandleFunc("POST /control/teams/{team}/views/submit", unlocked(func(r *http.Request, in Submission) (Submitted, error) {
		return s.submit(r.Context(), TeamID(r.PathValue("team")), in)
	}))
	mux.HandleFunc("POST /control/teams/{team}/views/close", unlocked(func(r *http.Request, in Closing) (none, error) {
		return none{}, s.closeView(r.Context(), TeamID(r.PathValue("team")), in)
	}))
	mux.HandleFunc("POST /control/teams/{team}/views/options", unlocked(func(r *http.Request, in Query) ([]any, error) {
		return s.suggest(r.Context(), TeamID(r.PathValue("team")), in)
	}))
	mux.HandleFunc("GET /control/teams/{team}/users/{user}/views", inTeam(s, func(r *http.Request, t *team, _ none) ([]json.RawMessage, error) {
		return s.stack(t.ID, UserID(r.PathValue("user"))), nil
	}))
	mux.HandleFunc("GET /control/ephemerals", locked(s, func(*http.Request, none) ([]Ephemeral, error) {
		return append([]Ephemeral{}, s.interact.ephemerals...), nil
	}))
}
