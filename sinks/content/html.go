package content

import (
	"fmt"
	"html"
	"strings"
)

// HTML writes blocks for a mail. Everything of the text is escaped; the only tags are those written here.
func HTML(blocks []Block) string {
	var b strings.Builder
	writeHTML(&b, blocks)
	return b.String()
}

func writeHTML(b *strings.Builder, blocks []Block) {
	for _, block := range blocks {
		switch block.Kind {
		case Paragraph:
			fmt.Fprintf(b, "<p>%s</p>\n", spansHTML(block.Spans))
		case Heading:
			level := min(max(block.Level, 1)+1, 6) // h1 is the title
			fmt.Fprintf(b, "<h%d>%s</h%d>\n", level, spansHTML(block.Spans), level)
		case List:
			listHTML(b, block)
		case Quote:
			b.WriteString("<blockquote>\n")
			writeHTML(b, block.Blocks)
			b.WriteString("</blockquote>\n")
		case Code:
			fmt.Fprintf(b, "<pre>%s</pre>\n", html.EscapeString(block.Text))
		case Rule:
			b.WriteString("<hr>\n")
		case Table:
			tableHTML(b, block)
		}
	}
}

func listHTML(b *strings.Builder, block Block) {
	open, end := "<ul>\n", "</ul>\n"
	if block.Ordered {
		open, end = fmt.Sprintf("<ol start=\"%d\">\n", block.Start), "</ol>\n"
	}
	b.WriteString(open)
	for _, item := range block.Items {
		b.WriteString("<li>")
		if len(item) > 0 && item[0].Kind == Paragraph {
			b.WriteString(spansHTML(item[0].Spans))
			item = item[1:]
		}
		writeHTML(b, item)
		b.WriteString("</li>\n")
	}
	b.WriteString(end)
}

func tableHTML(b *strings.Builder, block Block) {
	b.WriteString("<table>\n")
	for i, row := range block.Rows {
		cell := "td"
		if i == 0 {
			cell = "th"
		}
		b.WriteString("<tr>")
		for _, spans := range row {
			fmt.Fprintf(b, "<%s>%s</%s>", cell, spansHTML(spans), cell)
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table>\n")
}

func spansHTML(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		text := strings.ReplaceAll(html.EscapeString(s.Text), "\n", "<br>\n")
		for _, look := range []struct {
			on  bool
			tag string
		}{{s.Code, "code"}, {s.Strike, "s"}, {s.Italic, "em"}, {s.Bold, "strong"}} {
			if look.on {
				text = "<" + look.tag + ">" + text + "</" + look.tag + ">"
			}
		}
		if s.URL != "" {
			text = fmt.Sprintf(`<a href="%s" rel="noopener noreferrer">%s</a>`, html.EscapeString(s.URL), text)
		}
		b.WriteString(text)
	}
	return b.String()
}
