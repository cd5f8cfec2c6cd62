package clickhouse

import (
	"strings"
	"testing"
	"time"

	"github.com/bigmind/backchannel/schemas"
)

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
