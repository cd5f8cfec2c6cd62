package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// window says which messages Slack had from 1000.000000 to 1000.000099, as of a version.
func window(t testing.TB, version uint64, thread schemas.TS, present ...schemas.TS) *kgo.Record {
	t.Helper()
	m := said("", version, "")
	m.Source, m.Window = "history", &schemas.SyncWindow{From: "1000.000000", To: "1000.000099", ThreadTS: thread, Present: present}
	return message(t, m)
}

// What a window does not list has been deleted, if it is of the stretch, of the channel or the thread, and older than the window.
func TestWindowsDeleteWhatSlackNoLongerHas(t *testing.T) {
	t.Parallel()
	c := database(t)
	in := func(ts schemas.TS, change func(*schemas.ContextMessage)) *kgo.Record {
		m := said(ts, 10, string(ts))
		if change != nil {
			change(&m)
		}
		return message(t, m)
	}
	thread := func(root schemas.TS, subtype string) func(*schemas.ContextMessage) {
		return func(m *schemas.ContextMessage) { m.ThreadTS, m.Subtype = root, subtype }
	}
	write := newSink(t, c)
	write(
		associate(t, 1, "acme", "T1", "C1", "a1", ""), associate(t, 2, "acme", "T1", "C2", "a1", ""),
		in("999.999999", nil), in("1000.000000", nil), in("1000.000001", nil), in("1000.000002", thread("1000.000002", "")),
		in("1000.000010", thread("1000.000002", "")), in("1000.000011", thread("1000.000002", "thread_broadcast")), in("1000.000012", thread("1000.000002", "")),
		in("1000.000099", nil), in("1000.000100", nil),
		in("1000.000003", func(m *schemas.ContextMessage) { m.Version = 200 }),
		in("1000.000004", func(m *schemas.ContextMessage) { m.ChannelID = "C2" }),
		in("1000.000005", func(m *schemas.ContextMessage) { m.OrgID = "globex" }),
	)
	live := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, rows(t, c, "SELECT text FROM messages FINAL WHERE channel_id = 'C1' AND org_id = 'acme'")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	all := window(t, 100, "", "1000.000000", "1000.000002", "1000.000011", "1000.000099")
	for range 2 {
		write(all)
		live("the channel", "('1000.000000')", "('1000.000002')", "('1000.000003')", "('1000.000010')", "('1000.000011')", "('1000.000012')", "('1000.000099')", "('1000.000100')", "('999.999999')")
	}
	write(window(t, 100, "1000.000002", "1000.000010", "1000.000011"))
	live("a thread", "('1000.000000')", "('1000.000002')", "('1000.000003')", "('1000.000010')", "('1000.000011')", "('1000.000099')", "('1000.000100')", "('999.999999')")
	write(window(t, 150, "")) // Slack has nothing any more
	live("nothing", "('1000.000003')", "('1000.000010')", "('1000.000100')", "('999.999999')")
	write(in("1000.000000", func(m *schemas.ContextMessage) { m.Version = 160 }), all, window(t, 150, ""))
	live("seen again, and the windows again", "('1000.000000')", "('1000.000003')", "('1000.000010')", "('1000.000100')", "('999.999999')")
	if got := rows(t, c, "SELECT text FROM messages FINAL WHERE org_id = 'globex' OR channel_id = 'C2'"); len(got) != 2 {
		t.Errorf("what is another channel's or organization's: %v", got)
	}
}

// A window that says which of its messages have replies deletes the replies to the others, also to such as are gone, wherever they stand. One that does not say deletes none.
func TestWindowsDeleteRepliesToWhatHasNone(t *testing.T) {
	t.Parallel()
	c := database(t)
	reply := func(ts, root schemas.TS, change func(*schemas.ContextMessage)) *kgo.Record {
		m := said(ts, 10, string(ts))
		m.ThreadTS = root
		if change != nil {
			change(&m)
		}
		return message(t, m)
	}
	looked := func(version uint64, threads ...schemas.TS) *kgo.Record {
		m := said("", version, "")
		m.Source, m.Window = "history", &schemas.SyncWindow{From: "1000.000000", To: "1000.000099", Present: []schemas.TS{"1000.000001", "1000.000002", "1000.000009"}, Threads: threads}
		return message(t, m)
	}
	write := newSink(t, c)
	write(
		associate(t, 1, "acme", "T1", "C1", "a1", ""), associate(t, 2, "acme", "T1", "C2", "a1", ""),
		reply("1000.000001", "", nil), reply("1000.000002", "1000.000002", nil),
		reply("2000.000001", "1000.000001", nil), reply("2000.000002", "1000.000002", nil), reply("2000.000003", "1000.000003", nil), // to one without, one with, and one that is gone
		reply("2000.000004", "999.999999", nil), reply("2000.000005", "1000.000100", nil), // outside
		reply("2000.000006", "1000.000001", func(m *schemas.ContextMessage) { m.Version = 200 }),
		reply("2000.000007", "1000.000001", func(m *schemas.ContextMessage) { m.ChannelID = "C2" }),
		reply("1000.000009", "1000.000001", func(m *schemas.ContextMessage) { m.Subtype = "thread_broadcast" }), // the page has it
	)
	all := []string{"('1000.000001')", "('1000.000002')", "('1000.000009')", "('2000.000001')", "('2000.000002')", "('2000.000003')", "('2000.000004')", "('2000.000005')", "('2000.000006')", "('2000.000007')"}
	live := func(what string, gone ...string) {
		t.Helper()
		want := slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(gone, s) })
		if diff := cmp.Diff(want, rows(t, c, "SELECT text FROM messages FINAL ORDER BY text")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	write(looked(100))
	live("nobody looked for threads")
	for range 2 {
		write(looked(100, "1000.000002"))
		live("one thread", "('2000.000001')", "('2000.000003')")
	}
	write(looked(150, []schemas.TS{}...), looked(150, "1000.000001"))
	live("another one", "('2000.000001')", "('2000.000003')", "('2000.000002')")
}

