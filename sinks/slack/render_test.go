package slack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/content"
)

func TestRender(t *testing.T) {
	t.Parallel()
	d := delivery("T1", user(1), 1)
	d.Type = "alert.important"
	d.Content = schemas.Content{
		Title: " Call with <Globex> & co ", Body: "> quoted\n\n**bold** <!channel> @Here",
		Fields:  []schemas.Field{{Label: "Stage", Value: "*won* & <done>"}},
		Link:    &schemas.Link{URL: "https://app.example/1", Text: " "},
		Actions: []schemas.Action{{Text: "Snooze", URL: "https://app.example/2", Style: schemas.StyleDanger}},
	}
	blocks, text := render(&d, "https://app.example/settings")
	got := [][2]string{}
	for _, b := range blocks {
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, [2]string{string(b.BlockType()), strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(raw))})
	}
	want := [][2]string{
		{"header", `{"type":"header","text":{"type":"plain_text","text":"Call with <Globex> & co","emoji":false}}`},
		{"section", `{"type":"section","text":{"type":"mrkdwn","text":"> quoted\n\n*bold* &lt;` + "\u2060" + `!channel&gt; @` + "\u2060" + `Here","verbatim":true}}`},
		{"section", `{"type":"section","fields":[{"type":"mrkdwn","text":"*Stage*\n*won* &amp; &lt;done&gt;","verbatim":true}]}`},
		{"actions", `{"type":"actions","block_id":"link","elements":[{"type":"button","text":{"type":"plain_text","text":"Open in Bigmind","emoji":false},"action_id":"open","url":"https://app.example/1"},` +
			`{"type":"button","text":{"type":"plain_text","text":"Snooze","emoji":false},"action_id":"open_1","url":"https://app.example/2","style":"danger"}]}`},
		{"context", `{"type":"context","block_id":"about","elements":[{"type":"mrkdwn","text":"Important product alert · <https://app.example/settings|Notification settings>","verbatim":true}]}`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
	if want := "Call with &lt;Globex&gt; &amp; co\n&gt; quoted\n\nbold &lt;\u2060!channel&gt; @\u2060Here\nStage: *won* &amp; &lt;done&gt;"; text != want {
		t.Errorf("text %q, want %q", text, want)
	}
}

// Markdown and the mrkdwn that Slack shows for it.
func TestMrkdwn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"looks":          {"**b** *i* ~~s~~ `c<d` ***bi***", "*b* _i_ ~s~ `c&lt;d` *_bi_*"},
		"within a word":  {"un**believ**able", "un\u200b*believ*\u200bable"},
		"spaces inside":  {"**b\u00a0**", "**b\u00a0**"},
		"heading":        {"# Next *steps*\ntext", "*Next* *_steps_*\n\ntext"},
		"list":           {"- a\n- b\n  - c\n\n1. d\n2. e", "• a\n• b\n    • c\n\n1. d\n2. e"},
		"quote":          {"> a\n> b\n\nc", "> a\n> b\n\nc"},
		"code":           {"```\na <b> ``\n  c\n```", "```\na &lt;b&gt; ``\n  c\n```"},
		"a fence inside": {"````\n```\n````", "```\n`\u2060`\u2060`\n```"},
		"table":          {"| a | bcd |\n|---|---|\n| 12 | [x](https://a.example) |", "```\na   bcd\n12  x\n```"},
		"link":           {"**[it|x](https://a.example/x?a=1&b=2)**", "*<https://a.example/x?a=1&b=2|it¦x>*"},
		"address":        {"https://a.example/x", "<https://a.example/x|https://a.example/x>"},
		"misleading":     {"[https://bank.example](https://evil.example)", "https://bank.example (<https://evil.example|evil.example>)"},
		"Slack's own":    {"<https://evil.example|good> <@U123> <#C1|x> <!subteam^S1>", "https://evil.example|good &lt;\u2060@U123&gt; &lt;\u2060#C1|x&gt; &lt;\u2060!subteam^S1&gt;"},
		"rule":           {"a\n\n---\n\nb", "a\n\n———\n\nb"},
	} {
		if got := strings.Join(sections(lines(content.Parse(tt.in), ""), maxMessage, "…"), "|||"); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// inProcess asks the simulator without a socket.
type inProcess struct{ http.Handler }

func (h inProcess) Do(req *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Result(), nil
}

// pings is what makes Slack notify people: its control sequences, and the words that a person would type.
var pings = regexp.MustCompile(`<[!@#]|<subteam|(?i:@(channel|here|everyone))`)

// marked is what stands between < and > in mrkdwn of ours: a link to the web or to a mailbox, with its text.
var marked = regexp.MustCompile(`<(https?://|mailto:)[!-;=?-{}~]+\|[^<>|\n]+>`)

// FuzzRender: whatever a valid delivery says, Slack takes it, and nobody is pinged.
func FuzzRender(f *testing.F) {
	for _, seed := range [][4]string{
		{"Your meeting with Globex", "**Summary**\n\n- one\n- two\n\n[more](https://x.example)", "https://app.example/m/1", "Open"},
		{"<!channel> <@U123> <#C123|x> <!here>", "<!everyone> <!subteam^S1> @here @Channel @EVERYONE", "http://x", ""},
		{"&lt;!channel&gt;", "&amp;lt;!here&gt; \\<!here> `<!here>`", "https://x.example/?a=<b>&c=\"d\"", "<b>"},
		{"\x00\x01\u2028", "a\xffb\r\n\t", "https://x.example/\n", "\u202e"},
		{strings.Repeat("t", 150), strings.Repeat("<&", 6000), "https://x.example/" + strings.Repeat("a", 2900), strings.Repeat("l", 75)},
		{strings.Repeat("é", 150), strings.Repeat("@here", 2400), "https://例え.jp/ü", "ü"},
		{"@\u2060channel", "@@herehere", "https://", "x"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	sim, err := slacksim.New(slacksim.Options{Settings: slacksim.Settings{NoRateLimits: true, IgnoreClientMsgID: true}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = sim.Close() })
	hc := &http.Client{Transport: roundTripper{inProcess{sim.Handler()}}}
	ctl := slacksim.NewClient("http://slack.example", hc)
	team, err1 := ctl.CreateTeam(f.Context(), slacksim.Team{Name: "Acme"})
	person, err2 := ctl.CreatePerson(f.Context(), team.ID, slacksim.Person{Name: "ada"})
	app, err3 := ctl.CreateApp(f.Context(), slacksim.App{Name: "Backchannel"})
	in, err4 := ctl.Install(f.Context(), team.ID, slacksim.InstallRequest{App: app.ID, Scopes: botScopes})
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			f.Fatal(err)
		}
	}
	const base = "http://slack.example/api/"
	a := api{client: slack.New(in.Token, slack.OptionAPIURL(base), slack.OptionHTTPClient(inProcess{sim.Handler()})), baseURL: base, settings: "https://app.example/settings"}
	f.Fuzz(func(t *testing.T, title, body, link, label string) {
		d := delivery("T1", user(1), 1)
		d.Content = schemas.Content{Title: title, Body: body}
		if link != "" {
			d.Content.Link = &schemas.Link{URL: link, Text: label}
			d.Content.Actions = []schemas.Action{{Text: title, URL: link}}
		}
		if label != "" {
			d.Content.Fields = slices.Repeat([]schemas.Field{{Label: label, Value: body}}, 1+len(label)%schemas.MaxFields)
		}
		wire, err := schemas.DeliveriesSlack.Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		d, err = schemas.DeliveriesSlack.Decode(wire)
		if err != nil {
			return // it would not come as far as here
		}
		if _, err := a.post(t.Context(), schemas.ChannelID(person.ID), &d, ""); err != nil {
			t.Errorf("Slack answers %v to title %q body %q link %q label %q", err, title, body, link, label)
		}
		blocks, text := render(&d, "https://app.example/settings")
		harmless(t, blocks, text)
	})
}

// harmless fails when something in a message calls somebody, links where we did not mean it to, or is not to be seen.
func harmless(t *testing.T, blocks []slack.Block, text string) {
	t.Helper()
	if n := content.Length(text); n > maxText {
		t.Errorf("the text has %d characters", n)
	}
	raw, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	harmlessText(t, text)
	walk(tree, func(o map[string]any) {
		s, _ := o["text"].(string)
		switch o["type"] {
		case "mrkdwn":
			if o["verbatim"] != true {
				t.Errorf("Slack would make links and mentions of %q", s)
			}
			harmlessText(t, s)
		case "plain_text":
			if found := pings.FindString(s); found != "" {
				t.Errorf("%q in %q", found, s)
			}
		case "button":
			if address, _ := o["url"].(string); !regexp.MustCompile(`^https?://[!-~]+$`).MatchString(address) {
				t.Errorf("a button leads to %q", address)
			}
		}
	})
	if n := len([]rune(string(raw))); n > 100_000 {
		t.Errorf("the message has %d characters", n)
	}
}

func harmlessText(t *testing.T, s string) {
	t.Helper()
	if found := pings.FindString(s); found != "" {
		t.Errorf("%q in %q", found, s)
	}
	if left := marked.ReplaceAllString(s, ""); strings.Contains(left, "<") {
		t.Errorf("a mark that is not ours in %q", s)
	}
	if !utf8.ValidString(s) || strings.ContainsAny(s, "\u202e\u2066\ufeff\x00") {
		t.Errorf("unseen characters in %q", s)
	}
}

func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, inner := range v {
			walk(inner, visit)
		}
	case []any:
		for _, inner := range v {
			walk(inner, visit)
		}
	}
}

type roundTripper struct{ inProcess }

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r.Do(req) }
