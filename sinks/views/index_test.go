package views

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// What is searched follows the records: a new name replaces the former, a tombstone takes everything out, another batch or the same.
func TestTheIndexFollowsTheRecords(t *testing.T) {
	for _, batches := range []string{"each alone", "in one batch"} {
		t.Run(batches, func(t *testing.T) {
			mini, rdb := newRedis(t)
			acme := func(name string, domains ...string) *kgo.Record {
				return rec(t, schemas.CRMAccounts.Spec, "acme/a1", schemas.Account{OrgID: "acme", AccountID: "a1", Name: name, Domains: domains})
			}
			steps := []struct {
				record *kgo.Record
				want   []string
			}{
				{acme("Société Générale", "www.SocGen.example"), []string{"dsocgen.example\x00a1", "nsociete generale\x00a1", "wgenerale\x00a1"}},
				{acme("SocGen", "socgen.example", "mail.socgen.co.uk"), []string{"dco.uk\x00a1", "dmail.socgen.co.uk\x00a1", "dsocgen.co.uk\x00a1", "dsocgen.example\x00a1", "nsocgen\x00a1"}},
				{rec(t, schemas.CRMAccounts.Spec, "acme/a1", nil), nil},
				{acme(""), []string{"na1\x00a1"}},
				{rec(t, schemas.CRMDeals.Spec, "acme/d1", schemas.Deal{OrgID: "acme", DealID: "d1", AccountID: "a1", Name: "Big Roll-out"}), []string{
					"na1\x00a1", "na1\x01big roll out\x00d1", "wa1\x01out\x00d1", "wa1\x01roll out\x00d1",
				}},
				{rec(t, schemas.CRMDeals.Spec, "acme/d1", schemas.Deal{OrgID: "acme", DealID: "d1", AccountID: "a2", Name: "Big"}), []string{"na1\x00a1", "na2\x01big\x00d1"}},
			}
			w := newWrites(owners{})
			for i, step := range steps {
				step.record.Offset = int64(i)
				if err := w.apply(step.record); err != nil {
					t.Fatal(err)
				}
				if batches == "in one batch" && i < len(steps)-1 {
					continue
				}
				if err := w.run(t.Context(), rdb); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(step.want, searched(mini)); diff != "" {
					t.Errorf("after step %d (-want +got):\n%s", i, diff)
				}
				w = newWrites(owners{})
			}
		})
	}
}
