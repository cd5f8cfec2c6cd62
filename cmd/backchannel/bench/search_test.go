//go:build bench

package bench

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/deploy/realengines"
	"github.com/bigmind/backchannel/ingest/search"
	"github.com/bigmind/backchannel/schemas"
	"github.com/bigmind/backchannel/sinks/sinkstest"
	"github.com/bigmind/backchannel/sinks/views"
)

const searchOrg = "org-bench"

// TestBenchSearch types names of accounts, letter by letter, at BENCH_ACCOUNTS accounts in the organization, which the views sink has
// indexed. References of the same run: a bare HGET of one account, and a scan of all names in this process.
func TestBenchSearch(t *testing.T) {
	number, rounds := setting("BENCH_ACCOUNTS", 100_000), setting("BENCH_SEARCHES", 10_000)
	rdb := redis.NewClient(&redis.Options{Addr: realengines.StartRedis(t).Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	accounts := someAccounts(number)
	fillSearch(t, rdb, accounts)

	folded := make([]string, len(accounts))
	for i, a := range accounts {
		folded[i] = " " + schemas.FoldWords(a.Name) + " ." + strings.Join(a.Domains, " .")
	}
	random := rand.New(rand.NewPCG(1, 2))
	var ours, bare, scan, single []time.Duration
	found := 0
	timed := func(into *[]time.Duration, do func()) {
		started := time.Now()
		do()
		*into = append(*into, time.Since(started))
	}
	for range rounds {
		a := accounts[random.IntN(len(accounts))]
		text := a.Name
		switch random.IntN(4) {
		case 0:
			text = a.Domains[0]
		case 1:
			words := strings.Fields(a.Name)
			slices.Reverse(words)
			text = strings.Join(words, " ")
		}
		runes := []rune(text)
		text = string(runes[:1+random.IntN(len(runes))])
		timed(&ours, func() {
			got, err := search.Accounts(t.Context(), rdb, searchOrg, text, 50)
			if err != nil {
				t.Fatal(err)
			}
			found += len(got)
		})
		if len([]rune(text)) == 1 {
			single = append(single, ours[len(ours)-1])
		}
		timed(&bare, func() {
			if err := rdb.HGet(t.Context(), schemas.ViewOrgAccounts(searchOrg), string(a.AccountID)).Err(); err != nil {
				t.Fatal(err)
			}
		})
		if len(scan) < rounds/100 {
			timed(&scan, func() { scanAll(folded, text) })
		}
	}
	fmt.Printf("\n%d accounts, %d keystrokes, %.1f accounts offered on average\n", number, rounds, float64(found)/float64(rounds))
	for _, line := range []struct {
		name string
		took []time.Duration
	}{{"account search", ours}, {"of it, one letter", single}, {"bare HGET", bare}, {"scan of all names", scan}} {
		fmt.Printf("%-20s p50 %8.3f ms   p99 %8.3f ms   max %8.3f ms\n", line.name, ms(line.took, 0.5), ms(line.took, 0.99), ms(line.took, 1))
	}
	if r := ms(ours, 0.99) / ms(scan, 0.5); r > 1 {
		t.Errorf("the search's p99 is %.1f times a scan of all names", r)
	}
}

func ms(took []time.Duration, quantile float64) float64 {
	sorted := slices.Sorted(slices.Values(took))
	return float64(sorted[min(int(quantile*float64(len(sorted))), len(sorted)-1)].Microseconds()) / 1000
}

func scanAll(folded []string, text string) (n int) {
	words := strings.Fields(text)
	for _, name := range folded {
		all := true
		for _, w := range words {
			all = all && (strings.Contains(name, " "+schemas.FoldWords(w)) || strings.Contains(name, "."+w))
		}
		if all {
			n++
		}
	}
	return n
}

// fillSearch has the views sink read the accounts from a broker, and says how long that took.
func fillSearch(t *testing.T, rdb *redis.Client, accounts []schemas.Account) {
	t.Helper()
	k := sinkstest.NewKafka(t, 1, schemas.ViewTopics()...)
	var records []*kgo.Record
	for _, a := range accounts {
		value, err := schemas.CRMAccounts.Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, &kgo.Record{Topic: schemas.CRMAccounts.Name, Key: []byte(schemas.OrgKey(a.OrgID, a.AccountID)), Value: value})
	}
	k.Produce(t, records...)
	started := time.Now()
	run := sinkstest.Start(t, k, views.Definition(rdb, k.Admin, slog.New(slog.DiscardHandler)))
	for {
		if v, _ := rdb.Get(context.Background(), schemas.ViewsCompleteKey).Result(); v == "1" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Printf("\nthe views sink indexed %d accounts in %.1f s\n", len(accounts), time.Since(started).Seconds())
	run.Stop(t)
	info, err := rdb.Info(context.Background(), "memory").Result()
	if err == nil {
		for line := range strings.SplitSeq(info, "\r\n") {
			if strings.HasPrefix(line, "used_memory_human:") {
				fmt.Println("Redis then uses", strings.TrimPrefix(line, "used_memory_human:"))
			}
		}
	}
}

// someAccounts have names of two to four words, a few first letters and words of which are far more common than others, as they are.
func someAccounts(n int) []schemas.Account {
	random := rand.New(rand.NewPCG(3, 4))
	syllables := strings.Fields("al be cor den el fra gen hel in jor kra lum mer nor or pan qua ren sol tri ul vex wes xen yar zet san mar co int")
	trades := strings.Fields("Logistics Foods Systems Énergie International Bank Partners Steel Software Health Média Insurance Group Holding Labs Retail")
	legal := []string{"", "", " Inc", " GmbH", " S.A.", " Ltd"}
	out := make([]schemas.Account, n)
	for i := range out {
		var name strings.Builder
		for range 2 + random.IntN(2) {
			name.WriteString(syllables[int(float64(len(syllables))*random.Float64()*random.Float64())])
		}
		word := name.String()
		word = strings.ToUpper(word[:1]) + word[1:]
		title := word + " " + trades[int(float64(len(trades))*random.Float64()*random.Float64())]
		if random.IntN(3) == 0 {
			title += " " + trades[random.IntN(len(trades))]
		}
		id := schemas.AccountID(fmt.Sprintf("001%015d", i))
		out[i] = schemas.Account{
			OrgID: searchOrg, AccountID: id, Name: title + legal[random.IntN(len(legal))], Domains: []string{fmt.Sprintf("%s%d.example", strings.ToLower(word), i%97)}, UpdatedAt: time.Unix(1790000000, 0).UTC(),
		}
	}
	return out
}
