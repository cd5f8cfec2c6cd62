package events

import (
	"errors"
	"mime"
	"net/url"

	"github.com/go-faster/jx"

	"github.com/bigmind/backchannel/schemas"
)

// envelope is what ingest reads of a request: enough to name and route it. The rest is kept unread.
type envelope struct {
	kind      string // event_callback, url_verification, app_rate_limited, or what Slack adds next
	challenge string
	eventID   string
	appID     string
	eventType string // of the inner event

	team        schemas.TeamID // team_id
	contextTeam schemas.TeamID // context_team_id
	authorized  schemas.TeamID // authorizations[0].team_id
	channel     schemas.ChannelID
}

// urlVerification is the type of the request by which Slack checks a new address.
const urlVerification = "url_verification"

var errNotObject = errors.New("the body is not a JSON object")

// parse reads a request body. url_verification may come as JSON, form or plain text, as Slack documents.
func parse(contentType string, body []byte) (envelope, error) {
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("type") != urlVerification {
			return envelope{}, errors.New("a form can only be a url_verification")
		}
		return envelope{kind: urlVerification, challenge: form.Get("challenge")}, nil
	}
	var e envelope
	d := jx.DecodeBytes(body)
	if d.Next() != jx.Object {
		return e, errNotObject
	}
	if err := d.ObjBytes(e.field); err != nil {
		return e, errors.New("the body is not valid JSON")
	}
	if err := jx.DecodeBytes(body).Validate(); err != nil { // nothing may follow: the envelope becomes part of a record
		return e, errors.New("the body is not one JSON object")
	}
	return e, nil
}

func (e *envelope) field(d *jx.Decoder, key []byte) (err error) {
	switch string(key) {
	case "type":
		e.kind, err = str[string](d)
	case "challenge":
		e.challenge, err = str[string](d)
	case "event_id":
		e.eventID, err = str[string](d)
	case "api_app_id":
		e.appID, err = str[string](d)
	case "team_id":
		e.team, err = str[schemas.TeamID](d)
	case "context_team_id":
		e.contextTeam, err = str[schemas.TeamID](d)
	case "authorizations":
		err = e.authorizations(d)
	case "event":
		if d.Next() != jx.Object {
			return d.Skip()
		}
		err = d.ObjBytes(e.event)
	default:
		err = d.Skip()
	}
	return err
}

func (e *envelope) authorizations(d *jx.Decoder) error {
	if d.Next() != jx.Array {
		return d.Skip()
	}
	first := true
	return d.Arr(func(d *jx.Decoder) error {
		if !first || d.Next() != jx.Object {
			return d.Skip()
		}
		first = false
		return d.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
			if string(key) != "team_id" {
				return d.Skip()
			}
			e.authorized, err = str[schemas.TeamID](d)
			return err
		})
	})
}

// event reads the inner event's type and where it happened: channel, which is an id or an object with one, else channel_id,
// else the channel of the item that it speaks of.
func (e *envelope) event(d *jx.Decoder, key []byte) (err error) {
	var channel schemas.ChannelID
	switch string(key) {
	case "type":
		e.eventType, err = str[string](d)
	case "channel":
		if channel, err = within(d, "id"); channel != "" {
			e.channel = channel
		}
	case "channel_id", "item":
		if channel, err = within(d, "channel"); e.channel == "" {
			e.channel = channel
		}
	default:
		err = d.Skip()
	}
	return err
}

// within reads a channel id, or that field of an object that holds it.
func within(d *jx.Decoder, field string) (channel schemas.ChannelID, err error) {
	if d.Next() != jx.Object {
		return str[schemas.ChannelID](d)
	}
	err = d.ObjBytes(func(d *jx.Decoder, key []byte) (err error) {
		if string(key) != field {
			return d.Skip()
		}
		channel, err = str[schemas.ChannelID](d)
		return err
	})
	return channel, err
}

// str reads a string, and takes anything else for absent. It copies: the record outlives the request's buffer.
func str[T ~string](d *jx.Decoder) (T, error) {
	if d.Next() != jx.String {
		return "", d.Skip()
	}
	s, err := d.Str()
	return T(s), err
}

// install is the team through whose installation the event came. In a shared channel team_id may be the other
// company's; authorizations[0] is ours (java-slack-sdk #629).
func (e *envelope) install() schemas.TeamID {
	for _, team := range []schemas.TeamID{e.authorized, e.contextTeam} {
		if team != "" {
			return team
		}
	}
	return e.team
}
