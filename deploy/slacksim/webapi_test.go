package slacksim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/deploy/slacksim"
)

// answer is a Web API answer as it came over HTTP.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

// post calls a method with a body of the given type.
func (w *world) post(method, contentType, token, body string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/api/"+method, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header}
	if err := json.Unmarshal(raw, &a.body); err != nil {
		w.t.Fatalf("%s answered %q: %v", method, raw, err)
	}
	return a
}

const (
	jsonType = "application/json; charset=utf-8"
	formType = "application/x-www-form-urlencoded"
)

func TestAnswersAreSlacks(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	channel := string(w.channel.ID)
	long := strings.Repeat("x", 4001)
	tests := []struct {
		name, method, contentType, body, want string
		noToken                               bool
	}{
		{"unknown method", "chat.shout", jsonType, "{}", "unknown_method", false},
		{"no token", "auth.test", jsonType, "{}", "not_authed", true},
		{"token in a JSON body", "auth.test", jsonType, `{"token":"` + w.install.Token + `"}`, "not_authed", true},
		{"no body, no type", "auth.test", "", "", "", false},
		{"token in a form", "auth.test", formType, "token=" + w.install.Token, "", true},
		{"broken JSON", "auth.test", jsonType, `{`, "invalid_json", false},
		{"JSON that is no object", "auth.test", jsonType, `[1]`, "json_not_object", false},
		{"other type", "auth.test", "text/plain", `hello`, "invalid_post_type", false},
		{"unknown argument", "chat.postMessage", jsonType, `{"channel":"` + channel + `","text":"x","colour":"red"}`, "invalid_arguments", false},
		{"over 4,000", "chat.postMessage", jsonType, `{"channel":"` + channel + `","text":"` + long + `"}`, "msg_too_long", false},
		{"blocks that are no JSON", "chat.postMessage", formType, "channel=" + channel + "&blocks=nope", "invalid_blocks_format", false},
		{"bad block", "chat.postMessage", jsonType, `{"channel":"` + channel + `","blocks":[{"type":"section"}]}`, "invalid_blocks", false},
		{"metadata without payload", "chat.postMessage", jsonType, `{"channel":"` + channel + `","text":"x","metadata":{"event_type":"a"}}`, "invalid_metadata_schema", false},
		{"metadata with more", "chat.postMessage", jsonType, `{"channel":"` + channel + `","text":"x","metadata":{"event_type":"a","event_payload":{},"b":1}}`, "invalid_metadata_format", false},
		{"a username needs a scope", "chat.postMessage", jsonType, `{"channel":"` + channel + `","text":"x","username":"z"}`, "missing_scope", false},
		{"no such thread", "chat.postMessage", jsonType, `{"channel":"` + channel + `","text":"x","thread_ts":"1.000001"}`, "thread_not_found", false},
		{"nobody to open", "conversations.open", jsonType, `{}`, "users_list_not_supplied", false},
		{"bad cursor", "users.list", formType, "cursor=abc&limit=2", "invalid_cursor", false},
		{"bad limit", "users.list", formType, "limit=many", "invalid_arguments", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			token := w.install.Token
			if tt.noToken {
				token = ""
			}
			got := w.post(tt.method, tt.contentType, token, tt.body)
			code, _ := got.body["error"].(string)
			if got.status != http.StatusOK || code != tt.want || got.body["ok"] != (tt.want == "") {
				t.Errorf("status %d, %v; want error %q", got.status, got.body, tt.want)
			}
			if got.header.Get("X-Slack-Req-Id") == "" {
				t.Error("no X-Slack-Req-Id")
			}
		})
	}
	list := must(w.Violations(t.Context(), 0))(t)
	rules := map[string]bool{}
	for _, v := range list {
		rules[v.Rule] = true
	}
	for _, rule := range []string{"unknown_argument", "text_over_4000", "invalid_blocks", "invalid_blocks_format", "invalid_metadata"} {
		if !rules[rule] {
			t.Errorf("no violation %s among %+v", rule, list)
		}
	}
}

func TestInvalidBlocksSayWhere(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	got := w.post("chat.postMessage", jsonType, w.install.Token, `{"channel":"`+string(w.channel.ID)+`","blocks":[{"type":"header","text":{"type":"plain_text"}}]}`)
	meta, _ := got.body["response_metadata"].(map[string]any)
	messages, _ := meta["messages"].([]any)
	want := "[ERROR] missing required field: text [json-pointer:/blocks/0/text]"
	if len(messages) != 1 || messages[0] != want {
		t.Errorf("response_metadata.messages: %v, want %q", messages, want)
	}
}

