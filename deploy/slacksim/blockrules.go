package slacksim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// rule checks a decoded JSON value, found at a JSON pointer, and notes what is wrong with it in Slack's words.
type rule func(p *problems, at string, value any)

// problems are what is wrong, in the form of response_metadata.messages. Names of fields and limits only: never content.
type problems struct{ messages []string }

// maxProblems keeps an answer to a hopeless message short.
const maxProblems = 50

func (p *problems) add(at, format string, args ...any) {
	if len(p.messages) < maxProblems {
		p.messages = append(p.messages, fmt.Sprintf("[ERROR] %s [json-pointer:%s]", fmt.Sprintf(format, args...), at))
	}
}

// fields are those an object may have. One whose name ends in ! must be there.
type fields map[string]rule

// object wants exactly these fields. A field may be null, which is as if it were absent.
func object(want fields) rule {
	rules, required := fields{}, []string{}
	for name, r := range want {
		bare, must := strings.CutSuffix(name, "!")
		rules[bare] = r
		if must {
			required = append(required, bare)
		}
	}
	slices.Sort(required)
	return func(p *problems, at string, value any) {
		o, ok := value.(map[string]any)
		if !ok {
			p.add(at, "must provide an object")
			return
		}
		for _, name := range required {
			if o[name] == nil {
				p.add(at, "missing required field: %s", name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(o)) {
			r, known := rules[name]
			switch {
			case !known:
				p.add(at, "invalid additional property: %s", shorten(name))
			case o[name] != nil:
				r(p, at+"/"+name, o[name])
			}
		}
	}
}

// typed wants an object whose type is one of these, and checks it by that type's fields.
func typed(kinds map[string]rule) rule {
	return func(p *problems, at string, value any) {
		o, ok := value.(map[string]any)
		if !ok {
			p.add(at, "must provide an object")
			return
		}
		kind, ok := o["type"].(string)
		if !ok {
			p.add(at, "missing required field: type")
			return
		}
		r, known := kinds[kind]
		if !known {
			p.add(at+"/type", "unsupported type: %s", shorten(kind))
			return
		}
		r(p, at, value)
	}
}

// shorten keeps a name that the caller chose from filling an answer.
func shorten(name string) string {
	const most = 60
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return string([]rune(name)[:most]) + "…"
}

// all wants every rule kept.
func all(rules ...rule) rule {
	return func(p *problems, at string, value any) {
		for _, r := range rules {
			r(p, at, value)
		}
	}
}

// oneOf wants at least one of the named fields.
func oneOf(names ...string) rule {
	return func(p *problems, at string, value any) {
		o, ok := value.(map[string]any)
		if !ok {
			return
		}
		if !slices.ContainsFunc(names, func(name string) bool { return o[name] != nil }) {
			p.add(at, "missing required field: %s", strings.Join(names, " or "))
		}
	}
}

// str wants a string of so many characters.
func str(least, most int) rule {
	return func(p *problems, at string, value any) {
		text, ok := value.(string)
		if !ok {
			p.add(at, "must provide a string")
			return
		}
		switch n := utf8.RuneCountInString(text); {
		case n < least:
			p.add(at, "must be more than %d characters", least-1)
		case n > most:
			p.add(at, "must be less than %d characters", most+1)
		}
	}
}

// word wants one of these strings.
func word(words ...string) rule {
	return func(p *problems, at string, value any) {
		if text, ok := value.(string); !ok || !slices.Contains(words, text) {
			p.add(at, "must be one of: %s", strings.Join(words, ", "))
		}
	}
}

// link wants an absolute http or https URL of at most 3,000 characters.
func link(p *problems, at string, value any) {
	str(1, 3000)(p, at, value)
	if text, ok := value.(string); ok && !strings.HasPrefix(text, "http://") && !strings.HasPrefix(text, "https://") &&
		!strings.HasPrefix(text, "mailto:") && !strings.HasPrefix(text, "slack://") {
		p.add(at, "must be a valid URL")
	}
}

func boolean(p *problems, at string, value any) {
	if _, ok := value.(bool); !ok {
		p.add(at, "must provide a boolean")
	}
}

func integer(least, most int64) rule {
	return func(p *problems, at string, value any) {
		n, ok := value.(json.Number)
		if !ok {
			p.add(at, "must provide a number")
			return
		}
		if i, err := n.Int64(); err != nil || i < least || i > most {
			p.add(at, "must be a whole number from %d to %d", least, most)
		}
	}
}

// list wants so many items, each by the rule.
func list(least, most int, item rule) rule {
	return func(p *problems, at string, value any) {
		items, ok := value.([]any)
		if !ok {
			p.add(at, "must provide an array")
			return
		}
		switch {
		case len(items) < least:
			p.add(at, "no fewer than %d items allowed", least)
		case len(items) > most:
			p.add(at, "no more than %d items allowed", most)
			return
		}
		for i, v := range items {
			item(p, fmt.Sprintf("%s/%d", at, i), v)
		}
	}
}

// orNull takes null as well: a table's column settings skip a column with it.
func orNull(r rule) rule {
	return func(p *problems, at string, value any) {
		if value != nil {
			r(p, at, value)
		}
	}
}

// kind is the field type of an object that has only one.
func kind(name string) rule { return word(name) }
