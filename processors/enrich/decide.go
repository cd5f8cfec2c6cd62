package enrich

import (
	"errors"
	"fmt"

	"github.com/bigmind/backchannel/schemas"
)

// change is what an input does to the conversation: message now says something else, or is gone.
type change struct {
	message *message
	ts      schemas.TS
	version uint64
	deleted bool
}

// classify reads what the input does, or why it is no conversation. The rules follow Slack's 'message' event reference
// and what users of its SDKs have seen; each has a test that names it.
func classify(in *input) (c change, drop schemas.Reason, err error) {
	if in.eventType != "message" {
		return c, schemas.NotAMessage, nil
	}
	if in.window != nil {
		return change{message: &message{}, version: asOf(in)}, "", nil
	}
	versionTS := in.eventTS
	switch in.subtype {
	case "message_deleted":
		if in.deletedTS == "" {
			return c, "", errors.New("message_deleted without deleted_ts")
		}
		c = change{message: in.previous, ts: in.deletedTS, deleted: true}
	case "message_changed":
		if in.changed == nil {
			return c, "", errors.New("message_changed without message")
		}
		c = change{message: in.changed, ts: in.changed.ts, deleted: in.changed.subtype == "tombstone"}
		if !c.deleted && in.previous != nil && in.previous.editedTS == in.changed.editedTS && sameContent(in.changed, in.previous) {
			return c, schemas.NotAnEdit, nil
		}
	case "message_replied":
		return c, schemas.ServiceMessage, nil
	default:
		c = change{message: &in.message, ts: in.ts, deleted: in.subtype == "tombstone"}
		if in.source == "history" {
			versionTS = in.editedTS // absent: the message as it was first said
		}
		if versionTS == "" {
			versionTS = in.ts
		}
	}
	if versionTS == "" {
		versionTS = in.ts // older events carry no event_ts; the outer ts is the event's own
	}
	if c.message == nil {
		c.message = &message{}
	}
	said, err := c.ts.Micros()
	if err != nil {
		return c, "", err
	}
	if c.version, err = versionTS.Micros(); err != nil {
		return c, "", fmt.Errorf("version: %w", err)
	}
	switch polled := in.source == "history"; {
	case polled && c.deleted && in.asOf.IsZero():
		c.version = max(c.version, uint64(max(in.receivedAt.UnixMicro(), 0))) // a polled tombstone says not when it was made
	case polled && in.editedTS != "":
		// edited.ts comes in whole seconds (as recorded: 1701743154.000000): an edit within its message's own looks older than it.
		c.version = max(c.version, said+1)
	}
	// What was polled is so as of a time: it wins over what Slack said before, of which an edit need not have left a mark (a bot's), and
	// a deletion that was inferred may have been wrong.
	c.version = max(c.version, asOf(in))
	if !c.deleted {
		drop = conversation(c.message)
	}
	return c, drop, nil
}

// asOf is when a polled answer held, in microseconds; 0 when the record does not say.
func asOf(in *input) uint64 {
	if in.asOf.IsZero() {
		return 0
	}
	return uint64(max(in.asOf.UnixMicro(), 0))
}

// serviceSubtypes are not conversation (slack.md, 'Not conversation'). A subtype that nobody knows yet is judged by
// whether it has a person and text.
var serviceSubtypes = subtypes(
	"channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive", "channel_unarchive",
	"channel_convert_to_private", "channel_convert_to_public", "channel_posting_permissions",
	"group_join", "group_leave", "group_topic", "group_purpose", "group_name", "group_archive", "group_unarchive",
	"group_convert_to_private", "group_convert_to_public", "group_posting_permissions",
	"pinned_item", "unpinned_item", "reminder_add", "ekm_access_denied", "huddle_thread", "bot_add", "bot_remove",
	"bot_enable", "bot_disable", "assistant_app_thread", "sh_room_created", "sh_room_shared",
)

// saidSubtypes are conversation even when text is empty or no person is named: a file alone, an old-style bot message.
var saidSubtypes = subtypes("", "file_share", "thread_broadcast", "bot_message", "me_message")

func conversation(m *message) schemas.Reason {
	switch {
	case serviceSubtypes[m.subtype]:
		return schemas.ServiceMessage
	case m.user == "USLACKBOT" && m.botID == "":
		return schemas.ServiceMessage
	case m.user == "" && m.botID == "" && m.subtype != "bot_message":
		return schemas.NotConversation
	case !saidSubtypes[m.subtype] && (m.user == "" || emptyText(m)):
		return schemas.NotConversation
	case emptyText(m) && len(m.files) == 0 && len(m.blocks) == 0 && m.botID == "" && m.subtype != "bot_message":
		return schemas.NotConversation
	}
	return ""
}

func emptyText(m *message) bool { return len(m.text) <= len(`""`) }

func subtypes(names ...string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

// gate says why a change of this channel may not be kept. The installation is known.
//
// A deletion passes also when the channel was associated once: its row must not come back when the channel is
// associated again. It carries no content.
func gate(in *input, c change, install *schemas.Installation, assoc association) schemas.Reason {
	switch {
	case !install.Active():
		return schemas.NotInstalled
	case own(in, c.message, install):
		return schemas.OwnMessage
	case assoc.current == nil && (!assoc.once || !c.deleted):
		return schemas.NotAssociated
	case assoc.current != nil && assoc.current.OrgID != install.OrgID:
		return schemas.TenantMismatch
	case !install.MayKeep(in.channelType):
		return schemas.NotAuthorised
	}
	return ""
}

// own recognises what our bot posted: by bot user, bot or app id, since which of them is there depends on the subtype.
func own(in *input, m *message, install *schemas.Installation) bool {
	switch {
	case m.user != "" && m.user == install.BotUserID:
		return true
	case m.botID != "" && m.botID == install.BotID:
		return true
	}
	return m.botID != "" && m.appID != "" && (m.appID == install.AppID || m.appID == in.appID)
}
