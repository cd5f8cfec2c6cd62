package clickhouse

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks"
)

// How fresh rows are is by Slack's clock; what came late, and what polling found, is told apart.
func TestHowMessagesArrived(t *testing.T) {
	table := messages()
	found := said("1727384523.000200", 1727384600000000, "found")
	found.Source = "history"
	edited := said("1727384523.000200", 1727384530500000, "edited")
	edited.ReceivedAt = time.UnixMicro(1727384530500000 + 59_999_999)
	late := said("1727384523.000200", 1727384540000000, "edited again")
	late.ReceivedAt = time.UnixMicro(1727384540000000).Add(time.Minute)
	for _, m := range []schemas.ContextMessage{found, edited, late} {
		if err := table.add(message(t, m)); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.add(window(t, 1727384700000000, "", "1000.000001")); err != nil {
		t.Fatal(err)
	}
	want := []sinks.Happening{{At: time.UnixMicro(1727384523000200), How: sinks.Polled}, {At: time.UnixMicro(1727384530500000), How: sinks.Live}, {At: time.UnixMicro(1727384540000000), How: sinks.Late}}
	if diff := cmp.Diff(want, table.happened); diff != "" {
		t.Errorf("arrived (-want +got):\n%s", diff)
	}
}
