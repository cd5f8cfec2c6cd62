package events_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/schemas"
)

// The record says where the event came from, and holds the envelope byte for byte.
func TestRecord(t *testing.T) {
	r := receive(t)
	if w := r.post(request(message)); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	record, event := r.only(t)
	want := schemas.SlackEvent{
		TeamID: "T0NORTHWIND", ChannelID: "C0ACME", AppID: "A0BIGMIND", EventID: "Ev0000001", EventType: "message",
		ReceivedAt: now, Envelope: json.RawMessage(message),
	}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Error(diff)
	}
	if record.Topic != "slack.events" || string(record.Key) != "T0NORTHWIND/C0ACME" || !bytes.Contains(record.Value, []byte(message)) {
		t.Errorf("topic %s, key %s, value %s", record.Topic, record.Key, record.Value)
	}
}

// Every kind of event is kept, also one that Slack has yet to invent, and found by installation and channel.
func TestEventsAreKeyedByInstallationAndChannel(t *testing.T) {
	for name, tt := range map[string]struct {
		body, wantType, wantKey string
	}{
		"authorizations first":                    {message, "message", "T0NORTHWIND/C0ACME"},
		"then context_team_id":                    {`{"team_id":"T1","context_team_id":"T2","authorizations":[],"type":"event_callback","event":{"type":"message","channel":"C1"}}`, "message", "T2/C1"},
		"authorizations before context_team_id":   {`{"team_id":"T1","context_team_id":"T2","authorizations":[{"team_id":"T3"}],"type":"event_callback","event":{"type":"message","channel":"C1"}}`, "message", "T3/C1"},
		"a channel that is null after channel_id": {`{"team_id":"T1","type":"event_callback","event":{"type":"x","channel_id":"C1","channel":null}}`, "x", "T1/C1"},
		"then team_id":                            {`{"team_id":"T1","context_team_id":null,"context_enterprise_id":"E1","type":"event_callback","event":{"type":"message","channel":"C1"}}`, "message", "T1/C1"},
		"an org-wide install names no team": {
			`{"team_id":"T1","authorizations":[{"enterprise_id":"E1","team_id":null,"is_enterprise_install":true}],"type":"event_callback","event":{"type":"message","channel":"C1"}}`, "message", "T1/C1",
		},
		"the first authorization alone":    {`{"team_id":"T1","authorizations":[{"team_id":"T2"},{"team_id":"T3"}],"type":"event_callback","event":{"type":"message","channel":"C1"}}`, "message", "T2/C1"},
		"no installation at all":           {`{"type":"event_callback","event":{"type":"message","channel":"C1"}}`, "message", "/C1"},
		"authorizations of another shape":  {`{"team_id":"T1","authorizations":{"team_id":"T2"},"type":"event_callback","event":{"type":"message","channel":"C1"}}`, "message", "T1/C1"},
		"the event before what surrounds":  {`{"event":{"channel":"C1","type":"message"},"type":"event_callback","team_id":"T1"}`, "message", "T1/C1"},
		"a channel that is an object":      {`{"team_id":"T1","type":"event_callback","event":{"type":"channel_rename","channel":{"id":"C1","name":"type","created":1}}}`, "channel_rename", "T1/C1"},
		"channel_id":                       {`{"team_id":"T1","type":"event_callback","event":{"type":"file_shared","channel_id":"C1","file":{"id":"F1"}}}`, "file_shared", "T1/C1"},
		"a channel in item":                {`{"team_id":"T1","type":"event_callback","event":{"type":"reaction_added","item":{"type":"message","channel":"C1","ts":"1.2"}}}`, "reaction_added", "T1/C1"},
		"a pin names it twice":             {`{"team_id":"T1","type":"event_callback","event":{"type":"pin_added","channel_id":"C1","item":{"type":"message","channel":null}}}`, "pin_added", "T1/C1"},
		"a null after the channel":         {`{"team_id":"T1","type":"event_callback","event":{"type":"message","channel":"C1","channel_id":null}}`, "message", "T1/C1"},
		"what is spoken of is not where":   {`{"team_id":"T1","type":"event_callback","event":{"type":"message","channel":"C1","item":{"channel":"C2"}}}`, "message", "T1/C1"},
		"the same, the other way about":    {`{"team_id":"T1","type":"event_callback","event":{"item":{"channel":"C2"},"type":"message","channel":"C1"}}`, "message", "T1/C1"},
		"an object without an id":          {`{"team_id":"T1","type":"event_callback","event":{"type":"x","channel":{"name":"C1"}}}`, "x", "T1/"},
		"a channel that is a number":       {`{"team_id":"T1","type":"event_callback","event":{"type":"x","channel":7}}`, "x", "T1/"},
		"no channel":                       {`{"team_id":"T1","type":"event_callback","event":{"type":"team_join","user":{"id":"U1"}}}`, "team_join", "T1/"},
		"a type that nobody knows":         {`{"team_id":"T1","type":"event_callback","event":{"type":"invented_in_2031","channel":"C1"}}`, "invented_in_2031", "T1/C1"},
		"an event that is a string":        {`{"team_id":"T1","type":"event_callback","event":"x"}`, "event_callback", "T1/"},
		"no event":                         {`{"team_id":"T1","type":"event_callback"}`, "event_callback", "T1/"},
		"a notice that Slack limits us":    {`{"token":"x","type":"app_rate_limited","team_id":"T1","minute_rate_limited":1518467820,"api_app_id":"A1"}`, "app_rate_limited", "T1/"},
		"a top level that nobody knows":    {`{"type":"invented_in_2032","team_id":"T1"}`, "invented_in_2032", "T1/"},
		"uninstalled":                      {`{"team_id":"T1","type":"event_callback","event":{"type":"app_uninstalled"}}`, "app_uninstalled", "T1/"},
		"escapes, space and a field twice": {" {\n \"type\" : \"event_callback\",\"team_id\":\"T\\u0031\",\"event\":{\"type\":\"a\",\"type\":\"b\",\"channel\":\"C1\"}}\n", "b", "T1/C1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := receive(t)
			if w := r.post(request(tt.body)); w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			record, event := r.only(t)
			if event.EventType != tt.wantType || string(record.Key) != tt.wantKey {
				t.Errorf("type %q, key %q; want %q, %q", event.EventType, record.Key, tt.wantType, tt.wantKey)
			}
			if string(event.Envelope) != strings.TrimSpace(tt.body) || !bytes.Contains(record.Value, []byte(tt.body)) {
				t.Errorf("the envelope became %s", event.Envelope)
			}
		})
	}
}

