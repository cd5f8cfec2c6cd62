package slacksim

import (
	"encoding/json"
)

// maxBlocks is how many a message holds (docs.slack.dev/reference/block-kit/blocks).
const maxBlocks = 50

// checkBlocks refuses what Slack's own validation refuses.
func (c *call) checkBlocks(body *content) error {
	if body.blocks == nil {
		return nil
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(body.blocks, &list); err != nil {
		return fail("invalid_blocks_format")
	}
	if len(list) == 0 {
		body.blocks = nil
		return nil
	}
	if len(list) > maxBlocks {
		return c.refuseContent("invalid_blocks", "invalid_blocks", []string{"[ERROR] no more than 50 items allowed [json-pointer:/blocks]"})
	}
	return nil
}
