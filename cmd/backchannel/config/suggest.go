package config

import (
	"fmt"
	"slices"
	"strings"
)

// suggestion is "; did you mean …?" for a name that is close to a setting's, else nothing.
func suggestion(name string) string {
	if s, found := nearest(name); found {
		return fmt.Sprintf("; did you mean %q?", s.Name)
	}
	return ""
}

// nearest is the setting that a name is close to. A variable's form of a name, as BACKCHANNEL_HTTP_ADDR or http_addr, is close to it.
func nearest(name string) (best Setting, found bool) {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, "BACKCHANNEL_")), "_", "-")
	least := max(2, len(name)/3) + 1
	for _, s := range Settings {
		if d := distance(name, s.Name); d < least {
			best, least, found = s, d, true
		}
	}
	return best, found
}

// distance is Levenshtein's: how many bytes have to be added, removed or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			change := before[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, before[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
