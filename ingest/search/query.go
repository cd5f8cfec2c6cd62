package search

import (
	"slices"
	"strings"

	"github.com/bigmind/backchannel/schemas"
)

// query is what was typed, folded as names and domains are.
type query struct {
	phrase string // all of it
	terms  []term
}

// term is a part of a query between spaces: what it is in a name, and in a domain. Empty: it can be none.
type term struct{ words, domain string }

// maxTerms and maxText, in bytes, are what is looked at.
const (
	maxTerms = 8
	maxText  = 256
)

func parse(text string) query {
	text = strings.ToValidUTF8(text[:min(len(text), maxText)], "")
	q := query{phrase: schemas.FoldWords(text)}
	for _, field := range strings.Fields(text) {
		t := term{schemas.FoldWords(field), schemas.FoldDomain(field)}
		if t != (term{}) && len(q.terms) < maxTerms {
			q.terms = append(q.terms, t)
		}
	}
	return q
}

// rank orders matches: by how well they match, then by where in the alphabet.
type rank struct {
	class int
	order string
}

const (
	exactName = iota
	exactDomain
	nameBegins
	wordBegins
	wordsApart
	byDomain
)

func (r rank) compare(o rank) int {
	if r.class != o.class {
		return r.class - o.class
	}
	return strings.Compare(r.order, o.order)
}

// rank says whether and how well a record matches. Everything matches a query of nothing.
func (q query) rank(title string, domains []string) (rank, bool) {
	name := schemas.FoldWords(title)
	for i, d := range domains {
		domains[i] = schemas.FoldDomain(d)
	}
	named := true
	for _, t := range q.terms {
		if t.words == "" || !strings.HasPrefix(name, t.words) && !strings.Contains(name, " "+t.words) {
			named = false
			if !slices.ContainsFunc(domains, func(d string) bool { return len(beginning(ends(d), t.domain)) > 0 }) {
				return rank{}, false
			}
		}
	}
	switch {
	case name == q.phrase && (name != "" || len(q.terms) == 0):
		return rank{exactName, name}, true
	case len(q.terms) == 1 && slices.ContainsFunc(domains, func(d string) bool { return slices.Contains(ends(d), q.terms[0].domain) }):
		return rank{exactDomain, ""}, true
	case strings.HasPrefix(name, q.phrase) && q.phrase != "" || len(q.terms) == 0:
		return rank{nameBegins, name}, true
	}
	if at := strings.Index(name, " "+q.phrase); at >= 0 && q.phrase != "" {
		return rank{wordBegins, slices.Min(beginning(laterWords(name), q.phrase))}, true
	}
	if named {
		return rank{wordsApart, name}, true
	}
	if len(q.terms) == 1 {
		var least []string
		for _, d := range domains {
			least = append(least, beginning(ends(d), q.terms[0].domain)...)
		}
		return rank{byDomain, slices.Min(least)}, true
	}
	return rank{byDomain, name}, true
}

// laterWords are the ends of a name from each of its words but the first.
func laterWords(name string) (all []string) {
	for _, name, more := strings.Cut(name, " "); more; _, name, more = strings.Cut(name, " ") {
		all = append(all, name)
	}
	return all
}

// ends are a domain and what it ends in from each later label, the last apart: all domains end in one of few.
func ends(domain string) []string {
	all := []string{domain}
	for _, domain, more := strings.Cut(domain, "."); more && strings.Contains(domain, "."); _, domain, _ = strings.Cut(domain, ".") {
		all = append(all, domain)
	}
	return all
}

// beginning are those of texts that begin with part.
func beginning(texts []string, part string) (all []string) {
	for _, text := range texts {
		if part != "" && strings.HasPrefix(text, part) {
			all = append(all, text)
		}
	}
	return all
}
