package clickhouse

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/schemas"
)

// What came as an event says how fresh rows are, by Slack's clock; what polling found does not.
func TestOnlyLiveMessagesTellHowFreshRowsAre(t *testing.T) {
	table := messages()
	found := said("1727384523.000200", 1727384600000000, "found")
	found.Source = "history"
	edited := said("1727384523.000200", 1727384530500000, "edited")
	for _, m := range []schemas.ContextMessage{found, edited} {
		if err := table.add(message(t, m)); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.add(window(t, 1727384700000000, "", "1000.000001")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Time{time.UnixMicro(1727384530500000)}, table.live); diff != "" {
		t.Errorf("live (-want +got):\n%s", diff)
	}
}
