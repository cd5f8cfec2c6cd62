package slacksim

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestBlocksAreRefusedInSlacksWords(t *testing.T) {
	long := strings.Repeat("x", 3001)
	button := `{"type":"button","text":{"type":"plain_text","text":"Go"},"action_id":"go"}`
	tests := []struct{ name, blocks, want string }{
		{"section", `[{"type":"section","text":{"type":"mrkdwn","text":"hi"},"accessory":` + button + `}]`, ""},
		{"null field", `[{"type":"section","text":{"type":"mrkdwn","text":"hi"},"accessory":null}]`, ""},
		{"no text", `[{"type":"section"}]`, "missing required field: text or fields [json-pointer:/blocks/0]"},
		{"long text", `[{"type":"section","text":{"type":"mrkdwn","text":"` + long + `"}}]`, "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"},
		{"empty text", `[{"type":"section","text":{"type":"mrkdwn","text":""}}]`, "must be more than 0 characters [json-pointer:/blocks/0/text/text]"},
		{"header in mrkdwn", `[{"type":"header","text":{"type":"mrkdwn","text":"hi"}}]`, "must be one of: plain_text [json-pointer:/blocks/0/text/type]"},
		{"long header", `[{"type":"header","text":{"type":"plain_text","text":"` + long[:151] + `"}}]`, "must be less than 151 characters"},
		{"unknown field", `[{"type":"divider","colour":"red"}]`, "invalid additional property: colour [json-pointer:/blocks/0]"},
		{"unknown type", `[{"type":"sektion"}]`, "unsupported type: sektion [json-pointer:/blocks/0/type]"},
		{"button text", `[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"` + long[:76] + `"}}]}]`, "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]"},
		{"same action", `[{"type":"actions","elements":[` + button + `,` + button + `]}]`, "action_id already exists [json-pointer:/blocks/0/elements/1/action_id]"},
		{"same block", `[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}]`, "block_id already exists [json-pointer:/blocks/1/block_id]"},
		{"51 blocks", `[` + strings.Repeat(`{"type":"divider"},`, 50) + `{"type":"divider"}]`, "no more than 50 items allowed [json-pointer:/blocks]"},
		{"11 fields", `[{"type":"section","fields":[` + strings.Repeat(`{"type":"mrkdwn","text":"a"},`, 10) + `{"type":"mrkdwn","text":"a"}]}]`, "no more than 10 items allowed [json-pointer:/blocks/0/fields]"},
		{"script link", `[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"},"url":"javascript:alert(1)"}]}]`, "must be a valid URL"},
		{"not objects", `[1,"a",null]`, "must provide an object [json-pointer:/blocks/0]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, messages, err := readBlocks([]byte(tt.blocks))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(messages, "\n")
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add([]byte(`[{"type":"section","text":{"type":"mrkdwn","text":"hi"}}]`))
	f.Add([]byte(`[{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[]}]}]}]`))
	f.Add([]byte(`[{"type":"table","rows":[[{"type":"raw_text","text":""}]]}]`))
	f.Add([]byte(`[[],{},null]`))
	if os.Getenv("BACKCHANNEL_SLACK_PAYLOADS") != "" {
		for _, p := range corpus(f, "python-sdk", "") {
			f.Add([]byte("[" + string(p.Payload) + "]"))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		blocks, messages, err := readBlocks(raw)
		if err != nil {
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("took %q, which is no JSON", raw)
		}
		if len(messages) > maxProblems {
			t.Fatalf("%d messages", len(messages))
		}
		if len(messages) > 0 {
			return
		}
		// What is accepted can be rendered and sent in events.
		again, messages, err := readBlocks(mustJSON(blocks))
		if err != nil || len(messages) > 0 || len(again) != len(blocks) {
			t.Fatalf("accepted %q, but not its own encoding: %v %v", raw, messages, err)
		}
	})
}
