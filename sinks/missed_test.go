package sinks_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/bigmind/backchannel/sinks/sinkstest"
)

// What retention deletes while nobody holds it is counted, and what has come since is delivered.
func TestWhatRetentionDeletedIsCounted(t *testing.T) {
	t.Parallel()
	k := sinkstest.NewKafka(t, 1, topic)
	s, hold := holding()
	k.Produce(t, record(0, "fast0"), record(0, "slow0"), record(0, "fast1"))
	run := sinkstest.Start(t, k, s.define())
	sinkstest.Eventually(t, "the others to be written", func() bool { return len(s.written()) == 2 })
	sinkstest.Eventually(t, "the first to be committed", func() bool { return k.Committed(t, group, topic.Name, 0) == 1 })
	run.Stop(t)
	hold.Store(false)
	if _, err := k.Admin.DeleteRecords(t.Context(), kadm.OffsetsList{{Topic: topic.Name, At: 3}}.Offsets()); err != nil {
		t.Fatal(err)
	}
	k.Produce(t, record(0, "fast2"))
	run = sinkstest.Start(t, k, s.define())
	k.WaitCommitted(t, group, topic.Name)
	if n := s.written(); n["slow0"] != 0 || n["fast2"] != 1 {
		t.Errorf("written: %v", n)
	}
	want := `# HELP backchannel_sinks_lost_records_total Records that waited, or whose sink was away, for longer than their topic keeps them. At most: of what is gone some may have been written.
# TYPE backchannel_sinks_lost_records_total counter
backchannel_sinks_lost_records_total{sink="store"} 2
`
	if err := testutil.GatherAndCompare(run.Metrics, strings.NewReader(want), "backchannel_sinks_lost_records_total"); err != nil {
		t.Error(err)
	}
	run.Stop(t)
	run = sinkstest.Start(t, k, s.define())
	k.Produce(t, record(0, "fast3"))
	k.WaitCommitted(t, group, topic.Name)
	if err := testutil.GatherAndCompare(run.Metrics, strings.NewReader(strings.Replace(want, "} 2", "} 0", 1)), "backchannel_sinks_lost_records_total"); err != nil {
		t.Errorf("nothing was deleted: %v", err)
	}
}
