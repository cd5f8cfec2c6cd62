package clickhouse

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// reads is a record of what a message said from a time on, in seconds after it was said.
func reads(t *testing.T, text string, after int, change func(*schemas.ContextMessage)) *kgo.Record {
	t.Helper()
	at := time.Unix(1_790_000_000, 0)
	m := schemas.ContextMessage{
		OrgID: "acme", TeamID: "T1", ChannelID: "C1", TS: schemas.TSOf(uint64(at.UnixMicro())), UserID: "U1", Text: text,
		Version: uint64(at.Add(time.Duration(after) * time.Second).UnixMicro()), Source: "live", ReceivedAt: at.Add(time.Duration(after) * time.Second),
	}
	if after > 0 {
		m.EditedTS = schemas.TSOf(m.Version)
	}
	if change != nil {
		change(&m)
	}
	return message(t, m)
}

func former(text string, edited int) func(*schemas.ContextMessage) {
	return func(m *schemas.ContextMessage) {
		m.Former = &schemas.Wording{Text: text}
		if edited > 0 {
			m.Former.EditedTS = schemas.TSOf(uint64(time.Unix(1_790_000_000+int64(edited), 0).UnixMicro()))
		}
	}
}

func polled(m *schemas.ContextMessage) { m.Source = "history" }

func unmarked(m *schemas.ContextMessage) { m.EditedTS = "" }

func both(a, b func(*schemas.ContextMessage)) func(*schemas.ContextMessage) {
	return func(m *schemas.ContextMessage) { a(m); b(m) }
}

// No wording is lost, however edits are learned of and whatever was merged before; and what was never edited is not stored twice.
func TestWordings(t *testing.T) {
	t.Parallel()
	second := func(m *schemas.ContextMessage) { m.EditedTS = "1790000009.000000" }
	later := func(n int) func(*schemas.ContextMessage) {
		return func(m *schemas.ContextMessage) { m.Version += uint64(n * 100_000) }
	}
	odd := func(m *schemas.ContextMessage) { m.ChannelID = `C?'\%d` }
	late := func(m *schemas.ContextMessage) { m.ReceivedAt = m.ReceivedAt.Add(10 * time.Minute) }
	for name, tt := range map[string]struct {
		batches [][]*kgo.Record
		want    []string
		kept    string // rows of message_texts
	}{
		"never edited":               {[][]*kgo.Record{{reads(t, "a", 0, nil)}, {reads(t, "a", 0, polled)}}, []string{"(1,'a',1)"}, "(0)"},
		"by an event":                {[][]*kgo.Record{{reads(t, "a", 0, nil)}, {reads(t, "b", 9, former("a", 0))}}, []string{"(1,'a',0)", "(2,'b',1)"}, "(2)"},
		"of what was never seen":     {[][]*kgo.Record{{reads(t, "b", 9, former("a", 0))}}, []string{"(1,'a',0)", "(2,'b',1)"}, "(2)"},
		"that Slack does not say":    {[][]*kgo.Record{{reads(t, "a", 0, nil)}, {reads(t, "b", 9, nil)}}, []string{"(1,'a',0)", "(2,'b',1)"}, "(2)"},
		"in a channel of any name":   {[][]*kgo.Record{{reads(t, "a", 0, odd)}, {reads(t, "b", 9, both(polled, odd))}}, []string{}, "(2)"},
		"found by polling":           {[][]*kgo.Record{{reads(t, "a", 0, nil)}, {reads(t, "b", 9, polled)}, {reads(t, "b", 9, polled)}}, []string{"(1,'a',0)", "(2,'b',1)"}, "(2)"},
		"both found by polling":      {[][]*kgo.Record{{reads(t, "a", 0, polled)}, {reads(t, "b", 9, polled)}, {reads(t, "c", 20, polled)}}, []string{"(1,'a',0)", "(2,'b',0)", "(3,'c',1)"}, "(3)"},
		"in one batch":               {[][]*kgo.Record{{reads(t, "a", 0, nil), reads(t, "b", 9, polled)}}, []string{"(1,'a',0)", "(2,'b',1)"}, "(2)"},
		"that comes before it":       {[][]*kgo.Record{{reads(t, "b", 9, polled)}, {reads(t, "a", 0, late)}}, []string{"(1,'a',0)", "(2,'b',1)"}, "(2)"},
		"whose first event was lost": {[][]*kgo.Record{{reads(t, "a", 0, nil)}, {reads(t, "c", 20, former("b", 9))}}, []string{"(1,'a',0)", "(2,'b',0)", "(3,'c',1)"}, "(3)"},
		"thrice in a second": {
			[][]*kgo.Record{
				{reads(t, "a", 0, nil)}, {reads(t, "b", 9, both(second, former("a", 0)))}, {reads(t, "c", 9, both(second, both(later(1), former("b", 9))))},
				{reads(t, "d", 9, both(second, both(polled, later(-1))))}, {reads(t, "d", 9, both(second, both(later(2), former("c", 9))))},
			},
			[]string{"(1,'a',0)", "(2,'b',0)", "(3,'c',0)", "(4,'d',1)"}, "(4)",
		},
		"of a bot, without a mark": {
			[][]*kgo.Record{{reads(t, "a", 0, nil)}, {reads(t, "b", 9, both(unmarked, former("a", 0)))}, {reads(t, "c", 20, both(unmarked, former("b", 0)))}},
			[]string{"(1,'a',0)", "(2,'b',0)", "(3,'c',1)"}, "(3)",
		},
		"of a bot, said by nobody": {[][]*kgo.Record{{reads(t, "a", 0, nil)}, {reads(t, "b", 9, unmarked)}}, []string{"(1,'a',0)", "(2,'b',1)"}, "(2)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := database(t)
			write := newSink(t, c)
			write(associate(t, 1, "acme", "T1", "C1", "a1", ""))
			for _, when := range []string{"at first", "replayed"} {
				for _, batch := range tt.batches {
					write(batch...)
					exec(t, c, "OPTIMIZE TABLE messages FINAL")
				}
				exec(t, c, "OPTIMIZE TABLE message_texts FINAL")
				if diff := cmp.Diff(tt.want, rows(t, c, "SELECT number, text, is_current FROM message_versions ORDER BY number")); diff != "" {
					t.Errorf("%s: versions (-want +got):\n%s", when, diff)
				}
				if got := rows(t, c, "SELECT count() FROM message_texts"); got[0] != tt.kept {
					t.Errorf("%s: message_texts has %s rows, want %s", when, got[0], tt.kept)
				}
				if got := rows(t, c, "SELECT text FROM conversations"); len(tt.want) > 0 && (len(got) != 1 || got[0] != "("+tt.want[len(tt.want)-1][3:6]+")") {
					t.Errorf("%s: the message says %s", when, got)
				}
			}
		})
	}
}
