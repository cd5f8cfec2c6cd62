package schemas

import (
	"strings"
	"testing"
)

// A record is a message, or says which messages a stretch has; each is refused without what makes it one.
func TestMessagesAndWindows(t *testing.T) {
	const head, window = `{"org_id":"o","team_id":"T","channel_id":"C","version":1,"account_id":"a","text":"","source":"history","received_at":"2026-09-21T12:00:00Z"`, `"from":"1.000001","to":"2","present":[]`
	for name, tt := range map[string]struct{ value, want string }{
		"a message":                 {head + `,"ts":"1.1"}`, ""},
		"a message without its ts":  {head + `}`, "ts is missing"},
		"a window":                  {head + `,"ts":"","window":{` + window + `}}`, ""},
		"a window without its end":  {head + `,"window":{"from":"1.000001","present":[]}}`, "window.to"},
		"a window without a start":  {head + `,"window":{"to":"1.000001","present":[]}}`, "window.from"},
		"a window that ends before": {head + `,"window":{"from":"2","to":"1","present":[]}}`, "before"},
		"a window of no channel":    {`{"window":{` + window + `}}`, "is missing"},
	} {
		if _, err := ContextMessages.Decode([]byte(tt.value)); err == nil != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	for name, tt := range map[string]struct{ value, want string }{
		"a message":             {`{"team_id":"T","channel_id":"C","message":{}}`, ""},
		"neither":               {`{"team_id":"T","channel_id":"C"}`, "message is missing"},
		"a window":              {`{"team_id":"T","channel_id":"C","as_of":"2026-09-21T12:00:00Z","window":{` + window + `}}`, ""},
		"a window of no moment": {`{"team_id":"T","channel_id":"C","window":{` + window + `}}`, "as_of"},
	} {
		if _, err := SlackHistory.Decode([]byte(tt.value)); err == nil != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestATSIsOfItsMicroseconds(t *testing.T) {
	for _, ts := range []TS{"0.000000", "1.000001", "1790000000.000100", "9223372035.999999"} {
		if micros, err := ts.Micros(); err != nil || TSOf(micros) != ts {
			t.Errorf("%s becomes %s, %v", ts, TSOf(micros), err)
		}
	}
}