func TestScopes(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	other := must(w.CreateTeam(t.Context(), slacksim.Team{Name: "Globex"}))(t)
	in := must(w.Install(t.Context(), other.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: []string{"users:read"}}))(t)
	ada := must(w.CreatePerson(t.Context(), other.ID, slacksim.Person{Name: "ada", Email: "ada@globex.example"}))(t)
	got := w.post("chat.postMessage", jsonType, in.Token, `{"channel":"C1","text":"x"}`)
	if got.body["error"] != "missing_scope" || got.body["needed"] != "chat:write" || got.body["provided"] != "users:read" {
		t.Errorf("answered %v", got.body)
	}
	if got.header.Get("X-OAuth-Scopes") != "users:read" || got.header.Get("X-Accepted-OAuth-Scopes") != "chat:write" {
		t.Errorf("headers %v", got.header)
	}
	user, _ := w.post("users.info", formType, in.Token, "user="+string(ada.ID)).body["user"].(map[string]any)
	profile, _ := user["profile"].(map[string]any)
	if _, shown := profile["email"]; shown || profile["real_name"] != "ada" {
		t.Errorf("without users:read.email: %v", profile)
	}
	in = must(w.Install(t.Context(), other.ID, slacksim.InstallRequest{App: w.app.ID, Scopes: []string{"users:read.email"}}))(t)
	user, _ = w.post("users.info", formType, in.Token, "user="+string(ada.ID)).body["user"].(map[string]any)
	if profile, _ = user["profile"].(map[string]any); profile["email"] != "ada@globex.example" {
		t.Errorf("scopes are additive, but the profile is %v", profile)
	}
}

func TestLenientWarnsWhereStrictRefuses(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{Lenient: true}})
	got := w.post("chat.postMessage", "application/json", w.install.Token, `{"channel":"`+string(w.channel.ID)+`","text":"x","colour":"red"}`)
	if got.body["ok"] != true || got.body["warning"] != "missing_charset,unexpected_arguments" {
		t.Errorf("answered %v", got.body)
	}
	if list := must(w.Violations(t.Context(), 0))(t); len(list) != 1 || list[0].Rule != "unknown_argument" || list[0].Detail != "colour" {
		t.Errorf("violations %+v", list)
	}
}

func TestClientMsgID(t *testing.T) {
	for _, ignored := range []bool{false, true} {
		w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{IgnoreClientMsgID: ignored, NoRateLimits: true}})
		body := url.Values{"channel": {string(w.ada.ID)}, "text": {"once"}, "client_msg_id": {"7f1c"}}.Encode()
		first := w.post("chat.postMessage", formType, w.install.Token, body)
		second := w.post("chat.postMessage", formType, w.install.Token, body)
		if same := first.body["ts"] == second.body["ts"]; same == ignored || (second.body["is_duplicate"] == true) == ignored {
			t.Errorf("ignored %v: %v, then %v", ignored, first.body, second.body)
		}
		posts := must(w.Posts(t.Context(), slacksim.PostQuery{}))(t).Posts
		if len(posts) != 2 || posts[1].Duplicate == ignored {
			t.Errorf("ignored %v: posts %+v", ignored, posts)
		}
	}
}

// TestAFaultAfterTheEffect: the caller cannot tell that its message was posted.
func TestAFaultAfterTheEffect(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	fault := slacksim.Fault{Kind: slacksim.FaultAPIError, Method: "chat.postMessage", Error: "internal_error", After: true, Count: 1}
	if _, err := w.AddFault(t.Context(), fault); err != nil {
		t.Fatal(err)
	}
	got := w.post("chat.postMessage", formType, w.install.Token, "text=x&channel="+string(w.channel.ID))
	posts := must(w.Posts(t.Context(), slacksim.PostQuery{}))(t).Posts
	if got.body["error"] != "internal_error" || len(posts) != 1 {
		t.Errorf("answered %v with %d posts, want internal_error and 1", got.body, len(posts))
	}
	calls := must(w.Calls(t.Context()))(t)
	if calls["chat.postMessage"].Errors["internal_error"] != 1 {
		t.Errorf("calls counted: %+v", calls)
	}
}

// TestEveryPostingError: the codes of 'Posting errors' can each be had, as HTTP 200 with ok false, and tell nothing else.
func TestEveryPostingError(t *testing.T) {
	w := newWorld(t, slacksim.Options{})
	codes := strings.Fields(`invalid_auth not_authed token_revoked account_inactive missing_scope team_access_not_granted org_login_required accesslimited
		token_expired user_not_found users_not_found user_disabled user_not_visible channel_not_found is_archived not_in_channel restricted_action
		restricted_action_read_only_channel messages_tab_disabled cannot_dm_bot msg_too_long msg_blocks_too_long invalid_blocks invalid_blocks_format
		no_text too_many_attachments metadata_too_large ratelimited rate_limited service_unavailable team_added_to_org internal_error fatal_error
		request_timeout duplicate_message_not_found`)
	for _, code := range codes {
		must(w.AddFault(t.Context(), slacksim.Fault{Kind: slacksim.FaultAPIError, Method: "chat.postMessage", Error: code, Count: 1}))(t)
		got := w.post("chat.postMessage", formType, w.install.Token, "text=x&channel="+string(w.channel.ID))
		if got.status != http.StatusOK || got.body["ok"] != false || got.body["error"] != code {
			t.Errorf("%s: %d %v", code, got.status, got.body)
		}
	}
	if posts := must(w.Posts(t.Context(), slacksim.PostQuery{}))(t).Posts; len(posts) != 0 {
		t.Errorf("%d of them posted", len(posts))
	}
}

