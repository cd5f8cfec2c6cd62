package clickhouse

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// captured is a column of a block that keeps what it is given.
type captured struct{ value any }

func (c *captured) Append(v any) error  { c.value = v; return nil }
func (c *captured) AppendRow(any) error { return nil }

// contents is a table's columns by name, each as a slice of values.
func contents(t testing.TB, table *table) map[string][]any {
	t.Helper()
	all := map[string][]any{}
	for _, c := range table.columns {
		var got captured
		if err := c.append(&got); err != nil {
			t.Fatal(err)
		}
		v := reflect.ValueOf(got.value)
		list := make([]any, v.Len())
		for i := range list {
			list[i] = v.Index(i).Interface()
		}
		all[c.name] = list
	}
	return all
}

func record(t testing.TB, topic schemas.Spec, key schemas.Key, value any) *kgo.Record {
	t.Helper()
	r := &kgo.Record{Topic: topic.Name, Key: []byte(key), Offset: 7, Timestamp: time.Unix(1700000000, 0).UTC()}
	if value != nil {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		r.Value = raw
	}
	return r
}

func message(t testing.TB, m schemas.ContextMessage) *kgo.Record {
	t.Helper()
	return record(t, schemas.ContextMessages.Spec, schemas.TeamChannelKey(m.TeamID, m.ChannelID), m)
}

// said is version v of a message in a channel of Acme.
func said(ts schemas.TS, v uint64, text string) schemas.ContextMessage {
	return schemas.ContextMessage{
		OrgID: "acme", TeamID: "T1", ChannelID: "C1", TS: ts, Version: v, UserID: "U1", Text: text, AccountID: "a1", Source: "live",
		ReceivedAt: time.Unix(1700000000, 0).UTC(),
	}
}