// A retry says so, as Slack documents: x-slack-retry-num 1 to 3, and why.
func TestRetriesAreRecorded(t *testing.T) {
	for _, tt := range []struct {
		num, reason string
		wantNum     int
	}{{"", "", 0}, {"1", "http_timeout", 1}, {"3", "http_error", 3}, {"two", "unknown_error", 0}} {
		r := receive(t)
		req := request(message)
		if tt.num != "" {
			req.Header.Set("X-Slack-Retry-Num", tt.num)
			req.Header.Set("X-Slack-Retry-Reason", tt.reason)
		}
		if w := r.post(req); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if _, event := r.only(t); event.RetryNum != tt.wantNum || event.RetryReason != tt.reason {
			t.Errorf("%+v: %d %q", tt, event.RetryNum, event.RetryReason)
		}
	}
}

// Slack sends again what it believes lost. The same request makes the same record: what it is decides, not how often it came.
func TestReplayMakesTheSameRecord(t *testing.T) {
	r := receive(t)
	var first []byte
	for range 3 {
		if w := r.post(request(message)); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		record, _ := r.only(t)
		if first == nil {
			first = record.Value
		}
		if !bytes.Equal(record.Value, first) {
			t.Errorf("%s became %s", first, record.Value)
		}
	}
}

// FuzzEnvelope: any signed body is kept as valid JSON under its own bytes (but for those that are no UTF-8), answered as a challenge, or refused; nothing else.
func FuzzEnvelope(f *testing.F) {
	for _, body := range []string{
		message, `{"type":"url_verification","challenge":"x"}`, `{}`, `[]`, ``, `{"type":"x"}{}`, `{"type":"x","n":01}`, "{\"type\":\"\x80\"}",
		`{"type":"x","event":{"channel":{"id":{"id":1}}}}`, `{"type":"x","a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
		`{"type":"x","n":-}`, `{"type":"x","n":1e,"e":1E+}`, `{"type":"\ud83d"}`, `{"type":"x",}`, `{"type":"x","authorizations":[1,{"team_id":"T"}]}`,
	} {
		f.Add("application/json", body)
	}
	f.Add("application/x-www-form-urlencoded", "type=url_verification&challenge=x")
	for _, file := range recordedFiles(f) {
		payload, _ := recorded(f, file)
		f.Add("application/json", string(payload))
	}
	r := receive(f)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		req := request(body)
		req.Header["Content-Type"] = []string{contentType}
		w := r.post(req)
		switch {
		case w.Code == http.StatusBadRequest && len(r.records) == 0 || w.Code == http.StatusOK && len(r.records) == 0 && strings.Contains(body, "url_verification"):
		case w.Code == http.StatusOK && len(r.records) == 1:
			if !json.Valid([]byte(body)) {
				t.Errorf("%q is accepted, and is no JSON", body)
			}
			record, event := r.only(t)
			kept := strings.ToValidUTF8(strings.Trim(body, " \t\r\n"), "\ufffd") // JSON is UTF-8, which Slack's bodies are
			if !json.Valid(record.Value) || !utf8.Valid(record.Value) || string(event.Envelope) != kept {
				t.Errorf("%q became %q", body, record.Value)
			}
		default:
			t.Errorf("%d, %d records", w.Code, len(r.records))
		}
		r.records = nil
	})
}
