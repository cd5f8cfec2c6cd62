package slacksim

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// payload is one collected file: {"_src": where from, "payload": what Slack sent or showed}.
type payload struct {
	file    string
	Src     string          `json:"_src"`
	Payload json.RawMessage `json:"payload"`
}

// corpus reads the payloads of a folder under BACKCHANNEL_SLACK_PAYLOADS whose names begin with a prefix.
func corpus(tb testing.TB, folder, prefix string) []payload {
	tb.Helper()
	root := os.Getenv("BACKCHANNEL_SLACK_PAYLOADS")
	if root == "" {
		tb.Skip("BACKCHANNEL_SLACK_PAYLOADS is not set: name the folder of collected Slack payloads to compare with them")
	}
	files, err := filepath.Glob(filepath.Join(root, folder, prefix+"*.json"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no %s/%s*.json under BACKCHANNEL_SLACK_PAYLOADS: %v", folder, prefix, err)
	}
	var out []payload
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		p := payload{file: folder + "/" + filepath.Base(file)}
		if err := json.Unmarshal(raw, &p); err != nil {
			tb.Fatalf("%s: %v", p.file, err)
		}
		out = append(out, p)
	}
	return out
}

// refusedSamples are blocks that the Python SDK keeps to test its own refusals and leniency, or that a message cannot have.
var refusedSamples = map[string]string{
	"python-sdk/section-001.json":   "has fields made up to test the SDK's warnings",
	"python-sdk/rich_text-002.json": "has a list without a style, which Slack's reference requires",
	"python-sdk/video-003.json":     "has no title, to test the SDK's refusal",
}

// TestSDKBlocksAreAccepted guards against a validator that is stricter than Slack.
func TestSDKBlocksAreAccepted(t *testing.T) {
	for _, folder := range []string{"python-sdk", "morphism"} {
		for _, p := range corpus(t, folder, "") {
			var head struct{ Type string }
			if json.Unmarshal(p.Payload, &head) != nil || messageBlocks[head.Type] == nil {
				continue
			}
			_, messages, err := readBlocks([]byte("[" + string(p.Payload) + "]"))
			_, refused := refusedSamples[p.file]
			if err != nil || (len(messages) > 0) != refused {
				t.Errorf("%s (%s): refused %v, want %v:\n%s", p.file, p.Src, len(messages) > 0, refused, strings.Join(messages, "\n"))
			}
		}
	}
}
