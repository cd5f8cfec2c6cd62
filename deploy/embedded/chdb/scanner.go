package chdb

import "strings"

// kind of a token; strings and quoted names are passed over whole.
type kind int

const (
	eof kind = iota
	word
	quoted
	symbol
)

// token is a piece of the text, by offsets.
type token struct {
	kind     kind
	from, to int
}

func (t token) in(text string) string { return text[t.from:t.to] }

// upper is the token in upper case when it is a word or a symbol, so that quoted text is never taken for a keyword.
func (t token) upper(text string) string {
	if t.kind == word || t.kind == symbol {
		return strings.ToUpper(t.in(text))
	}
	return ""
}

// scanner cuts SQL into tokens as ClickHouse's lexer does, as far as keywords outside of quotes,
// comments and parentheses need it.
type scanner struct {
	text  string
	at    int
	depth int // of open parentheses and brackets, after the token that next returned
}

func (s *scanner) next() token {
	s.skipBlank()
	from := s.at
	if from >= len(s.text) {
		return token{eof, from, from}
	}
	switch c := s.text[from]; {
	case isWord(c):
		for s.at < len(s.text) && isWord(s.text[s.at]) {
			s.at++
		}
		return token{word, from, s.at}
	case c == '\'' || c == '"' || c == '`':
		s.skipQuoted(c)
		return token{quoted, from, s.at}
	case c == '$' && s.skipHeredoc():
		return token{quoted, from, s.at}
	case c == '(' || c == '[' || c == '{':
		s.depth++
	case (c == ')' || c == ']' || c == '}') && s.depth > 0:
		s.depth--
	}
	s.at++
	return token{symbol, from, s.at}
}

// skipBlank passes white space and comments: "-- …", "# …", "#! …" to the end of the line, and "/* … */".
func (s *scanner) skipBlank() {
	for s.at < len(s.text) {
		rest := s.text[s.at:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			s.at++
		case strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "# ") || strings.HasPrefix(rest, "#!"):
			s.skipPast("\n")
		case strings.HasPrefix(rest, "/*"):
			s.at += 2
			s.skipPast("*/")
		default:
			return
		}
	}
}

// skipPast moves behind the next end, or to the end of the text.
func (s *scanner) skipPast(end string) {
	if i := strings.Index(s.text[s.at:], end); i >= 0 {
		s.at += i + len(end)
	} else {
		s.at = len(s.text)
	}
}

// skipQuoted passes 'it”s', "a\"b" and `name`: a backslash escapes, a doubled quote is one quote.
func (s *scanner) skipQuoted(quote byte) {
	for s.at++; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '\\':
			s.at++
		case quote:
			if s.at+1 < len(s.text) && s.text[s.at+1] == quote {
				s.at++
				continue
			}
			s.at++
			return
		}
	}
	s.at = len(s.text)
}

// skipHeredoc passes $tag$ … $tag$ and says whether there was one.
func (s *scanner) skipHeredoc() bool {
	end := s.at + 1
	for end < len(s.text) && isWord(s.text[end]) {
		end++
	}
	if end >= len(s.text) || s.text[end] != '$' {
		return false
	}
	tag := s.text[s.at : end+1]
	i := strings.Index(s.text[end+1:], tag)
	if i < 0 {
		return false
	}
	s.at = end + 1 + i + len(tag)
	return true
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}
