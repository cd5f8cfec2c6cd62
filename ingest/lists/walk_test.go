package lists_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/ingest/lists"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/views"
)

const org schemas.OrgID = "acme"

// world has 2,500 channels as the views sink lists them: every other one private, every third linked, every 50th shared with Hooli.
func world(t *testing.T) redis.UniversalClient {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), ReadTimeout: time.Minute}) // 2,500 channels in one pipeline
	t.Cleanup(func() { _ = rdb.Close() })
	var records []*kgo.Record
	add := func(topic schemas.Spec, key schemas.Key, v any) {
		value, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, &kgo.Record{Topic: topic.Name, Key: []byte(key), Value: value, Offset: int64(len(records))})
	}
	for i := range 2500 {
		id := schemas.ChannelID(fmt.Sprintf("C%04d", i))
		c := schemas.SlackChannel{OrgID: org, TeamID: "T1", ChannelID: id, Name: fmt.Sprintf("room %04d room", i), IsMember: true, IsPrivate: i%2 == 1}
		if i%50 == 0 {
			c.ExternalTeamIDs = []schemas.TeamID{"T0HOOLI"}
		}
		add(schemas.SlackChannels.Spec, schemas.TeamChannelKey("T1", id), c)
		if i%3 == 0 {
			add(schemas.ChannelAssociations.Spec, schemas.TeamChannelKey("T1", id), schemas.ChannelAssociation{OrgID: org, TeamID: "T1", ChannelID: id, AccountID: schemas.AccountID(fmt.Sprint("a", i%5))})
		}
	}
	if err := views.Apply(t.Context(), rdb, records); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Set(t.Context(), schemas.ViewsCompleteKey, "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	return rdb
}

// A list's pages have each channel that is asked for once, those without an account first and then by name, and no other; however few of those that are
// looked through are wanted.
func TestPages(t *testing.T) {
	rdb := world(t)
	hooli, account := schemas.ListCompany+schemas.ListScope(schemas.TeamID("T0HOOLI")), schemas.ListAccount+schemas.ListScope(schemas.AccountID("a3"))
	for name, tt := range map[string]struct {
		query lists.Query
		fits  func(i int) bool
		pages int
	}{
		"all":                 {lists.Query{Limit: 1000}, func(int) bool { return true }, 3},
		"linked":              {lists.Query{Limit: 50, States: []string{schemas.StateDone}}, func(i int) bool { return i%3 == 0 }, 17},
		"private":             {lists.Query{Limit: 625, Part: schemas.ListPrivate}, func(i int) bool { return i%2 == 1 }, 2},
		"searched":            {lists.Query{Limit: 1000, Text: "ROOM", Search: true}, func(int) bool { return true }, 3},
		"a rare part, by all": {lists.Query{Limit: 50, Text: "room", Search: true, Part: hooli}, func(i int) bool { return i%50 == 0 }, 3},
		"an account's":        {lists.Query{Limit: 500, Text: "room", Search: true, Part: account}, func(i int) bool { return i%3 == 0 && i%5 == 3 }, 3},
		"one word of two":     {lists.Query{Limit: 5, Text: "0007 ro", Search: true}, func(i int) bool { return i == 7 }, 1},
		"no word":             {lists.Query{Limit: 5, Text: "- !", Search: true}, func(int) bool { return false }, 1},
		"kept by hand":        {lists.Query{Limit: 50, Keep: lastOnly}, func(i int) bool { return i == 2499 }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var want, linked, got []string
			for i := range 2500 {
				key := fmt.Sprintf("T1/C%04d", i)
				switch {
				case tt.fits(i) && i%3 == 0:
					linked = append(linked, key)
				case tt.fits(i):
					want = append(want, key)
				}
			}
			want = append(want, linked...)
			n, q := 0, tt.query
			for ; ; n++ {
				page, err := lists.Find(t.Context(), rdb, lists.Channels(org), q)
				if err != nil || len(page.IDs) > q.Limit {
					t.Fatalf("%d ids, %v", len(page.IDs), err)
				}
				got = append(got, page.IDs...)
				if q.After = page.After; q.After == "" {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if n+1 != tt.pages {
				t.Errorf("%d pages, want %d", n+1, tt.pages)
			}
		})
	}
}

func lastOnly(ids []string) ([]bool, error) {
	kept := make([]bool, len(ids))
	if i := slices.Index(ids, "T1/C2499"); i >= 0 {
		kept[i] = true
	}
	return kept, nil
}

// What is gone, or another organization's, is read as nothing.
func TestRead(t *testing.T) {
	rdb := world(t)
	read, err := lists.Read(t.Context(), rdb, org, []string{"T1/C0003", "T1/C9999"})
	if err != nil || len(read) != 2 || read[0].Known == nil || read[0].Link == nil || read[0].Link.AccountID != "a3" || read[1].Known != nil {
		t.Errorf("%+v, %v", read, err)
	}
	if read, err = lists.Read(t.Context(), rdb, "globex", []string{"T1/C0003"}); err != nil || read[0].Known != nil || read[0].Link != nil {
		t.Errorf("to another organization: %+v, %v", read, err)
	}
}
