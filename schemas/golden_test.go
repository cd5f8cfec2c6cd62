package schemas

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// What is on a topic is read by every later version, and by systems that are not ours: the bytes are the contract.
func TestGoldenRecords(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.spec.Name, func(t *testing.T) {
			encoded, err := s.encode()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "golden", s.spec.Name+".json")
			if *update {
				if err := os.WriteFile(path, append(encoded, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v (go test ./schemas -run TestGolden -update writes it)", err)
			}
			if diff := cmp.Diff(string(golden), string(encoded)+"\n"); diff != "" {
				t.Errorf("golden, encoded:\n%s", diff)
			}
			decoded, err := s.decode(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s.value, decoded); diff != "" {
				t.Errorf("value, decoded golden:\n%s", diff)
			}
			if err := publishedSchema(t, s.spec).Validate(parsed(t, golden)); err != nil {
				t.Errorf("the published schema refuses the golden record: %v", err)
			}
		})
	}
}

// A golden file that leaves a field out would not notice that its name changed.
func TestSamplesSetEveryField(t *testing.T) {
	have := map[string]bool{}
	for _, s := range samples() {
		have[s.spec.Name] = true
		unset(t, s.spec.Name, reflect.ValueOf(s.value))
	}
	for _, topic := range Topics() {
		if !have[topic.Name] {
			t.Errorf("%s has no golden record", topic.Name)
		}
	}
}

// unset reports fields without a value. A delivery goes by Slack or by email, so that each has the other's fields empty.
func unset(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, exempt := path+"."+field.Name, field.Tag.Get("json") == "-"
		exempt = exempt || strings.Contains(path, "deliveries.email") && (field.Name == "TeamID" || field.Name == "SlackUserID")
		exempt = exempt || v.Type() == reflect.TypeFor[Delivery]() && field.Name == "Email"
		exempt = exempt || v.Type() == reflect.TypeFor[Recipient]() || v.Type() == reflect.TypeFor[ContextMessage]() && field.Name == "Deleted"
		if v.Field(i).IsZero() && !exempt {
			t.Errorf("the sample leaves out %s", name)
		}
		unset(t, name, v.Field(i))
	}
}

// Every field that the published schema requires is missed by name, by the schema and by the decoder alike.
func TestMissingFieldsAreNamed(t *testing.T) {
	// What the schema requires to be there and a record may nevertheless have empty; see the fields' comments.
	mayBeEmpty := map[string]bool{
		"slack.events.team_id": true, "context.messages.account_id": true, "context.messages.version": true,
		"context.messages.ts": true, // a window has none, and the sample is both: TestMessagesAndWindows
	}
	for _, s := range samples() {
		schema := publishedSchema(t, s.spec)
		if len(schema.Required) == 0 && s.spec.Name != NotificationHeld.Name {
			t.Errorf("%s requires nothing", s.spec.Name)
		}
		for _, field := range schema.Required {
			t.Run(s.spec.Name+"."+field, func(t *testing.T) {
				record := without(t, s, field)
				if err := schema.Validate(parsed(t, record)); err == nil || !strings.Contains(err.Error(), field) {
					t.Errorf("the schema says %v", err)
				}
				if mayBeEmpty[s.spec.Name+"."+field] {
					return
				}
				v, err := s.decode(record)
				if r, isRequest := v.(NotificationRequest); err == nil && isRequest {
					r.Recipients = nil // the sample has both, to have every field
					err = r.Check()
				}
				if err == nil || !strings.Contains(err.Error(), field) {
					t.Errorf("the decoder says %v", err)
				}
			})
		}
	}
}

// Schemas allow and decoders ignore what a newer writer adds.
func TestUnknownFieldsAreIgnored(t *testing.T) {
	for _, s := range samples() {
		encoded, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		more := bytes.Replace(encoded, []byte("{"), []byte(`{"x_new":{"deep":[1e400,"\u0000",null,{}]},`), 1)
		decoded, err := s.decode(more)
		if err != nil {
			t.Errorf("%s: %v", s.spec.Name, err)
			continue
		}
		if diff := cmp.Diff(s.value, decoded); diff != "" {
			t.Errorf("%s: value, decoded with a field more:\n%s", s.spec.Name, diff)
		}
		if err := publishedSchema(t, s.spec).Validate(parsed(t, more)); err != nil {
			t.Errorf("the published schema of %s refuses a field more: %v", s.spec.Name, err)
		}
	}
}

func without(t *testing.T, s sample, field string) []byte {
	t.Helper()
	encoded, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(encoded, &fields); err != nil {
		t.Fatal(err)
	}
	if _, there := fields[field]; !there {
		t.Fatalf("the sample has no %s", field)
	}
	delete(fields, field)
	record, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func publishedSchema(t *testing.T, spec Spec) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(filepath.Join("jsonschema", spec.Name+".json"))
	if err != nil {
		t.Fatalf("compile the schema of %s: %v", spec.Name, err)
	}
	return schema
}

func parsed(t *testing.T, record []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(record))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
