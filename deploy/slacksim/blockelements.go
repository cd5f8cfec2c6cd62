package slacksim

import "maps"

// Composition objects and elements, with the limits of docs.slack.dev/reference/block-kit (composition-objects,
// block-elements).

// plain is a plain_text object of so many characters.
func plain(most int) rule {
	return object(fields{"type!": kind("plain_text"), "text!": str(1, most), "emoji": boolean})
}

// text is a text object of either kind.
func text(most int) rule {
	return typed(map[string]rule{
		"plain_text": plain(most),
		"mrkdwn":     object(fields{"type!": kind("mrkdwn"), "text!": str(1, most), "verbatim": boolean}),
	})
}

const (
	maxID     = 255
	maxURL    = 3000
	anyLength = 1 << 20
)

var (
	actionID = str(1, maxID)

	confirm = object(fields{
		"title!": plain(100), "text!": text(300), "confirm!": plain(30), "deny!": plain(30), "style": word("primary", "danger"),
	})
	option = object(fields{"text!": text(75), "value!": str(1, 150), "description": text(75), "url": link})
	group  = object(fields{"label!": plain(75), "options!": list(1, 100, option)})
	filter = object(fields{
		"include": list(1, 4, word("im", "mpim", "private", "public")), "exclude_external_shared_channels": boolean,
		"exclude_bot_users": boolean,
	})
	trigger = object(fields{
		"url!":                          link,
		"customizable_input_parameters": list(0, 100, object(fields{"name!": str(1, anyLength), "value!": str(0, anyLength)})),
	})
	slackFile = all(object(fields{"id": str(1, maxID), "url": link}), oneOf("id", "url"))

	button = object(fields{
		"type!": kind("button"), "text!": plain(75), "action_id": actionID, "url": link, "value": str(1, 2000),
		"style": word("primary", "danger"), "confirm": confirm, "accessibility_label": str(1, 75),
	})
	imageElement = all(object(fields{
		"type!": kind("image"), "alt_text!": str(1, 2000), "image_url": link, "slack_file": slackFile,
	}), oneOf("image_url", "slack_file"))
)

// with adds fields to those that all menus have.
func with(name string, more fields) rule {
	f := fields{
		"type!": kind(name), "action_id": actionID, "confirm": confirm, "placeholder": plain(150), "focus_on_load": boolean,
	}
	maps.Copy(f, more)
	return object(f)
}

// several adds max_selected_items to a menu of many choices.
func several(name string, more fields) rule {
	f := fields{"max_selected_items": integer(1, 1000)}
	maps.Copy(f, more)
	return with(name, f)
}

// interactive are the elements that stand in a section's accessory or among actions.
var interactive = map[string]rule{
	"button": button,
	"workflow_button": object(fields{
		"type!": kind("workflow_button"), "text!": plain(75), "workflow!": object(fields{"trigger!": trigger}), "action_id": actionID,
		"style": word("primary", "danger"), "accessibility_label": str(1, 75),
	}),
	"checkboxes": with("checkboxes", fields{"options!": list(1, 10, option), "initial_options": list(1, 10, option)}),
	"radio_buttons": with("radio_buttons", fields{
		"options!": list(1, 10, option), "initial_option": option,
	}),
	"overflow":       with("overflow", fields{"options!": list(1, 5, option)}),
	"datepicker":     with("datepicker", fields{"initial_date": str(10, 10)}),
	"timepicker":     with("timepicker", fields{"initial_time": str(5, 5), "timezone": str(1, 64)}),
	"datetimepicker": with("datetimepicker", fields{"initial_date_time": integer(1_000_000_000, 9_999_999_999)}),
	"static_select": all(with("static_select", fields{
		"options": list(1, 100, option), "option_groups": list(1, 100, group), "initial_option": option,
	}), oneOf("options", "option_groups")),
	"external_select": with("external_select", fields{"initial_option": option, "min_query_length": integer(0, 1000)}),
	"users_select":    with("users_select", fields{"initial_user": str(1, maxID)}),
	"channels_select": with("channels_select", fields{"initial_channel": str(1, maxID), "response_url_enabled": boolean}),
	"conversations_select": with("conversations_select", fields{
		"initial_conversation": str(1, maxID), "default_to_current_conversation": boolean, "response_url_enabled": boolean, "filter": filter,
	}),
	"multi_static_select": all(several("multi_static_select", fields{
		"options": list(1, 100, option), "option_groups": list(1, 100, group), "initial_options": list(1, 100, option),
	}), oneOf("options", "option_groups")),
	"multi_external_select": several("multi_external_select", fields{
		"initial_options": list(1, 100, option), "min_query_length": integer(0, 1000),
	}),
	"multi_users_select":    several("multi_users_select", fields{"initial_users": list(1, 100, str(1, maxID))}),
	"multi_channels_select": several("multi_channels_select", fields{"initial_channels": list(1, 100, str(1, maxID))}),
	"multi_conversations_select": several("multi_conversations_select", fields{
		"initial_conversations": list(1, 100, str(1, maxID)), "default_to_current_conversation": boolean, "filter": filter,
	}),
}

// accessory is what stands beside a section's text.
var accessory = typed(joined(interactive, map[string]rule{"image": imageElement}))

var dispatch = object(fields{"trigger_actions_on": list(1, 2, word("on_enter_pressed", "on_character_entered"))})

// inputs are the elements of an input block.
var inputs = joined(interactive, map[string]rule{
	"plain_text_input": with("plain_text_input", fields{
		"initial_value": str(0, 3000), "multiline": boolean, "min_length": integer(0, 3000), "max_length": integer(1, 3000),
		"dispatch_action_config": dispatch,
	}),
	"email_text_input": with("email_text_input", fields{"initial_value": str(0, 3000), "dispatch_action_config": dispatch}),
	"url_text_input":   with("url_text_input", fields{"initial_value": str(0, 3000), "dispatch_action_config": dispatch}),
	"number_input": with("number_input", fields{
		"is_decimal_allowed!": boolean, "initial_value": str(0, 100), "min_value": str(0, 100), "max_value": str(0, 100),
		"dispatch_action_config": dispatch,
	}),
	"rich_text_input": with("rich_text_input", fields{
		"initial_value": richTextBlock, "dispatch_action_config": dispatch, "min_lines": integer(1, 100), "max_lines": integer(1, 100),
	}),
})

func joined(a, b map[string]rule) map[string]rule {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

var contextActions = typed(map[string]rule{
	"feedback_buttons": object(fields{
		"type!": kind("feedback_buttons"), "action_id": actionID, "positive_button!": feedback, "negative_button!": feedback,
	}),
	"icon_button": object(fields{
		"type!": kind("icon_button"), "icon!": word("trash"), "text!": plain(75), "action_id": actionID, "value": str(1, 2000),
		"confirm": confirm, "accessibility_label": str(1, 75), "visible_to_user_ids": list(0, 100, str(1, maxID)),
	}),
})

var feedback = object(fields{"text!": plain(75), "value!": str(1, 2000), "accessibility_label": str(1, 75)})
