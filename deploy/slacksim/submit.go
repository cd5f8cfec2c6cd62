package slacksim

import (
	"context"
	"encoding/json"
	"strings"
)

// Submission is a person filling in a modal and sending it off.
type Submission struct {
	User UserID `json:"user"`
	View string `json:"view"`
	// Values are what is typed or chosen, by block and action. What is not named stays as it is.
	Values map[string]map[string][]string `json:"values,omitempty"`
}

// Submitted is what became of a submission.
type Submitted struct {
	// Errors are shown under the fields, by block. The modal stays open.
	Errors map[string]string `json:"errors,omitempty"`
	// Views are those still open, the upmost last.
	Views []json.RawMessage `json:"views"`
}

// viewAnswer is an app's answer to view_submission.
type viewAnswer struct {
	Action string            `json:"response_action"`
	Errors map[string]string `json:"errors"`
	View   json.RawMessage   `json:"view"`
}

func (s *Simulator) submit(ctx context.Context, team TeamID, in Submission) (Submitted, error) {
	ready, err := s.prepareSubmit(team, in)
	if err != nil {
		return Submitted{}, err
	}
	raw, err := s.ask(ctx, ready.app, ready.app.InteractivityURL, ready.payload)
	if err != nil {
		return Submitted{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.interact.views[in.View]
	if m == nil {
		return Submitted{Views: s.stack(team, in.User)}, nil // the app closed it meanwhile
	}
	errs, err := s.afterSubmit(m, raw)
	s.wake()
	return Submitted{Errors: errs, Views: s.stack(team, in.User)}, err
}

func (s *Simulator) prepareSubmit(id TeamID, in Submission) (prepared, error) {
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
	for _, p := range elements(m.body["blocks"]) {
		if values, named := in.Values[p.block][p.action]; named && fillable(p.element) {
			value, err := filledIn(p, values, m.choices(p))
			if err != nil {
				return prepared{}, err
			}
			m.put(p.block, p.action, value)
		}
	}
	for _, p := range elements(m.body["blocks"]) {
		if !p.optional && empty(m.state[p.block][p.action]) {
			return prepared{}, refuse("%s is required: give a value for block %s, action %s", p.label, p.block, p.action)
		}
	}
	app := s.state.apps[m.app]
	out := s.common("view_submission", app, t, in.User)
	out["trigger_id"] = s.trigger(app.ID, t.ID, in.User, m.id())
	out["view"], out["response_urls"] = m.payload(), []any{}
	return prepared{app: *app, payload: out}, nil
}

// afterSubmit does what the app answered: nothing closes the view.
func (s *Simulator) afterSubmit(m *modal, raw []byte) (map[string]string, error) {
	var answer viewAnswer
	if len(strings.TrimSpace(string(raw))) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			return nil, refuse("the app answered the submission with what is no JSON; send an empty 200 to close the view")
		}
	}
	switch answer.Action {
	case "":
		delete(s.interact.views, m.id())
		return nil, nil
	case "clear":
		s.clear(m)
		return nil, nil
	case "errors":
		return s.checkErrors(m, answer.Errors)
	case "update", "push":
		return nil, s.answerView(m, answer)
	}
	return nil, refuse("the app answered the submission with response_action %q; it takes errors, update, push or clear", answer.Action)
}

// checkErrors: errors are keyed by the block_id of an input.
func (s *Simulator) checkErrors(m *modal, errs map[string]string) (map[string]string, error) {
	if len(errs) == 0 {
		return nil, refuse("the app answered response_action errors without errors")
	}
	for block := range errs {
		if m.state[block] == nil {
			return nil, refuse("the app answered an error for block %q, which the view does not have", block)
		}
	}
	return errs, nil
}

func (s *Simulator) answerView(m *modal, answer viewAnswer) error {
	body, problems := readView(answer.View)
	if len(problems) > 0 {
		return refuse("the app answered with a view that does not fit: %s", problems[0])
	}
	if answer.Action == "update" {
		s.replace(m, body)
		return nil
	}
	if s.interact.depth(m) >= maxStack {
		return refuse("the app pushed a view onto %d, which is all that a modal stacks", maxStack)
	}
	s.show(&openTrigger{app: m.app, team: m.team, user: m.user}, body, m)
	return nil
}

// clear closes all views of the stack.
func (s *Simulator) clear(m *modal) {
	for id, other := range s.interact.views {
		if other.body["root_view_id"] == m.body["root_view_id"] && other.user == m.user {
			delete(s.interact.views, id)
		}
	}
}

// stack lists the views that a person has open, the upmost last.
func (s *Simulator) stack(team TeamID, user UserID) []json.RawMessage {
	out := []json.RawMessage{}
	for _, m := range s.modals(team, user) {
		out = append(out, mustJSON(m.payload()))
	}
	return out
}

func (s *Simulator) modals(team TeamID, user UserID) []*modal {
	var out []*modal
	below := ""
	for {
		next := s.above(team, user, below)
		if next == nil {
			return out
		}
		out, below = append(out, next), next.id()
	}
}

func (s *Simulator) above(team TeamID, user UserID, below string) *modal {
	for _, m := range s.interact.views {
		if m.team == team && m.user == user && m.below == below {
			return m
		}
	}
	return nil
}
