package content

import (
	"sort"
	"strings"
	"unicode/utf16"

	"github.com/rivo/uniseg"
)

// Ellipsis ends what was cut.
const Ellipsis = "…"

// Length counts UTF-16 units. Where a limit is said in characters, no way of counting them finds more.
func Length(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// Cut shortens s to a length of n, between characters as a person counts them (Unicode's grapheme clusters), with an
// ellipsis when something was cut.
func Cut(s string, n int) string {
	if Length(s) <= n {
		return s
	}
	return CutBy(s, n-Length(Ellipsis), Length) + Ellipsis
}

// CutBy returns the beginning of s that comes to n by a measure which grows with it.
func CutBy(s string, n int, measure func(string) int) string {
	// What begins so far behind does not fit by any measure that counts UTF-16 units at least: three bytes are one.
	ends := Ends(s[:min(len(s), 4*max(n, 0)+256)])
	fit := sort.Search(len(ends), func(i int) bool { return measure(s[:ends[i]]) > n })
	return strings.TrimRight(s[:WordEnd(s, ends[:fit])], " \n\t")
}

// Ends lists where the characters of s end, in bytes.
func Ends(s string) []int {
	var ends []int
	for at, state := 0, -1; at < len(s); {
		var character string
		character, _, _, state = uniseg.FirstGraphemeClusterInString(s[at:], state)
		at += len(character)
		ends = append(ends, at)
	}
	return ends
}

// WordEnd is the last of the ends, or the end of a word if there is one near.
func WordEnd(s string, ends []int) int {
	if len(ends) == 0 {
		return 0
	}
	last := ends[len(ends)-1]
	if last == len(s) {
		return last
	}
	for i := len(ends) - 1; i > len(ends)*4/5; i-- {
		if s[ends[i]-1] == ' ' || s[ends[i]-1] == '\n' {
			return ends[i]
		}
	}
	return last
}
