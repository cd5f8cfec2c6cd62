package content

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/net/html"
)

// FuzzParse: whatever a body says, its HTML holds our tags and attributes only, each balanced, with links to the web or to a
// mailbox, and nothing unseen.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"**b** [l](https://a.example) <b>x</b>\n\n- a\n  - b\n\n> q\n\n```\ncode\n```\n", "| a | b |\n|---|---|\n| [x](javascript:y) | <script>z</script> |",
		"<script>alert(1)</script>", "<div onclick=x>\n<!-- \n-->", "[a](https://a.example/\"onx=1) ![i](data:x)", "&lt;img src=x onerror=y&gt; &#x3c;b&#62;",
		strings.Repeat(">", 300) + strings.Repeat("- ", 300), strings.Repeat("[", 500) + "](x)", "\\<b\\> \x00\u202e\u200b\xff", "<https://a.example/<b>> <javascript:x>",
		"![](https://a.example/x \"t\\\"<b>\")", "https://good.example@evil.example www.a.example/<b>", "~~a~~ `<b>` ``` `x` ```", "1. a\n\n   b\n99999999999. c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > 20_000 {
			return
		}
		blocks := Parse(body)
		written := HTML(blocks)
		checkHTML(t, written)
		for _, s := range []string{written, Text(blocks)} {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\u202e\u200b\u2066\ufeff") {
				t.Errorf("unseen characters in %q", s)
			}
		}
	})
}

var ours = regexp.MustCompile(`^(p|h[2-6]|ul|ol|li|blockquote|pre|hr|table|tr|t[hd]|code|s|em|strong|a|br)$`)

func checkHTML(t *testing.T, written string) {
	t.Helper()
	var open []string
	for tok := html.NewTokenizer(strings.NewReader(written)); ; {
		switch tok.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Errorf("%v stay open in %q", open, written)
			}
			return
		case html.StartTagToken:
			tag := tok.Token()
			if !ours.MatchString(tag.Data) {
				t.Fatalf("a tag of somebody else's, %q, in %q", tag, written)
			}
			for _, a := range tag.Attr {
				switch {
				case tag.Data == "a" && a.Key == "href" && regexp.MustCompile(`^(https?://|mailto:)[!-~]+$`).MatchString(a.Val):
				case tag.Data == "a" && a.Key == "rel", tag.Data == "ol" && a.Key == "start":
				default:
					t.Fatalf("an attribute of somebody else's, %q, in %q", tag, written)
				}
			}
			if tag.Data != "br" && tag.Data != "hr" {
				open = append(open, tag.Data)
			}
		case html.EndTagToken:
			if tag := tok.Token(); len(open) == 0 || open[len(open)-1] != tag.Data {
				t.Fatalf("%q ends what is not open in %q", tag, written)
			}
			open = open[:len(open)-1]
		case html.TextToken:
		case html.SelfClosingTagToken, html.CommentToken, html.DoctypeToken:
			t.Fatalf("%q in %q", tok.Token(), written)
		}
	}
}

// FuzzCut: what was cut has whole characters, the length asked for, and says that it was cut.
func FuzzCut(f *testing.F) {
	f.Add("👨\u200d👩\u200d👧\u200d👦e\u0301🇩🇪🇫🇷 क्षि", 7)
	f.Add("a\u0301\u0301\u0301\u0301", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 1 || n > 10_000 || len(s) > 10_000 {
			return
		}
		s = Clean(s)
		got := Cut(s, n)
		if Length(got) > n {
			t.Errorf("Cut(%q, %d) has a length of %d", s, n, Length(got))
		}
		head, cut := strings.CutSuffix(got, Ellipsis)
		if got == s || !cut && Length(s) <= n {
			return
		}
		if !cut || !strings.HasPrefix(s, head) {
			t.Fatalf("Cut(%q, %d) = %q", s, n, got)
		}
		for left, state := s, -1; len(s)-len(left) < len(head); {
			var character string
			character, left, _, state = uniseg.FirstGraphemeClusterInString(left, state)
			if end := len(s) - len(left); end > len(head) && strings.TrimSpace(character) != "" {
				t.Errorf("Cut(%q, %d) = %q ends within %q", s, n, got, character)
			}
		}
	})
}

// FuzzTarget: what is taken for an address is one, in ASCII, whose host a browser finds where we do.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"https://a.example/x?y#z", "http://[::1]:80/", "mailto:a@b.example", "https://a@b", "https://例え.jp/ü", "https://a.example\\@b.example", "javascript:x"} {
		f.Add(seed, "b.example")
	}
	f.Fuzz(func(t *testing.T, address, label string) {
		target, ok := ParseTarget(address)
		if !ok {
			return
		}
		if !regexp.MustCompile(`^(https?://[^@\\/?#]+([/?#][!-~]*)?|mailto:[!-~]+)$`).MatchString(target.URL) || strings.ContainsAny(target.URL, "<>|\"'") {
			t.Errorf("%q leads to %q", address, target.URL)
		}
		if again, ok := ParseTarget(target.URL); !ok || again != target {
			t.Errorf("%q is another address the second time: %+v", target.URL, again)
		}
		target.Misleads(label)
	})
}
