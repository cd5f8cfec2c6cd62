package slacksim

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"
)

func FuzzControlDecoder(f *testing.F) {
	for _, seed := range []string{`{"user":"U1","text":"hi"}`, `{"text":1}`, `{} {}`, `[]`, `{"thread_ts":"1.0","broadcast":true}`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in Say
		err := decodeControl(bytes.NewReader(raw), &in)
		var r *refusal
		if err != nil && !errors.As(err, &r) {
			t.Fatalf("%q: %v is not a sentence for the caller", raw, err)
		}
	})
}

type noNames struct{}

func (noNames) userName(id UserID) string       { return string(id) }
func (noNames) channelName(id ChannelID) string { return string(id) }

// safeTags are the only ones that the page writes around a person's text.
var safeTags = regexp.MustCompile(`</?(b|i|s|code|pre|blockquote|h4)>|<br>|<div( class="(item|gap)")?>|</div>|<span class="mention( loud)?">|</span>|<a href="(https?://|mailto:)[^"<>]*" target="_blank" rel="noopener noreferrer">|</a>`)

func FuzzRenderedTextIsSafe(f *testing.F) {
	for _, seed := range []string{
		"*a* _b_ ~c~ `d` ```e``` &lt;f&gt;", "<https://a.example|b> <@U1> <#C1|x> <!here>", "<javascript:alert(1)|x>", "[a](javascript:b)",
		"# h\n- i\n1. j\n> k", "\ue000\ue001<script>", `<https://a.example/"onclick="x|y>`, "[x](https://a.example/\"><script>)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, out := range []string{string(renderMrkdwn(text, noNames{})), string(renderMarkdown(text))} {
			bare := safeTags.ReplaceAllString(out, "")
			if strings.ContainsAny(bare, `<>"`) {
				t.Fatalf("%q became %q", text, out)
			}
		}
		var parts strings.Builder
		for _, p := range cutMarks(text) {
			if p.mark {
				parts.WriteString("<" + p.text + ">")
			} else {
				parts.WriteString(p.text)
			}
		}
		if parts.String() != text {
			t.Fatalf("cutMarks lost something of %q: %q", text, parts.String())
		}
	})
}
