package enrich

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// Records that can never succeed say why, name the field, and quote nothing of what was said.
func TestRejected(t *testing.T) {
	def := Definition(newWorld(t).Client)
	const secret = "hush"
	live := func(value string) *kgo.Record {
		return &kgo.Record{Topic: schemas.SlackEvents.Name, Value: []byte(value)}
	}
	past := func(value string) *kgo.Record {
		return &kgo.Record{Topic: schemas.SlackHistory.Name, Value: []byte(value)}
	}
	for name, tt := range map[string]struct {
		rec    *kgo.Record
		reason schemas.Reason
		names  string // what the detail has to name
	}{
		"nothing":                {live(``), schemas.Malformed, ""},
		"no object":              {live(`"hush"`), schemas.Malformed, ""},
		"cut off":                {live(`{"event_type":"message","team_id":"T1","envelope":{"event":{"text":"hush`), schemas.Malformed, "envelope"},
		"two objects":            {live(`{"team_id":"T1","event_type":"app_mention","envelope":{}}{"hush":1}`), schemas.Malformed, "follows"},
		"unknown field":          {live(`{"event_type":"message","hush":hush}`), schemas.Malformed, ""},
		"unknown field inside":   {live(`{"event_type":"message","team_id":"T1","envelope":{"event":{"hush":hush}}}`), schemas.Malformed, "envelope"},
		"no event_type":          {live(`{"team_id":"T1","envelope":{"event":{"text":"hush"}}}`), schemas.Malformed, "event_type"},
		"no team_id":             {live(`{"event_type":"message","envelope":{"event":{"text":"hush"}}}`), schemas.Malformed, "team_id"},
		"no envelope":            {live(`{"event_type":"message","team_id":"T1"}`), schemas.Malformed, "envelope"},
		"event is no object":     {live(`{"event_type":"message","team_id":"T1","envelope":{"event":"hush"}}`), schemas.Malformed, "envelope"},
		"team_id is a number":    {live(`{"event_type":"message","team_id":7,"envelope":{"event":{"text":"hush"}}}`), schemas.Malformed, "team_id"},
		"received_at is no time": {live(`{"event_type":"message","team_id":"T1","received_at":"hush","envelope":{}}`), schemas.Malformed, "received_at"},
		"polled_at is no time":   {past(`{"team_id":"T1","channel_id":"C1","polled_at":"hush","message":{}}`), schemas.Malformed, "polled_at"},
		"no message":             {past(`{"team_id":"T1","channel_id":"C1"}`), schemas.Malformed, "message"},
		"message is a string":    {past(`{"team_id":"T1","channel_id":"C1","message":"hush"}`), schemas.Malformed, "message"},
		"ts is text":             {event("T1", `"channel":"C1","ts":"hush","user":"U1","text":"a"`), schemas.Malformed, "ts"},
		"ts is a float":          {event("T1", `"channel":"C1","ts":1790000000.0001,"user":"U1","text":"hush"`), schemas.Malformed, "ts"},
		"event_ts is text":       {event("T1", `"channel":"C1","ts":"1.1","event_ts":"hush","user":"U1","text":"a"`), schemas.Malformed, "version"},
		"delete without target":  {event("T1", `"channel":"C1","ts":"1.1","subtype":"message_deleted","previous_message":{"text":"hush"}`), schemas.Malformed, "deleted_ts"},
		"change without message": {event("T1", `"channel":"C1","ts":"1.1","subtype":"message_changed","previous_message":{"text":"hush"}`), schemas.Malformed, "without message"},
		"workspace nobody knows": {event("T9", asC1+`"user":"U1","text":"hush"`), schemas.UnknownOrg, "installation"},
	} {
		t.Run(name, func(t *testing.T) {
			got, fate := one(t, def, tt.rec)
			if got != nil || fate.Rejected != tt.reason {
				t.Fatalf("got message %v and fate %+v, want %s", got != nil, fate, tt.reason)
			}
			if fate.Detail == "" || !strings.Contains(fate.Detail, tt.names) {
				t.Errorf("the detail %q does not name %q", fate.Detail, tt.names)
			}
			if strings.Contains(fate.Detail, secret) {
				t.Errorf("the detail %q quotes content", fate.Detail)
			}
		})
	}
}

// FuzzParse holds the parser to what outside bytes may do: no panic, no error that quotes, and what it takes can be kept.
func FuzzParse(f *testing.F) {
	const secret = "S3CR3T"
	for _, rec := range []*kgo.Record{
		event("T1", asC1+`"user":"U1","text":"S3CR3T","files":[{"name":"S3CR3T"}]`),
		event("T1", change1+`"message":{`+said+edited+`"text":"S3CR3T","S3CR3T":1},"previous_message":[]`),
		event("T1", delete1+`,"previous_message":{"text":"S3CR3T"}`),
		polled(`"ts":"` + saidTS + `","user":"U1","text":"S3CR3T"`),
	} {
		f.Add(rec.Value)
	}
	f.Add([]byte(`{"received_at":"S3CR3T"}`))
	f.Add([]byte(`{"S3CR3T":`))
	for _, file := range recordedFiles(f) {
		each(recorded(f, file), func(said map[string]any) {
			for _, rec := range records(f, said) {
				f.Add(rec.Value)
			}
		})
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var p parser
		for _, parse := range []func([]byte, *input) error{p.event, p.history} {
			var in input
			err := parse(value, &in)
			var c change
			if err == nil {
				c, _, err = classify(&in)
			}
			if err != nil {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error quotes content: %v", err)
				}
				continue
			}
			if c.message == nil {
				continue // no message
			}
			var m schemas.ContextMessage
			k := known{team: &team{install: &schemas.Installation{OrgID: "acme"}}, association: &association{}, author: nobody}
			contextMessage(&in, c, k, &m)
			if _, err := schemas.ContextMessages.Decode(m.AppendJSON(nil)); err != nil && in.team != "" && in.channel != "" {
				t.Errorf("what was taken cannot be read: %v", err)
			}
		}
	})
}
