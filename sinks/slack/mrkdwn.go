package slack

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bigmind/backchannel/sinks/content"
)

// escaper follows 'Formatting text for app surfaces': these three characters are Slack's control characters in text.
var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// pings are the words by which a person calls others, and what begins Slack's control sequences. What a client or a setting
// makes of them in a bot's message is Slack's to change, so they are broken with a word joiner (U+2060).
var (
	broadcasts = regexp.MustCompile(`(?i)@(channel|here|everyone)`)
	sequences  = regexp.MustCompile(`<([!@#])`)
)

func unping(s string) string {
	return sequences.ReplaceAllString(broadcasts.ReplaceAllString(s, "@\u2060$1"), "<\u2060$1")
}

// escape makes text of mrkdwn: without '<' there is no <!channel>, <@U…>, <#C…> and no link.
func escape(s string) string { return escaper.Replace(unping(s)) }

// line is one line of mrkdwn. Code stands in a fence with its neighbours.
type line struct {
	prefix string // mrkdwn
	spans  []content.Span
	code   bool
}

// lines lays blocks out, with an empty line between those that stand apart.
func lines(blocks []content.Block, prefix string) []line {
	var out []line
	for i, b := range blocks {
		if i > 0 {
			out = append(out, line{prefix: strings.TrimRight(prefix, " ")})
		}
		out = append(out, blockLines(b, prefix)...)
	}
	return out
}

func blockLines(b content.Block, prefix string) []line {
	switch b.Kind {
	case content.Paragraph:
		return spanLines(b.Spans, prefix)
	case content.Heading:
		for i := range b.Spans {
			b.Spans[i].Bold = true
		}
		return spanLines(b.Spans, prefix)
	case content.List:
		return listLines(b, prefix)
	case content.Quote:
		return lines(b.Blocks, quoted(prefix))
	case content.Code:
		return codeLines(b.Text)
	case content.Rule:
		return []line{{prefix: prefix + "———"}}
	case content.Table:
		return tableLines(b)
	}
	return nil
}

// quoted marks lines as a quotation. Slack has one level of it, at the beginning of a line.
func quoted(prefix string) string {
	if strings.HasPrefix(prefix, ">") {
		return prefix
	}
	return "> " + prefix
}

// spanLines divides spans at their line breaks.
func spanLines(spans []content.Span, prefix string) []line {
	out := []line{{prefix: prefix}}
	for _, s := range spans {
		for i, part := range strings.Split(s.Text, "\n") {
			if i > 0 {
				out = append(out, line{prefix: prefix})
			}
			if s.Text = part; part != "" {
				last := &out[len(out)-1]
				last.spans = append(last.spans, s)
			}
		}
	}
	return out
}

const indent = "    "

func listLines(b content.Block, prefix string) []line {
	var out []line
	for i, item := range b.Items {
		mark := "• "
		if b.Ordered {
			mark = strconv.Itoa(b.Start+i) + ". "
		}
		at := len(out)
		for _, inner := range item {
			out = append(out, blockLines(inner, prefix+indent)...)
		}
		if at == len(out) || out[at].code {
			out = append(out[:at], append([]line{{prefix: prefix + mark}}, out[at:]...)...)
			continue
		}
		out[at].prefix = prefix + mark + strings.TrimPrefix(out[at].prefix, prefix+indent)
	}
	return out
}

func codeLines(text string) []line {
	var out []line
	for part := range strings.SplitSeq(text, "\n") {
		out = append(out, line{code: true, spans: []content.Span{{Text: part}}})
	}
	return out
}

// tableLines writes a table in letters of one width, since Slack's mrkdwn knows none.
func tableLines(b content.Block) []line {
	var widths []int
	for _, row := range b.Rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cellText(cell)))
		}
	}
	var out []line
	for _, row := range b.Rows {
		var text strings.Builder
		for i, cell := range row {
			word := cellText(cell)
			text.WriteString(word + strings.Repeat(" ", min(widths[i], 40)+2-min(utf8.RuneCountInString(word), min(widths[i], 40))))
		}
		out = append(out, line{code: true, spans: []content.Span{{Text: strings.TrimRight(text.String(), " ")}}})
	}
	return out
}

func cellText(spans []content.Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return strings.ReplaceAll(b.String(), "\n", " ")
}

// mrkdwn writes a line.
func (l line) mrkdwn() string {
	var b strings.Builder
	b.WriteString(l.prefix)
	for i, s := range l.spans {
		b.WriteString(l.piece(i, s.Text))
	}
	return b.String()
}

// piece writes the i-th span with some of its text.
func (l line) piece(i int, text string) string {
	s := l.spans[i]
	if s.Text = text; l.code {
		return fenced(text)
	}
	if i > 0 && formatted(s) != formatted(l.spans[i-1]) && joined(l.spans[i-1].Text, text) {
		return "\u200b" + spanMrkdwn(s) // Slack reads its marks at the edge of a word only
	}
	return spanMrkdwn(s)
}

func formatted(s content.Span) bool { return s.Bold || s.Italic || s.Strike || s.Code }

func joined(before, after string) bool {
	a, _ := utf8.DecodeLastRuneInString(before)
	b, _ := utf8.DecodeRuneInString(after)
	return !unicode.IsSpace(a) && !unicode.IsSpace(b)
}

// fenced is text within a fence: nothing is read in it but the fence's end.
func fenced(s string) string { return strings.ReplaceAll(escape(s), "```", "`\u2060`\u2060`") }

// spanMrkdwn writes a span. Marks hold only without spaces inside of them, so those are put outside.
func spanMrkdwn(s content.Span) string {
	core := strings.TrimSpace(s.Text)
	if core == "" {
		return escape(s.Text)
	}
	before, after, _ := strings.Cut(s.Text, core)
	text := strings.ReplaceAll(escape(core), "```", "`\u2060`\u2060`")
	if s.URL != "" {
		text = "<" + s.URL + "|" + strings.ReplaceAll(text, "|", "¦") + ">"
	}
	if s.Code && !strings.Contains(core, "`") {
		text = "`" + text + "`"
	}
	for _, look := range []struct {
		on   bool
		mark string
	}{{s.Strike, "~"}, {s.Italic, "_"}, {s.Bold, "*"}} {
		if look.on && !strings.Contains(core, look.mark) {
			text = look.mark + text + look.mark
		}
	}
	return before + text + after
}

// fits divides a line so that its first part has a length of room at most, between characters. Nothing in it: not even one
// character fits.
func (l line) fits(room int) (head, rest line) {
	head, rest = line{prefix: l.prefix, code: l.code}, line{code: l.code}
	if strings.HasPrefix(l.prefix, ">") {
		rest.prefix = "> "
	}
	room -= content.Length(l.prefix)
	for i, s := range l.spans {
		if take := content.Length(l.piece(i, s.Text)); take <= room {
			room -= take
			continue
		}
		ends := content.Ends(s.Text)
		n := sort.Search(len(ends), func(n int) bool { return content.Length(l.piece(i, s.Text[:ends[n]])) > room })
		cut := content.WordEnd(s.Text, ends[:n])
		head.spans = slices.Clone(l.spans[:i])
		before, after := s, s
		before.Text, after.Text = s.Text[:cut], s.Text[cut:]
		if cut > 0 {
			head.spans = append(head.spans, before)
		}
		rest.spans = append([]content.Span{after}, l.spans[i+1:]...)
		return head, rest
	}
	return l, line{}
}
