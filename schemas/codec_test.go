package schemas

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The same types without their methods: what encoding/json makes of them by reflection is what ours must agree with.
type (
	reflectedMessage ContextMessage
	reflectedEvent   SlackEvent
)

func anyMessage() *rapid.Generator[ContextMessage] {
	return rapid.Custom(func(t *rapid.T) ContextMessage {
		s := func(label string) string { return rapid.String().Draw(t, label) }
		m := ContextMessage{
			OrgID: OrgID(s("org")), TeamID: TeamID(s("team")), ChannelID: ChannelID(s("channel")), TS: TS(s("ts")),
			Version: rapid.Uint64().Draw(t, "version"), Deleted: rapid.Bool().Draw(t, "deleted"), ThreadTS: TS(s("thread")),
			Subtype: s("subtype"), UserID: SlackUserID(s("user")), BotID: s("bot"), AuthorName: s("name"), AuthorEmail: s("email"),
			AuthorTeamID: TeamID(s("author team")), IsExternal: rapid.Bool().Draw(t, "external"), Text: s("text"), EditedTS: TS(s("edited")),
			AccountID: AccountID(s("account")), DealID: DealID(s("deal")), Source: s("source"), ReceivedAt: anyTime().Draw(t, "received"),
		}
		if names := rapid.SliceOf(rapid.String()).Draw(t, "files"); len(names) > 0 {
			m.FileNames = names
		}
		if rapid.Bool().Draw(t, "is an edit") {
			m.Former = &Wording{Text: s("former text"), FileNames: slices.Clone(m.FileNames), EditedTS: TS(s("former edit"))}
		}
		if rapid.Bool().Draw(t, "is a window") {
			m.Window = &SyncWindow{From: TS(s("from")), To: TS(s("to")), ThreadTS: TS(s("of")), Present: rapid.SliceOf(rapid.Custom(func(t *rapid.T) TS { return TS(rapid.String().Draw(t, "present")) })).Draw(t, "present")}
			if rapid.Bool().Draw(t, "looked for threads") {
				m.Window.Threads = append([]TS{}, m.Window.Present...)
			}
		}
		return m
	})
}

func anyTime() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanos")).UTC()
	})
}

// What our codec writes encoding/json reads, and what encoding/json writes our codec reads, to the same value.
func TestContextMessageAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage().Draw(t, "message")
		ours := m.AppendJSON([]byte("before"))
		var theirs reflectedMessage
		if err := json.Unmarshal(bytes.TrimPrefix(ours, []byte("before")), &theirs); err != nil {
			t.Fatalf("encoding/json refuses what we wrote: %v", err)
		}
		if diff := cmp.Diff(m, ContextMessage(theirs)); diff != "" {
			t.Fatalf("written, read by encoding/json:\n%s", diff)
		}
		value, err := json.Marshal(reflectedMessage(m))
		if err != nil {
			t.Fatal(err)
		}
		var back ContextMessage
		if err := json.Unmarshal(value, &back); err != nil {
			t.Fatalf("we refuse what encoding/json wrote: %v", err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Fatalf("written by encoding/json, read by us:\n%s", diff)
		}
	})
}

func TestSlackEventAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := func(label string) string { return rapid.String().Draw(t, label) }
		inner, err := json.Marshal(map[string]string{s("key"): s("value")})
		if err != nil {
			t.Fatal(err)
		}
		e := SlackEvent{
			TeamID: TeamID(s("team")), ChannelID: ChannelID(s("channel")), AppID: s("app"), EventID: s("event"), EventType: s("type"),
			ReceivedAt: anyTime().Draw(t, "received"), RetryNum: rapid.Int().Draw(t, "retry"), RetryReason: s("reason"), Envelope: inner,
		}
		var theirs reflectedEvent
		if err := json.Unmarshal(e.AppendJSON(nil), &theirs); err != nil {
			t.Fatalf("encoding/json refuses what we wrote: %v", err)
		}
		if diff := cmp.Diff(e, SlackEvent(theirs)); diff != "" {
			t.Fatalf("written, read by encoding/json:\n%s", diff)
		}
	})
}

// JSON is UTF-8 (RFC 8259), and readers in other languages insist on it: bytes that are none become U+FFFD, as
// encoding/json has it, in values of ours as in the text that enrich copies unread.
func TestWhatIsWrittenIsUTF8(t *testing.T) {
	for _, bad := range []string{"\xff", "a\xffb", "cut \xf0\x9f\x98", "\xed\xa0\x80", "é\xc3"} {
		want := string([]rune(bad)) // one U+FFFD a byte
		m := ContextMessage{AuthorName: bad, Text: bad, FileNames: []string{bad}}
		value := m.AppendJSON(nil)
		var got reflectedMessage
		if err := json.Unmarshal(value, &got); err != nil || !utf8.Valid(value) {
			t.Errorf("%q is written as %q: %v", bad, value, err)
		}
		if got.Text != want || got.AuthorName != want || got.FileNames[0] != want {
			t.Errorf("%q is read as %q", bad, got.Text)
		}
		m.RawText = []byte(`"` + bad + `"`)
		e := SlackEvent{EventType: "message", Envelope: []byte(`{"text":"` + bad + `"}`)}
		for _, value := range [][]byte{m.AppendJSON(nil), e.AppendJSON(nil)} {
			if !utf8.Valid(value) || !json.Valid(value) {
				t.Errorf("%q, copied, is written as %q", bad, value)
			}
		}
	}
}

