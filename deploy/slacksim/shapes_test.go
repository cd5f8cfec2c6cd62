package slacksim

import (
	"encoding/json"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// noExample are methods of which no response example has been collected.
var noExample = []string{"oauth.v2.exchange", "apps.uninstall"}

// TestAnswersHaveTheDocumentedShape compares each method's answer with the examples of Slack's reference. Fields that only one
// side has, and types that differ, are exactly those of the table in DIFFERENCES.md.
func TestAnswersHaveTheDocumentedShape(t *testing.T) {
	documented := map[string]shape{}
	for _, p := range corpus(t, "docs-examples", "response-") {
		name, ok := strings.CutPrefix(p.Src, "slack-api-ref:")
		var body map[string]any
		if err := json.Unmarshal(p.Payload, &body); err != nil || !ok || methods[name] == nil && name != "apps.connections.open" || body["ok"] != true {
			continue
		}
		if documented[name] == nil {
			documented[name] = shape{}
		}
		documented[name].add("", body)
	}
	got := map[string]bool{}
	for _, name := range append(slices.Collect(maps.Keys(methods)), "apps.connections.open") {
		if documented[name] == nil {
			if !slices.Contains(noExample, name) {
				t.Errorf("no documented example of %s", name)
			}
			continue
		}
		ours, s := shape{}, shapeWorld(t) // its own world: what one method posts would show in another's history
		answers := s.answersOf(t, name)
		if answers == nil {
			for _, args := range s.callsOf(t, name) {
				answers = append(answers, s.call(t, name, args))
			}
		}
		for _, answer := range answers {
			ours.add("", answer)
		}
		for _, d := range differences(documented[name], ours) {
			got[name+" | "+d] = true
		}
	}
	listed := readDifferences(t)
	for d := range got {
		if !listed[d] {
			t.Errorf("not in DIFFERENCES.md: | %s |", d)
		}
	}
	for d := range listed {
		if !got[d] {
			t.Errorf("DIFFERENCES.md lists what is no difference: | %s |", d)
		}
	}
}

// shape is the types of value that each path of an answer has, over all that were added.
type shape map[string]map[string]bool

func (s shape) add(at string, v any) {
	if at != "" {
		if s[at] == nil {
			s[at] = map[string]bool{}
		}
		s[at][typeOf(v)] = true
	}
	switch v := v.(type) {
	case map[string]any:
		for name, field := range v {
			path := strings.TrimPrefix(at+"."+strings.ReplaceAll(name, ".", "_"), ".")
			s.add(path, field)
		}
	case []any:
		if strings.HasSuffix(at, "blocks") { // the content of an example; blocks have tests of their own
			return
		}
		for _, item := range v {
			s.add(at+"[]", item)
		}
	}
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	}
	return "number"
}

// differences are the uppermost paths that one side lacks, and those whose types have nothing in common. Null fits anything.
func differences(documented, ours shape) []string {
	found := onlyIn(documented, ours, "missing")
	found = append(found, onlyIn(ours, documented, "undocumented")...)
	for path, want := range documented {
		have := ours[path]
		if have == nil || want["null"] || have["null"] {
			continue
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(kind string) bool { return have[kind] }) {
			found = append(found, path+" | "+one(have)+" instead of "+one(want))
		}
	}
	return found
}

// onlyIn are the paths of a that b lacks although it has what holds them. An array that is empty on one side says nothing.
func onlyIn(a, b shape, word string) []string {
	var found []string
	for path := range a {
		i := strings.LastIndex(path, ".")
		if b[path] == nil && !strings.HasSuffix(path, "[]") && (i < 0 || b[path[:i]]["object"]) {
			found = append(found, path+" | "+word)
		}
	}
	return found
}

func one(kinds map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(kinds)), " or ") }

// readDifferences reads the table of DIFFERENCES.md: method | path | difference | why. Each has to say why.
func readDifferences(t *testing.T) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("DIFFERENCES.md")
	noError(t, err)
	listed := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		if len(cells) != 4 || cells[0] == "method" || strings.HasPrefix(cells[0], "--") {
			continue
		}
		if cells[3] == "" {
			t.Errorf("DIFFERENCES.md does not say why: %s", strings.TrimSpace(line))
		}
		listed[strings.Join(cells[:3], " | ")] = true
	}
	return listed
}

type shapes struct {
	*Simulator
	app      *App
	team     TeamID
	token    string
	room, im string
	user     string
	bot      string
	root     string // of a thread
}

