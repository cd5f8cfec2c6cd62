package slacksim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// stage is a bubble whose app answers interactions with what a test says.
type stage struct {
	*bubble
	app    slacksim.App
	mu     sync.Mutex // of got and raw
	got    []slack.InteractionCallback
	raw    []map[string]any
	answer func(slack.InteractionCallback, http.ResponseWriter)
}

func newStage(t *testing.T) *stage {
	st := &stage{answer: func(slack.InteractionCallback, http.ResponseWriter) {}}
	st.bubble = newBubble(t, slacksim.Options{}, 1, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			return // an event
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		v, err := slack.NewSecretsVerifier(r.Header, st.app.SigningSecret)
		if err == nil {
			_, _ = v.Write(body)
			err = v.Ensure()
		}
		if err != nil {
			t.Errorf("signature: %v", err)
		}
		form := must(url.ParseQuery(string(body)))(t)
		var cb slack.InteractionCallback
		var raw map[string]any
		for _, into := range []any{&cb, &raw} {
			if err := json.Unmarshal([]byte(form.Get("payload")), into); err != nil {
				t.Error(err)
			}
		}
		st.mu.Lock()
		st.got, st.raw = append(st.got, cb), append(st.raw, raw)
		st.mu.Unlock()
		st.answer(cb, w)
	})
	apps := must(st.Apps(t.Context()))(t)
	target, options := "http://app.test/interactive", "http://app.test/options"
	st.app = must(st.UpdateApp(t.Context(), apps[0].ID, slacksim.AppPatch{InteractivityURL: &target, OptionsURL: &options}))(t)
	return st
}

// api makes a Web API call and returns its answer.
func (b *bubble) api(method string, args url.Values) map[string]any {
	b.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, "/api/"+method, strings.NewReader(args.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+b.install.Token)
	b.sim.Handler().ServeHTTP(w, r)
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		b.t.Fatal(err)
	}
	return body
}

const buttonBlocks = `[{"type":"actions","block_id":"acts","elements":[{"type":"button","action_id":"link","value":"v1","text":{"type":"plain_text","text":"Link"}}]}]`

// press posts a button and has Ada press it; it returns the payload.
func (st *stage) press() slack.InteractionCallback {
	st.t.Helper()
	posted := st.api("chat.postMessage", url.Values{"channel": {string(st.rooms[0].ID)}, "text": {"x"}, "blocks": {buttonBlocks}})
	ts, _ := posted["ts"].(string)
	if err := st.Press(st.t.Context(), st.team.ID, slacksim.Press{User: st.ada.ID, Channel: st.rooms[0].ID, TS: slacksim.TS(ts), Action: "link"}); err != nil {
		st.t.Fatal(err)
	}
	time.Sleep(time.Second + time.Millisecond) // virtual: one post a second
	return st.got[len(st.got)-1]
}

const setupView = `{"type":"modal","callback_id":"setup","title":{"type":"plain_text","text":"Link"},"submit":{"type":"plain_text","text":"Save"},
"notify_on_close":true,"private_metadata":"pm","external_id":"ext","blocks":[
{"type":"input","block_id":"deal","label":{"type":"plain_text","text":"Deal"},"element":{"type":"external_select","action_id":"pick"}},
{"type":"input","block_id":"note","optional":true,"label":{"type":"plain_text","text":"Note"},"element":{"type":"plain_text_input","action_id":"text","max_length":5}}]}`

func open(trigger string) url.Values { return url.Values{"trigger_id": {trigger}, "view": {setupView}} }

// openSetup has Ada press the button and the app open its modal.
func (st *stage) openSetup() slack.View {
	st.t.Helper()
	st.answer = func(cb slack.InteractionCallback, _ http.ResponseWriter) {
		if cb.Type == slack.InteractionTypeBlockActions {
			if got := st.api("views.open", open(cb.TriggerID)); got["ok"] != true {
				st.t.Error(got)
			}
		}
	}
	st.press()
	return st.top()
}

