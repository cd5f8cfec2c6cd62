package importing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/bigmind/backchannel/schemas"
)

// Options of reading.
type Options struct {
	Org schemas.OrgID
	// Format is csv or jsonl.
	Format string
	// Delimiter separates columns; 0 is a comma.
	Delimiter rune
	// Map says which column of the file is which of ours, where their names differ.
	Map map[string]string
}

// Row is a record to be.
type Row struct {
	At    Place
	ID    string
	Value []byte
}

// Place is where a row is: its number, the header being row 1 of a CSV, and the line on which it begins.
type Place struct{ Row, Line int }

func (p Place) String() string {
	if p.Row == p.Line {
		return fmt.Sprintf("row %d", p.Row)
	}
	return fmt.Sprintf("row %d (line %d)", p.Row, p.Line)
}

// Problem is what is wrong with a row, in a sentence.
type Problem struct {
	At   Place
	Text string
}

func (p Problem) String() string { return p.At.String() + ": " + p.Text }

// File is what was read.
type File struct {
	Rows     []Row // each id once
	Problems []Problem
	// Notes are what a reader of the file should know, and is no error: columns that are left out, ids that come twice.
	Notes []string
	// Bad counts rows with problems.
	Bad int
}

// object is a row as a JSON object, or what is wrong with it.
type object struct {
	at       Place
	json     []byte
	problems []string
}

var bom = []byte("\uFEFF")

// Read reads and checks a whole file. An error means that it could not be read as one.
func Read(k Kind, in io.Reader, opts Options) (*File, error) {
	buffered := bufio.NewReaderSize(in, 1<<16)
	head, err := buffered.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if bytes.HasPrefix(head, []byte{0xFF, 0xFE}) || bytes.HasPrefix(head, []byte{0xFE, 0xFF}) {
		return nil, errors.New("the file is UTF-16: save it as UTF-8 ('CSV UTF-8' in a spreadsheet)")
	}
	if bytes.Equal(head, bom) {
		_, _ = buffered.Discard(len(bom)) // they are there
	}
	f := &File{}
	take := f.taker(k, opts.Org)
	if opts.Format == "jsonl" {
		err = readLines(buffered, take)
	} else {
		err = readCSV(k, buffered, opts, f, take)
	}
	if err != nil {
		return nil, err
	}
	f.once()
	return f, nil
}

// taker checks objects, one after the other.
func (f *File) taker(k Kind, org schemas.OrgID) func(object) {
	return func(o object) {
		problems := o.problems
		var row Row
		switch {
		case len(problems) > 0:
		case !utf8.Valid(o.json):
			problems = []string{"the row is not UTF-8"}
		default:
			row.At = o.at
			row.ID, row.Value, problems = k.decode(org, o.json)
		}
		if len(problems) == 0 {
			f.Rows = append(f.Rows, row)
			return
		}
		f.Bad++
		for _, p := range problems {
			f.Problems = append(f.Problems, Problem{o.at, p})
		}
	}
}

// once keeps the last row of each id, as the topic would.
func (f *File) once() {
	last := make(map[string]int, len(f.Rows))
	for i, r := range f.Rows {
		last[r.ID] = i
	}
	kept := f.Rows[:0]
	for i, r := range f.Rows {
		if last[r.ID] == i {
			kept = append(kept, r)
			continue
		}
		f.Notes = append(f.Notes, fmt.Sprintf("%s is left out: %q comes again in %s", r.At, r.ID, f.Rows[last[r.ID]].At))
	}
	f.Rows = kept
}

// readLines reads JSON lines. Empty lines are none.
func readLines(in *bufio.Reader, take func(object)) error {
	for n := 1; ; n++ {
		line, tooLong, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the file: %w", err)
		}
		o := object{at: Place{n, n}, json: bytes.TrimSpace(line)}
		switch {
		case tooLong:
			o.problems = []string{fmt.Sprintf("the row is longer than a record may be (%d bytes)", schemas.MaxRecordBytes)}
			take(o)
		case len(o.json) > 0:
			take(o)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
	}
}

// readLine reads a line, of which no more is kept than a record may have.
func readLine(in *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > 2*schemas.MaxRecordBytes { // escapes may be longer than what they stand for
			tooLong = true
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

// FormatOf guesses a file's format from its name.
func FormatOf(path string) (string, error) {
	for suffix, format := range map[string]string{".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"} {
		if strings.HasSuffix(strings.ToLower(path), suffix) {
			return format, nil
		}
	}
	return "", errors.New("the file's name does not tell its format: give --format csv or --format jsonl")
}
