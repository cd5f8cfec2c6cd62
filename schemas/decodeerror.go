package schemas

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// plainly says what is wrong with a value that does not decode into v, for whoever wrote it: which field, and what it has to be. It quotes nothing of the value.
func plainly(err error, value []byte, v any) error {
	if wrong, is := errors.AsType[*json.UnmarshalTypeError](err); is {
		kind, _, _ := strings.Cut(wrong.Value, " ") // of a number the rest is the number
		if wrong.Field == "" {
			return fmt.Errorf("it must be %s, and is %s", jsonKind(wrong.Type), a(kind))
		}
		return fmt.Errorf("%s must be %s, and is %s", wrong.Field, jsonKind(wrong.Type), a(kind))
	}
	if _, isTime := errors.AsType[*time.ParseError](err); isTime {
		if field := wrongTime(value, reflect.TypeOf(v)); field != "" {
			return fmt.Errorf("%s must be a time in RFC 3339 form, as 2026-09-15T12:00:00Z", field)
		}
		return errors.New("a time is not in RFC 3339 form")
	}
	return err
}

// a puts an article before a kind of JSON value.
func a(kind string) string {
	switch kind {
	case "array":
		return "a list"
	case "object":
		return "an object"
	case "bool":
		return "true or false"
	}
	return "a " + kind
}

// jsonKind is what a Go type is in JSON, with its article.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonKind(t.Elem())
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Float32, reflect.Float64:
		return "a number"
	default: // the rest of what records have
		return "a whole number"
	}
}

var timeType = reflect.TypeFor[time.Time]()

// wrongTime finds the first field of type t that is a time and does not parse: its path, empty if there is none.
func wrongTime(value []byte, t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var fields map[string]json.RawMessage
	if t.Kind() != reflect.Struct || json.Unmarshal(value, &fields) != nil {
		return ""
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		raw, there := fields[name]
		if !there {
			continue
		}
		if f.Type == timeType {
			if json.Unmarshal(raw, new(time.Time)) != nil {
				return name
			}
			continue
		}
		if inner := wrongTime(raw, f.Type); inner != "" {
			return name + "." + inner
		}
	}
	return ""
}
