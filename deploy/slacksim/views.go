package slacksim

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// triggerLife is how long a trigger_id lives; it opens one modal (docs.slack.dev/interactivity/handling-user-interaction).
const triggerLife = 3 * time.Second

// maxStack is how many views a modal stacks (docs.slack.dev/surfaces/modals).
const maxStack = 3

// openTrigger lets an app open a modal for the person who has just done something.
type openTrigger struct {
	app  AppID
	team TeamID
	user UserID
	view string // the view that the press was in, below a pushed one
	at   time.Time
	used bool
}

// modal is one that someone has open.
type modal struct {
	app  AppID
	team TeamID
	user UserID
	// body is the view as Slack sends it, its state apart.
	body    map[string]any
	state   map[string]map[string]any
	offered map[string][]any  // the options last suggested, by block and action
	below   string            // the view under this one
	errors  map[string]string // by block, as the app answered them
	notes   map[string]string // by block and action: why a search shows nothing
}

func (m *modal) id() string { return str2(m.body["id"]) }

// payload is the view in a payload: with what is filled in.
func (m *modal) payload() map[string]any {
	out := maps.Clone(m.body)
	out["state"] = map[string]any{"values": m.state}
	return out
}

// untouched is a view that has just been opened, in which nothing is filled in.
func (m *modal) untouched() map[string]any {
	out := maps.Clone(m.body)
	out["state"] = map[string]any{"values": map[string]any{}}
	return out
}

var (
	viewsOpenArgs   = argSpec{"trigger_id": argString, "view": argJSON, "interactivity_pointer": argString}
	viewsUpdateArgs = argSpec{"view": argJSON, "view_id": argString, "external_id": argString, "hash": argString}
)

// viewsOpen answers views.open: a modal for whoever the trigger is of.
func viewsOpen(c *call) (response, error) {
	t, body, err := c.triggered()
	if err != nil {
		return nil, err
	}
	for id, m := range c.interact.views {
		if m.team == t.team && m.user == t.user { // a person has one modal open
			delete(c.interact.views, id)
		}
	}
	return response{"view": c.show(t, body, nil).untouched()}, nil
}

// viewsPush answers views.push: a view on top of the one that the trigger came from.
func viewsPush(c *call) (response, error) {
	t, body, err := c.triggered()
	if err != nil {
		return nil, err
	}
	below := c.interact.views[t.view]
	if below == nil {
		return nil, fail("not_found")
	}
	if c.interact.depth(below) >= maxStack {
		return nil, fail("push_limit_reached")
	}
	return response{"view": c.show(t, body, below).untouched()}, nil
}

// viewsUpdate answers views.update. A hash that is not the view's latest means that it has changed meanwhile.
func viewsUpdate(c *call) (response, error) {
	m := c.interact.find(c.app.ID, c.team.ID, c.args.str("view_id"), c.args.str("external_id"))
	if m == nil {
		return nil, fail("not_found")
	}
	if hash := c.args.str("hash"); hash != "" && hash != m.body["hash"] {
		return nil, fail("hash_conflict")
	}
	body, err := c.viewArg()
	if err != nil {
		return nil, err
	}
	c.replace(m, body)
	return response{"view": m.payload()}, nil
}

// triggered takes the call's trigger, and reads its view.
func (c *call) triggered() (*openTrigger, map[string]any, error) {
	t := c.interact.triggers[c.args.str("trigger_id")]
	switch {
	case t == nil || t.app != c.app.ID || t.team != c.team.ID:
		return nil, nil, fail("invalid_trigger_id")
	case t.used:
		return nil, nil, fail("exchanged_trigger_id")
	case c.now().Sub(t.at) > triggerLife:
		return nil, nil, fail("expired_trigger_id")
	}
	body, err := c.viewArg()
	if err != nil {
		return nil, nil, err
	}
	t.used = true
	return t, body, nil
}

func (c *call) viewArg() (map[string]any, error) {
	raw, _ := c.args.raw("view")
	body, problems := readView(raw)
	if len(problems) == 0 {
		return body, nil
	}
	if err := c.violate("invalid_view", problems[0]); err != nil {
		return nil, err
	}
	return nil, &apiError{code: "invalid_arguments", messages: problems}
}

// show makes a view of what an app gave, on top of another or alone.
func (s *Simulator) show(t *openTrigger, given map[string]any, below *modal) *modal {
	in := s.state.teams[t.team].installs[t.app]
	id := newID("V")
	m := &modal{app: t.app, team: t.team, user: t.user, body: map[string]any{
		"id": id, "team_id": t.team, "app_id": t.app, "app_installed_team_id": t.team, "bot_id": in.BotID,
		"previous_view_id": nil, "root_view_id": id,
	}}
	if below != nil {
		m.below = below.id()
		m.body["previous_view_id"], m.body["root_view_id"] = below.id(), below.body["root_view_id"]
	}
	s.replace(m, given)
	s.interact.views[id] = m
	s.wake()
	return m
}

// replace gives a view new content and a new hash. What was filled in stays where block and action are the same.
func (s *Simulator) replace(m *modal, given map[string]any) {
	for name, empty := range map[string]any{
		"type": "modal", "private_metadata": "", "callback_id": "", "external_id": "", "clear_on_close": false,
		"notify_on_close": false, "close": nil, "submit": nil, "title": nil, "blocks": []any{},
	} {
		m.body[name] = empty
		if v, ok := given[name]; ok {
			m.body[name] = v
		}
	}
	m.body["hash"] = formatHash(s.now())
	old := m.state
	m.state, m.offered, m.errors, m.notes = map[string]map[string]any{}, map[string][]any{}, nil, map[string]string{}
	for _, e := range elements(m.body["blocks"]) {
		if !fillable(e.element) {
			continue
		}
		value, ok := old[e.block][e.action]
		if !ok {
			value = initialValue(e.element)
		}
		m.put(e.block, e.action, value)
	}
	s.wake()
}

// choices are the options that an external select takes now: those last suggested, and what is chosen already.
func (m *modal) choices(p placed) []any {
	out := slices.Clone(m.offered[p.block+"/"+p.action])
	chosen, _ := m.state[p.block][p.action].(map[string]any)
	if one, ok := chosen["selected_option"].(map[string]any); ok {
		out = append(out, one)
	}
	many, _ := chosen["selected_options"].([]any)
	return append(out, many...)
}

func (m *modal) put(block, action string, value any) {
	if m.state[block] == nil {
		m.state[block] = map[string]any{}
	}
	m.state[block][action] = value
}

// formatHash is a view's version: a time, and something random.
func formatHash(now time.Time) string {
	raw, err := json.Marshal(now.Unix())
	if err != nil {
		panic(err) // a number always encodes
	}
	return string(raw) + "." + newSecret(8)
}
