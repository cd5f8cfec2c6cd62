package slacksim

import (
	"context"
	"encoding/json"
	"unicode/utf8"
)

// maxOptions is how many options an external select takes (docs.slack.dev/reference/block-kit/block-elements/select-menu-element).
const maxOptions = 100

// minQuery is how many characters it takes before an app is asked, unless the element says otherwise (same page).
const minQuery = 3

// Query is what a person types into an external select.
type Query struct {
	Press
	Value string `json:"value"`
}

// suggest sends block_suggestion and returns the options that the app answers: nothing while the text is too short.
func (s *Simulator) suggest(ctx context.Context, team TeamID, in Query) ([]any, error) {
	ready, key, err := s.prepareSuggest(team, in)
	if err != nil || ready.payload == nil {
		return []any{}, err
	}
	raw, err := s.ask(ctx, ready.app, ready.app.OptionsURL, ready.payload)
	if err != nil {
		return nil, err
	}
	options, err := readOptions(raw)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.interact.views[in.View]; m != nil {
		m.offered[key] = options
	}
	return options, nil
}

func (s *Simulator) prepareSuggest(id TeamID, in Query) (prepared, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.team(id)
	if err != nil {
		return prepared{}, "", err
	}
	m, err := s.openView(t, in.User, in.View)
	if err != nil {
		return prepared{}, "", err
	}
	p, err := locate(elements(m.body["blocks"]), in.Press)
	if err != nil {
		return prepared{}, "", err
	}
	if kind := p.element["type"]; kind != "external_select" && kind != "multi_external_select" {
		return prepared{}, "", refuse("%s is no external select", p.action)
	}
	least := minQuery
	if given, ok := p.element["min_query_length"]; ok {
		least = limitOf(given)
	}
	if utf8.RuneCountInString(in.Value) < least {
		return prepared{}, "", nil
	}
	app := s.state.apps[m.app]
	out := s.common("block_suggestion", app, t, in.User)
	out["container"] = map[string]any{"type": "view", "view_id": m.id()}
	out["view"] = m.payload()
	out["action_id"], out["block_id"], out["value"] = p.action, p.block, in.Value
	return prepared{app: *app, payload: out}, p.block + "/" + p.action, nil
}

// readOptions reads the answer: options, or groups of them.
func readOptions(raw []byte) ([]any, error) {
	if !json.Valid(raw) {
		return nil, refuse("the app answered with options that are no JSON")
	}
	answer, _ := decodeAny(raw).(map[string]any)
	options := optionsOf(map[string]any{"options": answer["options"], "option_groups": answer["option_groups"]})
	if len(options) > maxOptions {
		return nil, refuse("the app answered %d options; Slack takes %d", len(options), maxOptions)
	}
	p := &problems{}
	for _, o := range options {
		option(p, "/options", o)
	}
	if len(p.messages) > 0 {
		return nil, refuse("the app answered an option that does not fit: %s", p.messages[0])
	}
	return options, nil
}
