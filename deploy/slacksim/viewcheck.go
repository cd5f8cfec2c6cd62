package slacksim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
)

// maxViewBlocks is how many blocks a modal holds, twice a message's (docs.slack.dev/reference/views/modal-views).
const maxViewBlocks = 100

var viewRule = object(fields{
	"type!": word("modal"), "title!": plain(24), "submit": plain(24), "close": plain(24), "blocks!": list(0, maxViewBlocks, typed(viewBlocks)),
	"private_metadata": str(0, 3000), "callback_id": str(0, maxID), "external_id": str(0, maxID),
	"clear_on_close": boolean, "notify_on_close": boolean, "submit_disabled": boolean,
})

// viewBlocks are a message's, without those that Slack shows in messages only.
var viewBlocks = func() map[string]rule {
	allowed := maps.Clone(messageBlocks)
	for _, name := range []string{"markdown", "context_actions", "table", "task_card", "plan", "card", "carousel"} {
		delete(allowed, name)
	}
	return allowed
}()

// readView parses a view, fills in the ids that it leaves out, and says in Slack's words what is wrong with it.
func readView(raw []byte) (map[string]any, []string) {
	var body map[string]any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&body); err != nil || body == nil {
		return nil, []string{"[ERROR] missing required field or invalid JSON [json-pointer:/view]"}
	}
	p := &problems{}
	viewRule(p, "/view", body)
	blocks, _ := body["blocks"].([]any)
	if len(p.messages) == 0 {
		uniqueIDs(p, blocks)
	}
	hasInput := false
	for i, v := range blocks {
		if o, ok := v.(map[string]any); ok {
			hasInput = hasInput || o["type"] == "input"
			if o["block_id"] == nil {
				o["block_id"] = randomFrom(idAlphabet, 5)
			}
			nameActions(o, i)
		}
	}
	if hasInput && body["submit"] == nil {
		p.add("/view/submit", "must be provided when an input block is used")
	}
	withEmoji(body)
	return body, p.messages
}

// withEmoji says of each plain text that it may have emoji, which Slack adds where it is left out.
func withEmoji(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			withEmoji(item)
		}
	case map[string]any:
		if _, said := v["emoji"]; v["type"] == "plain_text" && !said {
			v["emoji"] = true
		}
		for _, field := range v {
			withEmoji(field)
		}
	}
}

// nameActions fills in the action ids that a block leaves out.
func nameActions(block map[string]any, i int) {
	for j, e := range blockElements(block) {
		if e["action_id"] == nil && e["type"] != "image" && isInteractive(e) {
			e["action_id"] = fmt.Sprintf("%s%d%d", randomFrom(idAlphabet, 3), i, j)
		}
	}
}
