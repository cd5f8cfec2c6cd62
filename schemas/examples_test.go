package schemas

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// fenced are the code blocks of a document of a language.
func fenced(t *testing.T, file, language string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, found := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllSubmatch(text, -1) {
		all = append(all, string(found[1]))
	}
	if len(all) == 0 {
		t.Fatalf("%s has no example in %s", file, language)
	}
	return all
}

// What README.md shows to be copied is a record that is taken as it is: no field that nobody knows, and nothing missing.
func TestExamplesAreRecords(t *testing.T) {
	put := regexp.MustCompile(`(?s)put (\S+) (\S+) <<'E'\n(.*?)\nE\n`)
	records := 0
	for _, block := range fenced(t, "README.md", "bash") {
		for _, found := range put.FindAllStringSubmatch(block, -1) {
			topic, known := TopicByName(found[1])
			if !known {
				t.Errorf("no topic %s", found[1])
				continue
			}
			if strings.Contains(block, "dlq") {
				continue // it shows what is wrong
			}
			records++
			exampleOf(t, topic, found[3])
		}
	}
	if records < 10 {
		t.Errorf("only %d examples were found", records)
	}
}

// The same for the programs: each holds a request.
func TestExamplesInOtherLanguagesAreRequests(t *testing.T) {
	for _, language := range []string{"go", "python", "java"} {
		block := fenced(t, "README.md", language)[0]
		at := strings.Index(block, `{"org_id"`)
		if at < 0 || !strings.Contains(block, NotificationRequests.Name) {
			t.Errorf("the example in %s has no request", language)
			continue
		}
		var request json.RawMessage
		if err := json.NewDecoder(strings.NewReader(block[at:])).Decode(&request); err != nil {
			t.Errorf("the example in %s: %v", language, err)
			continue
		}
		exampleOf(t, NotificationRequests.Spec, string(request))
	}
	program := "package p\nfunc f() error {\n" + fenced(t, "README.md", "go")[0] + "}\n"
	if _, err := parser.ParseFile(token.NewFileSet(), "example.go", program, 0); err != nil {
		t.Error(err)
	}
}

func exampleOf(t *testing.T, topic Spec, value string) {
	t.Helper()
	v := reflect.New(topic.Type)
	d := json.NewDecoder(bytes.NewReader([]byte(value)))
	d.DisallowUnknownFields()
	err := d.Decode(v.Interface())
	switch checked := v.Interface().(type) {
	case interface{ Check() error }:
		if err == nil {
			err = checked.Check()
		}
	case interface{ Validate() error }:
		if err == nil {
			err = checked.Validate()
		}
	}
	if err != nil {
		t.Errorf("the example for %s: %v in %s", topic.Name, err, value)
	}
}