func TestMessageColumns(t *testing.T) {
	table := messages().table
	full := schemas.ContextMessage{
		OrgID: "acme", TeamID: "T1", ChannelID: "C1", TS: "1727384523.000200", Version: 1727384523000200, ThreadTS: "1727384500.000000",
		Subtype: "thread_broadcast", UserID: "U1", AuthorName: "Zoë \"Z\" \\ O'Neil", AuthorEmail: "zoe@x.example", AuthorTeamID: "T9", IsExternal: true,
		Text: "a \"quoted\" \u2028 \n line \u0000 <&>", FileNames: []string{"a \"1\".pdf", ""}, EditedTS: "1727384530.000000", AccountID: "a1", DealID: "d1", Source: "live",
		ReceivedAt: time.Date(2024, 9, 26, 21, 2, 3, 4e6, time.UTC),
	}
	bare := schemas.ContextMessage{OrgID: "acme", TeamID: "T1", ChannelID: "C1", TS: "1", Version: 1, Deleted: true}
	for _, m := range []schemas.ContextMessage{full, bare} {
		if err := table.add(message(t, m)); err != nil {
			t.Fatal(err)
		}
	}
	got := contents(t, table)
	for name, want := range map[string][]any{
		"ts":             {"1727384523.000200", "1"},
		"ts_time":        {time.Date(2024, 9, 26, 21, 2, 3, 200000, time.UTC), time.Unix(1, 0).UTC()},
		"version":        {uint64(1727384523000200), uint64(1)},
		"is_deleted":     {uint8(0), uint8(1)},
		"is_external":    {uint8(1), uint8(0)},
		"author_team_id": {"T9", nil}, // nil is the default of a LowCardinality column: the empty string
		"author_name":    {full.AuthorName, ""},
		"text":           {full.Text, ""},
		"file_names":     {full.FileNames, []string(nil)},
		"received_at":    {full.ReceivedAt, time.Unix(0, 0).UTC()}, // the zero time is before ClickHouse's time begins
		"org_id":         {"acme", "acme"},
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	table.reset()
	for name, list := range contents(t, table) {
		if len(list) > 0 {
			t.Errorf("%s still has %d values", name, len(list))
		}
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	spoil := func(change func(*schemas.ContextMessage)) *kgo.Record {
		m := said("1727384523.000200", 1, "hunter2")
		change(&m)
		return message(t, m)
	}
	for name, rec := range map[string]*kgo.Record{
		"no ts":        spoil(func(m *schemas.ContextMessage) { m.TS = "" }),
		"ts of words":  spoil(func(m *schemas.ContextMessage) { m.TS = "hunter2" }),
		"negative ts":  spoil(func(m *schemas.ContextMessage) { m.TS = "-1.000000" }),
		"ts of 2262":   spoil(func(m *schemas.ContextMessage) { m.TS = "9223372036.000000" }),
		"7 digits":     spoil(func(m *schemas.ContextMessage) { m.TS = "1.0000001" }),
		"exponent":     spoil(func(m *schemas.ContextMessage) { m.TS = "1e9" }),
		"no version":   spoil(func(m *schemas.ContextMessage) { m.Version = 0 }),
		"no org":       spoil(func(m *schemas.ContextMessage) { m.OrgID = "" }),
		"no team":      spoil(func(m *schemas.ContextMessage) { m.TeamID = "" }),
		"no channel":   spoil(func(m *schemas.ContextMessage) { m.ChannelID = "" }),
		"empty":        {Topic: schemas.ContextMessages.Name, Value: []byte{}},
		"a tombstone":  {Topic: schemas.ContextMessages.Name},
		"cut off":      {Value: []byte(`{"org_id":"acme","text":"hunter2`)},
		"wrong type":   {Value: []byte(`{"org_id":["hunter2"]}`)},
		"no time":      {Value: []byte(`{"org_id":"acme","received_at":"hunter2"}`)},
		"huge version": {Value: []byte(`{"version":99999999999999999999}`)},
	} {
		table := messages().table
		err := table.add(rec)
		if err == nil {
			t.Errorf("%s: it was taken", name)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error quotes content: %v", name, err)
		}
	}
}

// A row takes its place from the key; a value that says another place would stand under another tenant's.
func TestControlRecordsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		table *table
		rec   *kgo.Record
	}{
		"association": {associations(), record(t, schemas.ChannelAssociations.Spec, "T1/C1", schemas.ChannelAssociation{OrgID: "acme", TeamID: "T2", ChannelID: "C1", AccountID: "a"})},
		"account":     {accounts(), record(t, schemas.CRMAccounts.Spec, "acme/a", schemas.Account{OrgID: "globex", AccountID: "a"})},
		"deal":        {deals(), record(t, schemas.CRMDeals.Spec, "acme/d", schemas.Deal{OrgID: "acme", DealID: "e"})},
		"person":      {directoryUsers(), record(t, schemas.DirectoryUsers.Spec, "acme/u", schemas.DirectoryUser{OrgID: "globex", UserID: "u"})},
		"slack user":  {slackUsers(), record(t, schemas.SlackUsers.Spec, "T1/U1", schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U2"})},
		"channel":     {slackChannels(), record(t, schemas.SlackChannels.Spec, "T1/C1", schemas.SlackChannel{OrgID: "acme", TeamID: "T1", ChannelID: "C2"})},
		"half a key":  {slackChannels(), record(t, schemas.SlackChannels.Spec, "T1", nil)},
		"outcome":     {outcomes(), record(t, schemas.NotificationOutcomes.Spec, "acme/r", nil)},
	} {
		if err := tt.table.add(tt.rec); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestStorable(t *testing.T) {
	for _, tt := range []struct{ in, want time.Time }{
		{time.Time{}, time.Unix(0, 0).UTC()},
		{time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0).UTC()},
		{time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if got := storable(tt.in); !got.Equal(tt.want) {
			t.Errorf("storable(%v) = %v", tt.in, got)
		}
	}
}

// FuzzAdd: a record is in all columns of its table, or in none.
func FuzzAdd(f *testing.F) {
	whole, err := json.Marshal(said("1727384523.000200", 1, "x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint8(0), []byte("T1/C1"), whole)
	f.Add(uint8(1), []byte("T1/C1"), []byte(`{"org_id":"acme","team_id":"T1","channel_id":"C1","account_id":"a"}`))
	f.Add(uint8(2), []byte("acme/a"), []byte(`{"org_id":"acme","account_id":"a","domains":["x",""]}`))
	f.Add(uint8(7), []byte("acme/r"), []byte(`{"org_id":"acme","request_id":"r","status":"delivered","at":"2024-01-01T00:00:00Z"}`))
	f.Add(uint8(5), []byte("T1/U1"), []byte(nil))
	f.Fuzz(func(t *testing.T, n uint8, key, value []byte) {
		all := []*table{messages().table, associations(), accounts(), deals(), directoryUsers(), slackUsers(), slackChannels(), outcomes(), notificationLog(), coverage()}
		table := all[int(n)%len(all)]
		want := 0
		if err := table.add(&kgo.Record{Key: key, Value: value, Offset: 1}); err == nil {
			want = 1 + table.rows // a window is no row
		}
		for name, list := range contents(t, table) {
			if len(list) != want {
				t.Fatalf("%s.%s has %d values, want %d", table.name, name, len(list), want)
			}
		}
	})
}

// The last record of a key is the truth, also of a topic that was made anew, whose offsets begin again.
func TestOrder(t *testing.T) {
	at := time.Unix(1700000000, 0)
	ordered := []*kgo.Record{
		{Timestamp: time.Unix(-1, 0), Offset: 1}, // no broker's clock; still a version
		{Timestamp: at, Offset: 7},
		{Timestamp: at, Offset: 8},
		{Timestamp: at, Offset: 4_000_000},
		{Timestamp: at.Add(time.Millisecond), Offset: 0}, // made anew
		{Timestamp: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), Offset: 1},
	}
	for i := 1; i < len(ordered); i++ {
		if a, b := order(ordered[i-1]), order(ordered[i]); a >= b {
			t.Errorf("record %d has version %d, the one before it %d", i, b, a)
		}
	}
}
