package slacksim

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var mentionTyped = regexp.MustCompile(`&lt;([@#!][^&<>]{1,80})&gt;`)

// shownModal is the upmost modal of whoever the page is used as.
type shownModal struct {
	ID, Title, Submit, Close string
	Items                    []shownItem
}

// shownItem is a block of a modal: a field, or something to read.
type shownItem struct {
	Block, Action, Label, Hint, Kind, Note, Error string
	Value                                         string
	Options                                       []shownOption
	Optional, Many, Area                          bool
	Tells                                         bool // choosing tells the app at once
	Read                                          any  // a block that is no field
}

type shownOption struct {
	Value, Text string
	Chosen      bool
}

// addPerson fills in who the page is used as, whom it could be used as, and their modal.
func (s *Simulator) addPerson(v *view, t *team, r *http.Request) {
	v.Error = r.URL.Query().Get("error")
	v.As = UserID(r.URL.Query().Get("as"))
	for _, p := range t.people() {
		if !p.IsBot && !p.Deleted {
			v.Choices = append(v.Choices, listedPerson{Person: p, Name: t.userName(p.ID)})
		}
	}
	if !slices.ContainsFunc(v.Choices, func(p listedPerson) bool { return p.ID == v.As }) {
		v.As = ""
		if len(v.Choices) > 0 {
			v.As = v.Choices[0].ID
		}
	}
	v.Act, v.ThreadTS, v.ChannelID = "/t/"+string(t.ID)+"/act", r.URL.Query().Get("thread"), r.PathValue("channel")
	if stack := s.modals(t.ID, v.As); len(stack) > 0 {
		v.Modal = t.shownModal(stack[len(stack)-1])
	}
}

func (t *team) shownModal(m *modal) *shownModal {
	out := &shownModal{ID: m.id(), Title: plainText(m.body["title"]), Submit: plainText(m.body["submit"]), Close: plainText(m.body["close"])}
	if out.Close == "" {
		out.Close = "Cancel"
	}
	blocks, _ := m.body["blocks"].([]any)
	for _, b := range blocks {
		block, _ := b.(map[string]any)
		if block["type"] != "input" {
			out.Items = append(out.Items, shownItem{Read: b})
		}
		for _, p := range elements([]any{b}) {
			out.Items = append(out.Items, t.shownItem(m, block, p))
		}
	}
	return out
}

func (t *team) shownItem(m *modal, block map[string]any, p placed) shownItem {
	kind := str2(p.element["type"])
	item := shownItem{
		Block: p.block, Action: p.action, Label: p.label, Hint: plainText(block["hint"]), Kind: "text", Optional: p.optional,
		Error: m.errors[p.block], Many: strings.HasPrefix(kind, "multi_") || kind == "checkboxes",
		Area: p.element["multiline"] == true, Tells: !p.quiet, Note: m.notes[p.block+"/"+p.action],
	}
	state, _ := m.state[p.block][p.action].(map[string]any)
	chosen := chosenValues(state[valueField[kind]])
	if item.Label == "" {
		item.Label = plainText(p.element["placeholder"])
	}
	options := optionsOf(p.element)
	switch {
	case kind == "button":
		item.Kind, item.Label = "button", plainText(p.element["text"])
		return item
	case strings.HasSuffix(kind, "external_select"):
		item.Kind, options = "external", append(options, m.choices(p)...)
	case strings.HasSuffix(kind, "users_select"):
		item.Kind = "choice"
		for _, u := range t.people() {
			item.Options = append(item.Options, shownOption{string(u.ID), t.userName(u.ID), slices.Contains(chosen, string(u.ID))})
		}
	case strings.HasSuffix(kind, "channels_select"), strings.HasSuffix(kind, "conversations_select"):
		item.Kind = "choice"
		for _, c := range t.channelList() {
			item.Options = append(item.Options, shownOption{string(c.ID), t.channelName(c.ID), slices.Contains(chosen, string(c.ID))})
		}
	case strings.HasPrefix(valueField[kind], "selected_option"):
		item.Kind = "choice"
	case kind == "datepicker":
		item.Kind = "date"
	case kind == "timepicker":
		item.Kind = "time"
	}
	seen := map[string]bool{}
	for _, o := range options {
		option, _ := o.(map[string]any)
		if value := str2(option["value"]); !seen[value] {
			seen[value] = true
			item.Options = append(item.Options, shownOption{value, plainText(option["text"]), slices.Contains(chosen, value)})
		}
	}
	if len(chosen) == 1 {
		item.Value = chosen[0]
	}
	return item
}

// chosenValues are what a state's value holds, as the form has it.
func chosenValues(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case json.Number:
		return []string{v.String()}
	case map[string]any:
		return []string{str2(v["value"])}
	case []any:
		var out []string
		for _, item := range v {
			out = append(out, chosenValues(item)...)
		}
		return out
	}
	return nil
}
