package slack

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/schemas"
)

// A ledger entry that could not be read, behind one that is absent, must not pass for absent: what was posted before would
// be posted again. On a cluster each entry may be on another node.
func TestALedgerEntryThatCannotBeReadStopsTheBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slacksim.Settings{IgnoreClientMsgID: true})
	w.workspace("T1", "acme", 2)
	s, _ := w.replica()
	first, second := delivery("T1", user(1), 1), delivery("T1", user(2), 2)
	// A hash where a string belongs stands for whatever fails one command of several.
	w.mini.HSet(schemas.LedgerKey(second.DeliveryID), "not", "an entry")
	if _, err := s.Write(t.Context(), []*kgo.Record{rec(t, first), rec(t, second)}); err == nil {
		t.Error("the batch was taken")
	}
	if shown := w.shown(); len(shown) > 0 {
		t.Errorf("posted: %q", shown)
	}
}
