package slack

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"
	"github.com/slack-go/slack"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// hostile is what somebody might have a notification say. {} is where it is tried: title, body, field, button.
var hostile = map[string]string{
	"channel":           "<!channel> <!here|x> <!everyone>",
	"person":            "<@U000001> <@U000001|ada>",
	"group":             "<!subteam^S1> <#C1|general>",
	"typed":             "@channel @Here @EVERYONE",
	"escaped":           "&lt;!channel&gt; &#60;!here> \\<!here\\>",
	"link":              "<https://evil.example|good.example>",
	"Markdown link":     "[https://good.example](https://evil.example)",
	"bold Markdown":     "[good.**example**](https://evil.example/)",
	"user name":         "[x](https://good.example@evil.example/)",
	"pipe":              "[x](https://evil.example/|good)",
	"bracket":           "[x](<https://evil.example/>good>)",
	"script":            "[x](javascript:alert(1)) [y](data:text/html,z)",
	"HTML":              `<b>x</b><script>alert(1)</script><img src=x onerror=y>`,
	"date":              "<!date^1392734382^{date}^https://evil.example|good>",
	"override":          "invoice\u202egpj.exe \u2066x\u2069",
	"zero width":        "@\u200bchannel @\u2060here <\u200b!channel> g\u200bood.ex\u00adample",
	"control":           "a\x00b\x1b[31m\u0085<!channel>",
	"marks":             strings.Repeat("e"+strings.Repeat("\u0301", 50), 300),
	"100 kB":            strings.Repeat("<!channel>", 10_000),
	"emoji at the cut":  strings.Repeat("a", 147) + "👨\u200d👩\u200d👧\u200d👦 " + strings.Repeat("b", 3000-150) + "👨\u200d👩\u200d👧\u200d👦🇩🇪e\u0301 and on",
	"code":              "``` <!channel> ``` `<!here>`\n\n```\n<!channel>\n```",
	"a fence from here": "``` @here",
}

// What was posted, as the simulator received it, calls nobody, leads nowhere but where it says, and ends between characters.
func TestNothingCanBeInjected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{NoRateLimits: true})
	w.workspace("T1", "acme", 1)
	s, _ := w.replica(func(o *Options) { o.SettingsURL = "https://app.example/settings" })
	n := 0
	for _, text := range hostile {
		d := delivery("T1", user(1), n)
		n++
		short := string([]rune(text)[:min(len([]rune(text)), 70)])
		d.Content = schemas.Content{
			Title: text, Body: string([]rune(text)[:min(len([]rune(text)), schemas.MaxBody)]),
			Fields: []schemas.Field{{Label: short, Value: string([]rune(text)[:min(len([]rune(text)), schemas.MaxFieldValue)])}},
			Link:   &schemas.Link{URL: "https://evil.example/x", Text: short}, Actions: []schemas.Action{{Text: short, URL: "https://evil.example/y"}},
		}
		w.write(s, rec(t, d))
		w.advance(time.Minute)
	}
	for _, o := range w.take() {
		if o.Status != schemas.Delivered {
			t.Errorf("outcome %+v", o)
		}
	}
	posts, err := w.sim.Posts(t.Context(), slacksim.PostQuery{})
	w.must(err)
	if len(posts.Posts) != len(hostile) {
		t.Fatalf("%d posts", len(posts.Posts))
	}
	for _, p := range posts.Posts {
		var blocks slack.Blocks
		w.must(json.Unmarshal(p.Blocks, &blocks))
		harmless(t, blocks.BlockSet, p.Text)
		wholeCharacters(t, string(p.Blocks))
		if text := string(p.Blocks); strings.Contains(text, `"text":"good.example"`) || strings.Contains(text, "|good.example>") {
			t.Errorf("a link says that it leads elsewhere: %s", text)
		}
	}
	if violations, err := w.sim.Violations(t.Context(), 0); err != nil || len(violations) > 0 {
		t.Errorf("Slack objects: %+v, %v", violations, err)
	}
}

// wholeCharacters fails when a cut went through a family or a letter with its accent.
func wholeCharacters(t *testing.T, blocks string) {
	t.Helper()
	before, _, found := strings.Cut(blocks, "…")
	if !found {
		return
	}
	for g := uniseg.NewGraphemes(before); g.Next(); {
		if c := g.Str(); strings.HasSuffix(c, "\u200d") || strings.HasPrefix(c, "👨") && c != "👨\u200d👩\u200d👧\u200d👦" || strings.HasPrefix(c, "🇩") && c != "🇩🇪" {
			t.Errorf("cut within a character: %q", c)
		}
	}
}

// A long message is cut where Slack's limits are, visibly, with the way to the rest.
func TestALongMessageIsCut(t *testing.T) {
	t.Parallel()
	d := delivery("T1", user(1), 1)
	d.Content = schemas.Content{Title: strings.Repeat("long ", 100), Body: strings.Repeat("Some words & more. ", 631), Link: &schemas.Link{URL: "https://app.example/1"}}
	for n := range schemas.MaxFields {
		d.Content.Fields = append(d.Content.Fields, schemas.Field{Label: fmt.Sprint("Field ", n), Value: strings.Repeat("value ", 250)})
	}
	blocks, text := render(&d, "")
	harmless(t, blocks, text)
	var bodies, fields int
	var last string
	for _, b := range blocks {
		if section, ok := b.(*slack.SectionBlock); ok && section.Text != nil {
			bodies++
			last = section.Text.Text
		} else if ok {
			fields += len(section.Fields)
		}
	}
	if header, ok := blocks[0].(*slack.HeaderBlock); !ok || !strings.HasSuffix(header.Text.Text, "long…") {
		t.Errorf("the header is %+v", blocks[0])
	}
	if bodies < 2 || !strings.HasSuffix(last, "… <https://app.example/1|Read the rest>") || fields != schemas.MaxFields || !strings.HasSuffix(text, "…") {
		t.Errorf("%d sections, the last ends %q, %d fields, text ends %q", bodies, last[max(0, len(last)-80):], fields, text[len(text)-20:])
	}
}