func (st *stage) top() slack.View {
	st.t.Helper()
	views := must(st.Views(st.t.Context(), st.team.ID, st.ada.ID))(st.t)
	if len(views) == 0 {
		return slack.View{}
	}
	var v slack.View
	if err := json.Unmarshal(views[len(views)-1], &v); err != nil {
		st.t.Fatal(err)
	}
	return v
}

func inStage(t *testing.T, run func(*testing.T, *stage)) {
	synctest.Test(t, func(t *testing.T) {
		st := newStage(t)
		defer st.close()
		run(t, st)
	})
}

// TestAPressIsBlockActions: 'HTTP: form field payload with JSON', signed as events are.
func TestAPressIsBlockActions(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		cb := st.press()
		act := cb.ActionCallback.BlockActions[0]
		got := []string{string(cb.Type), cb.User.ID, cb.Channel.ID, cb.Team.ID, cb.APIAppID, act.ActionID, act.BlockID, act.Value, act.Text.Text, cb.Container.Type}
		want := []string{"block_actions", string(st.ada.ID), string(st.rooms[0].ID), string(st.team.ID), string(st.app.ID), "link", "acts", "v1", "Link", "message"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if cb.ResponseURL == "" || cb.TriggerID == "" || cb.Message.Timestamp == "" || act.ActionTs == "" {
			t.Errorf("the payload lacks something: %+v", cb)
		}
	})
}

// TestAnAppThatIsSlowIsSeenToFail: 'answer within 3 s'; and a press is not sent again.
func TestAnAppThatIsSlowIsSeenToFail(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		cb := st.press()
		begin := time.Now()
		st.answer = func(slack.InteractionCallback, http.ResponseWriter) { time.Sleep(4 * time.Second) }
		err := st.Press(t.Context(), st.team.ID, slacksim.Press{User: st.ada.ID, Channel: st.rooms[0].ID, TS: slacksim.TS(cb.Message.Timestamp), Action: "link"})
		if err == nil || !strings.Contains(err.Error(), "http_timeout") || time.Since(begin) != 3*time.Second {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		time.Sleep(time.Hour)
		st.mu.Lock()
		defer st.mu.Unlock()
		if len(st.got) != 2 {
			t.Errorf("%d payloads, want 2", len(st.got))
		}
	})
}

// TestATriggerLives3SecondsAndOpensOnce: 'trigger_id: 3 s, once'.
func TestATriggerLives3SecondsAndOpensOnce(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		var codes []any
		st.answer = func(cb slack.InteractionCallback, _ http.ResponseWriter) {
			codes = append(codes, st.api("views.open", open(cb.TriggerID))["ok"], st.api("views.open", open(cb.TriggerID))["error"])
		}
		st.press()
		st.answer = func(slack.InteractionCallback, http.ResponseWriter) {}
		cb := st.press()
		time.Sleep(2 * time.Second) // with the second that press waits: past three
		codes = append(codes, st.api("views.open", open(cb.TriggerID))["error"], st.api("views.open", open("1.2.3"))["error"])
		if diff := cmp.Diff([]any{true, "exchanged_trigger_id", "expired_trigger_id", "invalid_trigger_id"}, codes); diff != "" {
			t.Error(diff)
		}
	})
}

// TestViewsUpdateWithHash: 'views.update with hash'.
func TestViewsUpdateWithHash(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		v := st.openSetup()
		update := func(hash string) any {
			got := st.api("views.update", url.Values{"external_id": {"ext"}, "hash": {hash}, "view": {setupView}})
			if got["ok"] == true {
				return true
			}
			return got["error"]
		}
		got := []any{update("old"), update(v.Hash), update(v.Hash), update("")}
		if diff := cmp.Diff([]any{"hash_conflict", true, "hash_conflict", true}, got); diff != "" {
			t.Error(diff)
		}
		if got := st.api("views.update", url.Values{"view_id": {"V0"}, "view": {setupView}})["error"]; got != "not_found" {
			t.Error(got)
		}
	})
}

