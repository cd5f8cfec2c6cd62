package search

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// Hints are what a channel says of whose it is.
type Hints struct {
	// Name is the channel's, such as ext-globex-rollout.
	Name string
	// Own is what our customer's company is called: no channel is its own.
	Own string
	// Domains are those of the other company's people.
	Domains []string
}

// Of a channel's name, words that say what it is for rather than whose it is; and words of a company's name that its channels leave out.
var (
	generic = words("ext external shared customer customers client clients partner partners vendor slack channel connect support help success team " +
		"project proj rollout onboarding pilot poc trial implementation general chat and the with for of x")
	legal = words("inc incorporated corp corporation co company llc llp ltd limited gmbh ag se sa sas sarl srl spa bv nv plc pty ab as oy kg group holding holdings")
)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// perHint is how many accounts are looked at for a word of the channel's name, in each of the ways that it may name one.
const perHint = 20

// Suggestion is an account that a channel seems to be about.
type Suggestion struct {
	Account schemas.Account
	// Sure: the account has the other company's domain, or the channel's name has all of its name; and no other account fits as well.
	Sure bool
}

// Likely are accounts that the channel seems to be about, the likeliest first, at most limit: those of the other company's domain, then
// those whose name the channel's has, the longer the better. Two round trips.
func Likely(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, h Hints, limit int) ([]schemas.Account, error) {
	all, err := LikelyEach(ctx, rdb, org, []Hints{h}, limit)
	if err != nil {
		return nil, err
	}
	out := make([]schemas.Account, len(all[0]))
	for i, s := range all[0] {
		out[i] = s.Account
	}
	return out, nil
}

// LikelyEach is Likely for many channels, in the same two round trips; out[i] answers hints[i].
func LikelyEach(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, hints []Hints, limit int) (out [][]Suggestion, err error) {
	asked := make([]looking, len(hints))
	var prefixes []string
	for i, h := range hints {
		asked[i] = lookingFor(h)
		prefixes = append(prefixes, asked[i].prefixes...)
	}
	slices.Sort(prefixes)
	candidates, err := withPrefix(ctx, rdb, org, slices.Compact(prefixes))
	if err != nil {
		return nil, err
	}
	out = make([][]Suggestion, len(hints))
	for i, a := range asked {
		out[i] = a.best(candidates, limit)
	}
	return out, nil
}

// looking is what is compared with accounts for one channel, and where in the index they are looked for.
type looking struct{ tokens, domains, prefixes []string }

func lookingFor(h Hints) looking {
	l := looking{tokens: strings.Fields(schemas.FoldWords(h.Name))}
	own := words(schemas.FoldWords(h.Own))
	for _, d := range h.Domains {
		if d = schemas.FoldDomain(d); d != "" {
			l.domains = append(l.domains, d)
			l.prefixes = append(l.prefixes, schemas.EntryDomain+schemas.CutEntry(d)+schemas.EntryEnd)
		}
	}
	for _, t := range l.tokens[:min(len(l.tokens), maxTerms)] {
		if len(t) > 1 && !generic[t] && !own[t] {
			l.prefixes = append(l.prefixes, schemas.EntryName+t+schemas.EntryEnd, schemas.EntryName+t+" ", schemas.EntryDomain+t+".")
		}
	}
	return l
}

// best are the candidates found under the channel's own prefixes that fit it, the likeliest first.
func (l looking) best(candidates map[string][]*schemas.Account, limit int) []Suggestion {
	type scored struct {
		account *schemas.Account
		score   int
		whole   bool
	}
	var all []scored
	seen := map[schemas.AccountID]bool{}
	for _, p := range l.prefixes {
		for _, a := range candidates[p] {
			if seen[a.AccountID] {
				continue
			}
			seen[a.AccountID] = true
			if score, whole := likelihood(a, l.tokens, l.domains); score > 0 {
				all = append(all, scored{a, score, whole})
			}
		}
	}
	slices.SortFunc(all, func(a, b scored) int {
		return cmp.Or(b.score-a.score, len(a.account.Name)-len(b.account.Name), strings.Compare(string(a.account.AccountID), string(b.account.AccountID)))
	})
	out := make([]Suggestion, min(len(all), limit))
	for i := range out {
		alone := i == 0 && (len(all) == 1 || all[1].score < all[0].score)
		out[i] = Suggestion{*all[i].account, alone && (all[i].whole || all[i].score >= certain)}
	}
	return out
}

// withPrefix returns the accounts that have an entry which begins with one of prefixes, by prefix.
func withPrefix(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, prefixes []string) (map[string][]*schemas.Account, error) {
	if len(prefixes) == 0 {
		return nil, nil
	}
	ranges := make([]*redis.StringSliceCmd, len(prefixes))
	err := ingest.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
		for i, p := range prefixes {
			ranges[i] = pipe.ZRangeByLex(ctx, schemas.ViewOrgAccountIndex(org), &redis.ZRangeBy{Min: "[" + p, Max: "(" + p + "\xff", Count: perHint})
		}
	})
	if err != nil {
		return nil, err
	}
	var ids []string
	found := make([][]string, len(prefixes))
	for i, r := range ranges {
		for _, member := range r.Val() {
			if _, id, ok := strings.Cut(member, schemas.EntryEnd); ok {
				found[i], ids = append(found[i], id), append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		return nil, nil
	}
	var values *redis.SliceCmd
	if err := ingest.Lookup(ctx, rdb, func(pipe redis.Pipeliner) { values = pipe.HMGet(ctx, schemas.ViewOrgAccounts(org), ids...) }); err != nil {
		return nil, err
	}
	accounts := make(map[string]*schemas.Account, len(ids))
	for i, value := range values.Val() {
		text, _ := value.(string)
		a, err := ingest.Viewed[schemas.Account](text)
		if err != nil {
			return nil, err
		}
		if a != nil && a.OrgID == org {
			accounts[ids[i]] = a
		}
	}
	out := make(map[string][]*schemas.Account, len(prefixes))
	for i, p := range prefixes {
		for _, id := range found[i] {
			if a := accounts[id]; a != nil {
				out[p] = append(out[p], a)
			}
		}
	}
	return out, nil
}

// certain is the score of an account that has the other company's domain.
const certain = 1000

// likelihood is 0 for an account that a channel says nothing of; whole says that the channel's name has all of the account's.
func likelihood(a *schemas.Account, tokens, domains []string) (score int, whole bool) {
	for _, d := range a.Domains {
		d = schemas.FoldDomain(d)
		if slices.Contains(domains, d) {
			score = certain
		}
		if label, _, _ := strings.Cut(d, "."); slices.Contains(tokens, label) && !generic[label] {
			score = max(score, 3)
		}
	}
	name, whole := named(strings.Fields(schemas.FoldWords(a.Name)), tokens)
	return score + name, whole
}

// named scores how much of a company's name, from its beginning, stands in a channel's: four for each word, one more for all of it. What
// has only a part of it, such as 'acme' for Acme Foods, scores less the more is missing.
func named(name, tokens []string) (best int, whole bool) {
	for len(name) > 1 && legal[name[len(name)-1]] {
		name = name[:len(name)-1]
	}
	for at := range tokens {
		n := 0
		for n < len(name) && at+n < len(tokens) && tokens[at+n] == name[n] {
			n++
		}
		if n == 0 || n == 1 && generic[name[0]] {
			continue
		}
		score := 4 * n
		if n == len(name) {
			score, whole = score+1, true
		} else {
			score -= min(2, len(name)-n)
		}
		best = max(best, score)
	}
	return best, whole
}
