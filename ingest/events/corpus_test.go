package events_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// What Slack really sent, as others have recorded it: files of {"payload": …} below the folder that the variable names.
// Events are taken as they are, from Socket Mode's frames too; other payloads are the inner event of an envelope of ours.
// Each is accepted, and its bytes are kept.
func TestRecordedPayloads(t *testing.T) {
	files := recordedFiles(t)
	if len(files) == 0 {
		t.Skip("BACKCHANNEL_SLACK_PAYLOADS names no folder with recorded payloads")
	}
	r := receive(t)
	asTheyAre := 0
	for _, file := range files {
		payload, asItIs := recorded(t, file)
		if asItIs {
			asTheyAre++
		}
		if w := r.post(request(string(payload))); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", file, w.Code, w.Body)
			continue
		}
		if _, event := r.only(t); string(event.Envelope) != string(payload) || event.EventType == "" {
			t.Errorf("%s: type %q, envelope %.200s", file, event.EventType, event.Envelope)
		}
	}
	if asTheyAre == 0 {
		t.Errorf("none of %d payloads is an event", len(files))
	}
	t.Logf("%d payloads, %d of them whole events", len(files), asTheyAre)
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

// recorded reads a payload, and says whether it is a whole event.
func recorded(tb testing.TB, file string) (payload json.RawMessage, asItIs bool) {
	tb.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	var outer, frame struct {
		Payload json.RawMessage `json:"payload"`
		Type    any             `json:"type"`
		Event   json.RawMessage `json:"event"`
	}
	if err := json.Unmarshal(content, &outer); err != nil || outer.Payload == nil {
		tb.Fatalf("%s holds no payload: %v", file, err)
	}
	if json.Unmarshal(outer.Payload, &frame) != nil { // no object
		return envelope(outer.Payload), false
	}
	if frame.Type == "events_api" {
		return frame.Payload, true
	}
	if frame.Type == "event_callback" && frame.Event != nil {
		return outer.Payload, true
	}
	return envelope(outer.Payload), false
}

func envelope(event []byte) json.RawMessage {
	return append(append([]byte(`{"type":"event_callback","team_id":"T1","event":`), event...), '}')
}
