package slacksim

import "encoding/json"

// Rich text, as docs.slack.dev/reference/block-kit/blocks/rich-text-block has it.

var style = object(fields{
	"bold": boolean, "italic": boolean, "strike": boolean, "code": boolean, "underline": boolean, "highlight": boolean,
	"client_highlight": boolean, "unlink": boolean,
})

// richInline are the pieces of a line.
var richInline = typed(map[string]rule{
	"text": object(fields{"type!": kind("text"), "text!": str(1, anyLength), "style": style}),
	"link": object(fields{
		"type!": kind("link"), "url!": link, "text": str(0, anyLength), "unsafe": boolean, "style": style,
	}),
	"emoji": object(fields{
		"type!": kind("emoji"), "name!": str(1, maxID), "unicode": str(1, maxID), "skin_tone": integer(1, 6), "style": style,
	}),
	"user":      object(fields{"type!": kind("user"), "user_id!": str(1, maxID), "style": style}),
	"usergroup": object(fields{"type!": kind("usergroup"), "usergroup_id!": str(1, maxID), "style": style}),
	"team":      object(fields{"type!": kind("team"), "team_id!": str(1, maxID), "style": style}),
	"channel":   object(fields{"type!": kind("channel"), "channel_id!": str(1, maxID), "style": style}),
	"broadcast": object(fields{"type!": kind("broadcast"), "range!": word("here", "channel", "everyone"), "style": style}),
	"color":     object(fields{"type!": kind("color"), "value!": str(1, 16), "style": style}),
	"date": object(fields{
		"type!": kind("date"), "timestamp!": timestamp, "format!": str(1, maxID), "url": link, "fallback": str(1, anyLength),
		"style": style,
	}),
})

var richSection = object(fields{"type!": kind("rich_text_section"), "elements!": list(0, anyLength, richInline)})

var richTextBlock = block("rich_text", fields{"elements!": list(1, anyLength, typed(map[string]rule{
	"rich_text_section": richSection,
	"rich_text_list": object(fields{
		"type!": kind("rich_text_list"), "style!": word("bullet", "ordered"), "indent": integer(0, 8), "offset": integer(0, 1<<31),
		"border": integer(0, 1), "elements!": list(0, anyLength, typed(map[string]rule{"rich_text_section": richSection})),
	}),
	"rich_text_preformatted": object(fields{
		"type!": kind("rich_text_preformatted"), "border": integer(0, 1), "language": str(1, 64), "elements!": list(0, anyLength, richInline),
	}),
	"rich_text_quote": object(fields{
		"type!": kind("rich_text_quote"), "border": integer(0, 1), "elements!": list(0, anyLength, richInline),
	}),
}))})

// timestamp wants seconds since the epoch, as a number or, as Slack's own SDK sends it, as digits in a string.
func timestamp(p *problems, at string, value any) {
	if digits, ok := value.(string); ok {
		value = json.Number(digits)
	}
	integer(0, 1<<40)(p, at, value)
}
