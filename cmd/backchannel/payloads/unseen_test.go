package payloads

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
)

// replacements are what a field is in turn: Slack leaves fields out, null, or, being written in PHP, an empty array where an object has
// nothing in it; and types vary between its services.
var replacements = map[string]any{
	"null": nil, "an empty array": []any{}, "an empty object": map[string]any{}, "an empty text": "", "a text": "x", "a number": 7, "true": true,
	"an array of null": []any{nil}, "an object of null": map[string]any{"x": nil},
}

// unseen calls f with a payload in each of its other forms: every field, at any depth, missing or one of the replacements. The payload
// itself is changed and put right again.
func unseen(at string, v any, f func(path, form string)) {
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			change(at+"[]", v[0], func(now any) { v[0] = now }, f)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			path, old := strings.TrimPrefix(at+"."+name, "."), v[name]
			delete(v, name)
			f(path, "missing")
			v[name] = old
			change(path, old, func(now any) { v[name] = now }, f)
		}
	}
}

func change(path string, old any, set func(any), f func(path, form string)) {
	for _, form := range slices.Sorted(maps.Keys(replacements)) {
		set(replacements[form])
		f(path, form)
	}
	set(old)
	if !strings.HasSuffix(path, ".blocks") { // kept as they came
		unseen(path, old, f)
	}
}

// needed are the fields without which nobody can know what an event is about, or whose it is. Only for want of one of these is an event
// refused, or a dead letter.
var needed = []string{
	"type", "authorizations[].team_id", "event.ts", "event.event_ts", "event.deleted_ts", "event.message", "event.message.ts",
	"event.channel", "event.channel.name", "event.old_channel_id", "event.new_channel_id", "event.user", "event.user.id",
}

// Payloads of the same kinds that nobody has recorded yet: nothing stalls or panics, and what can be known of them is decided.
func TestUnseenPayloads(t *testing.T) {
	u := &unseenRun{path: newPath(t), lacked: map[string]bool{}}
	for what, bodies := range simulated(t) {
		u.seed(what, bodies[0])
	}
	if os.Getenv("BACKCHANNEL_SLACK_PAYLOADS") != "" {
		for name, body := range u.various(recorded(t)) {
			u.seed(name, body)
		}
	}
	u.follow()
	if diff := cmp.Diff(slices.Sorted(slices.Values(needed)), slices.Sorted(maps.Keys(u.lacked))); diff != "" {
		t.Errorf("needed, lacked:\n%s", diff)
	}
	t.Log(u.count, "payloads")
}

// unseenRun follows payloads in batches, as the processors read them.
type unseenRun struct {
	*path
	batch  []*kgo.Record
	names  [][2]string // the seed with its form, and the field
	lacked map[string]bool
	count  int
}

func (u *unseenRun) seed(name string, seed json.RawMessage) {
	u.t.Helper()
	var payload any
	ok(u.t, json.Unmarshal(seed, &payload))
	unseen("", payload, func(path, form string) {
		body, err := json.Marshal(payload)
		ok(u.t, err)
		u.count++
		what := [2]string{name + ", " + form, path}
		status, record := u.post("application/json", body)
		if status != http.StatusOK {
			u.lacks(what, http.StatusText(status))
			return
		}
		u.batch, u.names = append(u.batch, record), append(u.names, what)
		if len(u.batch) == 500 {
			u.follow()
		}
	})
}

func (u *unseenRun) follow() {
	u.t.Helper()
	for i, end := range u.path.follow(u.batch) {
		if end.rejected != "" {
			u.lacks(u.names[i], end.String())
		}
	}
	u.batch, u.names = nil, nil
}

func (u *unseenRun) lacks(what [2]string, end string) {
	u.t.Helper()
	if !slices.Contains(needed, what[1]) && !u.lacked[what[1]] {
		u.t.Errorf("%s: %s: %s", what[0], what[1], end)
	}
	u.lacked[what[1]] = true
}

// various leaves out events that are passed over by their type, and all but one of those with the same fields.
func (u *unseenRun) various(all map[string]json.RawMessage) map[string]json.RawMessage {
	u.t.Helper()
	out, seen := map[string]json.RawMessage{}, map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if u.send("application/json", all[name]) == "ignored: not_a_message" {
			continue
		}
		var payload any
		ok(u.t, json.Unmarshal(all[name], &payload))
		fields := strings.Join(fieldsOf("", payload), " ")
		if !seen[fields] {
			seen[fields], out[name] = true, all[name]
		}
	}
	return out
}

func fieldsOf(at string, v any) (fields []string) {
	switch v := v.(type) {
	case []any:
		if len(v) > 0 {
			return fieldsOf(at+"[]", v[0])
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			fields = append(append(fields, at+"."+name), fieldsOf(at+"."+name, v[name])...)
		}
	}
	return fields
}
