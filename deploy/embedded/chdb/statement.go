package chdb

import "strings"

// statement is what the front must know of a query's text before the engine runs it: where an INSERT's data
// begins, which format is asked for, and that there is only one statement. The engine itself would run a second
// statement after a semicolon and, in inline data, after a blank line; a server does neither.
type statement struct {
	text    string // without trailing semicolon; for an insert that takes data, without its FORMAT or VALUES clause
	keyword string // first word in upper case, "(" for a parenthesis, "" for an empty text
	format  string // of the FORMAT clause or "Values"; "" when none is named
	data    int    // offset in the whole text at which the insert's data begins, -1 when it takes none inline
	inserts bool   // an INSERT that takes data
	tail    string // what disqualifies it over HTTP: "INFILE", "OUTFILE", "INPUT", ";"
}

// scanStatement reads text as far as it must. It trusts nothing about text and never fails:
// what it does not understand is for the engine's parser to refuse.
func scanStatement(text string) statement {
	s := scanner{text: text}
	first := s.next()
	stmt := statement{keyword: first.upper(text), data: -1}
	if stmt.keyword == "INSERT" {
		return scanInsert(&s, stmt)
	}
	return scanOther(&s, stmt, first)
}

// scanOther looks for FORMAT, INTO OUTFILE and a second statement.
func scanOther(s *scanner, stmt statement, t token) statement {
	end := len(s.text)
	var before, last, format token // the last two words, and the word after the last FORMAT
	for ; t.kind != eof; t = s.next() {
		switch w := t.upper(s.text); {
		case w == ";":
			end = min(end, t.from)
			continue
		case end < len(s.text):
			stmt.tail = ";"
			return stmt
		case s.depth > 0 || w == ")":
		case w == "OUTFILE" && last.upper(s.text) == "INTO":
			stmt.tail = "OUTFILE"
		case last.upper(s.text) == "FORMAT" && t.kind == word:
			format = t
		case w == "SETTINGS" && format.to > 0 && last == format: // FORMAT x SETTINGS …
			stmt.format = format.in(s.text)
		}
		before, last = last, t
	}
	if format.to > 0 && last == format && before.upper(s.text) == "FORMAT" {
		stmt.format = format.in(s.text)
	}
	stmt.text = s.text[:end]
	return stmt
}

// scanInsert finds where the data of INSERT [INTO] [TABLE] [FUNCTION] name … {VALUES | FORMAT f} begins.
func scanInsert(s *scanner, stmt statement) statement {
	t := skipTarget(s)
	selects, input := false, false
	for ; t.kind != eof; t = s.next() {
		input = input || t.upper(s.text) == "INPUT"
		if s.depth > 0 && t.upper(s.text) != ";" {
			if w := t.upper(s.text); w == "SELECT" || w == "WITH" {
				selects = true
			}
			continue
		}
		switch t.upper(s.text) {
		case "SELECT", "WITH", "WATCH":
			selects = true
		case "INFILE":
			stmt.tail = "INFILE"
			return stmt
		case ";":
			if s.next().kind != eof {
				stmt.tail = ";"
				return stmt
			}
			stmt.text = s.text[:t.from]
			stmt.inserts = !selects
			return stmt
		case "VALUES":
			if !selects {
				stmt.text, stmt.format, stmt.data, stmt.inserts = s.text[:t.from], "Values", t.to, true
				return stmt
			}
		case "FORMAT":
			behind := *s
			name := s.next()
			if name.kind != word { // a column that is called so
				*s = behind
				continue
			}
			if selects {
				if input { // INSERT … SELECT … FROM input(…) FORMAT f
					stmt.tail = "INPUT"
				}
				stmt.text = s.text[:t.from]
				return stmt
			}
			stmt.text, stmt.format, stmt.data, stmt.inserts = s.text[:t.from], name.in(s.text), dataStart(s.text, name.to), true
			return stmt
		}
	}
	stmt.text = s.text
	stmt.inserts = !selects
	return stmt
}

// skipTarget passes the name of the table, which may be spelled like a keyword, and returns the token after it, or the semicolon that stands
// where a name should.
func skipTarget(s *scanner) token {
	t := s.next()
	for _, optional := range []string{"INTO", "TABLE", "FUNCTION"} {
		if t.upper(s.text) == optional {
			t = s.next()
		}
	}
	for t.upper(s.text) != ";" {
		if t = s.next(); t.upper(s.text) != "." {
			return t
		}
		t = s.next()
	}
	return t
}

// dataStart is where ClickHouse's parser lets data begin after FORMAT's name:
// after the first newline if only blanks precede it, else after the blanks.
func dataStart(text string, at int) int {
	for at < len(text) && strings.IndexByte(" \t\f", text[at]) >= 0 {
		at++
	}
	if at < len(text) && text[at] == '\r' {
		at++
	}
	if at < len(text) && text[at] == '\n' {
		at++
	}
	return at
}
