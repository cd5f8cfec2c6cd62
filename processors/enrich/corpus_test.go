package enrich

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// What Slack really sent, as others have recorded it: files of {"payload": …} below the folder that the variable names.
// Every message in them, wherever it stands, is taken as an event and as one that polling found: none is malformed, and what
// is kept says what was said.
func TestRecordedMessages(t *testing.T) {
	files := recordedFiles(t)
	if len(files) == 0 {
		t.Skip("BACKCHANNEL_SLACK_PAYLOADS names no folder with recorded payloads")
	}
	def := Definition(newWorld(t).Client)
	fates := map[string]int{}
	for _, file := range files {
		each(recorded(t, file), func(said map[string]any) {
			for _, rec := range records(t, said) {
				m, fate := one(t, def, rec)
				switch {
				case fate.Rejected != "":
					t.Errorf("%s: %s: %s: %s", file, rec.Topic, fate.Rejected, fate.Detail)
				case fate.Dropped != "":
					fates[string(fate.Dropped)]++
				default:
					fates["kept from "+rec.Topic]++
					wasSaid(t, file, said, m)
				}
			}
		})
	}
	if fates["kept from slack.events"] == 0 || fates["kept from slack.history"] == 0 {
		t.Error("no message was kept")
	}
	t.Logf("%v", fates)
}

// recordedFiles are those of the folder that the variable names, none without it.
func recordedFiles(tb testing.TB) []string {
	tb.Helper()
	folder := os.Getenv("BACKCHANNEL_SLACK_PAYLOADS")
	if folder == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no payloads below %s: %v", folder, err)
	}
	return files
}

func recorded(tb testing.TB, file string) (v any) {
	tb.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(content, &v); err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	return v
}

// each calls f with every message in a JSON value: an object of type message with a ts.
func each(v any, f func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			each(e, f)
		}
	case map[string]any:
		if _, hasTS := v["ts"].(string); hasTS && v["type"] == "message" {
			f(v)
			return
		}
		for _, e := range v {
			each(e, f)
		}
	}
}

// records makes an event of a recorded message and, unless it is a change of another, a polled one.
func records(tb testing.TB, said map[string]any) []*kgo.Record {
	tb.Helper()
	inC1 := map[string]any{}
	for k, v := range said {
		inC1[k] = v
	}
	inC1["channel"], inC1["channel_type"] = "C1", "channel"
	raw, err := json.Marshal(inC1)
	if err != nil {
		tb.Fatal(err)
	}
	live := event("T1", string(raw[1:len(raw)-1]))
	if said["subtype"] == "message_changed" || said["subtype"] == "message_deleted" {
		return []*kgo.Record{live}
	}
	return []*kgo.Record{live, polled(string(raw[1 : len(raw)-1]))}
}

func wasSaid(t *testing.T, file string, said map[string]any, m *schemas.ContextMessage) {
	t.Helper()
	if changed, ok := said["message"].(map[string]any); ok && said["subtype"] == "message_changed" {
		said = changed
	}
	text, _ := said["text"].(string)
	if m.Text != text || string(m.TS) != said["ts"] {
		t.Errorf("%s: kept as %s %q, said as %v %q", file, m.TS, m.Text, said["ts"], text)
	}
	if at, err := m.TS.Micros(); err != nil || m.Version < at {
		t.Errorf("%s: version %d of ts %s, %v", file, m.Version, m.TS, err)
	}
}
