package slacksim

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
)

// richText is the block that Slack's own editor makes of what a person typed. Apps get it beside the text.
func richText(text string) json.RawMessage {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // never fails
	block := []any{map[string]any{
		"type": "rich_text", "block_id": fmt.Sprintf("%05x", h.Sum32()&0xfffff),
		"elements": []any{map[string]any{"type": "rich_text_section", "elements": richElements(text)}},
	}}
	raw, err := json.Marshal(block)
	if err != nil {
		panic(err) // strings and maps always encode
	}
	return raw
}

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// richElements cuts text at Slack's <…> marks: people, channels, broadcasts and links.
func richElements(text string) []any {
	elements := []any{}
	for _, part := range cutMarks(text) {
		if part.mark {
			elements = append(elements, richMark(part.text))
		} else {
			elements = append(elements, map[string]any{"type": "text", "text": unescape.Replace(part.text)})
		}
	}
	return elements
}

func richMark(mark string) map[string]any {
	target, label, _ := strings.Cut(mark, "|")
	switch {
	case strings.HasPrefix(target, "@"):
		return map[string]any{"type": "user", "user_id": target[1:]}
	case strings.HasPrefix(target, "#"):
		return map[string]any{"type": "channel", "channel_id": target[1:]}
	case strings.HasPrefix(target, "!"):
		return map[string]any{"type": "broadcast", "range": target[1:]}
	case label != "":
		return map[string]any{"type": "link", "url": unescape.Replace(target), "text": unescape.Replace(label)}
	}
	return map[string]any{"type": "link", "url": unescape.Replace(target)}
}

// textPart is literal text, or the inside of a <…> mark.
type textPart struct {
	text string
	mark bool
}

// cutMarks splits mrkdwn at its marks. In Slack's escaping a bare < or > appears only around one; an unclosed < is text.
func cutMarks(text string) []textPart {
	var parts []textPart
	for text != "" {
		open := strings.IndexByte(text, '<')
		if open < 0 {
			break
		}
		length := strings.IndexAny(text[open+1:], "<>\n")
		if length <= 0 || text[open+1+length] != '>' {
			parts = append(parts, textPart{text: text[:open+1]})
			text = text[open+1:]
			continue
		}
		if open > 0 {
			parts = append(parts, textPart{text: text[:open]})
		}
		parts = append(parts, textPart{text: text[open+1 : open+1+length], mark: true})
		text = text[open+length+2:]
	}
	if text != "" {
		parts = append(parts, textPart{text: text})
	}
	return parts
}
