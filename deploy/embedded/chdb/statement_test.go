package chdb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScanStatement(t *testing.T) {
	type want struct {
		Keyword, Text, Format, Data, Tail string
		Inserts                           bool
	}
	for query, w := range map[string]want{
		"":                                   {},
		"SELECT 1":                           {Keyword: "SELECT", Text: "SELECT 1"},
		" select 1 ; \n-- done\n":            {Keyword: "SELECT", Text: " select 1 "},
		"SELECT 1; SELECT 2":                 {Keyword: "SELECT", Tail: ";"},
		"SELECT ';' ; /* ; */":               {Keyword: "SELECT", Text: "SELECT ';' "},
		"SELECT 1 FORMAT JSON":               {Keyword: "SELECT", Text: "SELECT 1 FORMAT JSON", Format: "JSON"},
		"SELECT 1 format JSON;":              {Keyword: "SELECT", Text: "SELECT 1 format JSON", Format: "JSON"},
		"SELECT 1 FORMAT CSV SETTINGS x=1":   {Keyword: "SELECT", Text: "SELECT 1 FORMAT CSV SETTINGS x=1", Format: "CSV"},
		"SELECT 'FORMAT JSON'":               {Keyword: "SELECT", Text: "SELECT 'FORMAT JSON'"},
		"SELECT format('{}', 1)":             {Keyword: "SELECT", Text: "SELECT format('{}', 1)"},
		"SELECT 'it''s; \\'' FORMAT TSV":     {Keyword: "SELECT", Text: "SELECT 'it''s; \\'' FORMAT TSV", Format: "TSV"},
		"SELECT $a$ ; FORMAT CSV $a$":        {Keyword: "SELECT", Text: "SELECT $a$ ; FORMAT CSV $a$"},
		"# c\n/* c */ WITH 1 AS x SELECT x":  {Keyword: "WITH", Text: "# c\n/* c */ WITH 1 AS x SELECT x"},
		"(SELECT 1)":                         {Keyword: "(", Text: "(SELECT 1)"},
		"SELECT 1 INTO OUTFILE 'f'":          {Keyword: "SELECT", Text: "SELECT 1 INTO OUTFILE 'f'", Tail: "OUTFILE"},
		"INSERT INTO t VALUES (1),(2)":       {Keyword: "INSERT", Text: "INSERT INTO t ", Format: "Values", Data: " (1),(2)", Inserts: true},
		"INSERT INTO t FORMAT CSV\n1\n\n2\n": {Keyword: "INSERT", Text: "INSERT INTO t ", Format: "CSV", Data: "1\n\n2\n", Inserts: true},
		"INSERT INTO t FORMAT CSV \t\r\n1":   {Keyword: "INSERT", Text: "INSERT INTO t ", Format: "CSV", Data: "1", Inserts: true},
		"insert into d.t (a,`values`) settings async_insert=0 format Native \nx": {Keyword: "INSERT", Text: "insert into d.t (a,`values`) settings async_insert=0 ", Format: "Native", Data: "x", Inserts: true},
		"INSERT INTO values VALUES (1)":                                          {Keyword: "INSERT", Text: "INSERT INTO values ", Format: "Values", Data: " (1)", Inserts: true},
		"INSERT INTO format.format FORMAT TSV\n1":                                {Keyword: "INSERT", Text: "INSERT INTO format.format ", Format: "TSV", Data: "1", Inserts: true},
		"INSERT INTO FUNCTION file('a', CSV, 'x Int8') VALUES (1)":               {Keyword: "INSERT", Text: "INSERT INTO FUNCTION file('a', CSV, 'x Int8') ", Format: "Values", Data: " (1)", Inserts: true},
		"INSERT INTO t (a)":                    {Keyword: "INSERT", Text: "INSERT INTO t (a)", Inserts: true},
		"INSERT INTO t SELECT 1":               {Keyword: "INSERT", Text: "INSERT INTO t SELECT 1"},
		"INSERT INTO t (a) (SELECT 1)":         {Keyword: "INSERT", Text: "INSERT INTO t (a) (SELECT 1)"},
		"INSERT INTO t SELECT 1;":              {Keyword: "INSERT", Text: "INSERT INTO t SELECT 1"},
		"INSERT INTO t SELECT 1; DROP TABLE t": {Keyword: "INSERT", Tail: ";"},
		"INSERT INTO ; DROP TABLE t":           {Keyword: "INSERT", Tail: ";"},
		"INSERT INTO t (a; DROP TABLE t":       {Keyword: "INSERT", Tail: ";"},
		"INSERT INTO a.; DROP TABLE t":         {Keyword: "INSERT", Tail: ";"},
		"INSERT INTO t FORMAT; DROP TABLE t":   {Keyword: "INSERT", Tail: ";"},
		"INSERT INTO t SELECT a FROM input('a Int8') FORMAT CSV\n1\n\nDROP TABLE t": {Keyword: "INSERT", Text: "INSERT INTO t SELECT a FROM input('a Int8') ", Tail: "INPUT"},
		"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT LineAsString":               {Keyword: "INSERT", Tail: "INFILE"},
	} {
		s := scanStatement(query)
		got := want{Keyword: s.keyword, Text: s.text, Format: s.format, Tail: s.tail, Inserts: s.inserts}
		if s.data >= 0 {
			got.Data = query[s.data:]
		}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", query, diff)
		}
	}
}

// Whatever comes, the scanner ends, stays inside the text, and lets no second statement through unseen.
func FuzzScanStatement(f *testing.F) {
	for _, seed := range []string{"SELECT 1; DROP TABLE t", "INSERT INTO t FORMAT CSV\n1", "SELECT '\\", "$a$", "/*", "INSERT INTO t VALUES ('", "SELECT 1;--\n;", "INSERT;", "INSERT INTO ; DROP TABLE t", "INSERT INTO a.; DROP TABLE t", "INSERT (;", "INSERT 0 FORMAT;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		s := scanStatement(query)
		if s.data > len(query) || !strings.HasPrefix(query, s.text) {
			t.Fatalf("%q: data at %d, text %q", query, s.data, s.text)
		}
		again := scanner{text: s.text}
		for token := again.next(); token.kind != eof; token = again.next() {
			if s.tail == "" && token.upper(s.text) == ";" {
				t.Fatalf("%q: the text that goes to the engine holds a semicolon: %q", query, s.text)
			}
		}
	})
}
