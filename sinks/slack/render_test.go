package slack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

func TestRender(t *testing.T) {
	d := delivery("T1", user(1), 1)
	d.Content = schemas.Content{Title: " Call with <Globex> & co ", Body: "> quoted\n**bold** <!channel> @Here", Link: &schemas.Link{URL: "https://app.example/1", Text: " "}}
	blocks, text := render(&d)
	raw, err := json.Marshal(blocks)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"type":"header","text":{"type":"plain_text","text":"Call with \u003cGlobex\u003e \u0026 co"`,
		`"text":"\u003e quoted\n**bold** \u0026lt;!channel> @` + "\u2060" + `Here"`,
		`"url":"https://app.example/1"`, `"Open in Bigmind"`,
	} {
		want = strings.ReplaceAll(want, "&lt;!channel>", "&lt;!channel\\u003e")
		want = strings.ReplaceAll(want, `\u0026lt;!channel>`, `\u0026lt;!channel\u003e`)
		if !strings.Contains(string(raw), want) {
			t.Errorf("blocks %s\nlack %s", raw, want)
		}
	}
	if want := "Call with &lt;Globex&gt; &amp; co\n&gt; quoted\n**bold** &lt;!channel&gt; @\u2060Here"; text != want {
		t.Errorf("text %q, want %q", text, want)
	}
}

func TestCutStopsBeforeAnEscape(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"ab&lt;cd", 6, "ab…"},
		{"ab&amp;cd", 7, "ab…"},
		{"ab&amp;cd", 8, "ab&amp;…"},
		{"äöü", 2, "ä…"},
	} {
		if got := cut(tt.in, tt.n); got != tt.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
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
	a := api{client: slack.New(in.Token, slack.OptionAPIURL(base), slack.OptionHTTPClient(inProcess{sim.Handler()})), baseURL: base}
	f.Fuzz(func(t *testing.T, title, body, link, label string) {
		d := delivery("T1", user(1), 1)
		d.Content = schemas.Content{Title: title, Body: body}
		if link != "" {
			d.Content.Link = &schemas.Link{URL: link, Text: label}
		}
		wire, err := schemas.DeliveriesSlack.Encode(d)
		if err != nil {
			t.Fatal(err)
		}
		d, err = schemas.DeliveriesSlack.Decode(wire)
		if err != nil {
			return // it would not come as far as here
		}
		if _, err := a.post(t.Context(), schemas.ChannelID(person.ID), &d); err != nil {
			t.Errorf("Slack answers %v to title %q body %q link %q label %q", err, title, body, link, label)
		}
		blocks, text := render(&d)
		if utf8.RuneCountInString(text) > maxText {
			t.Errorf("the text has %d characters", utf8.RuneCountInString(text))
		}
		markdown := ""
		for _, b := range blocks {
			if m, ok := b.(*slack.MarkdownBlock); ok {
				markdown = m.Text
			}
		}
		for what, s := range map[string]string{"text": text, "markdown": markdown} {
			if found := pings.FindString(s); found != "" {
				t.Errorf("%s has %q: %q", what, found, s)
			}
		}
	})
}

type roundTripper struct{ inProcess }

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r.Do(req) }
