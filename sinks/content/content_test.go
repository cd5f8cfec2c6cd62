package content

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, want string }{
		"plain":                  {"Zoë & Ünal: „Café“\n\tend", "Zoë & Ünal: „Café“\n\tend"},
		"line ends":              {"a\r\nb\rc\u2028d\u2029e\u0085f", "a\nb\nc\nd\ne\nf"},
		"controls":               {"a\x00b\x07c\x1b[31md\x7fe", "abc[31mde"},
		"overrides":              {"invoice\u202egpj.exe\u202c \u2066x\u2069\u200e\u200f\u061c", "invoicegpj.exe x"},
		"zero width":             {"pa\u200bss\u2060wo\ufeffrd\u00ad", "password"},
		"joiners in ASCII":       {"a\u200db\u200cc", "abc"},
		"a family":               {"👨\u200d👩\u200d👧\u200d👦", "👨\u200d👩\u200d👧\u200d👦"},
		"a heart":                {"❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"},
		"Persian":                {"می\u200cخواهم", "می\u200cخواهم"},
		"joiners in a row":       {"é\u200d\u200d\u200dé", "é\u200dé"},
		"a flag of tags":         {"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"},
		"smuggled tags":          {"hi\U000e0048\U000e0049", "hi"},
		"blank letters":          {"a\u3164\u115fb\u2800c", "abc"},
		"heaps of marks":         {"a" + strings.Repeat("\u0301", 1000) + "b", "a" + strings.Repeat("\u0301", maxMarks) + "b"},
		"a variant of a letter":  {"葛\U000e0100", "葛\U000e0100"},
		"a variant of nothing":   {"a\U000e0100", "a"},
		"no characters":          {"a\ufdd0\uffffb\U0001fffe", "ab"},
		"bytes that are no text": {"a\xff\xfeb", "a\ufffdb"},
	} {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if got := Line("  one\r\ntwo\t three\u202e "); got != "one two three" {
		t.Errorf("a line of %q", got)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	family := "👨\u200d👩\u200d👧\u200d👦" // one character, 11 units
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"äöü", 2, "ä…"},
		{"ab" + family, 13, "ab" + family},
		{"ab" + family + "c", 13, "ab…"},
		{"abe\u0301e\u0301", 5, "abe\u0301…"},
		{"🇩🇪🇫🇷", 7, "🇩🇪…"},
		{"the renewal is at risk", 18, "the renewal is…"},
		{family, 5, "…"},
		{"", 5, ""},
	} {
		got := Cut(tt.in, tt.n)
		if got != tt.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://app.example/m?a=1&b=2#c": "https://app.example/m?a=1&b=2#c",
		"HTTP://App.Example":              "http://app.example",
		"https://app.example/a|b>c\"d":    "https://app.example/a%7Cb%3Ec%22d",
		"https://аpple.com/":              "https://xn--pple-43d.com/", // the first letter is Cyrillic
		"https://[2001:db8::1]:8080/":     "https://[2001:db8::1]:8080/",
		"mailto:ada@acme.example":         "mailto:ada@acme.example",
		" https://app.example/ ":          "https://app.example/",

		"javascript:alert(1)":                 "",
		" jaVascript:alert(1)":                "",
		"java\nscript:alert(1)":               "",
		"data:text/html,<script>":             "",
		"vbscript:x":                          "",
		"file:///etc/passwd":                  "",
		"//evil.example":                      "",
		"/path":                               "",
		"https://good.example@evil.example/":  "",
		"https://good.example\\@evil.example": "",
		"https://good.example\u202e/":         "",
		"https://":                            "",
		"https:evil.example":                  "",
		"mailto:a@b.example?bcc=c@d.example":  "",
		"mailto:a@b.example,c@d.example":      "",
		"slack://open":                        "",
	} {
		got, ok := ParseTarget(address)
		if got.URL != want || ok != (want != "") {
			t.Errorf("%q leads to %q, %v, want %q", address, got.URL, ok, want)
		}
	}
}

