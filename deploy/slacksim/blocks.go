package slacksim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const (
	// maxBlocks is how many a message holds (docs.slack.dev/reference/block-kit/blocks).
	maxBlocks = 50
	// maxBlockText is about where chat.postMessage answers msg_blocks_too_long, whatever the single blocks hold.
	maxBlockText = 13_000
)

// checkBlocks refuses what Slack's own validation refuses, and fills in block ids as Slack does.
func (c *call) checkBlocks(body *content) error {
	if body.blocks == nil {
		return nil
	}
	blocks, messages, err := readBlocks(body.blocks)
	switch {
	case err != nil:
		return c.refuseContent("invalid_blocks_format", "invalid_blocks_format", nil)
	case len(messages) > 0:
		return c.refuseContent("invalid_blocks", "invalid_blocks", messages)
	case len(blocks) == 0:
		body.blocks = nil
		return nil
	case textLength(blocks) > maxBlockText:
		return c.refuseContent("msg_blocks_too_long", "msg_blocks_too_long", nil)
	}
	for _, v := range blocks {
		if o, ok := v.(map[string]any); ok && o["block_id"] == nil {
			o["block_id"] = randomFrom(idAlphabet, 5)
		}
	}
	body.blocks = mustJSON(blocks)
	return nil
}

// readBlocks parses an array of blocks, and says in Slack's words what is wrong with it. An error means that it is no
// array of JSON at all.
func readBlocks(raw []byte) (blocks []any, messages []string, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&blocks); err != nil {
		return nil, nil, fmt.Errorf("read blocks: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("read blocks: more than one JSON value")
	}
	p := &problems{}
	list(0, maxBlocks, typed(messageBlocks))(p, "/blocks", blocks)
	if len(p.messages) == 0 {
		uniqueIDs(p, blocks)
		markdownLength(p, blocks)
	}
	return blocks, p.messages, nil
}

// uniqueIDs: a block_id once in a message, an action_id once in a block.
func uniqueIDs(p *problems, blocks []any) {
	seen := map[string]bool{}
	for i, v := range blocks {
		o, _ := v.(map[string]any)
		if id, ok := o["block_id"].(string); ok {
			if seen[id] {
				p.add(fmt.Sprintf("/blocks/%d/block_id", i), "block_id already exists")
			}
			seen[id] = true
		}
		elements, _ := o["elements"].([]any)
		actions := map[string]bool{}
		for j, e := range elements {
			element, _ := e.(map[string]any)
			if id, ok := element["action_id"].(string); ok {
				if actions[id] {
					p.add(fmt.Sprintf("/blocks/%d/elements/%d/action_id", i, j), "action_id already exists")
				}
				actions[id] = true
			}
		}
	}
}

// markdownLength: all markdown blocks of a message together hold 12,000 characters.
func markdownLength(p *problems, blocks []any) {
	total := 0
	for _, v := range blocks {
		if o, _ := v.(map[string]any); o["type"] == "markdown" {
			text, _ := o["text"].(string)
			total += utf8.RuneCountInString(text)
		}
	}
	if total > maxMarkdownText {
		p.add("/blocks", "markdown blocks must be less than %d characters in total", maxMarkdownText+1)
	}
}

// textLength adds up everything under a key text.
func textLength(v any) int {
	total := 0
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			total += textLength(item)
		}
	case map[string]any:
		for name, item := range v {
			if s, ok := item.(string); ok && name == "text" {
				total += utf8.RuneCountInString(s)
				continue
			}
			total += textLength(item)
		}
	}
	return total
}
