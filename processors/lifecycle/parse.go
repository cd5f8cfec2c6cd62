package lifecycle

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-faster/jx"

	"github.com/bigmind/backchannel/schemas"
)

// parser finds out what an event is, before all of it is read: nearly all are messages.
type parser struct{ dec jx.Decoder }

var errFound = errors.New("found")

// kind is an event's type. It stands before the envelope, which is not read.
func (p *parser) kind(value []byte) (kind string, err error) {
	p.dec.ResetBytes(value)
	err = p.dec.ObjBytes(func(d *jx.Decoder, key []byte) error {
		if string(key) != "event_type" {
			return d.Skip()
		}
		if kind, err = d.Str(); err != nil {
			return errors.New("event_type is not a string")
		}
		return errFound
	})
	switch {
	case errors.Is(err, errFound):
		return kind, nil
	case err != nil:
		return "", errors.New("the record is not an object of slack.events")
	}
	return "", errors.New("event_type is missing")
}

// event is a lifecycle event with its inner event as Slack sent it.
type event struct {
	team schemas.TeamID
	// channel is what it is about, by the id that we know it by; none for people and installations.
	channel schemas.ChannelID
	kind    string
	at      time.Time
	stamp   string // tells it from others of its kind, and is the same when Slack sends it again
	inviter schemas.SlackUserID
	inner   json.RawMessage
}

// parse reads an event. It happened at its event_ts, else at its envelope's event_time (seconds), else when it came.
func parse(value []byte) (event, error) {
	rec, err := schemas.SlackEvents.Decode(value)
	if err != nil {
		return event{}, err
	}
	var envelope struct {
		Time  int64           `json:"event_time"`
		Event json.RawMessage `json:"event"`
	}
	if err := read(rec.Envelope, &envelope); err != nil || len(envelope.Event) == 0 {
		return event{}, errors.New("envelope.event is missing")
	}
	var inner struct {
		TS      schemas.TS          `json:"event_ts"`
		Channel channelRef          `json:"channel"`
		OldID   schemas.ChannelID   `json:"old_channel_id"`
		Inviter schemas.SlackUserID `json:"inviter"`
	}
	if err := read(envelope.Event, &inner); err != nil {
		return event{}, errors.New("envelope.event is not an event")
	}
	e := event{
		team: rec.TeamID, kind: rec.EventType, at: rec.ReceivedAt, inner: envelope.Event, channel: cmp.Or(inner.OldID, inner.Channel.ID),
		stamp: cmp.Or(string(inner.TS), rec.EventID), inviter: inner.Inviter,
	}
	if e.team == "" {
		return e, errors.New("team_id is missing")
	}
	if envelope.Time > 0 {
		e.at = time.Unix(envelope.Time, 0)
	}
	if inner.TS != "" {
		micros, err := inner.TS.Micros()
		if err != nil {
			return e, fmt.Errorf("event_ts: %w", err)
		}
		e.at = time.UnixMicro(int64(micros))
	}
	e.at = e.at.UTC()
	return e, nil
}

// channelRef is a channel as events name it: by its id, or by an object with id and name.
type channelRef struct {
	ID   schemas.ChannelID `json:"id"`
	Name string            `json:"name"`
}

// UnmarshalJSON takes both forms.
func (r *channelRef) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &r.ID)
	}
	type plain channelRef
	return read(raw, (*plain)(r))
}

// read takes a field of another type than Slack documents for absent: an empty object may come as an empty array, as previous_message does
// (java-slack-sdk PR #791), and types vary between Slack's own services. What an event cannot do without is checked where it is used.
func read(raw []byte, into any) error {
	err := json.Unmarshal(raw, into) // which reads on after a field that does not fit
	if _, other := errors.AsType[*json.UnmarshalTypeError](err); other {
		return nil
	}
	return err
}

// flag is true for what PHP takes for true, in which Slack is written: 1 as well.
type flag bool

// UnmarshalJSON takes any value.
func (f *flag) UnmarshalJSON(raw []byte) error {
	switch string(raw) {
	case "true", "1", `"1"`, `"true"`:
		*f = true
	}
	return nil
}
