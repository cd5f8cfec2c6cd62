package schemas

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Accounts and deals are found by prefixes of entries: the views sink keeps a sorted set of them for each organization (all with
// score 0, so that Redis orders them by their bytes), and whoever searches asks it for ranges. An entry is a letter that says what it
// is, and the folded text from there on:
//
//	n societe generale s a     the name
//	w generale s a             the name from a later word on
//	d mail.socgen.example      a domain, and from a later label on, the last apart
//
// A deal's text begins with its account's id and EntryScope. A member of the set is an entry, a zero byte, and the id.
const (
	EntryName   = "n"
	EntryWord   = "w"
	EntryDomain = "d"
	EntryScope  = "\x01"
	EntryEnd    = "\x00"
	// EntrySeparator stands before each entry of a record in the hash of entries, by which the former ones are found and taken out.
	EntrySeparator = "\x1f"
	// MaxEntry cuts an entry's folded text, in bytes; a reader cuts what it looks for likewise, and compares with the record.
	MaxEntry = 48
)

// maxWords bounds the entries of one name, and of one record's domains.
const maxWords = 16

// SearchEntries are the account's. One without a name is found by its id.
func (a *Account) SearchEntries() []string {
	entries := nameEntries("", a.Title())
	for _, domain := range a.Domains[:min(len(a.Domains), maxWords)] {
		for d := FoldDomain(domain); d != ""; {
			entries = append(entries, EntryDomain+CutEntry(d))
			_, rest, more := strings.Cut(d, ".")
			if !more || !strings.Contains(rest, ".") {
				break
			}
			d = rest
		}
	}
	slices.Sort(entries)
	return slices.Compact(entries)
}

// Title is what people call the account: its name, else its id.
func (a *Account) Title() string {
	if strings.TrimSpace(a.Name) == "" {
		return string(a.AccountID)
	}
	return a.Name
}

// SearchEntries are the deal's, none for one without an account.
func (d *Deal) SearchEntries() []string {
	if d.AccountID == "" {
		return nil
	}
	entries := nameEntries(DealScope(d.AccountID), d.Title())
	slices.Sort(entries)
	return slices.Compact(entries)
}

// Title is what people call the deal: its name, else its id.
func (d *Deal) Title() string {
	if strings.TrimSpace(d.Name) == "" {
		return string(d.DealID)
	}
	return d.Name
}

// DealScope is what the entries of an account's deals begin with, after their letter.
func DealScope(account AccountID) string { return plainID(string(account)) + EntryScope }

// PlainID is plainID for those who write the lists.
func PlainID[ID ~string](id ID) string { return plainID(string(id)) }

// plainID keeps an id from looking like the separators of entries.
func plainID(id string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, id)
}

func nameEntries(scope, name string) []string {
	words := FoldWords(name)
	entries := []string{EntryName + scope + CutEntry(words)}
	for range maxWords {
		_, rest, more := strings.Cut(words, " ")
		if !more {
			break
		}
		words = rest
		entries = append(entries, EntryWord+scope+CutEntry(words))
	}
	return entries
}

// CutEntry cuts folded text to MaxEntry bytes.
func CutEntry(folded string) string { return folded[:min(len(folded), MaxEntry)] }

// FoldWords is the form in which names are compared: lower case, without accents, its words with one space between them. What is
// neither letter nor digit separates words, apostrophes apart, which are left out. Han characters and kana are a word each, as their
// languages put no spaces.
func FoldWords(text string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) || r == '\'' || r == '’':
			continue
		case !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Mc, r):
			gap = true
			continue
		}
		alone := unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
		if (gap || alone) && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = alone
		b.WriteString(foldRune(r))
	}
	return b.String()
}

// unaccented are letters that Unicode does not decompose, as people without them on their keyboard type them.
var unaccented = map[rune]string{'ß': "ss", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'ħ': "h", 'æ': "ae", 'œ': "oe", 'þ': "th"}

func foldRune(r rune) string {
	r = unicode.ToLower(unicode.ToUpper(r)) // both, so that ς and σ, ı and i are one
	if s, ok := unaccented[r]; ok {
		return s
	}
	return string(r)
}

// FoldDomain is the form in which domains are compared, empty for what can be none. Of a URL or an email address it takes the domain.
func FoldDomain(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if _, rest, is := strings.Cut(text, "://"); is {
		text = rest
	}
	text, _, _ = strings.Cut(text, "/")
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		text = text[i+1:]
	}
	text = strings.Trim(strings.TrimPrefix(text, "www."), ".")
	for _, r := range text {
		if r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.M, r) {
			return ""
		}
	}
	return norm.NFC.String(text)
}
