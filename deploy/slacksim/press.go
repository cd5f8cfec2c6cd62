package slacksim

import (
	"context"
	"maps"
	"slices"
)

// Press is a person using an element: pressing a button, choosing from a menu.
type Press struct {
	User UserID `json:"user"`
	// Channel and TS name the message it is in, or View the modal.
	Channel ChannelID `json:"channel,omitempty"`
	TS      TS        `json:"ts,omitempty"`
	View    string    `json:"view,omitempty"`
	// Block may be left out where the action is there once.
	Block  string `json:"block,omitempty"`
	Action string `json:"action"`
	// Values are what was chosen: an option's value, or an id. None for a button.
	Values []string `json:"values,omitempty"`
}

// prepared is a payload, and whom it is for.
type prepared struct {
	app     App
	payload map[string]any
}

// press sends block_actions, if the element tells its app at once. base is the simulator's own address, for the response_url.
func (s *Simulator) press(ctx context.Context, team TeamID, in Press, base string) error {
	ready, err := s.preparePress(team, in, base)
	if err != nil || ready.payload == nil {
		return err
	}
	_, err = s.ask(ctx, ready.app, ready.app.InteractivityURL, ready.payload)
	return err
}

func (s *Simulator) preparePress(id TeamID, in Press, base string) (prepared, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.team(id)
	if err != nil {
		return prepared{}, err
	}
	if _, err := s.person(t, in.User); err != nil {
		return prepared{}, err
	}
	if in.View != "" {
		return s.pressInView(t, in)
	}
	return s.pressInMessage(t, in, base)
}

func (s *Simulator) pressInMessage(t *team, in Press, base string) (prepared, error) {
	c, err := s.channel(t, in.Channel)
	if err != nil {
		return prepared{}, err
	}
	m, err := s.standing(c, in.TS)
	if err != nil {
		return prepared{}, err
	}
	switch {
	case !c.has(in.User):
		return prepared{}, refuse("member %s is not in channel %s", in.User, c.ID)
	case s.state.apps[m.AppID] == nil:
		return prepared{}, refuse("message %s is no app's", m.TS)
	}
	app := s.state.apps[m.AppID]
	p, err := locate(elements(decodeAny(m.Blocks)), in)
	if err != nil {
		return prepared{}, err
	}
	act, err := s.action(p, in.Values, nil)
	if err != nil {
		return prepared{}, err
	}
	out := s.common("block_actions", app, t, in.User)
	out["trigger_id"] = s.trigger(app.ID, t.ID, in.User, "")
	out["container"] = map[string]any{"type": "message", "message_ts": m.TS, "channel_id": c.ID, "is_ephemeral": false}
	out["channel"] = map[string]any{"id": c.ID, "name": payloadName(c)}
	out["message"] = s.state.wire(t, c, m)
	out["state"] = map[string]any{"values": map[string]any{}}
	out["response_url"] = s.responseURL(base, app.ID, t.ID, c.ID, m.TS, in.User)
	out["actions"] = []any{act}
	return prepared{app: *app, payload: out}, nil
}

// payloadName is how payloads name a channel: DMs and private channels by a word.
func payloadName(c *channel) string {
	switch {
	case c.IsIM:
		return "directmessage"
	case c.IsPrivate:
		return "privategroup"
	}
	return c.Name
}

func (s *Simulator) pressInView(t *team, in Press) (prepared, error) {
	m, err := s.openView(t, in.User, in.View)
	if err != nil {
		return prepared{}, err
	}
	p, err := locate(elements(m.body["blocks"]), in)
	if err != nil {
		return prepared{}, err
	}
	act, err := s.action(p, in.Values, m.choices(p))
	if err != nil {
		return prepared{}, err
	}
	if fillable(p.element) {
		value := maps.Clone(act)
		for _, name := range []string{"action_id", "block_id", "action_ts"} {
			delete(value, name)
		}
		m.put(p.block, p.action, value)
		s.wake()
	}
	if p.quiet {
		return prepared{}, nil
	}
	app := s.state.apps[m.app]
	out := s.common("block_actions", app, t, in.User)
	out["trigger_id"] = s.trigger(app.ID, t.ID, in.User, m.id())
	out["container"] = map[string]any{"type": "view", "view_id": m.id()}
	out["view"] = m.payload()
	out["actions"] = []any{act}
	return prepared{app: *app, payload: out}, nil
}

// locate finds the element that is used.
func locate(all []placed, in Press) (placed, error) {
	i := slices.IndexFunc(all, func(p placed) bool { return p.action == in.Action && (in.Block == "" || p.block == in.Block) })
	if i < 0 {
		return placed{}, missing("there is no element with action %q here", in.Action)
	}
	return all[i], nil
}

// action is one entry of a payload's actions.
func (s *Simulator) action(p placed, values []string, offered []any) (map[string]any, error) {
	out := map[string]any{"type": p.element["type"]}
	if fillable(p.element) {
		var err error
		if out, err = filledIn(p, values, offered); err != nil {
			return nil, err
		}
	} else {
		out["text"] = p.element["text"]
		for _, name := range []string{"value", "style", "url"} {
			if v, ok := p.element[name]; ok {
				out[name] = v
			}
		}
	}
	out["action_id"], out["block_id"], out["action_ts"] = p.action, p.block, actionTS(s.now())
	return out, nil
}

// openView is a view that a person has open.
func (s *Simulator) openView(t *team, user UserID, id string) (*modal, error) {
	m := s.interact.views[id]
	if m == nil || m.team != t.ID || m.user != user {
		return nil, missing("member %s has no view %q open", user, id)
	}
	return m, nil
}
