package content

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks stand on one another. Languages need a handful; hundreds cover the lines around them.
const maxMarks = 8

const (
	zwnj, zwj = '\u200c', '\u200d'
	blackFlag = '\U0001f3f4'
)

var breaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n", "\u0085", "\n")

// Clean returns text without what is not seen and changes what is: control characters other than tab and line break,
// overrides of the direction of writing (which show 'gpj.exe' as 'exe.jpg'), characters without width (which break a word
// that somebody searches for, or hide a message), and heaps of combining marks. Joiners stay between characters of
// scripts and emoji that need them, tags in the flags that are made of them.
func Clean(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	text = breaks.Replace(text)
	var b strings.Builder
	b.Grow(len(text))
	marks, last, inFlag := 0, rune(0), false
	for i, r := range text {
		if unicode.In(r, unicode.Mn, unicode.Me) {
			marks++
		} else {
			marks = 0
		}
		inFlag = r == blackFlag || inFlag && unicode.Is(tags, r)
		next, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
		if marks <= maxMarks && visible(r, last, next, inFlag) {
			b.WriteRune(r)
			last = r
		}
	}
	return b.String()
}

// tags are the characters that spell the region of a flag, and nothing that is seen elsewhere.
var tags = &unicode.RangeTable{R32: []unicode.Range32{{Lo: 0xe0020, Hi: 0xe007f, Stride: 1}}}

// blank are letters that look like nothing.
var blank = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x034f, Hi: 0x034f, Stride: 1}, {Lo: 0x115f, Hi: 0x1160, Stride: 1}, {Lo: 0x17b4, Hi: 0x17b5, Stride: 1},
	{Lo: 0x180b, Hi: 0x180f, Stride: 1}, {Lo: 0x2800, Hi: 0x2800, Stride: 1}, {Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
}}

func visible(r, last, next rune, inFlag bool) bool {
	switch {
	case r == '\n' || r == '\t':
		return true
	case r == zwj || r == zwnj:
		return last > unicode.MaxASCII && next > unicode.MaxASCII && !unicode.Is(unicode.Cf, next)
	case unicode.Is(tags, r):
		return inFlag
	case r >= 0xe0100 && r <= 0xe01ef: // variants of an ideograph
		return unicode.Is(unicode.Han, last)
	}
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, blank) && (r < 0xfdd0 || r > 0xfdef) && r&0xfffe != 0xfffe
}

// Line is Clean as one line, without spaces around it.
func Line(text string) string { return strings.Join(strings.Fields(Clean(text)), " ") }
