package enrich

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-faster/jx"

	"github.com/bigmind/backchannel/schemas"
)

// input is what enrich reads from a record of slack.events or slack.history. Its strings alias the record's value.
type input struct {
	team        schemas.TeamID
	channel     schemas.ChannelID
	channelType string
	appID       string
	eventType   string
	source      string
	receivedAt  time.Time
	eventTS     schemas.TS
	deletedTS   schemas.TS
	asOf        time.Time
	window      *schemas.SyncWindow
	message              // the event itself
	changed     *message // message_changed: the message as it now is
	previous    *message // message_changed, message_deleted: as it was, when Slack says
}

// message is Slack's message shape. What is passed on or only compared stays raw.
type message struct {
	subtype    string
	user       schemas.SlackUserID
	botID      string
	appID      string
	userTeam   schemas.TeamID
	sourceTeam schemas.TeamID
	team       schemas.TeamID
	ts         schemas.TS
	threadTS   schemas.TS
	editedTS   schemas.TS
	text       jx.Raw // a JSON string, or nil
	blocks     jx.Raw
	files      jx.Raw
}

// parser holds buffers between records.
type parser struct{ dec jx.Decoder }

var errNoEnvelope = errors.New("envelope.event is missing")

// event parses a record of slack.events. An event that is no message is not read beyond its type: event_type comes
// before the envelope.
func (p *parser) event(value []byte, in *input) error {
	*in = input{source: "live"}
	p.dec.ResetBytes(value)
	seen := false
	err := p.dec.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "team_id":
			in.team, err = schemas.Alias[schemas.TeamID](d)
		case "channel_id":
			in.channel, err = schemas.Alias[schemas.ChannelID](d)
		case "app_id":
			in.appID, err = schemas.Alias[string](d)
		case "event_type":
			in.eventType, err = schemas.Alias[string](d)
		case "received_at":
			err = readTime(d, &in.receivedAt)
		case "envelope":
			if in.eventType != "" && in.eventType != "message" {
				return d.Skip()
			}
			seen, err = readEnvelope(d, in)
		default:
			return d.Skip()
		}
		return named(key, err)
	})
	if err == nil {
		err = schemas.AtEnd(&p.dec)
	}
	switch {
	case err != nil:
		return err
	case in.eventType == "":
		return errors.New("event_type is missing")
	case in.eventType == "message" && in.team == "":
		return errors.New("team_id is missing")
	case in.eventType == "message" && !seen:
		return errNoEnvelope
	}
	return nil
}

// history parses a record of slack.history.
func (p *parser) history(value []byte, in *input) error {
	*in = input{source: "history", eventType: "message"}
	p.dec.ResetBytes(value)
	seen := false
	err := p.dec.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "team_id":
			in.team, err = schemas.Alias[schemas.TeamID](d)
		case "channel_id":
			in.channel, err = schemas.Alias[schemas.ChannelID](d)
		case "channel_type":
			in.channelType, err = schemas.Alias[string](d)
		case "polled_at":
			err = readTime(d, &in.receivedAt)
		case "as_of":
			err = readTime(d, &in.asOf)
		case "window":
			err = readWindow(d, in)
		case "message":
			seen = true
			err = readMessage(d, &in.message)
		default:
			return d.Skip()
		}
		return named(key, err)
	})
	if err == nil {
		err = schemas.AtEnd(&p.dec)
	}
	switch {
	case err != nil:
		return err
	case in.team == "" || in.channel == "" || !seen && in.window == nil:
		return errors.New("team_id, channel_id or message is missing")
	case in.window != nil && in.asOf.IsZero():
		return errors.New("as_of is missing")
	case in.window != nil:
		return in.window.Validate()
	}
	return nil
}

func readWindow(d *jx.Decoder, in *input) error {
	raw, err := d.Raw()
	if err == nil && json.Unmarshal(raw, &in.window) != nil {
		err = errors.New("want an object with from, to and present") // the original may quote the value
	}
	return err
}

func readEnvelope(d *jx.Decoder, in *input) (seen bool, err error) {
	err = d.ObjBytes(func(d *jx.Decoder, key []byte) error {
		if string(key) != "event" || d.Next() != jx.Object {
			return d.Skip()
		}
		seen = true
		return readEvent(d, in)
	})
	return seen, err
}

