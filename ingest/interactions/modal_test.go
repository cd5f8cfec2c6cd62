package interactions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bigmind/backchannel/deploy/slacksim"
	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Somebody presses the prompt's button, finds the account, chooses a deal, and submits; then changes it, and then takes it back.
func TestAChannelIsLinkedChangedAndUnlinked(t *testing.T) {
	for _, private := range []bool{false, true} {
		w := newWorld(t)
		room := map[bool]slacksim.Channel{false: w.room, true: w.closed}[private]
		w.press(w.ada, room.ID)
		if got := reads(w.top(w.ada)); !strings.HasPrefix(got, "Messages of #"+room.Name) || strings.Contains(got, "linked to") || !strings.HasSuffix(got, "[Account]") {
			t.Fatalf("the modal reads\n%s", got)
		}
		if diff := cmp.Diff([]string{"acc-globex"}, w.types(w.ada, "account", "glob corp")); diff != "" {
			t.Error(diff)
		}
		w.choose(w.ada, "acc-globex")
		if got := reads(w.top(w.ada)); !strings.HasSuffix(got, "[Account]\n[Deal]") {
			t.Fatalf("with an account the modal reads\n%s", got)
		}
		if diff := cmp.Diff([]string{"deal-pilot", "deal-renewal"}, w.types(w.ada, "deal", "")); diff != "" {
			t.Error(diff)
		}
		before := time.Now().Truncate(time.Microsecond)
		if errs := w.submit(w.ada, "deal-renewal"); len(errs) > 0 || w.top(w.ada) != nil {
			t.Fatalf("submitting: %v", errs)
		}
		got := w.link(t)
		if got.UpdatedAt.Before(before) || got.UpdatedAt.After(time.Now()) {
			t.Errorf("associated at %s", got.UpdatedAt)
		}
		want := &schemas.ChannelAssociation{
			OrgID: "acme", TeamID: w.team.ID, ChannelID: room.ID, AccountID: "acc-globex", DealID: "deal-renewal", By: "usr-ada", Source: schemas.FromSlack, UpdatedAt: got.UpdatedAt,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}

		w.press(w.ben, room.ID)
		if got := reads(w.top(w.ben)); !strings.Contains(got, "It is linked to Globex Corporation, deal Renewal, since ") || !strings.Contains(got, ", by Ada Okafor.") {
			t.Errorf("an associated channel's modal reads\n%s", got)
		}
		w.choose(w.ben, "acc-initech")
		if errs := w.submit(w.ben, ""); len(errs) > 0 {
			t.Fatalf("submitting a change: %v", errs)
		}
		if got := w.link(t); got.AccountID != "acc-initech" || got.DealID != "" || got.By != "usr-ben" {
			t.Errorf("changed to %+v", got)
		}

		w.press(w.ada, room.ID)
		w.must(w.slack.Press(t.Context(), w.team.ID, slacksim.Press{User: w.ada.ID, View: w.top(w.ada).ID, Action: "unlink"}))
		if got := w.link(t); got != nil || !strings.Contains(reads(w.top(w.ada)), "no longer linked") {
			t.Errorf("unlinked to %+v; the modal reads\n%s", got, reads(w.top(w.ada)))
		}
		if diff := cmp.Diff(ingest.Dissociated("usr-ada", schemas.FromSlack), w.records[2].Headers); diff != "" {
			t.Errorf("the tombstone does not say who made it (-want +got):\n%s", diff)
		}
		if len(w.records) != 3 || len(w.told()) != 0 {
			t.Errorf("%d records, told %v", len(w.records), w.told())
		}
	}
}
