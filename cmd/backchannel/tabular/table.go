package tabular

import (
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// table is for people: columns in line, numbers by their points, control characters shown as spaces.
type table struct {
	out   io.Writer
	names []string
	forms []form
	rows  [][]string
}

func (t *table) Row(values []any) error {
	line := make([]string, len(values))
	for i, v := range values {
		line[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, t.forms[i].text(v))
	}
	t.rows = append(t.rows, line)
	return nil
}

func (t *table) Close() error {
	for i, f := range t.forms {
		if f.number {
			t.byPoint(i)
		}
	}
	lines := append([][]string{t.names}, t.rows...)
	widths := make([]int, len(t.names))
	for _, line := range lines {
		for i, word := range line {
			widths[i] = max(widths[i], uniseg.StringWidth(word))
		}
	}
	under := make([]string, len(widths))
	for i, width := range widths {
		under[i] = strings.Repeat("-", width)
	}
	var b strings.Builder
	if len(t.names) == 0 {
		lines = nil
	}
	for n, line := range lines {
		t.print(&b, line, widths)
		if n == 0 {
			t.print(&b, under, widths)
		}
	}
	if len(t.rows) == 0 {
		b.WriteString("no rows\n")
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}

func (t *table) print(b *strings.Builder, line []string, widths []int) {
	for i, word := range line {
		space := strings.Repeat(" ", widths[i]-uniseg.StringWidth(word))
		switch {
		case t.forms[i].number:
			word = space + word
		case i < len(line)-1:
			word += space
		}
		if i < len(line)-1 {
			word += "  "
		}
		b.WriteString(word)
	}
	b.WriteByte('\n')
}

// byPoint makes the parts behind the point equally long by spaces: a digit more would say more than is known.
func (t *table) byPoint(i int) {
	behind := func(word string) int {
		if at := strings.IndexByte(word, '.'); at >= 0 {
			return len(word) - at
		}
		return 0
	}
	longest := 0
	for _, row := range t.rows {
		longest = max(longest, behind(row[i]))
	}
	for _, row := range t.rows {
		row[i] += strings.Repeat(" ", longest-behind(row[i]))
	}
}
