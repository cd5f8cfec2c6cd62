package schemas

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sampleMessage() ContextMessage {
	return ContextMessage{
		OrgID: "org-1", TeamID: "T024BE7LD", ChannelID: "C024BE91L", TS: "1790000000.000100", Version: 1790000000000100,
		UserID: "U024BE7LH", AuthorName: "Ada Okafor", AuthorEmail: "ada.okafor@northwind.example",
		Text: "the import did finish overnight, and the price quote is on its way to legal", AccountID: "acc-1", DealID: "deal-1",
		Source: "live", ReceivedAt: time.Date(2026, 9, 21, 12, 0, 0, 123456000, time.UTC),
	}
}

// What is read the plain way is read the same the general way.
func FuzzContextMessage(f *testing.F) {
	m := sampleMessage()
	f.Add(m.AppendJSON(nil))
	m.Text, m.FileNames = "a \"quote\" \u00e9\n", []string{"a.pdf"}
	f.Add(m.AppendJSON(nil))
	m.Former = &Wording{Text: "b", EditedTS: "1"}
	f.Add(m.AppendJSON(nil))
	m = ContextMessage{Deleted: true, IsExternal: true, ThreadTS: "1", Subtype: "s", BotID: "B", AuthorTeamID: "T", EditedTS: "2", Text: "\u00e9\x7f"}
	f.Add(m.AppendJSON(nil))
	for _, s := range []string{`{}`, `{"org_id":"a"`, `{"org_id":"\u0061"`, `{"version":01`, "{\"org_id\":\"\x1f\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var plain, general ContextMessage
		if !plain.readPlain(value) {
			return
		}
		// A space before the brace is all it takes to be sent the general way.
		if err := general.DecodeAliased(append([]byte{' '}, value...)); err != nil {
			t.Fatalf("the plain way reads what the general way refuses: %v", err)
		}
		if diff := cmp.Diff(general, plain); diff != "" {
			t.Errorf("general, plain:\n%s", diff)
		}
	})
}

func TestContextMessageIsReadThePlainWay(t *testing.T) {
	full := sampleMessage()
	full.Deleted, full.IsExternal, full.ThreadTS, full.Subtype, full.BotID = true, true, "1", "s", "B"
	full.AuthorTeamID, full.EditedTS, full.Text = "T", "2", "h\u00e9 \"said\"\n\\"
	for _, want := range []ContextMessage{sampleMessage(), full, {ReceivedAt: time.Unix(0, 0).UTC()}} {
		var got ContextMessage
		if !got.readPlain(want.AppendJSON(nil)) {
			t.Errorf("%s is not read the plain way", want.AppendJSON(nil))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("want, got:\n%s", diff)
		}
	}
}
