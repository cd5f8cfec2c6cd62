package clickhouse

import (
	"context"
	flags "flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	conn "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"
)

var update = flags.Bool("update", false, "rewrite QUESTIONS.md")

const preface = `<!-- Written by go test ./sinks/clickhouse -run TestAnalystsGetRightAnswers -update. -->
# Questions and answers

What analysts ask, as SQL, with the answers from a small made-up organization, ` + "`org-northwind`" + `. Put yours in its place, and your ids in the
places of ` + "`a1`, `T1`, `C1`" + ` (an account, a workspace, a channel). Answers are shown sorted by their columns; say ` + "`ORDER BY`" + ` where an order matters to you.
` + "`org_conversations(org = …)` has the rows of `conversations` of one organization, and so have the other views that begin so." + `

Each answer is compared with one that is computed without ClickHouse (` + "`questions_test.go`" + `): at first, after replays, after re-associations, edits and
deletions, and after a sink was killed. Of long answers the first five rows are shown. All times are UTC.
`

// document holds QUESTIONS.md to the questions and their answers at first.
func document(t *testing.T, c conn.Conn) {
	t.Helper()
	if len(questions) < 50 {
		t.Errorf("%d questions, want fifty", len(questions))
	}
	var b strings.Builder
	b.WriteString(preface)
	for _, q := range questions {
		fmt.Fprintf(&b, "\n### %s\n\n```sql\n%s\n```\n\n```text\n%s```\n", q.question, clauses(q.sql), box(answer(t, c, q.sql), 5))
	}
	if *update {
		if err := os.WriteFile("QUESTIONS.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile("QUESTIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page), b.String()); diff != "" {
		t.Errorf("QUESTIONS.md (-page +answers; -update rewrites it):\n%s", diff)
	}
}

// examples holds README.md to what it shows: its queries run, and have the columns that are printed below them.
func examples(t *testing.T, c conn.Conn) {
	t.Helper()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)\n```\n+(?:```text\n(.*?)```)?").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 10 {
		t.Errorf("README.md has %d queries", len(blocks))
	}
	for _, block := range blocks {
		answer(t, c, block[1])
		head, _, shown := strings.Cut(block[2], "\n")
		if !shown {
			continue
		}
		var want []string // an answer without rows has no columns
		for _, column := range strs(t, c, "DESCRIBE ("+block[1]+")")[1:] {
			want = append(want, column[0])
		}
		got := strings.FieldsFunc(head, func(r rune) bool { return strings.ContainsRune("┌─┬┐", r) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("README.md shows other columns for\n%s (-answer +README.md):\n%s", block[1], diff)
		}
	}
}

// runbooks runs what those who are paged are told to ask.
func runbooks(t *testing.T, c conn.Conn) {
	t.Helper()
	pages, err := filepath.Glob("../../deploy/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, path := range pages {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`backchannel query (?:--format \w+ )?"([^"]+)"`).FindAllStringSubmatch(string(page), -1) {
			answer(t, c, m[1])
			asked++
		}
	}
	if asked < 6 {
		t.Errorf("the runbooks ask %d queries", asked)
	}
}

// clauses begins a line with each clause that is in no parentheses.
func clauses(sql string) string {
	var b strings.Builder
	depth := 0
	for i, r := range sql {
		depth += strings.Count(string(r), "(") - strings.Count(string(r), ")")
		rest := sql[i:]
		if depth == 0 && (strings.HasPrefix(rest, " FROM ") || strings.HasPrefix(rest, " WHERE ") || strings.HasPrefix(rest, " GROUP BY ") || strings.HasPrefix(rest, " ORDER BY ")) {
			r = '\n'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// answer has the names of the columns first, then the rows as text, in their order.
func answer(t *testing.T, c conn.Conn, sql string) [][]string {
	t.Helper()
	return strs(t, c, "SELECT * APPLY(toString) FROM (SELECT * FROM ("+sql+") ORDER BY ALL)")
}

// strs is an answer of which all columns are strings.
func strs(t *testing.T, c conn.Conn, sql string) [][]string {
	t.Helper()
	found, err := c.Query(context.WithoutCancel(t.Context()), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer found.Close()
	table := [][]string{nil}
	for _, name := range found.Columns() {
		table[0] = append(table[0], strings.TrimSuffix(strings.TrimPrefix(name, "toString("), ")"))
	}
	for found.Next() {
		line := make([]string, len(table[0]))
		into := make([]any, len(line))
		for i := range line {
			into[i] = &line[i]
		}
		if err := found.Scan(into...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		table = append(table, line)
	}
	if err := found.Err(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return table
}

// box draws names and rows as clickhouse-client does, some rows at most.
func box(table [][]string, most int) string {
	shown := table[:min(len(table), most+1)]
	var b strings.Builder
	bar := func(left, between, right string, words []string, fill string) {
		for i, word := range words {
			width := 0
			for _, line := range shown {
				width = max(width, utf8.RuneCountInString(line[i]))
			}
			b.WriteString(left + fill + word + strings.Repeat(fill, width-utf8.RuneCountInString(word)) + fill)
			left = between
		}
		b.WriteString(right + "\n")
	}
	bar("┌", "┬", "┐", shown[0], "─")
	for _, line := range shown[1:] {
		bar("│", "│", "│", line, " ")
	}
	bar("└", "┴", "┘", make([]string, len(shown[0])), "─")
	if len(shown) < len(table) {
		fmt.Fprintf(&b, "… %d rows\n", len(table)-1)
	}
	return b.String()
}
