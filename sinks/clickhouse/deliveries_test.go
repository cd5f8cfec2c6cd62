package clickhouse

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// What only polling found since the sync began is counted, however often and in what order records come, and whatever ClickHouse has merged. An event
// that comes late takes its message out of the count.
func TestWhatOnlyPollingFoundIsCounted(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	began := func(org schemas.OrgID, team schemas.TeamID) *kgo.Record {
		return record(t, schemas.SyncCheckpoints.Spec, schemas.TeamChannelKey(team, "C1"), schemas.SyncCheckpoint{OrgID: org, TeamID: team, ChannelID: "C1", StartedAt: time.Unix(1700000100, 0)})
	}
	of := func(ts schemas.TS, version uint64, source string, change func(*schemas.ContextMessage)) *kgo.Record {
		m := said(ts, version, string(ts))
		m.Source = source
		if change != nil {
			change(&m)
		}
		return message(t, m)
	}
	gone := func(m *schemas.ContextMessage) { m.Deleted = true }
	late := of("1700000160.000000", 5, "live", nil)
	all := []*kgo.Record{
		began("acme", "T1"), began("globex", "T2"),
		of("1700000099.999999", 9, "history", nil), // of the past
		of("1700000110.000000", 1, "live", nil), of("1700000110.000000", 9, "history", nil),
		of("1700000120.000000", 9, "history", nil), of("1700000130.000000", 9, "history", nil), // one gap
		of("1700000140.000000", 1, "live", nil),
		of("1700000150.000000", 1, "live", gone), // of a message that nobody has seen
		of("1700000160.000000", 9, "history", nil), of("1700000170.000000", 9, "history", nil),
		of("1700000170.000000", 10, "history", gone), // was there
		of("1700000120.000000", 9, "history", func(m *schemas.ContextMessage) { m.OrgID, m.TeamID = "globex", "T2" }),
	}
	check := func(when string, acme string) {
		t.Helper()
		want := []string{acme, "('globex','T2',0,1,1,'2023-11-14 22:15:20.000000')"}
		if diff := cmp.Diff(want, rows(t, c, "SELECT org_id, team_id, live, found, gaps, toString(found_last) FROM sync_deliveries")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	write(all...)
	check("at first", "('acme','T1',2,4,2,'2023-11-14 22:16:10.000000')")
	slices.Reverse(all)
	for _, rec := range all {
		write(rec)
	}
	check("again, backwards and one by one", "('acme','T1',2,4,2,'2023-11-14 22:16:10.000000')")
	exec(t, c, "OPTIMIZE TABLE messages FINAL")
	exec(t, c, "OPTIMIZE TABLE message_origins FINAL")
	check("merged", "('acme','T1',2,4,2,'2023-11-14 22:16:10.000000')")
	write(late)
	check("an event came late", "('acme','T1',3,3,2,'2023-11-14 22:16:10.000000')")
}
