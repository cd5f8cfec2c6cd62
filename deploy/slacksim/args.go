package slacksim

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxAPIBody is well above what any accepted call needs.
const maxAPIBody = 4 << 20

// args are a call's arguments: strings from a form, any JSON from a JSON body. A form carries lists and objects as JSON
// in a string; both forms read alike through the accessors.
type args map[string]json.RawMessage

// argKind is what an argument must be.
type argKind int

const (
	argString argKind = iota
	argBool
	argNumber
	argJSON
)

// argSpec names a method's arguments. Every method also takes token.
type argSpec map[string]argKind

// readArgs reads a call's arguments and its token. A JSON body needs the token in the header, as at Slack.
func readArgs(w http.ResponseWriter, r *http.Request) (a args, token string, warnings []string, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxAPIBody)
	a = args{}
	for name, values := range r.URL.Query() {
		a.set(name, values[0])
	}
	delete(a, "token") // Slack takes no token from a URL
	var kind string
	var params map[string]string
	if header := r.Header.Get("Content-Type"); header != "" { // a call without arguments need not have one
		if kind, params, err = mime.ParseMediaType(header); err != nil {
			return nil, "", nil, fail("invalid_post_type")
		}
	}
	switch kind {
	case "application/json":
		err = a.readJSON(r.Body)
		delete(a, "token")
		if params["charset"] == "" {
			warnings = append(warnings, "missing_charset")
		}
	case "application/x-www-form-urlencoded", "multipart/form-data":
		err = a.readForm(r, kind)
		if params["charset"] != "" {
			warnings = append(warnings, "superfluous_charset")
		}
	case "":
	default:
		err = fail("invalid_post_type")
	}
	token = a.str("token")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		token = strings.TrimSpace(bearer)
	}
	delete(a, "token")
	return a, token, warnings, err
}

func (a args) set(name, value string) { a[name] = mustJSON(value) }

func (a args) readJSON(body io.Reader) error {
	raw, err := io.ReadAll(body)
	if err != nil {
		return fail("request_timeout")
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		if json.Valid(raw) {
			return fail("json_not_object")
		}
		return fail("invalid_json")
	}
	for name, value := range object {
		if string(value) != "null" {
			a[name] = value
		}
	}
	return nil
}

func (a args) readForm(r *http.Request, kind string) error {
	var err error
	if kind == "multipart/form-data" {
		err = r.ParseMultipartForm(maxAPIBody) //nolint:gosec // the body is bounded before
	} else {
		err = r.ParseForm()
	}
	if err != nil {
		return fail("invalid_form_data")
	}
	for name, values := range r.PostForm {
		if !utf8.ValidString(values[0]) {
			return fail("invalid_charset")
		}
		a.set(name, values[0])
	}
	return nil
}

func (a args) has(name string) bool { return len(a[name]) > 0 }

// str is an argument as text: what a string says, or the JSON of anything else.
func (a args) str(name string) string {
	raw := a[name]
	var text string
	if len(raw) > 0 && json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func (a args) flag(name string) bool {
	v, err := strconv.ParseBool(a.str(name))
	return err == nil && v
}

// number is an integer argument, 0 when absent.
func (a args) number(name string) (int, error) {
	if !a.has(name) || a.str(name) == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(a.str(name))
	if err != nil || n < 0 {
		return 0, &apiError{code: "invalid_arguments", messages: []string{"[ERROR] must be a non-negative integer [json-pointer:/" + name + "]"}}
	}
	return n, nil
}

// raw is an argument that holds JSON, given directly or in a string. Nil when absent.
func (a args) raw(name string) (json.RawMessage, bool) {
	text := strings.TrimSpace(a.str(name))
	if text == "" {
		return nil, true
	}
	return json.RawMessage(text), json.Valid([]byte(text))
}

// checkArgs refuses, or in lenient mode warns of, arguments that the method does not have. Slack ignores most of them, which
// hides the mistake; either way it is recorded.
func (c *call) checkArgs(spec argSpec) error {
	var unknown []string
	for name := range c.args {
		// Bolt for JavaScript sends team_id with every call, and Slack takes it everywhere.
		if _, known := spec[name]; !known && name != "team_id" {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	var messages []string
	for _, name := range unknown {
		messages = append(messages, "[ERROR] unexpected argument [json-pointer:/"+name+"]")
		if err := c.violate("unknown_argument", name); err != nil {
			return err
		}
	}
	if len(unknown) > 0 && c.settings.Lenient {
		c.warnings = append(c.warnings, "unexpected_arguments")
		messages = nil
	}
	for name, kind := range spec {
		if problem := c.args.check(name, kind); problem != "" {
			messages = append(messages, "[ERROR] "+problem+" [json-pointer:/"+name+"]")
		}
	}
	if len(messages) == 0 {
		return nil
	}
	slices.Sort(messages)
	return &apiError{code: "invalid_arguments", messages: messages}
}

func (a args) check(name string, kind argKind) string {
	if !a.has(name) {
		return ""
	}
	switch kind {
	case argBool:
		if _, err := strconv.ParseBool(a.str(name)); err != nil {
			return "must be a boolean"
		}
	case argString:
		if a[name][0] == '{' || a[name][0] == '[' {
			return "must be a string"
		}
	case argNumber, argJSON: // checked where they are read
	}
	return ""
}

// violate records what an app did wrong.
func (c *call) violate(rule, detail string) error {
	v := Violation{At: c.now().UnixMicro(), Method: c.method, Rule: rule, Detail: detail}
	if c.in != nil {
		v.App, v.Team = c.in.App, c.in.Team
	}
	return c.commit(change{Violation: &v})
}
