package schemas

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every file in the folder is a record that some version wrote and that every later version reads: <topic>.json is what this
// one writes, and before that changes the former bytes are kept beside it as <topic>@<when>.json.
func TestEveryGoldenFileIsStillRead(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "golden", "*"))
	if err != nil || len(files) < len(Topics()) {
		t.Fatalf("%d golden files for %d topics, %v", len(files), len(Topics()), err)
	}
	decode := map[string]func([]byte) (any, error){}
	for _, s := range samples() {
		decode[s.spec.Name] = s.decode
	}
	for _, file := range files {
		name, isJSON := strings.CutSuffix(filepath.Base(file), ".json")
		name, _, _ = strings.Cut(name, "@")
		spec, known := TopicByName(name)
		if !isJSON || !known || decode[name] == nil {
			t.Errorf("%s is of no topic", file)
			continue
		}
		record, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode[name](record); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if err := publishedSchema(t, spec).Validate(parsed(t, record)); err != nil {
			t.Errorf("the published schema refuses %s: %v", file, err)
		}
	}
}
