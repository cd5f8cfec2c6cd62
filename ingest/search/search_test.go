package search_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/bigmind/backchannel/ingest/search"
	"github.com/bigmind/backchannel/schemas"
)

// newRedis has the views of accounts and deals as the sink writes them (sinks/views, whose own tests hold it to that).
func newRedis(t testing.TB) (*miniredis.Miniredis, *redis.Client) {
	t.Helper()
	mini := miniredis.RunT(t)
	mini.Set(schemas.ViewsCompleteKey, "1")
	rdb := redis.NewClient(&redis.Options{Addr: mini.Addr(), DisableIdentity: true})
	t.Cleanup(func() { _ = rdb.Close() })
	return mini, rdb
}

func add(t interface{ Fatal(args ...any) }, mini *miniredis.Miniredis, accounts []schemas.Account, deals []schemas.Deal) {
	for _, a := range accounts {
		put(t, mini, schemas.ViewOrgAccounts(a.OrgID), schemas.ViewOrgAccountIndex(a.OrgID), schemas.ViewOrgAccountEntries(a.OrgID), string(a.AccountID), a, a.SearchEntries())
	}
	for _, d := range deals {
		put(t, mini, schemas.ViewOrgDeals(d.OrgID), schemas.ViewOrgDealIndex(d.OrgID), schemas.ViewOrgDealEntries(d.OrgID), string(d.DealID), d, d.SearchEntries())
	}
}

func put(t interface{ Fatal(args ...any) }, mini *miniredis.Miniredis, records, index, entries, id string, v any, of []string) {
	value, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	mini.HSet(records, id, schemas.ViewValue(7, value))
	for _, e := range of {
		if _, err := mini.ZAdd(index, 0, e+schemas.EntryEnd+id); err != nil {
			t.Fatal(err)
		}
	}
	mini.HSet(entries, id, schemas.ViewValue(7, []byte(schemas.EntrySeparator+strings.Join(of, schemas.EntrySeparator))))
}

func account(id, name string, domains ...string) schemas.Account {
	return schemas.Account{OrgID: "acme", AccountID: schemas.AccountID(id), Name: name, Domains: domains}
}

func ids(accounts []schemas.Account) string {
	var out []string
	for _, a := range accounts {
		out = append(out, string(a.AccountID))
	}
	return strings.Join(out, " ")
}

func TestAccounts(t *testing.T) {
	mini, rdb := newRedis(t)
	add(t, mini, []schemas.Account{
		account("globex", "Globex", "globex.example"),
		account("globexcom", "Globex Communications", "gcom.example"),
		account("sg", "Société Générale S.A.", "socgen.example", "www.sg.example"),
		account("jp", "J.P. Morgan", "jpmorgan.example"),
		account("att", "AT&T", "att.example"),
		account("ob", "O'Brien & Sons", "obrien.example"),
		account("lodz", "Łódź Straße Æon", "xn--d-uga0v.example"),
		account("tokyo", "東京電力", "tepco.example"),
		account("foods", "Acme Foods Inc", "foods.example", "shop.acme.example"),
		account("acme", "ACME", "acme.example"),
		account("steel", "Northern Acme Steel", "steel.co.example"),
		account("sigma", "ΣΊΣΥΦΟΣ"),
		account("nameless", ""),
		{OrgID: "other", AccountID: "foreign", Name: "Acme of somebody else"},
	}, nil)
	for query, want := range map[string]string{
		"globex":                         "globex globexcom",
		"globex.example":                 "globex",
		"GLOBEX ":                        "globex globexcom",
		"https://www.globex.example/a?b": "globex",
		"jane@globex.example":            "globex",
		"societe gen":                    "sg",
		"GÉNÉRALE":                       "sg",
		"generale soc":                   "sg",
		"s.a.":                           "sg",
		"sg.ex":                          "sg",
		"j.p. mor":                       "jp",
		"at&t":                           "att",
		"o’brien":                        "ob",
		"obrien":                         "ob",
		"lodz strasse aeon":              "lodz",
		"電力":                             "tokyo",
		"東京":                             "tokyo",
		"acme":                           "acme foods steel",
		"acme.example":                   "acme foods",
		"inc acme":                       "foods",
		"acme ste":                       "steel",
		"shop":                           "foods",
		"co.example":                     "steel",
		"example":                        "",
		"cme":                            "",
		"σίσυφος":                        "sigma",
		"nameless":                       "nameless",
		"of somebody":                    "",
		"!!!":                            "",
		"\x00\x01\xff":                   "",
		strings.Repeat("q ", 5000):       "",
	} {
		got, err := search.Accounts(t.Context(), rdb, "acme", query, 50)
		if err != nil || ids(got) != want {
			t.Errorf("%q finds %q, want %q (%v)", query, ids(got), want, err)
		}
	}
	got, err := search.Accounts(t.Context(), rdb, "acme", "  ", 3)
	if err != nil || ids(got) != "acme foods att" {
		t.Errorf("nothing typed finds %q (%v)", ids(got), err)
	}
}

