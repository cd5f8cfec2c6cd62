package payloads

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// decided is how each event of the simulator's ends, by what caused it.
var decided = map[string][]string{
	"message":   {"row"},
	"reply":     {"row", "ignored: not_conversation"}, // message_replied, without its subtype
	"broadcast": {"row", "ignored: not_conversation"},
	"mention":   {"row", "ignored: not_a_message"}, // app_mention: the same post as an event of another type

	"bot_message": {"row"}, "modern bot": {"row"}, "workflow": {"row"}, "file_share": {"row"}, "files": {"row"}, "me_message": {"row"},
	"unheard of": {"row"}, "a stranger says": {"row"},

	"huddle": {"ignored: service_message"}, "assistant": {"ignored: service_message"}, "channel_join": {"ignored: service_message"},
	"pinned_item": {"ignored: service_message"},

	"edit": {"row"}, "edit, previous_message an array": {"row"}, "edit without mark": {"row"}, "unfurl": {"ignored: not_an_edit"},
	"language": {"ignored: not_an_edit"}, "delete": {"row"}, "delete of a root": {"row"}, "delete of the last reply": {"row", "row"},

	"team_join": {"control record"}, "user_change": {"control record"}, "we join": {"control record", "ignored: service_message"},
	"we leave": {"control record"}, "rename": {"control record", "ignored: service_message"}, "share": {"control record"}, "unshare": {"control record"},
	"a stranger joins": {"ignored: not_ours", "ignored: service_message"}, "archive": {"control record", "ignored: service_message"},
	"unarchive": {"control record", "ignored: service_message"}, "another id": {"control record"}, "delete a channel": {"control record"},
	"uninstall": {"control record", "ignored: already_ended"}, // app_uninstalled, tokens_revoked
}

// Each event that the simulator sends ends as decided, by itself: lifecycle remembers what it stated a moment ago.
func TestSimulatedPayloads(t *testing.T) {
	got := map[string][]string{}
	for what, bodies := range simulated(t) {
		p := newPath(t)
		for _, body := range bodies {
			got[what] = append(got[what], p.send("application/json", body))
		}
	}
	if diff := cmp.Diff(decided, got); diff != "" {
		t.Errorf("decided, ended:\n%s", diff)
	}
}

// Each payload that others recorded ends as something, and none as a dead letter. Those that are no event are the inner event of one.
func TestRecordedPayloads(t *testing.T) {
	p, ends := newPath(t), map[string]int{}
	for name, body := range recorded(t) {
		end := p.send("application/json", body)
		ends[end]++
		if strings.HasPrefix(end, "dead letter") {
			t.Errorf("%s: %s", name, end)
		}
	}
	if ends["row"] == 0 || ends["control record"] == 0 {
		t.Errorf("no row or no control record came of them: %v", ends)
	}
	t.Log(ends)
}

// send posts a body and says how it ends.
func (p *path) send(contentType string, body []byte) string {
	p.t.Helper()
	status, record := p.post(contentType, body)
	if status != http.StatusOK || record == nil {
		return "refused with " + http.StatusText(status)
	}
	return p.follow([]*kgo.Record{record})[0].String()
}
