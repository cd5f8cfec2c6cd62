package slacksim

import (
	"html/template"
	"regexp"
	"strings"
)

var (
	mdLink    = regexp.MustCompile(`\[([^\]\n]+)\]\(([^)\s]+)\)`)
	mdStrong  = regexp.MustCompile(`\*\*([^*\n]+)\*\*`)
	mdHeading = regexp.MustCompile(`^(#{1,6}) +(.+)$`)
	mdBullet  = regexp.MustCompile(`^( *)[-*+] +(.+)$`)
	mdNumber  = regexp.MustCompile(`^( *)(\d{1,9}[.)]) +(.+)$`)
)

// renderMarkdown makes HTML of a markdown block: headings, lists, quotes, code, bold, italic and links. Safe as
// renderMrkdwn is.
func renderMarkdown(text string) template.HTML {
	s := &stash{}
	text = withoutPrivate(text)
	text = fence.ReplaceAllStringFunc(text, func(m string) string {
		return s.put("<pre>" + template.HTMLEscapeString(fence.FindStringSubmatch(m)[1]) + "</pre>")
	})
	text = codeSpan.ReplaceAllStringFunc(text, func(m string) string {
		return s.put("<code>" + template.HTMLEscapeString(strings.Trim(m, "`")) + "</code>")
	})
	text = mdLink.ReplaceAllStringFunc(text, func(m string) string {
		parts := mdLink.FindStringSubmatch(m)
		return s.put(anchor(parts[2], template.HTMLEscapeString(parts[1])))
	})
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(markdownLine(strings.TrimRight(line, "\r\n")))
	}
	return template.HTML(s.restore(b.String())) //nolint:gosec // every line was escaped
}

func markdownLine(line string) string {
	span := func(text string) string {
		return inline(mdStrong.ReplaceAllString(template.HTMLEscapeString(text), "<b>$1</b>"))
	}
	if m := mdHeading.FindStringSubmatch(line); m != nil {
		return "<h4>" + span(m[2]) + "</h4>"
	}
	if m := mdBullet.FindStringSubmatch(line); m != nil {
		return `<div class="item">•&nbsp; ` + span(m[2]) + "</div>"
	}
	if m := mdNumber.FindStringSubmatch(line); m != nil {
		return `<div class="item">` + m[2] + "&nbsp; " + span(m[3]) + "</div>"
	}
	if rest, ok := strings.CutPrefix(line, ">"); ok {
		return "<blockquote>" + span(strings.TrimSpace(rest)) + "</blockquote>"
	}
	if strings.TrimSpace(line) == "" {
		return `<div class="gap"></div>`
	}
	return "<div>" + span(line) + "</div>"
}