// TestBlockSuggestion: 'min_query_length default 3, at most 100 options, 3 s, no later answer'.
func TestBlockSuggestion(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		v := st.openSetup()
		count, wait := 100, time.Duration(0)
		st.answer = func(_ slack.InteractionCallback, w http.ResponseWriter) {
			time.Sleep(wait)
			var options []string
			for i := range count {
				options = append(options, fmt.Sprintf(`{"text":{"type":"plain_text","text":"Deal %d"},"value":"d%d"}`, i, i))
			}
			fmt.Fprintf(w, `{"options":[%s]}`, strings.Join(options, ","))
		}
		ask := func(text string) (int, error) {
			got, err := st.Options(t.Context(), st.team.ID, slacksim.Query{Press: slacksim.Press{User: st.ada.ID, View: v.ID, Action: "pick"}, Value: text})
			return len(got), err
		}
		before := len(st.got)
		if n, err := ask("ac"); n != 0 || err != nil || len(st.got) != before {
			t.Errorf("two characters: %d options, %v, %d payloads", n, err, len(st.got)-before)
		}
		if n, err := ask("acm"); n != 100 || err != nil || st.got[before].Value != "acm" || st.got[before].Type != "block_suggestion" {
			t.Errorf("three characters: %d options, %v", n, err)
		}
		count = 101
		if _, err := ask("acm"); err == nil || !strings.Contains(err.Error(), "101 options") {
			t.Error(err)
		}
		count, wait = 1, 3100*time.Millisecond
		if _, err := ask("acm"); err == nil || !strings.Contains(err.Error(), "http_timeout") {
			t.Error(err)
		}
		time.Sleep(time.Second) // the app's late answer goes nowhere
	})
}

// TestViewSubmission: 'response_action: errors keyed by block id, update, push, clear; an empty 200 closes it'.
func TestViewSubmission(t *testing.T) {
	answers := map[string]struct {
		body   string
		errors map[string]string
		open   int
		fails  string
	}{
		"an empty 200 closes it":     {body: ""},
		"errors stay":                {body: `{"response_action":"errors","errors":{"deal":"no"}}`, errors: map[string]string{"deal": "no"}, open: 1},
		"errors for no block":        {body: `{"response_action":"errors","errors":{"other":"no"}}`, open: 1, fails: "does not have"},
		"update":                     {body: `{"response_action":"update","view":` + setupView + `}`, open: 1},
		"push":                       {body: `{"response_action":"push","view":` + setupView + `}`, open: 2},
		"clear":                      {body: `{"response_action":"clear"}`},
		"an answer that is no JSON":  {body: `ok`, open: 1, fails: "no JSON"},
		"a view without title fails": {body: `{"response_action":"push","view":{"type":"modal","blocks":[]}}`, open: 1, fails: "title"},
	}
	for name, tt := range answers {
		t.Run(name, func(t *testing.T) {
			inStage(t, func(t *testing.T, st *stage) {
				v := st.openSetup()
				st.answer = func(_ slack.InteractionCallback, w http.ResponseWriter) {
					_, _ = io.WriteString(w, `{"options":[{"text":{"type":"plain_text","text":"Deal"},"value":"d1"}]}`)
				}
				submit := slacksim.Submission{User: st.ada.ID, View: v.ID, Values: map[string]map[string][]string{"deal": {"pick": {"d1"}}, "note": {"text": {"hi"}}}}
				if _, err := st.Submit(t.Context(), st.team.ID, submit); err == nil {
					t.Error("an option that was never offered was taken")
				}
				must(st.Options(t.Context(), st.team.ID, slacksim.Query{Press: slacksim.Press{User: st.ada.ID, View: v.ID, Action: "pick"}, Value: "dea"}))(t)
				st.answer = func(_ slack.InteractionCallback, w http.ResponseWriter) { _, _ = io.WriteString(w, tt.body) }
				got, err := st.Submit(t.Context(), st.team.ID, submit)
				if tt.fails == "" && err != nil || tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
					t.Errorf("error %v, want %q", err, tt.fails)
				}
				if diff := cmp.Diff(tt.errors, got.Errors); diff != "" {
					t.Error(diff)
				}
				if n := len(must(st.Views(t.Context(), st.team.ID, st.ada.ID))(t)); n != tt.open {
					t.Errorf("%d views open, want %d", n, tt.open)
				}
				values := st.got[len(st.got)-1].View.State.Values
				if values["deal"]["pick"].SelectedOption.Value != "d1" || values["note"]["text"].Value != "hi" {
					t.Errorf("state %+v", values)
				}
			})
		})
	}
}

