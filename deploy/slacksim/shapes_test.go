package slacksim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// shapeDifferences are fields of Slack's documented examples that the simulator does not send, and why.
var shapeDifferences = map[string]string{
	"chat.postMessage message.username":      "the example is of a classic app; a modern bot's message has user and bot_profile",
	"chat.postMessage message.subtype":       "as above: bot_message is a classic app's",
	"users.info user.profile.image_original": "only people who uploaded a picture have one",
}

// TestAnswersHaveTheDocumentedShape compares each method's answer with the examples of Slack's reference: every field
// that they show is there, with the same type of value.
func TestAnswersHaveTheDocumentedShape(t *testing.T) {
	examples := map[string][]payload{}
	for _, p := range corpus(t, "docs-examples", "response-") {
		if name, ok := strings.CutPrefix(p.Src, "slack-api-ref:"); ok && methods[name] != nil {
			examples[name] = append(examples[name], p)
		}
	}
	s := shapeWorld(t)
	used := map[string]bool{}
	for name := range methods {
		if len(examples[name]) == 0 {
			t.Errorf("no documented example of %s", name)
		}
		for _, example := range examples[name] {
			var want map[string]any
			if err := json.Unmarshal(example.Payload, &want); err != nil {
				t.Fatal(err)
			}
			if want["ok"] != true {
				continue
			}
			got := s.answerLike(t, name, want)
			for _, diff := range compareShape("", want, got) {
				field, _, _ := strings.Cut(diff, ":")
				used[name+" "+field] = true
				if shapeDifferences[name+" "+field] == "" {
					t.Errorf("%s (%s): %s", name, example.file, diff)
				}
			}
		}
	}
	for field := range shapeDifferences {
		if !used[field] {
			t.Errorf("%s is listed as a difference, but is none", field)
		}
	}
}

// compareShape lists what want has and got has not. Nulls fit anything: the examples leave out what they do not show.
func compareShape(at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		o, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: an object in Slack's, %T here", at, got)}
		}
		var diffs []string
		for name, v := range want {
			path := strings.TrimPrefix(at+"."+name, ".")
			if _, there := o[name]; !there {
				diffs = append(diffs, path+": missing")
				continue
			}
			diffs = append(diffs, compareShape(path, v, o[name])...)
		}
		slices.Sort(diffs)
		return diffs
	case []any:
		list, ok := got.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: an array in Slack's, %T here", at, got)}
		}
		if len(want) == 0 || len(list) == 0 {
			return nil
		}
		return compareShape(at+"[]", want[0], list[len(list)-1])
	case nil:
		return nil
	}
	if got != nil && fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		return []string{fmt.Sprintf("%s: %T in Slack's, %T here", at, want, got)}
	}
	return nil
}

type shapes struct {
	*Simulator
	token    string
	room, im string
	user     string
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
	app, err := sim.createApp(App{Name: "Backchannel"})
	noError(t, err)
	in, err := sim.install(tm, InstallRequest{App: app.ID, Scopes: []string{
		"users:read", "users:read.email", "chat:write", "im:write", "im:read", "channels:read",
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
	s.token, s.room, s.im, s.user = in.Token, string(room.ID), string(im.ID), string(ada.ID)
	return s
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answerLike makes the call that an example answers.
func (s *shapes) answerLike(t *testing.T, name string, example map[string]any) map[string]any {
	args := url.Values{}
	channel, _ := example["channel"].(map[string]any)
	switch name {
	case "users.info":
		args.Set("user", s.user)
	case "conversations.info":
		args.Set("channel", s.room)
		if channel["is_im"] == true {
			args.Set("channel", s.im)
			args.Set("include_locale", "true")
			args.Set("include_num_members", "true")
		}
	case "conversations.open":
		args.Set("users", s.user)
		if channel["user"] != nil {
			args.Set("return_im", "true")
		}
	case "chat.postMessage":
		args = url.Values{"channel": {s.room}, "text": {"x"}, "attachments": {`[{"text":"This is an attachment"}]`}}
	case "chat.update":
		first := s.call(t, "chat.postMessage", url.Values{"channel": {s.room}, "text": {"x"}})
		ts, _ := first["ts"].(string)
		args = url.Values{"channel": {s.room}, "text": {"y"}, "ts": {ts}}
	}
	return s.call(t, name, args)
}

func (s *shapes) call(t *testing.T, name string, args url.Values) map[string]any {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/"+name, strings.NewReader(args.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+s.token)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got["ok"] != true {
		t.Fatalf("%s answered %s", name, w.Body)
	}
	return got
}