// What the index says and the record does not, is not found: the index may be a moment ahead or behind.
func TestTheRecordDecides(t *testing.T) {
	mini, rdb := newRedis(t)
	add(t, mini, []schemas.Account{account("gone", "Initech"), account("renamed", "Initech"), account("here", "Initech")}, nil)
	mini.HSet(schemas.ViewOrgAccounts("acme"), "gone", schemas.ViewValue(9, nil))
	mini.HSet(schemas.ViewOrgAccounts("acme"), "renamed", schemas.ViewValue(9, []byte(`{"org_id":"acme","account_id":"renamed","name":"Hooli"}`)))
	got, err := search.Accounts(t.Context(), rdb, "acme", "init", 50)
	if err != nil || ids(got) != "here" {
		t.Errorf("finds %q (%v)", ids(got), err)
	}
	mini.Del(schemas.ViewsCompleteKey)
	if got, err := search.Accounts(t.Context(), rdb, "acme", "init", 50); err == nil {
		t.Errorf("half a view answers %q", ids(got))
	}
}

func TestDeals(t *testing.T) {
	mini, rdb := newRedis(t)
	deal := func(id, account, name string) schemas.Deal {
		return schemas.Deal{OrgID: "acme", DealID: schemas.DealID(id), AccountID: schemas.AccountID(account), Name: name}
	}
	add(t, mini, nil, []schemas.Deal{
		deal("d1", "globex", "Renewal 2027"), deal("d2", "globex", "Élargissement"), deal("d3", "globex2", "Renewal"), deal("d4", "globex", "Big renewal"), deal("d5", "", "Renewal"),
	})
	for query, want := range map[string]string{"": "d4 d2 d1", "renew": "d1 d4", "elarg": "d2", "2027 ren": "d1", "globex": ""} {
		got, err := search.Deals(t.Context(), rdb, "acme", "globex", query, 50)
		var found []string
		for _, d := range got {
			found = append(found, string(d.DealID))
		}
		if err != nil || strings.Join(found, " ") != want {
			t.Errorf("%q finds %v, want %s (%v)", query, found, want, err)
		}
	}
}

func TestLikely(t *testing.T) {
	mini, rdb := newRedis(t)
	add(t, mini, []schemas.Account{
		account("globex", "Globex Corporation", "globex.example"), account("foods", "Acme Foods Inc", "acmefoods.example"), account("acme", "Acme", "acme.example"),
		account("steel", "Acme Steel", "steel.example"), account("support", "Support Logic", "support.example"), account("north", "Northwind Traders", "northwind.example"),
		account("initech", "Initech GmbH", "initech.example"),
	}, nil)
	for channel, want := range map[string]string{
		"ext-globex-rollout": "globex",
		"acme-foods-shared":  "foods acme steel",
		"acme":               "acme steel foods",
		"ext-acmefoods":      "foods",
		"support":            "",
		"general":            "",
		"northwind-initech":  "initech",
		"":                   "",
	} {
		got, err := search.Likely(t.Context(), rdb, "acme", search.Hints{Name: channel, Own: "Northwind"}, 5)
		if err != nil || ids(got) != want {
			t.Errorf("#%s is likely %q, want %q (%v)", channel, ids(got), want, err)
		}
	}
	got, err := search.Likely(t.Context(), rdb, "acme", search.Hints{Name: "acme", Domains: []string{"STEEL.example", "nobody.example"}}, 5)
	if err != nil || ids(got) != "steel acme foods" {
		t.Errorf("with a domain: %q (%v)", ids(got), err)
	}
}