// TestEveryAnswerNamesTheScopes: 'x-oauth-scopes on every later answer': what was granted, also where the call is refused or limited.
func TestEveryAnswerNamesTheScopes(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{PostsPerMinute: 1}})
	want := strings.Join(w.install.Scopes, ",")
	for _, call := range [][2]string{
		{"auth.test", ""}, {"users.list", "limit=nope"}, {"conversations.info", "channel=C0"}, {"team.info", ""}, {"views.open", "trigger_id=1.2.3"},
		{"chat.postMessage", "text=x&channel=" + string(w.channel.ID)}, {"chat.postMessage", "text=x&channel=" + string(w.channel.ID)},
	} {
		got := w.post(call[0], formType, w.install.Token, call[1])
		if scopes := got.header.Get("X-OAuth-Scopes"); scopes != want {
			t.Errorf("%s answered %d %v with scopes %q, want %q", call[0], got.status, got.body["error"], scopes, want)
		}
	}
}

// TestLongTexts: 'text cut past 40,000, and reported split into several messages from about 4,041 on', where the simulator does not
// refuse them.
func TestLongTexts(t *testing.T) {
	w := newWorld(t, slacksim.Options{Settings: slacksim.Settings{Lenient: true, NoRateLimits: true}})
	post := func(text string) []slacksim.Message {
		before := len(must(w.Messages(t.Context(), w.team.ID, w.channel.ID, slacksim.MessageQuery{}))(t).Messages)
		got := w.post("chat.postMessage", formType, w.install.Token, url.Values{"channel": {string(w.channel.ID)}, "text": {text}}.Encode())
		list := must(w.Messages(t.Context(), w.team.ID, w.channel.ID, slacksim.MessageQuery{}))(t).Messages[before:]
		if got.body["ok"] != true || got.body["ts"] != string(list[0].TS) {
			t.Fatalf("answered %v", got.body)
		}
		return list
	}
	if got := post(strings.Repeat("é", 4000)); len(got) != 1 {
		t.Errorf("4,000 characters are %d messages", len(got))
	}
	if got := post(strings.Repeat("é", 4041)); len(got) != 2 || got[1].Text != "é" {
		t.Errorf("4,041 characters are %d messages", len(got))
	}
	length := 0
	for _, m := range post(strings.Repeat("é", 40_007)) {
		length += len(m.Text) / len("é")
	}
	if length != 40_000 {
		t.Errorf("%d characters are kept of 40,007", length)
	}
	if said := must(w.Say(t.Context(), w.team.ID, w.channel.ID, w.ada.ID, strings.Repeat("é", 40_007)))(t); len(said.Text)/len("é") != 40_000 {
		t.Errorf("a person's has %d", len(said.Text)/len("é"))
	}
}

// TestALimitIsOneAppsInOneWorkspace: a tier is 'per method, workspace, app', and 429 is 'for that method and workspace'.
func TestALimitIsOneAppsInOneWorkspace(t *testing.T) {
	now := time.Now()
	w := newWorld(t, slacksim.Options{Clock: func() time.Time { return now }})
	ctx := t.Context()
	other := must(w.CreateApp(ctx, slacksim.App{Name: "Other"}))(t)
	beside := must(w.Install(ctx, w.team.ID, slacksim.InstallRequest{App: other.ID, Scopes: allScopes}))(t)
	elsewhere := must(w.Install(ctx, must(w.CreateTeam(ctx, slacksim.Team{Name: "Globex"}))(t).ID, slacksim.InstallRequest{App: w.app.ID, Scopes: allScopes}))(t)
	for range 20 {
		w.post("users.list", formType, w.install.Token, "")
	}
	for token, want := range map[string]int{w.install.Token: http.StatusTooManyRequests, beside.Token: http.StatusOK, elsewhere.Token: http.StatusOK} {
		if got := w.post("users.list", formType, token, ""); got.status != want || want != http.StatusOK && got.header.Get("Retry-After") != "60" {
			t.Errorf("status %d, want %d; %v", got.status, want, got.header)
		}
	}
}