// TestAViewStacksThreeAndClosesWithNotice: views.push up to three; view_closed where notify_on_close.
func TestAViewStacksThreeAndClosesWithNotice(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		st.openSetup()
		push := `{"response_action":"push","view":` + strings.Replace(strings.Replace(setupView, `"external_id":"ext",`, "", 1), `"external_select","action_id":"pick"`, `"plain_text_input","action_id":"p"`, 1) + `}`
		st.answer = func(_ slack.InteractionCallback, w http.ResponseWriter) {
			_, _ = io.WriteString(w, `{"options":[{"text":{"type":"plain_text","text":"Deal"},"value":"d1"}]}`)
		}
		must(st.Options(t.Context(), st.team.ID, slacksim.Query{Press: slacksim.Press{User: st.ada.ID, View: st.top().ID, Action: "pick"}, Value: "dea"}))(t)
		st.answer = func(_ slack.InteractionCallback, w http.ResponseWriter) { _, _ = io.WriteString(w, push) }
		action, value := "pick", "d1"
		var err error
		for range 3 {
			_, err = st.Submit(t.Context(), st.team.ID, slacksim.Submission{User: st.ada.ID, View: st.top().ID, Values: map[string]map[string][]string{"deal": {action: {value}}}})
			action = "p"
		}
		if err == nil || !strings.Contains(err.Error(), "all that a modal stacks") {
			t.Errorf("a fourth view: %v", err)
		}
		if err := st.CloseView(t.Context(), st.team.ID, slacksim.Closing{User: st.ada.ID, View: st.top().ID, All: true}); err != nil {
			t.Fatal(err)
		}
		last := st.raw[len(st.raw)-1]
		if last["type"] != "view_closed" || last["is_cleared"] != true || st.top().ID != "" {
			t.Errorf("closing sent %v", last["type"])
		}
	})
}

// TestResponseURL: '5 uses in 30 minutes'.
func TestResponseURL(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		say := func(to, body string) (int, string) {
			w := httptest.NewRecorder()
			u := must(url.Parse(to))(t)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, u.Path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			st.sim.Handler().ServeHTTP(w, r)
			var got struct{ Error string }
			_ = json.Unmarshal(w.Body.Bytes(), &got)
			return w.Code, got.Error
		}
		cb := st.press()
		for i, body := range []string{
			`{"text":"only you"}`, `{"text":"all","response_type":"in_channel"}`, `{"text":"new","replace_original":true}`,
			`{"delete_original":true}`, `{"text":"again"}`, `{"text":"too many"}`,
		} {
			status, code := say(cb.ResponseURL, body)
			if want := i < 5; (status == 200 && code == "") != want || !want && (status != 404 || code != "used_url") {
				t.Errorf("use %d: %d %s", i+1, status, code)
			}
		}
		if got := must(st.Ephemerals(t.Context()))(t); len(got) != 2 || got[0].Text != "only you" || got[0].User != st.ada.ID {
			t.Errorf("ephemerals: %+v", got)
		}
		record := must(st.Messages(t.Context(), st.team.ID, st.rooms[0].ID, slacksim.MessageQuery{}))(t).Messages
		if len(record) != 1 || record[0].Text != "all" {
			t.Errorf("the channel reads %+v", record)
		}
		cb = st.press()
		time.Sleep(30 * time.Minute)
		if status, code := say(cb.ResponseURL, `{"text":"late"}`); status != 404 || code != "expired_url" {
			t.Errorf("after 30 minutes: %d %s", status, code)
		}
	})
}