// What a batch's windows list is more than ClickHouse takes in one query by itself, be they many or one as large as a record of Kafka can be. A sink that was
// behind had met such a batch, and stood for ever.
func TestWindowsMayListMuch(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	ts := func(n int) schemas.TS { return schemas.TSOf(1_000_000_000 + uint64(n)) }
	listing := func(channel schemas.ChannelID, from, to int) *kgo.Record {
		m := said("", 100, "")
		m.ChannelID, m.Source = channel, "history"
		m.Window = &schemas.SyncWindow{From: ts(0), To: ts(to), Present: make([]schemas.TS, 0, to-from)}
		for n := from; n < to; n++ {
			m.Window.Present = append(m.Window.Present, ts(n))
		}
		return message(t, m)
	}
	var batch []*kgo.Record
	for n := range 40 {
		batch = append(batch, listing(schemas.ChannelID(fmt.Sprint("C", n)), 1, 999))
	}
	write(associate(t, 1, "acme", "T1", "C1", "a1", ""), message(t, said(ts(0), 10, "gone")), message(t, said(ts(7), 10, "stands")))
	write(batch...)
	if got := rows(t, c, "SELECT text FROM messages FINAL WHERE channel_id = 'C1'"); !slices.Equal(got, []string{"('stands')"}) {
		t.Errorf("many windows: %v", got)
	}
	write(listing("C1", 8, 45_000))
	if got := rows(t, c, "SELECT text FROM messages FINAL WHERE channel_id = 'C1'"); len(got) > 0 {
		t.Errorf("a large window: %v", got)
	}
}

// So may the tombstones of a batch be of very many workspaces.
func TestTombstonesOfManyWorkspaces(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	write(associate(t, 1, "acme", "T1", "C1", "a1", ""))
	batch := []*kgo.Record{{Topic: schemas.ChannelAssociations.Name, Key: []byte("T1/C1"), Offset: 2}}
	for n := range 20_000 {
		batch = append(batch, &kgo.Record{Topic: schemas.ChannelAssociations.Name, Key: []byte(fmt.Sprintf("T0WORKSPACE%d/C1", n)), Offset: int64(n) + 3})
	}
	write(batch...)
	if got := rows(t, c, "SELECT org_id FROM channel_associations WHERE team_id = 'T1'"); !slices.Equal(got, []string{"('acme')", "('acme')"}) {
		t.Errorf("the tombstone's organization: %v", got)
	}
}

// Windows and messages of one channel come in order, whatever the batches, and any range of them again.
func TestReplaysOfWindowsChangeNoAnswer(t *testing.T) {
	t.Parallel()
	var records []*kgo.Record
	ts := func(n int) schemas.TS { return schemas.TS(fmt.Sprintf("1000.%06d", n)) }
	for n := range 60 {
		records = append(records, message(t, said(ts(n), 10, fmt.Sprint("first ", n))))
	}
	for step, version := range []uint64{100, 200, 300} {
		var present []schemas.TS
		for n := range 60 {
			if n%(step+2) != 0 { // what an earlier window deleted a later one may have again
				present = append(present, ts(n))
				records = append(records, message(t, said(ts(n), version, fmt.Sprint("polled ", step, " ", n))))
			}
		}
		records = append(records, window(t, version, "", present...))
	}
	straight, other := database(t), database(t)
	write := newSink(t, straight)
	for _, rec := range records {
		write(rec)
	}
	const query = "SELECT ts, text FROM messages FINAL"
	want := rows(t, straight, query)
	if len(want) != 45 {
		t.Fatalf("%d rows, want 45", len(want))
	}
	write = newSink(t, other)
	random := rand.New(rand.NewPCG(3, 4))
	for batch := range slices.Chunk(records, 17) {
		write(batch...)
	}
	for range 12 {
		from := random.IntN(len(records))
		for batch := range slices.Chunk(records[from:from+random.IntN(len(records)-from)+1], 1+random.IntN(40)) {
			write(batch...)
		}
		if diff := cmp.Diff(want, rows(t, other, query)); diff != "" {
			t.Fatalf("(-straight +replayed):\n%s", diff)
		}
	}
}

// Of a batch's windows those are applied that no later one holds.
func TestTheWidestWindowIsEnough(t *testing.T) {
	of := func(version uint64, channel schemas.ChannelID, thread, from, to schemas.TS) schemas.ContextMessage {
		return schemas.ContextMessage{OrgID: "acme", TeamID: "T1", ChannelID: channel, Version: version, Window: &schemas.SyncWindow{From: from, To: to, ThreadTS: thread}}
	}
	later := of(20, "C1", "", "1.000000", "20.000000")
	all := []schemas.ContextMessage{
		of(10, "C1", "", "1.000000", "10.000000"), // later holds it
		of(11, "C1", "", "0.999999", "10.000000"), // reaches further back
		of(12, "C1", "", "2.000000", "20.000001"), // and further on
		of(13, "C2", "", "1.000000", "10.000000"),
		of(14, "C1", "1.000000", "1.000000", "10.000000"),
		later,
		of(19, "C1", "", "2.000000", "3.000000"), // is as of an earlier time, though it comes after it
	}
	var got []uint64
	for _, w := range widest(all) {
		got = append(got, w.Version)
	}
	if diff := cmp.Diff([]uint64{11, 12, 13, 14, 20, 19}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