func TestMisleading(t *testing.T) {
	t.Parallel()
	evil, ok := ParseTarget("https://evil.example/login")
	if !ok {
		t.Fatal("the address was refused")
	}
	for text, want := range map[string]bool{
		"Read it": false, "Acme Corp.": false, "v2.0 of the plan": false, "evil.example": false, "https://www.evil.example/x": false,
		"EVIL.example/good.example": false, "the 3.5% discount": false, "": false,

		"good.example": true, "https://good.example": true, "see good.example/evil.example": true, "good。example": true, "ｇｏｏｄ．example": true,
		"https://good.example@evil.example": true, "https://good.example/?evil.example": true, "10.0.0.1": true, "good\u200b.exa\u200bmple": true,
		"https:\\\\good.example": true, "ada@evil.example": true, "www.good.example": true, "good·example": true, "gооd.example": true,
	} {
		if got := evil.Misleads(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

// Markdown and what becomes of it in the two parts of a mail.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ in, html, text string }{
		"looks":         {"**b** *i* ~~s~~ `c<d`", "<p><strong>b</strong> <em>i</em> <s>s</s> <code>c&lt;d</code></p>", "b i s c<d"},
		"heading":       {"# H\n\ntext\nmore", "<h2>H</h2>\n<p>text<br>\nmore</p>", "H\n\ntext\nmore"},
		"list":          {"- a\n- b\n  1. c", "<ul>\n<li>a</li>\n<li>b<ol start=\"1\">\n<li>c</li>\n</ol>\n</li>\n</ul>", "- a\n- b\n  1. c"},
		"tasks":         {"- [x] a\n- [ ] b", "<ul>\n<li>☑ a</li>\n<li>☐ b</li>\n</ul>", "- ☑ a\n- ☐ b"},
		"quote":         {"> a\n> b", "<blockquote>\n<p>a<br>\nb</p>\n</blockquote>", "> a\n> b"},
		"code":          {"```\na <b>\n```", "<pre>a &lt;b&gt;</pre>", "    a <b>"},
		"table":         {"| a | b |\n|---|---|\n| 1 | 2 |", "<table>\n<tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td>2</td></tr>\n</table>", "a | b\n1 | 2"},
		"rule":          {"a\n\n---\n\nb", "<p>a</p>\n<hr>\n<p>b</p>", "a\n\n---\n\nb"},
		"link":          {"[it](https://a.example/x?a=1&b=2)", `<p><a href="https://a.example/x?a=1&amp;b=2" rel="noopener noreferrer">it</a></p>`, "it <https://a.example/x?a=1&b=2>"},
		"address":       {"see https://a.example/x.", `<p>see <a href="https://a.example/x" rel="noopener noreferrer">https://a.example/x</a>.</p>`, "see https://a.example/x."},
		"mail address":  {"ada@a.example", `<p><a href="mailto:ada@a.example" rel="noopener noreferrer">ada@a.example</a></p>`, "ada@a.example"},
		"image":         {"![chart](https://a.example/c.png)", `<p><a href="https://a.example/c.png" rel="noopener noreferrer">chart</a></p>`, "chart <https://a.example/c.png>"},
		"HTML":          {"a <b onclick=x>c</b>\n\n<script>alert(1)</script>", "<p>a &lt;b onclick=x&gt;c&lt;/b&gt;</p>\n<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>", "a <b onclick=x>c</b>\n\n<script>alert(1)</script>"},
		"entities":      {"&lt;b&gt; &amp;lt; &#x202e;x &copy; \\<i\\>", "<p>&lt;b&gt; &amp;lt; x © &lt;i&gt;</p>", "<b> &lt; x © <i>"},
		"script":        {"[a](javascript:alert(1)) [b](data:text/html,x) <javascript:alert(1)>", "<p>a b javascript:alert(1)</p>", "a b javascript:alert(1)"},
		"hidden script": {"[a](java&#10;script:alert(1)) [b](&#106;avascript:alert(1))", "<p>a b</p>", "a b"},
		"misleading":    {"[https://bank.example](https://evil.example/x)", `<p>https://bank.example (<a href="https://evil.example/x" rel="noopener noreferrer">evil.example</a>)</p>`, "https://bank.example (evil.example <https://evil.example/x>)"},
		"in two parts":  {"[**bank**.example](https://evil.example/x)", `<p><strong>bank</strong>.example (<a href="https://evil.example/x" rel="noopener noreferrer">evil.example</a>)</p>`, "bank.example (evil.example <https://evil.example/x>)"},
		"attribute":     {`[a](https://a.example/"onmouseover=alert(1) "t")`, `<p><a href="https://a.example/%22onmouseover=alert%281%29" rel="noopener noreferrer">a</a></p>`, ""},
		"no label":      {"[](https://a.example/x)", `<p><a href="https://a.example/x" rel="noopener noreferrer">a.example</a></p>`, "a.example <https://a.example/x>"},
		"a title":       {`[a](https://a.example/ "https://good.example")`, `<p><a href="https://a.example/" rel="noopener noreferrer">a</a></p>`, "a <https://a.example/>"},
		"deep":          {strings.Repeat(">", 50) + " x", strings.Repeat("<blockquote>\n", maxDepth) + "<p>x</p>\n" + strings.TrimSpace(strings.Repeat("</blockquote>\n", maxDepth)), strings.Repeat("> ", maxDepth) + "x"},
		"nothing":       {" \n\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blocks := Parse(tt.in)
			if diff := cmp.Diff(tt.html, strings.TrimSpace(HTML(blocks))); diff != "" {
				t.Errorf("HTML (-want +got):\n%s", diff)
			}
			if got := Text(blocks); tt.text != "" && got != tt.text {
				t.Errorf("text %q, want %q", got, tt.text)
			}
		})
	}
}
