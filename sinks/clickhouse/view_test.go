package clickhouse

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// An account that is gone keeps its channels, which say so, and name it by its id; so it does for a deal.
func TestAnAccountThatIsGoneSaysSo(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	account := record(t, schemas.CRMAccounts.Spec, "acme/a1", schemas.Account{OrgID: "acme", AccountID: "a1", Name: "Acme Corp"})
	deal := record(t, schemas.CRMDeals.Spec, "acme/d1", schemas.Deal{OrgID: "acme", DealID: "d1", AccountID: "a1", Name: "Renewal"})
	write(associate(t, 1, "acme", "T1", "C1", "a1", "d1"), associate(t, 2, "acme", "T1", "C2", "a1", ""), account, deal)
	for _, channel := range []schemas.ChannelID{"C1", "C2"} {
		m := said("1727384523.000200", 1, "hello")
		m.ChannelID = channel
		write(message(t, m))
	}
	check := func(want ...string) {
		t.Helper()
		if got := rows(t, c, "SELECT channel_id, account_id, account_name, account_gone, deal_name FROM conversations ORDER BY channel_id"); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	check("('C1','a1','Acme Corp',0,'Renewal')", "('C2','a1','Acme Corp',0,'')")
	for _, rec := range []*kgo.Record{account, deal} {
		gone := *rec
		gone.Value, gone.Offset = nil, rec.Offset+1
		write(&gone)
	}
	check("('C1','a1','a1',1,'d1')", "('C2','a1','a1',1,'')")
	account.Offset += 2
	write(account)
	check("('C1','a1','Acme Corp',0,'d1')", "('C2','a1','Acme Corp',0,'')")
}

// A time filter on the view skips the months before it, although FINAL compares versions.
func TestATimeFilterSkipsMonths(t *testing.T) {
	t.Parallel()
	c := database(t)
	write := newSink(t, c)
	for _, ts := range []schemas.TS{"1780000000.000100", "1783000000.000100", "1790000000.000100"} {
		micros, err := ts.Micros()
		if err != nil {
			t.Fatal(err)
		}
		write(record(t, schemas.ContextMessages.Spec, schemas.TeamChannelKey("T1", "C1"), schemas.ContextMessage{
			OrgID: "acme", TeamID: "T1", ChannelID: "C1", TS: ts, Version: micros, UserID: "U1", Text: "said", Source: "live", ReceivedAt: time.Unix(1790000000, 0),
		}))
	}
	plan := strings.Join(rows(t, c, "EXPLAIN indexes = 1 SELECT count() FROM conversations WHERE ts_time > toDateTime64('2026-09-01 00:00:00', 6, 'UTC')"), "\n")
	if !strings.Contains(plan, "Parts: 1/3") {
		t.Errorf("the plan does not read one month of three:\n%s", plan)
	}
}
