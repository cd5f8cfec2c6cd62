package slacksim

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// placed is an interactive element and where it is.
type placed struct {
	block, action string
	element       map[string]any
	optional      bool
	label         string
	// quiet: using it tells the app nothing before the view is submitted, as an input without dispatch_action does.
	quiet bool
}

// blockElements are a block's elements, its accessory and its input.
func blockElements(block map[string]any) []map[string]any {
	var out []map[string]any
	add := func(v any) {
		if o, ok := v.(map[string]any); ok {
			out = append(out, o)
		}
	}
	list, _ := block["elements"].([]any)
	for _, v := range list {
		add(v)
	}
	add(block["accessory"])
	add(block["element"])
	return out
}

// elements are all interactive elements of some blocks.
func elements(blocks any) []placed {
	var out []placed
	list, _ := blocks.([]any)
	for _, v := range list {
		block, _ := v.(map[string]any)
		for _, e := range blockElements(block) {
			if !isInteractive(e) {
				continue
			}
			optional, _ := block["optional"].(bool)
			out = append(out, placed{
				block: str2(block["block_id"]), action: str2(e["action_id"]), element: e,
				optional: optional || block["type"] != "input", label: plainText(block["label"]),
				quiet: block["type"] == "input" && block["dispatch_action"] != true,
			})
		}
	}
	return out
}

// valueField is the field that holds what is chosen or typed, by the element's type (docs.slack.dev/reference/interaction-payloads).
var valueField = map[string]string{
	"plain_text_input": "value", "email_text_input": "value", "url_text_input": "value", "number_input": "value",
	"static_select": "selected_option", "external_select": "selected_option", "radio_buttons": "selected_option",
	"overflow": "selected_option", "checkboxes": "selected_options", "multi_static_select": "selected_options",
	"multi_external_select": "selected_options", "users_select": "selected_user", "multi_users_select": "selected_users",
	"conversations_select": "selected_conversation", "multi_conversations_select": "selected_conversations",
	"channels_select": "selected_channel", "multi_channels_select": "selected_channels",
	"datepicker": "selected_date", "timepicker": "selected_time", "datetimepicker": "selected_date_time",
}

// initialField is where an element says what it begins with.
var initialField = map[string]string{
	"value": "initial_value", "selected_option": "initial_option", "selected_options": "initial_options",
	"selected_user": "initial_user", "selected_users": "initial_users", "selected_conversation": "initial_conversation",
	"selected_conversations": "initial_conversations", "selected_channel": "initial_channel",
	"selected_channels": "initial_channels", "selected_date": "initial_date", "selected_time": "initial_time",
	"selected_date_time": "initial_date_time",
}

func isInteractive(e map[string]any) bool { return e["type"] == "button" || fillable(e) }

// fillable elements are part of a view's state.
func fillable(e map[string]any) bool { return valueField[str2(e["type"])] != "" }

func initialValue(e map[string]any) any {
	kind := str2(e["type"])
	field := valueField[kind]
	initial := e[initialField[field]]
	if initial == nil && strings.HasSuffix(field, "s") {
		initial = []any{}
	}
	return map[string]any{"type": kind, field: initial}
}

// filledIn is what an element holds once someone has typed or chosen these values. Offered are the options last suggested
// for an external select.
func filledIn(p placed, values []string, offered []any) (map[string]any, error) {
	kind := str2(p.element["type"])
	field := valueField[kind]
	many := strings.HasSuffix(field, "s")
	if !many && len(values) > 1 {
		return nil, refuse("%s takes one value, not %d", p.action, len(values))
	}
	chosen := []any{}
	for _, v := range values {
		one, err := p.value(field, v, offered)
		if err != nil {
			return nil, err
		}
		if one != nil {
			chosen = append(chosen, one)
		}
	}
	out := map[string]any{"type": kind, field: nil}
	if many {
		out[field] = chosen
	} else if len(chosen) == 1 {
		out[field] = chosen[0]
	}
	return out, nil
}

// value is one value as the payload has it: a text, an id, or the option that bears it.
func (p placed) value(field, v string, offered []any) (any, error) {
	if v == "" {
		return nil, nil //nolint:nilnil // nothing chosen is null in the payload
	}
	switch {
	case strings.HasPrefix(field, "selected_option"):
		for _, o := range append(optionsOf(p.element), offered...) {
			if option, _ := o.(map[string]any); option["value"] == v {
				return option, nil
			}
		}
		return nil, refuse("%s offers no option with the value %q; ask for its options first", p.action, v)
	case field == "selected_date_time":
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil, refuse("%s takes seconds since the epoch, not %q", p.action, v)
		}
		return n, nil
	case field == "value":
		return v, p.checkLength(v)
	}
	return v, nil
}

func (p placed) checkLength(v string) error {
	n := utf8.RuneCountInString(v)
	if limit := limitOf(p.element["max_length"]); limit > 0 && n > limit {
		return refuse("%s takes at most %d characters, not %d", p.action, limit, n)
	}
	if limit := limitOf(p.element["min_length"]); n < limit {
		return refuse("%s takes at least %d characters, not %d", p.action, limit, n)
	}
	return nil
}

// limitOf reads a decoded number, 0 when there is none.
func limitOf(v any) int {
	n, ok := v.(interface{ Int64() (int64, error) })
	if !ok {
		return 0
	}
	limit, err := n.Int64()
	if err != nil {
		return 0
	}
	return int(limit)
}

// optionsOf are an element's own options, those in groups too, and those it begins with.
func optionsOf(e map[string]any) []any {
	own, _ := e["options"].([]any)
	out := slices.Clone(own)
	groups, _ := e["option_groups"].([]any)
	for _, g := range groups {
		group, _ := g.(map[string]any)
		more, _ := group["options"].([]any)
		out = append(out, more...)
	}
	if e["initial_option"] != nil {
		out = append(out, e["initial_option"])
	}
	more, _ := e["initial_options"].([]any)
	return append(out, more...)
}

// empty says whether nothing is filled in.
func empty(value any) bool {
	o, _ := value.(map[string]any)
	for name, v := range o {
		list, many := v.([]any)
		if name != "type" && v != nil && v != "" && (!many || len(list) > 0) {
			return false
		}
	}
	return true
}