const dependentView = `{"type":"modal","title":{"type":"plain_text","text":"Link"},"submit":{"type":"plain_text","text":"Save"},"blocks":[
{"type":"input","block_id":"account","dispatch_action":true,"label":{"type":"plain_text","text":"Account"},"element":{"type":"external_select","action_id":"pick","min_query_length":1}},
{"type":"input","block_id":"note","optional":true,"label":{"type":"plain_text","text":"Note"},"element":{"type":"plain_text_input","action_id":"text"}}%s]}`

const dealSelect = `,{"type":"input","block_id":"deal","optional":true,"label":{"type":"plain_text","text":"Deal"},"element":{"type":"static_select","action_id":"deal",
"options":[{"text":{"type":"plain_text","text":"Renewal"},"value":"d1"},{"text":{"type":"plain_text","text":"Upsell"},"value":"d2"}]}}`

// openDependent opens a view whose second select follows from the first.
func (st *stage) openDependent() string {
	st.t.Helper()
	st.answer = func(cb slack.InteractionCallback, w http.ResponseWriter) {
		switch {
		case cb.Type == slack.InteractionTypeBlockSuggestion:
			_, _ = io.WriteString(w, `{"options":[{"text":{"type":"plain_text","text":"Acme"},"value":"acme"}]}`)
		case cb.View.ID == "" && cb.Type == slack.InteractionTypeBlockActions:
			st.api("views.open", url.Values{"trigger_id": {cb.TriggerID}, "view": {fmt.Sprintf(dependentView, "")}})
		case cb.Type == slack.InteractionTypeBlockActions:
			got := st.api("views.update", url.Values{"view_id": {cb.View.ID}, "hash": {cb.View.Hash}, "view": {fmt.Sprintf(dependentView, dealSelect)}})
			if got["ok"] != true {
				st.t.Error(got)
			}
		}
	}
	st.press()
	return st.top().ID
}

// TestAChoiceThatIsToldAtOnce: an input with dispatch_action sends block_actions, so that the app can answer with another view
// ('views.update with hash'), in which what was filled in stays; an input without tells nothing before the submission.
func TestAChoiceThatIsToldAtOnce(t *testing.T) {
	inStage(t, func(t *testing.T, st *stage) {
		view := st.openDependent()
		use := func(action, value string) int {
			before := len(st.got)
			if err := st.Press(t.Context(), st.team.ID, slacksim.Press{User: st.ada.ID, View: view, Action: action, Values: []string{value}}); err != nil {
				t.Error(err)
			}
			return len(st.got) - before
		}
		if n := use("text", "quietly"); n != 0 {
			t.Errorf("an input without dispatch_action sent %d payloads", n)
		}
		must(st.Options(t.Context(), st.team.ID, slacksim.Query{Press: slacksim.Press{User: st.ada.ID, View: view, Action: "pick"}, Value: "ac"}))(t)
		if n := use("pick", "acme"); n != 1 || len(st.top().Blocks.BlockSet) != 3 {
			t.Errorf("the choice sent %d payloads, and the view has %d blocks", n, len(st.top().Blocks.BlockSet))
		}
		must(st.Submit(t.Context(), st.team.ID, slacksim.Submission{User: st.ada.ID, View: view, Values: map[string]map[string][]string{"deal": {"deal": {"d2"}}}}))(t)
		values := st.got[len(st.got)-1].View.State.Values
		got := []string{values["account"]["pick"].SelectedOption.Value, values["deal"]["deal"].SelectedOption.Value, values["note"]["text"].Value}
		if diff := cmp.Diff([]string{"acme", "d2", "quietly"}, got); diff != "" {
			t.Error(diff)
		}
	})
}
