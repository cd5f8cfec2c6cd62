package content

import (
	"strconv"
	"strings"
)

// Text writes blocks for readers without markup: a mail's plain part, a notification on a phone.
func Text(blocks []Block) string {
	var parts []string
	for _, block := range blocks {
		if part := blockText(block); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "\n\n")
}

func blockText(block Block) string {
	switch block.Kind {
	case Paragraph, Heading:
		return spansText(block.Spans)
	case List:
		lines := make([]string, len(block.Items))
		for i, item := range block.Items {
			mark := "- "
			if block.Ordered {
				mark = strconv.Itoa(block.Start+i) + ". "
			}
			lines[i] = mark + indent(strings.ReplaceAll(Text(item), "\n\n", "\n"), strings.Repeat(" ", len(mark)))
		}
		return strings.Join(lines, "\n")
	case Quote:
		return "> " + indent(Text(block.Blocks), "> ")
	case Code:
		return "    " + indent(block.Text, "    ")
	case Rule:
		return "---"
	case Table:
		lines := make([]string, len(block.Rows))
		for i, row := range block.Rows {
			cells := make([]string, len(row))
			for k, spans := range row {
				cells[k] = spansText(spans)
			}
			lines[i] = strings.Join(cells, " | ")
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

// indent puts a mark before every line but the first.
func indent(s, mark string) string { return strings.ReplaceAll(s, "\n", "\n"+mark) }

// spansText says after its words where a link leads, unless they are it.
func spansText(spans []Span) string {
	var b strings.Builder
	for i, s := range spans {
		b.WriteString(s.Text)
		if s.URL != "" && (i+1 == len(spans) || spans[i+1].URL != s.URL) && bare(s.URL) != bare(s.Text) {
			b.WriteString(" <" + s.URL + ">")
		}
	}
	return b.String()
}

// bare is an address as people write it.
func bare(address string) string {
	for _, scheme := range []string{"https://", "http://", "mailto:"} {
		address = strings.TrimPrefix(address, scheme)
	}
	return strings.TrimSuffix(strings.TrimSpace(address), "/")
}
