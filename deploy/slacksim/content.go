package slacksim

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// content is what a post or update shows.
type content struct {
	text        string
	blocks      json.RawMessage
	attachments json.RawMessage
	metadata    json.RawMessage
}

// pieces are the messages as which a text arrives: one, unless it is too long and has no blocks.
func pieces(body content) []string {
	text := []rune(body.text)
	if body.blocks != nil || len(text) <= wiseText {
		return []string{string(text)}
	}
	var out []string
	for part := range slices.Chunk(text, splitText) {
		out = append(out, string(part))
	}
	return out
}

// cut is what Slack keeps of a text.
func cut(text string) string {
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText])
	}
	return text
}

// content reads and checks text, blocks, attachments and metadata.
func (c *call) content() (content, error) {
	body := content{text: c.args.str("text")}
	if c.args.has("username") || c.args.has("icon_emoji") || c.args.has("icon_url") {
		if err := c.need("chat:write.customize"); err != nil {
			return body, err
		}
	}
	var ok bool
	if body.blocks, ok = c.args.raw("blocks"); !ok {
		return body, c.refuseContent("invalid_blocks_format", "invalid_blocks_format", nil)
	}
	if body.attachments, ok = c.args.raw("attachments"); !ok {
		return body, c.refuseContent("invalid_attachments", "invalid_attachments", nil)
	}
	if err := c.checkMarkdown(&body); err != nil {
		return body, err
	}
	if err := c.checkBlocks(&body); err != nil {
		return body, err
	}
	if err := c.checkAttachments(&body); err != nil {
		return body, err
	}
	if body.text == "" && body.blocks == nil && body.attachments == nil {
		return body, fail("no_text")
	}
	if err := c.checkText(&body); err != nil {
		return body, err
	}
	var err error
	body.metadata, err = c.checkMetadata()
	return body, err
}

func (c *call) checkText(body *content) error {
	switch n := utf8.RuneCountInString(body.text); {
	case n > maxText && !c.settings.Lenient:
		return c.refuseContent("msg_too_long", "text_over_40000", nil)
	case n > maxText:
		body.text = cut(body.text)
		c.warnings = append(c.warnings, "message_truncated")
		return c.violate("text_over_40000", "text")
	case n <= wiseText || body.blocks != nil:
		return nil
	case !c.settings.Lenient:
		return c.refuseContent("msg_too_long", "text_over_4000", []string{"[ERROR] text over 4,000 characters is split into several messages"})
	}
	c.warnings = append(c.warnings, "message_split")
	return c.violate("text_over_4000", "text")
}

// refuseContent records what was wrong and fails with Slack's code.
func (c *call) refuseContent(code, rule string, messages []string) error {
	if err := c.violate(rule, strings.Join(messages, "; ")); err != nil {
		return err
	}
	return &apiError{code: code, messages: messages}
}

// checkMarkdown takes markdown_text, which excludes text and blocks.
func (c *call) checkMarkdown(body *content) error {
	text := c.args.str("markdown_text")
	switch {
	case text == "":
		return nil
	case body.text != "" || body.blocks != nil:
		return fail("markdown_text_conflict")
	case utf8.RuneCountInString(text) > maxMarkdownText:
		return c.refuseContent("msg_too_long", "markdown_text_over_12000", nil)
	}
	body.text = text
	body.blocks = mustJSON([]any{map[string]any{"type": "markdown", "text": text}})
	return nil
}

func (c *call) checkAttachments(body *content) error {
	if body.attachments == nil {
		return nil
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(body.attachments, &list); err != nil {
		return fail("invalid_attachments")
	}
	if len(list) > maxAttachments {
		return c.refuseContent("too_many_attachments", "too_many_attachments", nil)
	}
	if len(list) == 0 {
		body.attachments = nil
		return nil
	}
	for i := range list {
		list[i]["id"] = mustJSON(i + 1)
		if _, given := list[i]["fallback"]; !given {
			list[i]["fallback"] = mustJSON("[no preview available]")
		}
	}
	body.attachments = mustJSON(list)
	return nil
}

// checkMetadata wants {"event_type": "…", "event_payload": {…}} and nothing else.
func (c *call) checkMetadata() (json.RawMessage, error) {
	raw, ok := c.args.raw("metadata")
	if !ok {
		return nil, fail("invalid_metadata_format")
	}
	if raw == nil {
		return nil, nil
	}
	if len(raw) > maxMetadata {
		return nil, c.refuseContent("metadata_too_large", "metadata_too_large", nil)
	}
	var m struct {
		EventType    *string                    `json:"event_type"`
		EventPayload map[string]json.RawMessage `json:"event_payload"`
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return nil, c.refuseContent("invalid_metadata_format", "invalid_metadata", nil)
	}
	if m.EventType == nil || *m.EventType == "" || m.EventPayload == nil {
		return nil, c.refuseContent("invalid_metadata_schema", "invalid_metadata", []string{"[ERROR] event_type and event_payload are required"})
	}
	return raw, nil
}