// The oracle compares everything with everything.
func naive(accounts []schemas.Account, text string, limit int) []string {
	type match struct {
		class     int
		order, id string
	}
	phrase := schemas.FoldWords(text)
	fields := strings.Fields(text)
	var all []match
	for _, a := range accounts {
		name := schemas.FoldWords(a.Name)
		var starts, parts []string // from each word of the name, and from each label of the domains
		for w := strings.Fields(name); len(w) > 0; w = w[1:] {
			starts = append(starts, strings.Join(w, " "))
		}
		exact := false
		for _, d := range a.Domains {
			labels := strings.Split(d, ".")
			for i := range labels[:len(labels)-1] {
				parts = append(parts, strings.Join(labels[i:], "."))
			}
			exact = exact || slices.Contains(parts, strings.ToLower(strings.TrimSpace(text)))
		}
		with := func(all []string, part string) []string {
			return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return part == "" || !strings.HasPrefix(s, part) })
		}
		matches, named := true, true
		for _, f := range fields {
			byName, byDomain := len(with(starts, schemas.FoldWords(f))) > 0, len(with(parts, schemas.FoldDomain(f))) > 0
			matches, named = matches && (byName || byDomain), named && byName
		}
		if !matches {
			continue
		}
		m := match{5, name, string(a.AccountID)}
		switch later := with(starts, phrase); {
		case name == phrase:
			m.class = 0
		case exact:
			m.class, m.order = 1, ""
		case strings.HasPrefix(name, phrase):
			m.class = 2
		case len(later) > 0:
			m.class, m.order = 3, slices.Min(later)
		case named:
			m.class = 4
		case len(fields) == 1:
			m.order = slices.Min(with(parts, schemas.FoldDomain(text)))
		}
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b match) int {
		return cmp.Or(a.class-b.class, strings.Compare(a.order, b.order), strings.Compare(a.id, b.id))
	})
	var out []string
	for _, m := range all[:min(len(all), limit)] {
		out = append(out, m.id)
	}
	return out
}

// Whatever the accounts are called and whatever is typed, the answer is the oracle's: in its order for one term, and for several as long as
// all of them fit.
func TestSearchIsAsTheOracleSays(t *testing.T) {
	mini, rdb := newRedis(t)
	word := rapid.StringMatching(`[abcéÅ]{1,3}`)
	name := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 1, 4).Draw(t, "words"), " ") })
	domain := rapid.StringMatching(`([abc]{1,3}\.){1,2}(com|b)`)
	rapid.Check(t, func(t *rapid.T) {
		mini.FlushAll()
		mini.Set(schemas.ViewsCompleteKey, "1")
		var accounts []schemas.Account
		for i := range rapid.IntRange(0, 40).Draw(t, "accounts") {
			accounts = append(accounts, account(fmt.Sprintf("a%02d", i), name.Draw(t, "name"), rapid.SliceOfN(domain, 0, 2).Draw(t, "domains")...))
		}
		add(t, mini, accounts, nil)
		text := rapid.OneOf(name, domain, rapid.Custom(func(t *rapid.T) string { return word.Draw(t, "word") + " " + domain.Draw(t, "domain") })).Draw(t, "query")
		limit := rapid.IntRange(1, 50).Draw(t, "limit")
		got, err := search.Accounts(t.Context(), rdb, "acme", text, limit)
		if err != nil {
			t.Fatal(err)
		}
		want := naive(accounts, text, limit)
		if len(strings.Fields(text)) > 1 && len(want) == limit { // which of too many are shown is open; that they match is not
			all := naive(accounts, text, len(accounts))
			for _, a := range got {
				if !slices.Contains(all, string(a.AccountID)) {
					t.Errorf("%q finds %s, which does not match", text, a.AccountID)
				}
			}
			if len(got) != limit {
				t.Errorf("%q finds %d of %d, want %d", text, len(got), len(all), limit)
			}
			return
		}
		if diff := gocmp.Diff(strings.Join(want, " "), ids(got)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	})
}
