package content

import (
	"bufio"
	"bytes"
	stdhtml "html"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
)

// Kind says what a Block is.
type Kind int

// The kinds of blocks.
const (
	Paragraph Kind = iota // Spans
	Heading               // Spans, Level
	List                  // Items, each with blocks; Ordered from Start
	Quote                 // Blocks
	Code                  // Text
	Rule                  // nothing
	Table                 // Rows of cells of spans; the first is the head
)

// Block is a part of a text that stands on lines of its own.
type Block struct {
	Kind    Kind
	Level   int
	Ordered bool
	Start   int
	Spans   []Span
	Blocks  []Block
	Items   [][]Block
	Text    string
	Rows    [][][]Span
}

// Span is text of one look. It may hold line breaks. A URL was judged by ParseTarget.
type Span struct {
	Text                       string
	Bold, Italic, Strike, Code bool
	URL                        string
}

// maxDepth is how deep blocks nest; what is deeper stands at that depth.
const maxDepth = 6

// markdown is GitHub's dialect: CommonMark with tables, struck text, tasks, and addresses that are links without marks.
var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM))

// Parse reads Markdown. HTML in it is text like any other, an image is a link.
func Parse(body string) []Block {
	source := []byte(Clean(body))
	r := reader{source: source}
	return r.blocks(markdown.Parser().Parse(text.NewReader(source)), 0)
}

type reader struct{ source []byte }

func (r reader) blocks(parent ast.Node, depth int) []Block {
	var list []Block
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		list = append(list, r.block(n, depth)...)
	}
	return list
}

func (r reader) block(n ast.Node, depth int) []Block {
	switch n := n.(type) {
	case *ast.Heading:
		return []Block{{Kind: Heading, Level: n.Level, Spans: r.spans(n)}}
	case *ast.ThematicBreak:
		return []Block{{Kind: Rule}}
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		return []Block{{Kind: Code, Text: strings.TrimRight(r.lines(n), "\n")}}
	case *ast.HTMLBlock:
		raw := r.lines(n)
		if n.HasClosure() {
			raw += string(n.ClosureLine.Value(r.source))
		}
		return []Block{{Kind: Paragraph, Spans: []Span{{Text: strings.TrimSpace(raw)}}}}
	case *extast.Table:
		return []Block{r.table(n)}
	case *ast.Blockquote:
		if depth >= maxDepth {
			return r.blocks(n, depth)
		}
		return []Block{{Kind: Quote, Blocks: r.blocks(n, depth+1)}}
	case *ast.List:
		return r.list(n, depth)
	}
	if spans := r.spans(n); len(spans) > 0 {
		return []Block{{Kind: Paragraph, Spans: spans}}
	}
	return nil
}

func (r reader) list(n *ast.List, depth int) []Block {
	if depth >= maxDepth {
		var flat []Block
		for item := n.FirstChild(); item != nil; item = item.NextSibling() {
			flat = append(flat, r.blocks(item, depth)...)
		}
		return flat
	}
	b := Block{Kind: List, Ordered: n.IsOrdered(), Start: n.Start}
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		b.Items = append(b.Items, r.blocks(item, depth+1))
	}
	return []Block{b}
}

func (r reader) table(n *extast.Table) Block {
	b := Block{Kind: Table}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells [][]Span
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, r.spans(cell))
		}
		b.Rows = append(b.Rows, cells)
	}
	return b
}

func (r reader) lines(n ast.Node) string {
	return Clean(string(n.Lines().Value(r.source)))
}

// spans flattens what is inside a block, joining neighbours of the same look.
func (r reader) spans(n ast.Node) []Span {
	var list []Span
	r.inline(n, Span{}, &list)
	return list
}

func (r reader) inline(parent ast.Node, look Span, list *[]Span) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			r.text(n, look, list)
		case *ast.String:
			add(list, look, string(n.Value))
		case *ast.CodeSpan:
			code := look
			code.Code = true
			r.inline(n, code, list)
		case *ast.Emphasis:
			with := look
			with.Bold, with.Italic = look.Bold || n.Level > 1, look.Italic || n.Level == 1
			r.inline(n, with, list)
		case *extast.Strikethrough:
			with := look
			with.Strike = true
			r.inline(n, with, list)
		case *extast.TaskCheckBox:
			add(list, look, map[bool]string{true: "☑ ", false: "☐ "}[n.IsChecked])
		case *ast.RawHTML:
			add(list, look, string(n.Segments.Value(r.source)))
		case *ast.AutoLink:
			scheme := map[bool]string{true: "mailto:"}[n.AutoLinkType == ast.AutoLinkEmail]
			r.link(scheme+string(n.URL(r.source)), []Span{styled(look, string(n.Label(r.source)))}, look, list)
		case *ast.Link:
			var label []Span
			r.inline(n, look, &label)
			r.link(resolve(n.Destination), label, look, list)
		case *ast.Image:
			var label []Span
			r.inline(n, look, &label)
			r.link(resolve(n.Destination), label, look, list)
		default:
			r.inline(n, look, list)
		}
	}
}

func (r reader) text(n *ast.Text, look Span, list *[]Span) {
	value := n.Segment.Value(r.source)
	if n.IsRaw() || look.Code {
		add(list, look, strings.ReplaceAll(string(value), "\n", " "))
	} else {
		add(list, look, resolve(value))
	}
	if n.HardLineBreak() || n.SoftLineBreak() { // a line that a person wrote as one is shown as one
		add(list, look, "\n")
	}
}

// link adds a link that leads where it says. One whose text names another address is text, followed by where it leads; one
// that leads nowhere a person should be led is text alone.
func (r reader) link(destination string, label []Span, look Span, list *[]Span) {
	target, ok := ParseTarget(destination)
	shown := words(label)
	switch {
	case !ok:
		*list = append(*list, label...)
	case strings.TrimSpace(shown) == "":
		look.URL = target.URL
		add(list, look, target.Host)
	case target.Misleads(shown):
		*list = append(*list, unlinked(label)...)
		add(list, look, " (")
		to := look
		to.URL = target.URL
		add(list, to, target.Host)
		add(list, look, ")")
	default:
		for _, span := range label {
			span.URL = target.URL
			*list = append(*list, span)
		}
	}
}

func unlinked(spans []Span) []Span {
	for i := range spans {
		spans[i].URL = ""
	}
	return spans
}

func words(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

func styled(look Span, s string) Span {
	look.Text = Clean(s)
	return look
}

func add(list *[]Span, look Span, s string) {
	text := Clean(s)
	if text == "" {
		return
	}
	if last := len(*list) - 1; last >= 0 {
		former := (*list)[last]
		former.Text, look.Text = "", ""
		if former == look {
			(*list)[last].Text += text
			return
		}
	}
	look.Text = text
	*list = append(*list, look)
}

// resolve undoes backslashes and entities, as the library does when it writes HTML.
func resolve(source []byte) string {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	html.DefaultWriter.Write(w, source)
	_ = w.Flush() // into memory
	return stdhtml.UnescapeString(out.String())
}
