package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var freeze = flag.String("freeze", "", "keep today's records and schemas as those of this released version")

const released = "testdata/released"

// retired are fields that may be missed: optional ones that no version ever filled, by topic and path, with the change that took them out.
var retired = map[string]string{
	"sync.checkpoints.live":  "b94e764: never filled; sync_deliveries in ClickHouse counts it",
	"sync.checkpoints.found": "b94e764: never filled; sync_deliveries in ClickHouse counts it",
	"sync.checkpoints.gaps":  "b94e764: never filled; sync_deliveries in ClickHouse counts it",
}

// Versions run side by side while they are upgraded, and a compacted topic holds what the first one wrote. testdata/released has, of each released version, a
// record of every topic and its schema.
//
//	today's decoders read every earlier record, and mean the same by it: written again, every field has its value;
//	earlier readers read today's records: the earlier schema takes them, for it names what its readers needed.
func TestReleasedVersions(t *testing.T) {
	if *freeze != "" {
		freezeAs(t, *freeze)
	}
	versions, err := filepath.Glob(filepath.Join(released, "*"))
	if err != nil || len(versions) < 3 {
		t.Fatalf("released versions %v, %v", versions, err)
	}
	for _, version := range versions {
		t.Run(filepath.Base(version), func(t *testing.T) {
			isAsReleased(t, version)
			records, err := filepath.Glob(filepath.Join(version, "records", "*.json"))
			if err != nil || len(records) < 15 {
				t.Fatalf("%d records, %v", len(records), err)
			}
			for _, file := range records {
				name := strings.TrimSuffix(filepath.Base(file), ".json")
				i := slices.IndexFunc(samples(), func(s sample) bool { return s.spec.Name == name })
				if i < 0 {
					t.Errorf("topic %s is gone: somebody may write to it, or has it to read", name)
					continue
				}
				meansTheSame(t, samples()[i], file)
				earlierReaders(t, samples()[i], filepath.Join(version, "jsonschema", name+".json"))
			}
		})
	}
}

// meansTheSame decodes a record that some version wrote and writes it again: each field has its value still.
func meansTheSame(t *testing.T, s sample, file string) {
	t.Helper()
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.decode(was)
	if err != nil {
		t.Errorf("%s is not read any more: %v", file, err)
		return
	}
	is, err := s.recode(v)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	report(t, s, file, missing("", parsed(t, was), parsed(t, is)))
	if err := publishedSchema(t, s.spec).Validate(parsed(t, was)); err != nil {
		t.Errorf("today's schema refuses %s: %v", file, err)
	}
}

// missing tells what of a value is not in another: fields may be added, none may go or change.
func missing(path string, was, is any) (lost []string) {
	switch was := was.(type) {
	case map[string]any:
		now, _ := is.(map[string]any)
		for name, value := range was {
			lost = append(lost, missing(path+"."+name, value, now[name])...)
		}
	case []any:
		now, _ := is.([]any)
		if len(now) != len(was) {
			return []string{fmt.Sprintf("%s had %d entries and has %d", path, len(was), len(now))}
		}
		for i := range was {
			lost = append(lost, missing(fmt.Sprintf("%s[%d]", path, i), was[i], now[i])...)
		}
	default:
		if !cmp.Equal(was, is) {
			lost = append(lost, fmt.Sprintf("%s was %v and is %v", path, was, is))
		}
	}
	return lost
}

// earlierReaders holds today's record, and today's schema, to an earlier one.
func earlierReaders(t *testing.T, s sample, file string) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	earlier, err := compiler.Compile(file)
	if err != nil {
		t.Fatal(err)
	}
	today, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := earlier.Validate(parsed(t, today)); err != nil {
		t.Errorf("readers of %s do not take what is written today: %v", file, err)
	}
	report(t, s, file, breaks("", shapeOf(t, file), shapeOf(t, filepath.Join("jsonschema", s.spec.Name+".json"))))
}

// report reports what was found, but for what is of retired fields.
func report(t *testing.T, s sample, file string, found []string) {
	t.Helper()
	for _, what := range found {
		path, _, _ := strings.Cut(what, " ")
		if retired[s.spec.Name+path] == "" {
			t.Errorf("%s: %s", file, what)
		}
	}
}

// shape is what of a JSON Schema is a contract.
type shape struct {
	Type       any               `json:"type"`
	Format     string            `json:"format"`
	Properties map[string]*shape `json:"properties"`
	Required   []string          `json:"required"`
	Items      *shape            `json:"items"`
	Additional json.RawMessage   `json:"additionalProperties"`
}