// shapeWorld has a channel and a DM, each with a message of the app's.
func shapeWorld(t *testing.T) *shapes {
	t.Helper()
	sim, err := New(Options{Settings: Settings{NoRateLimits: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &shapes{Simulator: sim}
	sim.mu.Lock()
	defer sim.mu.Unlock()
	made, err := sim.createTeam(Team{Name: "Acme"})
	noError(t, err)
	tm := sim.state.teams[made.ID]
	app, err := sim.createApp(App{Name: "Backchannel", RedirectURLs: []string{"https://app.example/back"}})
	noError(t, err)
	in, err := sim.install(tm, InstallRequest{App: app.ID, Scopes: []string{
		"users:read", "users:read.email", "chat:write", "im:write", "im:read", "channels:read",
		"channels:history", "team:read",
	}})
	noError(t, err)
	ada, err := sim.createPerson(tm, Person{Name: "ada", Email: "ada@acme.example"})
	noError(t, err)
	room, err := sim.createChannel(tm, Channel{Name: "room", Members: []UserID{ada.ID, in.BotUserID}})
	noError(t, err)
	im, err := sim.createChannel(tm, Channel{IsIM: true, Members: []UserID{in.BotUserID, ada.ID}})
	noError(t, err)
	_, err = sim.say(tm, tm.channels[im.ID], Say{User: ada.ID, Text: "Psssst!"})
	noError(t, err)
	root, err := sim.say(tm, tm.channels[room.ID], Say{User: ada.ID, Text: "Who comes?"})
	noError(t, err)
	for range 2 {
		_, err = sim.say(tm, tm.channels[room.ID], Say{User: ada.ID, Text: "Me", ThreadTS: root.TS})
		noError(t, err)
	}
	_, err = sim.say(tm, tm.channels[room.ID], Say{User: ada.ID, Text: "Good"})
	noError(t, err)
	s.app, s.team = sim.state.apps[app.ID], made.ID
	s.root, s.bot = string(root.TS), string(in.BotID)
	s.token, s.room, s.im, s.user = in.Token, string(room.ID), string(im.ID), string(ada.ID)
	return s
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// callsOf are the calls of a method that together show all it answers.
func (s *shapes) callsOf(t *testing.T, name string) []url.Values {
	t.Helper()
	if calls := s.plainCalls()[name]; calls != nil {
		return calls
	}
	if !strings.HasPrefix(name, "chat.") {
		return []url.Values{{}}
	}
	posted := s.call(t, "chat.postMessage", url.Values{"channel": {s.room}, "text": {"x"}})
	ts, _ := posted["ts"].(string)
	switch name {
	case "chat.update":
		return []url.Values{{"channel": {s.room}, "text": {"y"}, "ts": {ts}}}
	case "chat.getPermalink":
		return []url.Values{{"channel": {s.room}, "message_ts": {ts}}}
	case "chat.delete":
		return []url.Values{{"channel": {s.room}, "ts": {ts}}}
	}
	return []url.Values{{"channel": {s.room}, "text": {"x"}, "user": {s.user}}}
}

func (s *shapes) plainCalls() map[string][]url.Values {
	return map[string][]url.Values{
		"users.info":            {{"user": {s.user}}},
		"users.lookupByEmail":   {{"email": {"ada@acme.example"}}},
		"bots.info":             {{"bot": {s.bot}}},
		"conversations.info":    {{"channel": {s.room}}, {"channel": {s.im}, "include_locale": {"true"}, "include_num_members": {"true"}}},
		"conversations.members": {{"channel": {s.room}}},
		"conversations.history": {{"channel": {s.room}}, {"channel": {s.room}, "limit": {"1"}}},
		"conversations.replies": {{"channel": {s.room}, "ts": {s.root}}, {"channel": {s.room}, "ts": {s.root}, "limit": {"2"}}},
		"conversations.open":    {{"users": {s.user}}, {"users": {s.user}, "return_im": {"true"}}},
		"conversations.list":    {{}, {"types": {"im"}}},
		"users.conversations":   {{}, {"types": {"im"}}},
		"chat.scheduleMessage":  {{"channel": {s.room}, "text": {"x"}, "post_at": {strconv.FormatInt(time.Now().Unix()+60, 10)}, "attachments": {`[{"text":"This is an attachment"}]`}}},
		"chat.postMessage":      {{"channel": {s.room}, "text": {"x"}, "attachments": {`[{"text":"This is an attachment"}]`}}},
	}
}
