package interactions

import (
	"encoding/json"
	"errors"

	"github.com/bigmind/backchannel/schemas"
)

// payload is what we read of one, of whatever type.
type payload struct {
	Type        string `json:"type"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	Team        struct {
		ID schemas.TeamID `json:"id"`
	} `json:"team"`
	User struct {
		ID     schemas.SlackUserID `json:"id"`
		TeamID schemas.TeamID      `json:"team_id"`
	} `json:"user"`
	View    view     `json:"view"`
	Actions []action `json:"actions"`
	// Of a block_suggestion: which select, and what was typed.
	ActionID string `json:"action_id"`
	Value    string `json:"value"`
}

type action struct {
	ActionID string `json:"action_id"`
	Value    string `json:"value"`
	Selected *struct {
		Value string `json:"value"`
	} `json:"selected_option"`
}

type view struct {
	ID            string         `json:"id"`
	Hash          string         `json:"hash"`
	CallbackID    string         `json:"callback_id"`
	Metadata      string         `json:"private_metadata"`
	InstalledTeam schemas.TeamID `json:"app_installed_team_id"`
	State         struct {
		Values map[string]map[string]action `json:"values"`
	} `json:"state"`
}

// parse reads a payload. A field of another type than Slack documents is taken for absent: of an unknown kind of payload nothing is
// needed but that it is one.
func parse(raw []byte) (*payload, error) {
	p := &payload{}
	err := json.Unmarshal(raw, p)
	if _, odd := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !odd || p.Type == "" {
		return p, ErrMalformed
	}
	return p, nil
}

// team is the workspace through whose installation the payload came: of a view Slack says it. In a shared channel, team is the one of
// whoever acted; for an app of a whole Enterprise Grid organization it may be null.
func (p *payload) team() schemas.TeamID {
	for _, team := range []schemas.TeamID{p.View.InstalledTeam, p.Team.ID} {
		if team != "" {
			return team
		}
	}
	return p.User.TeamID
}

func (p *payload) action(id string) *action {
	for n := range p.Actions {
		if p.Actions[n].ActionID == id {
			return &p.Actions[n]
		}
	}
	return nil
}

// chosen is what a select of the view holds, empty for nothing.
func (v *view) chosen(block, id string) string {
	if s := v.State.Values[block][id].Selected; s != nil {
		return s.Value
	}
	return ""
}