// UnmarshalJSON takes the schema true, too: anything.
func (s *shape) UnmarshalJSON(content []byte) error {
	if string(content) == "true" {
		return nil
	}
	type plain shape
	return json.Unmarshal(content, (*plain)(s))
}

func shapeOf(t *testing.T, file string) *shape {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &shape{}
	if err := json.Unmarshal(content, s); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return s
}

// breaks tells in what a schema breaks with an earlier one: a field is gone, has another type, or is required that was optional or not there.
func breaks(path string, was, is *shape) (all []string) {
	if is == nil {
		return []string{path + " is gone: keep it, and write it"}
	}
	if was == nil {
		return nil
	}
	if !cmp.Equal(was.Type, is.Type) || was.Format != is.Format {
		all = append(all, fmt.Sprintf("%s was %v %s and is %v %s: give the field another name", path, was.Type, was.Format, is.Type, is.Format))
	}
	for _, name := range is.Required {
		if !slices.Contains(was.Required, name) && was.Properties != nil {
			all = append(all, path+"."+name+" became required: earlier writers leave it out")
		}
	}
	for name, field := range was.Properties {
		all = append(all, breaks(path+"."+name, field, is.Properties[name])...)
	}
	if was.Items != nil {
		all = append(all, breaks(path+"[]", was.Items, is.Items)...)
	}
	if string(is.Additional) == "false" {
		all = append(all, path+" takes no field more: a newer writer may add some")
	}
	return all
}

// isAsReleased holds a version's folder to its list of checksums: what was released does not change.
func isAsReleased(t *testing.T, version string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join(version, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), sums(t, version)); diff != "" {
		t.Errorf("a released version was changed; a change of contract is a new version (-released +now):\n%s", diff)
	}
}

func sums(t *testing.T, version string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(version, "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(version, file)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum[:]), filepath.ToSlash(name))
	}
	return b.String()
}

// freezeAs keeps what is written and published today as a released version.
func freezeAs(t *testing.T, name string) {
	t.Helper()
	version := filepath.Join(released, filepath.Base(name))
	for _, s := range samples() {
		record, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		schema, err := os.ReadFile(filepath.Join("jsonschema", s.spec.Name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for folder, content := range map[string][]byte{"records": append(record, '\n'), "jsonschema": schema} {
			if err := os.MkdirAll(filepath.Join(version, folder), 0o755); err != nil {
				t.Fatal(err)
			}
			file, err := os.OpenFile(filepath.Join(version, folder, s.spec.Name+".json"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
			if err != nil {
				t.Fatalf("%v: that version is kept already", err)
			}
			if _, err := file.Write(content); err != nil {
				t.Fatal(err)
			}
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(version, "SHA256SUMS"), []byte(sums(t, version)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The comparison finds each kind of break.
func TestBreaksAreFound(t *testing.T) {
	parse := func(s string) *shape {
		t.Helper()
		v := &shape{}
		if err := json.Unmarshal([]byte(s), v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	const was = `{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"integer"}}}}},"required":["a"]}`
	for now, want := range map[string]string{
		was: "",
		`{"type":"object","properties":{"a":{"type":"string"},"d":{"type":"string"},"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"integer"}}}}}}`:                         "",
		`{"type":"object","properties":{"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"integer"}}}}}}`:                                                                     ".a is gone: keep it, and write it",
		`{"type":"object","properties":{"a":{"type":"string","format":"date-time"},"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"integer"}}}}}}`:                          ".a was string  and is string date-time: give the field another name",
		`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"string"}}}}}}`:                                                ".b[].c was integer  and is string : give the field another name",
		`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"integer"}}}}},"required":["a","b"]}`:                          ".b became required: earlier writers leave it out",
		`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"array","items":{"type":"object","properties":{"c":{"type":"integer"}}}}},"required":["a"],"additionalProperties":false}`: " takes no field more: a newer writer may add some",
	} {
		if got := strings.Join(breaks("", parse(was), parse(now)), "; "); got != want {
			t.Errorf("%s: %q, want %q", now, got, want)
		}
	}
	lost := missing("", map[string]any{"a": 1.0, "b": []any{"x"}, "c": true}, map[string]any{"a": 2.0, "b": []any{}})
	slices.Sort(lost)
	if diff := cmp.Diff([]string{".a was 1 and is 2", ".b had 1 entries and has 0", ".c was true and is <nil>"}, lost); diff != "" {
		t.Errorf("what is lost (-want +got):\n%s", diff)
	}
}