// Records of other producers are read alike by both ways of decoding, or refused with a reason that quotes nothing.
func TestContextMessageFromOthers(t *testing.T) {
	const secret = "s3cret"
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	tests := map[string]struct {
		value string
		want  *ContextMessage // nil: refused
	}{
		"unknown fields":        {`{"new":{"a":[1,{}]},"org_id":"o","other":null}`, &ContextMessage{OrgID: "o"}},
		"other order":           {`{"text":"t","org_id":"o"}`, &ContextMessage{OrgID: "o", Text: "t"}},
		"a field twice":         {`{"text":"a","text":"b","file_names":["x"],"file_names":["y"]}`, &ContextMessage{Text: "b", FileNames: []string{"y"}}},
		"former, and more":      {`{"former":{"edited_ts":"1","new":[],"text":"t"}}`, &ContextMessage{Former: &Wording{Text: "t", EditedTS: "1"}}},
		"no former":             {`{"former":null}`, &ContextMessage{}},
		"former is no wording":  {`{"former":"t"}`, nil},
		"spaces":                {" {\n\t\"text\" : \"t\" }\r\n ", &ContextMessage{Text: "t"}},
		"half of an emoji":      {`{"text":"\ud83d"}`, &ContextMessage{Text: "\ufffd"}},
		"escapes":               {`{"text":"\u00e9\n\"\/"}`, &ContextMessage{Text: "é\n\"/"}},
		"largest version":       {`{"version":18446744073709551615}`, &ContextMessage{Version: 1<<64 - 1}},
		"deep in an unknown":    {`{"x":` + deep + `,"org_id":"o"}`, &ContextMessage{OrgID: "o"}},
		"time of another zone":  {`{"received_at":"2026-09-21T14:00:00+02:00"}`, &ContextMessage{ReceivedAt: time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)}},
		"larger version":        {`{"version":18446744073709551616}`, nil},
		"huge version":          {`{"version":` + strings.Repeat("9", 5000) + `}`, nil},
		"negative version":      {`{"version":-1}`, nil},
		"fraction as a version": {`{"version":1.5}`, nil},
		"deeper than anything":  {`{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, nil},
		"number for a string":   {`{"text":1}`, nil},
		"string for a flag":     {`{"is_deleted":"s3cret"}`, nil},
		"no time":               {`{"received_at":"s3cret"}`, nil},
		"not an object":         {`["s3cret"]`, nil},
		"null":                  {`null`, nil},
		"nothing":               {``, nil},
		"cut":                   {`{"text":"s3cret`, nil},
		"two objects":           {`{"text":"a"}{"text":"s3cret"}`, nil},
		"rest after the object": {`{"text":"a"} s3cret`, nil},
		"rest after plain":      {string(plainSample()) + "s3cret", nil},
		"unknown field, broken": {`{"s3cret":tru}`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var m ContextMessage
			err := m.DecodeAliased([]byte(tt.value))
			if tt.want == nil {
				if err == nil {
					t.Fatalf("read as %+v", m)
				}
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error quotes the record: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(*tt.want, m); diff != "" {
				t.Errorf("want, got:\n%s", diff)
			}
		})
	}
}

func plainSample() []byte {
	m := sampleMessage()
	return m.AppendJSON(nil)
}

// DecodeAliased replaces what was there; UnmarshalJSON keeps nothing of its input.
func TestDecodingKeepsNothing(t *testing.T) {
	m := ContextMessage{Text: "before", FileNames: []string{"before"}, RawText: []byte(`"before"`)}
	if err := m.DecodeAliased([]byte(`{"org_id":"o"}`)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ContextMessage{OrgID: "o"}, m); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	value := plainSample()
	if err := json.Unmarshal(value, &m); err != nil {
		t.Fatal(err)
	}
	for i := range value {
		value[i] = 'x'
	}
	if diff := cmp.Diff(sampleMessage(), m); diff != "" {
		t.Errorf("after its input was overwritten:\n%s", diff)
	}
}

// RawText is copied, so that what Slack escaped stays escaped as it was.
func TestRawTextIsCopied(t *testing.T) {
	m := ContextMessage{Text: "ignored", RawText: []byte(`"\u00e9 \ud83c\udf89"`)}
	var got reflectedMessage
	value := m.AppendJSON(nil)
	if err := json.Unmarshal(value, &got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(value, m.RawText) || got.Text != "é \U0001f389" {
		t.Errorf("written as %s, read as %q", value, got.Text)
	}
}
