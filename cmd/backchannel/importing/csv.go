package importing

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// readCSV reads rows below a header. A row that is broken does not hide those after it.
func readCSV(k Kind, in io.Reader, opts Options, f *File, take func(object)) error {
	r := csv.NewReader(in)
	r.FieldsPerRecord = -1 // told per row
	if opts.Delimiter != 0 {
		r.Comma = opts.Delimiter
	}
	header, err := r.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty: its first row has to name the columns")
	}
	if err != nil {
		return fmt.Errorf("row 1, the names of the columns: %w", err)
	}
	columns, err := k.columns(header, opts, f)
	if err != nil {
		return err
	}
	for n := 2; ; n++ {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		o := object{at: Place{n, n}}
		broken, isParse := errors.AsType[*csv.ParseError](err)
		switch {
		case isParse:
			o.at.Line = broken.StartLine
			o.problems = []string{"the row is not CSV: " + broken.Err.Error()}
		case err != nil:
			return fmt.Errorf("read the file: %w", err)
		case len(fields) != len(header):
			o.at.Line, _ = r.FieldPos(0)
			o.problems = []string{fmt.Sprintf("the row has %d columns, and the header %d", len(fields), len(header))}
		default:
			o.at.Line, _ = r.FieldPos(0)
			o.json, o.problems = objectOf(columns, fields)
		}
		take(o)
	}
}

// columns finds ours among those of the header; nil stands for one that is left out.
func (k Kind) columns(header []string, opts Options, f *File) ([]*Column, error) {
	all := append([]Column{{Name: "org_id", Form: Text}}, k.Columns...)
	found, ignored := make([]*Column, len(header)), []string{}
	for i, name := range header {
		if to, mapped := opts.Map[strings.TrimSpace(name)]; mapped {
			name = to
		}
		name = strings.ToLower(strings.TrimSpace(name))
		at := slices.IndexFunc(all, func(c Column) bool { return c.Name == name })
		switch {
		case at < 0:
			ignored = append(ignored, header[i])
			continue
		case slices.ContainsFunc(found, func(c *Column) bool { return c == &all[at] }):
			return nil, fmt.Errorf("two columns are %s: name each once", name)
		}
		found[i] = &all[at]
	}
	for from, to := range opts.Map {
		switch {
		case !slices.ContainsFunc(header, func(h string) bool { return strings.TrimSpace(h) == from }):
			return nil, fmt.Errorf("--map: the file has no column %q", from)
		case !slices.ContainsFunc(all, func(c Column) bool { return c.Name == to }):
			return nil, fmt.Errorf("--map: %s have no column %q; want %s", k.Name, to, k.names())
		}
	}
	for i := range all {
		if all[i].Required && !slices.Contains(found, &all[i]) {
			hint := ""
			if len(header) == 1 && strings.ContainsAny(header[0], ";\t") {
				hint = "; is another sign than a comma between the columns? Say so with --delimiter"
			}
			return nil, fmt.Errorf("the header has no column %s; want %s, and --map where they have other names%s", all[i].Name, k.names(), hint)
		}
	}
	if len(ignored) > 0 {
		f.Notes = append(f.Notes, "columns that are left out: "+strings.Join(ignored, ", "))
	}
	return found, nil
}

func (k Kind) names() string {
	var names []string
	for _, c := range k.Columns {
		if c.Required {
			names = append(names, c.Name+" (required)")
			continue
		}
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// objectOf is a row as a JSON object. An empty field is absent.
func objectOf(columns []*Column, fields []string) (text []byte, problems []string) {
	object := map[string]any{}
	for i, c := range columns {
		field := strings.TrimSpace(fields[i])
		if c == nil || field == "" {
			continue
		}
		switch c.Form {
		case List:
			var parts []string
			for part := range strings.SplitSeq(field, ";") {
				if part = strings.TrimSpace(part); part != "" {
					parts = append(parts, part)
				}
			}
			object[c.Name] = parts
		case Flag:
			value, ok := truth(field)
			if !ok {
				problems = append(problems, fmt.Sprintf("%s: %q is neither true nor false", c.Name, field))
			}
			object[c.Name] = value
		case Text, Time:
			object[c.Name] = field
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		problems = append(problems, "the row cannot be written as JSON")
	}
	for i, c := range columns {
		if c != nil && !utf8.ValidString(fields[i]) {
			problems = append(problems, c.Name+" is not UTF-8")
		}
	}
	return text, problems
}
