package enrich

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/bigmind/backchannel/schemas"
)

// Slack gives the time of an edit in whole seconds (edited.ts ends in .000000), so that an edit within the second of its
// message looks older than the message. When the edit's event was lost, the poll has to win nevertheless.
func TestAnEditWithinTheSecondOfItsMessageWins(t *testing.T) {
	r := newWorld(t)
	live, _ := one(t, Definition(r.Client), event("T1", `"channel":"C1","ts":"1790000000.700100","event_ts":"1790000000.700100","user":"U1","text":"helo"`))
	edit, _ := one(t, Definition(r.Client), polled(`"ts":"1790000000.700100","user":"U1","text":"hello","edited":{"user":"U1","ts":"1790000000.000000"}`))
	if edit.Version <= live.Version {
		t.Errorf("the edited message has version %d, the first one %d", edit.Version, live.Version)
	}
}

// Any event may be lost, beyond Slack's retries. A poll of what the message now says is then enough, whatever came before
// and comes again after, as long as edits are a second apart, which is as fine as Slack's history tells.
func TestAPollFindsWhatWasLost(t *testing.T) {
	r := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		ts := fmt.Sprintf("1790000000.%06d", rapid.IntRange(0, 999999).Draw(rt, "ts"))
		text, edited := "v0", ""
		live := []*kgo.Record{event("T1", fmt.Sprintf(`"channel":"C1","ts":%q,"event_ts":%[1]q,"user":"U1","text":"v0"`, ts))}
		second := 1790000000 + rapid.IntRange(0, 1).Draw(rt, "first edit after")
		for i := range rapid.IntRange(0, 3).Draw(rt, "edits") {
			former := text
			text, edited = fmt.Sprint("v", i+1), fmt.Sprintf(`,"edited":{"user":"U1","ts":"%d.000000"}`, second)
			at := fmt.Sprintf("%d.%06d", second, 999999) // after the message, also within its second
			live = append(live, event("T1", fmt.Sprintf(`"subtype":"message_changed","channel":"C1","ts":%[1]q,"event_ts":%[1]q,"message":{"user":"U1","ts":%[2]q,"text":%[3]q%[4]s},"previous_message":{"user":"U1","ts":%[2]q,"text":%[5]q}`, at, ts, text, edited, former)))
			second++
		}
		poll := polled(fmt.Sprintf(`"ts":%q,"user":"U1","text":%q%s`, ts, text, edited))
		var arrived []*kgo.Record
		lost := live[len(live)-1] // at least the last change, and any others
		for _, change := range live {
			if change != lost && rapid.Bool().Draw(rt, "arrived") {
				arrived = append(arrived, change)
			}
		}
		arrived = rapid.Permutation(append(arrived, poll, poll)).Draw(rt, "order")
		result, err := Definition(r.Client).Processor.Process(context.Background(), arrived)
		if err != nil {
			rt.Fatal(err)
		}
		var now schemas.ContextMessage
		for _, out := range result.Emitted() {
			m, err := schemas.ContextMessages.Decode(out.Value)
			if err != nil {
				rt.Fatal(err)
			}
			if m.Version > now.Version {
				now = m
			}
		}
		if now.Text != text {
			rt.Fatalf("the row says %q, the message %q", now.Text, text)
		}
	})
}

// A polled tombstone without the time of the poll is as old as the message: not as old as a negative time makes an
// unsigned number, which nothing could ever follow.
func TestAPolledTombstoneWithoutATime(t *testing.T) {
	r := newWorld(t)
	for name, polledAt := range map[string]string{"absent": ``, "year 1": `"polled_at":"0001-01-01T00:00:00Z",`, "before 1970": `"polled_at":"1969-12-31T23:59:59Z",`} {
		rec := &kgo.Record{Topic: schemas.SlackHistory.Name, Key: []byte("T1/C1"), Value: []byte(
			`{"team_id":"T1","channel_id":"C1",` + polledAt + `"message":{"type":"message","subtype":"tombstone","user":"USLACKBOT","ts":"1790000000.000100","text":"This message was deleted."}}`)}
		m, fate := one(t, Definition(r.Client), rec)
		if m == nil || !m.Deleted || m.Version != 1790000000000100 {
			t.Errorf("%s: %+v, %+v", name, m, fate)
		}
	}
}

// What is written can be read, whatever bytes stood in Slack's text.
func TestTextThatIsNotUTF8CanBeRead(t *testing.T) {
	r := newWorld(t)
	for _, bad := range []string{"\xff", "cut \xf0\x9f\x98", `half \ud83d`} {
		m, fate := one(t, Definition(r.Client), event("T1", asC1+`"user":"U1","text":"`+bad+`"`))
		if m == nil {
			t.Errorf("%q: %+v", bad, fate)
		} else if !strings.HasPrefix(m.Text, strings.TrimRight(bad, "\xff\xf0\x9f\x98\\ud83")) { //nolint:staticcheck // bytes that are no UTF-8 are the point
			t.Errorf("%q became %q", bad, m.Text)
		}
	}
}
