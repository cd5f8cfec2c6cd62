package views

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// The list of channels follows from channels and associations, in whichever order they come.
func TestTheListOfChannels(t *testing.T) {
	channel := func(c schemas.SlackChannel) *kgo.Record {
		c.OrgID, c.TeamID, c.ChannelID = "acme", "T1", "C1"
		return rec(t, schemas.SlackChannels.Spec, "T1/C1", c)
	}
	link := func(org schemas.OrgID, account schemas.AccountID) *kgo.Record {
		return rec(t, schemas.ChannelAssociations.Spec, "T1/C1", schemas.ChannelAssociation{OrgID: org, TeamID: "T1", ChannelID: "C1", AccountID: account})
	}
	steps := []struct {
		what   string
		record *kgo.Record
		want   []string
	}{
		{"associated before it is known", link("acme", "a1"), nil},
		{"known", channel(schemas.SlackChannel{Name: "acme-Rollout", IsMember: true}), []string{"*1acme rollout", "ka1\x011acme rollout", "w1acme rollout", "w1rollout"}},
		{"dissociated", rec(t, schemas.ChannelAssociations.Spec, "T1/C1", nil), []string{"*0acme rollout", "w0acme rollout", "w0rollout"}},
		{"renamed, private, shared", channel(schemas.SlackChannel{Name: "x", IsMember: true, IsPrivate: true, IsExtShared: true, ExternalTeamIDs: []schemas.TeamID{"T9"}}), []string{
			"*0x", "p0x", "s0x", "w0x", "xT9\x010x",
		}},
		{"the app has left", channel(schemas.SlackChannel{Name: "x"}), nil},
		{"associated elsewhere, without the app", link("acme", "a2"), []string{"*1x", "ka2\x011x", "w1x"}},
		{"of another organization", link("globex", "a2"), nil},
		{"gone", rec(t, schemas.SlackChannels.Spec, "T1/C1", nil), nil},
		{"without a name", channel(schemas.SlackChannel{IsMember: true}), []string{"*0c1", "?0c1", "w0c1"}},
		{"without a name, and left", channel(schemas.SlackChannel{}), nil},
	}
	_, rdb := newRedis(t)
	for i, step := range steps {
		step.record.Offset = int64(i)
		for range 2 { // a repeat changes nothing
			if err := Apply(t.Context(), rdb, []*kgo.Record{step.record}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := rdb.ZRange(t.Context(), schemas.ViewOrgChannelIndex("acme"), 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i] = strings.TrimSuffix(got[i], "\x00T1/C1")
		}
		if diff := cmp.Diff(step.want, got, cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.what, diff)
		}
	}
}

// However directory users and Slack users come, change and go, in whichever batches: the list is what the last records of each mean.
func TestTheListOfPeopleIsWhatTheRecordsMean(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		_, rdb := newRedis(t)
		users, slack := map[string]*schemas.DirectoryUser{}, map[string]*schemas.SlackUser{}
		emails := []string{"a@x", "A@X ", "b@x", ""}
		var batch []*kgo.Record
		for offset := range int64(60) {
			var r *kgo.Record
			email := emails[random.IntN(len(emails))]
			if random.IntN(4) < 2 {
				id := fmt.Sprintf("u%d", random.IntN(3))
				users[id] = nil
				if random.IntN(5) > 0 {
					users[id] = &schemas.DirectoryUser{OrgID: "acme", UserID: schemas.UserID(id), Email: email, Name: "N" + id, Disabled: random.IntN(6) == 0}
				}
				r = recordOf(t, schemas.DirectoryUsers.Spec, schemas.Key("acme/"+id), users[id])
			} else {
				id := fmt.Sprintf("U%d", random.IntN(3))
				slack[id] = nil
				if random.IntN(5) > 0 {
					org := []schemas.OrgID{"acme", "acme", "acme", "acme", "acme", "globex"}[random.IntN(6)]
					slack[id] = &schemas.SlackUser{OrgID: org, TeamID: "T1", UserID: schemas.SlackUserID(id), Email: email, Name: "S", Deleted: random.IntN(4) == 0}
				}
				r = recordOf(t, schemas.SlackUsers.Spec, schemas.Key("T1/"+id), slack[id])
			}
			r.Offset = offset
			if batch = append(batch, r); random.IntN(3) > 0 {
				if err := Apply(t.Context(), rdb, batch); err != nil {
					t.Fatal(err)
				}
				batch = nil
			}
		}
		if err := Apply(t.Context(), rdb, batch); err != nil {
			t.Fatal(err)
		}
		want := []string{}
		for id, u := range users {
			if u == nil {
				continue
			}
			state := schemas.StateOpen
			for _, s := range slack {
				if s != nil && s.OrgID == "acme" && s.Matchable() && schemas.NormalEmail(s.Email) == schemas.NormalEmail(u.Email) {
					state = schemas.StateDone
				}
			}
			if u.Disabled {
				state = schemas.StateEnded
			}
			want = append(want, schemas.ListAll+state+"n"+id+"\x00"+id)
		}
		slices.Sort(want)
		got, err := rdb.ZRangeArgs(t.Context(), redis.ZRangeArgs{Key: schemas.ViewOrgPeopleIndex("acme"), ByLex: true, Start: "[*", Stop: "(*\xff"}).Result()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, append([]string{}, got...)); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
	}
}

// recordOf is v as a record, or a tombstone.
func recordOf[T any](t *testing.T, topic schemas.Spec, key schemas.Key, v *T) *kgo.Record {
	t.Helper()
	if v == nil {
		return rec(t, topic, key, nil)
	}
	return rec(t, topic, key, v)
}
