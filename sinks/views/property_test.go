package views

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"github.com/bigmind/backchannel/schemas"
)

// history draws the records of one partition: few keys, many changes, teams that change hands, tombstones.
func history(t *rapid.T, tb testing.TB) []*kgo.Record {
	orgs := []schemas.OrgID{"acme", "globex", "initech"}
	n := rapid.IntRange(1, 25).Draw(t, "records")
	records := make([]*kgo.Record, n)
	for i := range records {
		team := schemas.TeamID(fmt.Sprintf("T%d", rapid.IntRange(1, 2).Draw(t, "team")))
		org := rapid.SampledFrom(orgs).Draw(t, "org")
		gone := rapid.IntRange(0, 4).Draw(t, "gone") == 0
		name := fmt.Sprint("v", i)
		var r *kgo.Record
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			r = rec(tb, schemas.SlackInstallations.Spec, schemas.TeamKey(team), schemas.Installation{OrgID: org, TeamID: team, TeamName: name})
		case 1:
			r = rec(tb, schemas.SlackUsers.Spec, schemas.TeamUserKey(team, "U1"), schemas.SlackUser{OrgID: org, TeamID: team, UserID: "U1", Name: name, Email: string(org) + "@x.example"})
		case 2:
			r = rec(tb, schemas.ChannelAssociations.Spec, schemas.TeamChannelKey(team, "C1"), schemas.ChannelAssociation{OrgID: org, TeamID: team, ChannelID: "C1", AccountID: schemas.AccountID(name)})
		default:
			r = rec(tb, schemas.DirectoryUsers.Spec, schemas.OrgKey(org, schemas.UserID("u1")), schemas.DirectoryUser{OrgID: org, UserID: "u1", Name: name})
		}
		if gone {
			r.Value = nil
		}
		r.Offset = int64(i)
		records[i] = r
	}
	return records
}

// replay applies batches as Write does, but for its first guard: as a replica that verified the state, and then paused.
func replay(t *rapid.T, rdb *redis.Client, batches ...[]*kgo.Record) {
	ctx := context.Background()
	for _, batch := range batches {
		known, err := loadOwners(ctx, rdb, batch)
		if err != nil {
			t.Fatal(err)
		}
		w := newWrites(known)
		for _, r := range batch {
			if err := w.apply(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.run(ctx, rdb); err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever the order of batches, whatever is replayed and however it is cut, and also from a topic that was compacted:
// the same records end in the same views.
func TestAnyReplayEndsInTheSameViews(t *testing.T) {
	straight, other := newPair(t)
	rapid.Check(t, func(r *rapid.T) {
		straight.mini.FlushAll()
		other.mini.FlushAll()
		records := history(r, t)
		for _, one := range records {
			replay(r, straight.rdb, []*kgo.Record{one})
		}
		want := live(straight.mini)

		var batches [][]*kgo.Record
		for from := 0; from < len(records); {
			to := rapid.IntRange(from+1, len(records)).Draw(r, "cut")
			batches = append(batches, records[from:to])
			from = to
		}
		for range rapid.IntRange(0, 4).Draw(r, "replays") {
			from := rapid.IntRange(0, len(records)-1).Draw(r, "from")
			batches = append(batches, records[from:rapid.IntRange(from+1, len(records)).Draw(r, "to")])
		}
		batches = rapid.Permutation(batches).Draw(r, "order")
		replay(r, other.rdb, batches...)
		if diff := cmp.Diff(want, live(other.mini)); diff != "" {
			r.Fatalf("another order ends elsewhere (-in order +other):\n%s", diff)
		}

		other.mini.FlushAll()
		replay(r, other.rdb, compacted(records))
		if diff := cmp.Diff(want, live(other.mini)); diff != "" {
			r.Fatalf("the compacted topic ends elsewhere (-whole +compacted):\n%s", diff)
		}
	})
}

// compacted keeps the last record of each key.
func compacted(records []*kgo.Record) []*kgo.Record {
	seen := map[string]bool{}
	var kept []*kgo.Record
	for _, r := range slices.Backward(records) {
		if key := ownerKey(r); !seen[key] {
			seen[key] = true
			kept = append(kept, r)
		}
	}
	slices.Reverse(kept)
	return kept
}

type pair struct {
	mini *miniredis.Miniredis
	rdb  *redis.Client
}

func newPair(t *testing.T) (pair, pair) {
	m1, r1 := newRedis(t)
	m2, r2 := newRedis(t)
	return pair{m1, r1}, pair{m2, r2}
}
