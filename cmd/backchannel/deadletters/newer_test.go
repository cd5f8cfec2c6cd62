package deadletters

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/cmd/backchannel/scan"
	"github.com/bigmind/backchannel/schemas"
)

// A newer record of the same key counts, a tombstone too; one of another key or of a topic that is not compacted does not.
func TestNewer(t *testing.T) {
	accounts := schemas.CRMAccounts.Name
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(3, accounts, requests))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	client, err := scan.Client([]kgo.Opt{kgo.SeedBrokers(broker.ListenAddrs()...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r := Reader{Client: client}
	put := func(topic, key, value string) Letter {
		rec := source(topic, key, value)
		if value == "" {
			rec.Value = nil
		}
		produce(t, r, rec)
		return Letter{DeadLetter: schemas.DeadLetter{Topic: topic, Partition: rec.Partition, Offset: rec.Offset}, Key: rec.Key}
	}
	replaced, gone, last := put(accounts, "acme/a", "{"), put(accounts, "acme/b", "{"), put(accounts, "acme/c", "{")
	put(accounts, "acme/a", "{}")
	put(accounts, "acme/b", "")
	request := put(requests, "acme/u1", "{")
	put(requests, "acme/u1", "{}")
	for name, tt := range map[string]struct {
		letter Letter
		want   string
	}{"replaced": {replaced, accounts + "/1/3"}, "gone": {gone, accounts + "/1/4"}, "the last": {last, ""}, "not compacted": {request, ""}} {
		if at, err := r.Newer(t.Context(), tt.letter); err != nil || len(at) != 1 || at[0] != tt.want {
			t.Errorf("%s: %q, %v, want %q", name, at, err, tt.want)
		}
	}
	at, err := r.Newer(t.Context(), last, gone, request, replaced)
	if want := []string{"", accounts + "/1/4", "", accounts + "/1/3"}; err != nil || !slices.Equal(at, want) {
		t.Errorf("together: %q, %v, want %q", at, err, want)
	}
}
