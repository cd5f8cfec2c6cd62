package slacksim

import "maps"

// Blocks that a message can have, with the limits of docs.slack.dev/reference/block-kit/blocks.

// block is a kind of block: the given fields, its type, and block_id.
func block(name string, more fields) rule {
	f := fields{"type!": kind(name), "block_id": str(1, maxID)}
	maps.Copy(f, more)
	return object(f)
}

// messageBlocks are checked by their type; any other type is refused.
var messageBlocks = map[string]rule{
	"section": all(block("section", fields{
		"text": text(3000), "fields": list(1, 10, text(2000)), "accessory": accessory, "expand": boolean,
	}), oneOf("text", "fields")),
	"header":  block("header", fields{"text!": plain(150)}),
	"divider": block("divider", nil),
	"context": block("context", fields{"elements!": list(1, 10, typed(map[string]rule{
		"image": imageElement, "plain_text": text(anyLength), "mrkdwn": text(anyLength),
	}))}),
	"actions": block("actions", fields{"elements!": list(1, 25, typed(interactive))}),
	"image": all(block("image", fields{
		"alt_text!": str(1, 2000), "image_url": link, "slack_file": slackFile, "title": plain(2000),
	}), oneOf("image_url", "slack_file")),
	"markdown": block("markdown", fields{"text!": str(1, maxMarkdownText)}),
	"input": block("input", fields{
		"label!": plain(2000), "element!": typed(inputs), "dispatch_action": boolean, "hint": plain(2000), "optional": boolean,
	}),
	"video": block("video", fields{
		"alt_text!": str(1, 2000), "title!": plain(199), "video_url!": link, "thumbnail_url!": link, "title_url": link,
		"description": plain(199), "author_name": str(1, 49), "provider_name": str(1, 255), "provider_icon_url": link,
	}),
	"rich_text": richTextBlock,
	"table": block("table", fields{
		"rows!":           list(1, 100, list(1, 20, cell)),
		"column_settings": list(0, 20, orNull(object(fields{"align": word("left", "center", "right"), "is_wrapped": boolean}))),
	}),
	"context_actions": block("context_actions", fields{"elements!": list(1, 5, contextActions)}),
	"alert": block("alert", fields{
		"text!": text(200), "level": word("default", "info", "warning", "error", "success"),
	}),
	"card":     card,
	"carousel": block("carousel", fields{"elements!": list(1, 10, typed(map[string]rule{"card": card}))}),
	"task_card": block("task_card", taskFields(fields{
		"sources": list(0, 100, object(fields{"type!": kind("url"), "url!": link, "text!": str(1, anyLength)})),
	})),
	"plan": block("plan", fields{"title!": str(1, 256), "plan_id": str(1, maxID), "tasks": list(0, 50, object(taskFields(fields{
		"type": kind("task_card"), "block_id": str(1, maxID), "sources": list(0, 100, object(fields{"type!": kind("url"), "url!": link, "text!": str(1, anyLength)})),
	})))}),
}

var card = all(block("card", fields{
	"title": text(150), "subtitle": text(150), "body": text(200), "subtext": text(200), "icon": imageElement,
	"hero_image": imageElement, "actions": list(1, 3, button),
}), oneOf("title", "body", "hero_image", "actions"))

func taskFields(more fields) fields {
	f := fields{
		"task_id!": str(1, maxID), "title!": str(1, 256), "status": word("pending", "in_progress", "complete", "error"),
		"details": richTextBlock, "output": richTextBlock,
	}
	maps.Copy(f, more)
	return f
}

var cell = typed(map[string]rule{
	"raw_text":  object(fields{"type!": kind("raw_text"), "text!": str(0, anyLength)}),
	"rich_text": richTextBlock,
})
