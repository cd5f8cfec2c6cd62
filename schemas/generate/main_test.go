package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/schemas"
)

// What is checked in is what the types say, and nothing is left over from a topic that is gone.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	dir := t.TempDir()
	if err := generate(dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files(t, dir), files(t, "..")); diff != "" {
		t.Errorf("generated, checked in ('make generate' mends it):\n%s", diff)
	}
}

// files reads the generated files below a folder: path to content.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "jsonschema", "*"))
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for _, path := range append(paths, filepath.Join(dir, "asyncapi.json"), filepath.Join(dir, "REFERENCE.md"), filepath.Join(dir, "DICTIONARY.md"), filepath.Join(dir, "dbt-sources.yml")) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		content[name] = string(b)
	}
	return content
}

// A folder that cannot be written is an error, not half a document.
func TestGenerateReportsWhatItCannotWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := generate(file); err == nil {
		t.Error("it says that it wrote below a file")
	}
}

// The reference is for people: no cell may break its table, no topic, type or reason may be missing.
func TestReferenceTables(t *testing.T) {
	text := string(reference())
	var cells []int
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			cells = nil
			continue
		}
		cells = append(cells, strings.Count(line, "|"))
		if cells[0] != cells[len(cells)-1] {
			t.Errorf("%d cells, the head has %d: %s", cells[len(cells)-1]-1, cells[0]-1, line)
		}
	}
	for _, topic := range schemas.Topics() {
		if !strings.Contains(text, "[`"+topic.Name+"`]") {
			t.Errorf("%s is missing", topic.Name)
		}
	}
	for _, reason := range schemas.Reasons {
		if !slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool { return strings.HasPrefix(l, "| `"+string(reason.Reason)+"` ") }) {
			t.Errorf("%s is missing", reason.Reason)
		}
	}
}

// What dbttests.go says is of tables and columns that there are: a name that is wrong would be a test less.
func TestDbtTestsAreOfWhatThereIs(t *testing.T) {
	all, err := schemas.Tables()
	if err != nil {
		t.Fatal(err)
	}
	is := func(name string) bool {
		return slices.ContainsFunc(all, func(t schemas.Table) bool { return t.Name == name })
	}
	has := func(table, column string) bool {
		at := slices.IndexFunc(all, func(t schemas.Table) bool { return t.Name == table })
		return at >= 0 && all[at].Has(column, all)
	}
	for table, columns := range keys {
		for _, column := range slices.Concat(columns, filled[table]) {
			if !has(table, column) {
				t.Errorf("the key of %s: there is no %s", table, column)
			}
		}
	}
	for _, of := range []map[string]bool{untested, keyless, notSources} {
		for table := range of {
			if !is(table) {
				t.Errorf("there is no %s", table)
			}
		}
	}
	columns := slices.Concat(slices.Collect(maps.Keys(accepted)), slices.Collect(maps.Keys(mayBeEmpty)))
	for table, of := range filled {
		for _, column := range of {
			columns = append(columns, table+"."+column)
		}
	}
	for table, a := range arrivals {
		columns = append(columns, table+"."+a.field)
	}
	for _, name := range columns {
		if table, column, _ := strings.Cut(name, "."); !has(table, column) {
			t.Errorf("there is no %s", name)
		}
	}
	for _, r := range rules {
		if !is(r.table) {
			t.Errorf("%s is of %s, which is not there", r.name, r.table)
		}
	}
	for _, m := range mentions {
		if !is(m.table) || !is(strings.TrimSuffix(m.to, merged)) {
			t.Errorf("%s is of %s and %s, of which one is not there", m.name, m.table, m.to)
		}
	}
}