func readEvent(d *jx.Decoder, in *input) error {
	return d.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
		switch string(key) {
		case "channel":
			if d.Next() != jx.String {
				return d.Skip()
			}
			in.channel, err = schemas.Alias[schemas.ChannelID](d)
		case "channel_type":
			in.channelType, err = text[string](d)
		case "event_ts":
			in.eventTS, err = text[schemas.TS](d)
		case "deleted_ts":
			in.deletedTS, err = text[schemas.TS](d)
		case "message":
			if d.Next() != jx.Object {
				return d.Skip()
			}
			in.changed = new(message)
			err = readMessage(d, in.changed)
		case "previous_message":
			// Sometimes an empty array (java-slack-sdk PR #791): then Slack does not say.
			if d.Next() != jx.Object {
				return d.Skip()
			}
			in.previous = new(message)
			err = readMessage(d, in.previous)
		default:
			return readField(d, key, &in.message)
		}
		return named(key, err)
	})
}

func readMessage(d *jx.Decoder, m *message) error {
	return d.ObjBytes(func(d *jx.Decoder, key []byte) error { return readField(d, key, m) })
}

func readField(d *jx.Decoder, key []byte, m *message) (err error) {
	switch string(key) {
	case "subtype":
		m.subtype, err = text[string](d)
	case "user":
		m.user, err = text[schemas.SlackUserID](d)
	case "bot_id":
		m.botID, err = text[string](d)
	case "app_id":
		m.appID, err = text[string](d)
	case "user_team":
		m.userTeam, err = text[schemas.TeamID](d)
	case "source_team":
		m.sourceTeam, err = text[schemas.TeamID](d)
	case "team":
		m.team, err = text[schemas.TeamID](d)
	case "ts":
		m.ts, err = text[schemas.TS](d)
	case "thread_ts":
		m.threadTS, err = text[schemas.TS](d)
	case "edited":
		if d.Next() != jx.Object {
			return d.Skip()
		}
		err = d.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
			if string(key) != "ts" {
				return d.Skip()
			}
			m.editedTS, err = text[schemas.TS](d)
			return err
		})
	case "text":
		if d.Next() != jx.String {
			return d.Skip()
		}
		m.text, err = d.Raw()
	case "blocks":
		m.blocks, err = d.Raw()
	case "files":
		m.files, err = d.Raw()
	default:
		return d.Skip()
	}
	return named(key, err)
}

// text reads a string and takes anything else for absent: Slack leaves fields null, and shapes vary between its own
// services. What matters is checked where it is used.
func text[T ~string](d *jx.Decoder) (T, error) {
	if d.Next() != jx.String {
		return "", d.Skip()
	}
	return schemas.Alias[T](d)
}

func readTime(d *jx.Decoder, t *time.Time) error {
	s, err := text[string](d)
	if err == nil && s != "" {
		if *t, err = time.Parse(time.RFC3339Nano, s); err != nil {
			return errTime
		}
	}
	return err
}

// errTime does not quote the value, as time's own error does.
var errTime = errors.New("a time must be in RFC 3339 form")

// named says in which field an error is. Only of fields that we know: what else stands there may be anything.
func named(key []byte, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", key, err)
}

// fileNames lists the names in a raw files array.
func fileNames(files jx.Raw) []string {
	if len(files) == 0 || files[0] != '[' {
		return nil
	}
	var names []string
	_ = jx.DecodeBytes(files).Arr(func(d *jx.Decoder) error { // parsed before: it is valid JSON
		if d.Next() != jx.Object {
			return d.Skip()
		}
		return d.ObjBytes(func(d *jx.Decoder, key []byte) error {
			if string(key) != "name" || d.Next() != jx.String {
				return d.Skip()
			}
			name, err := d.Str()
			names = append(names, name)
			return err
		})
	})
	return names
}

func sameContent(a, b *message) bool {
	return bytes.Equal(a.text, b.text) && bytes.Equal(a.blocks, b.blocks) && bytes.Equal(a.files, b.files)
}
