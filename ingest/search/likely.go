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

// Likely are accounts that the channel seems to be about, the likeliest first, at most limit: those of the other company's domain, then
// those whose name the channel's has, the longer the better. Two round trips.
func Likely(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, h Hints, limit int) ([]schemas.Account, error) {
	tokens := strings.Fields(schemas.FoldWords(h.Name))
	own := words(schemas.FoldWords(h.Own))
	var domains []string
	for _, d := range h.Domains {
		if d = schemas.FoldDomain(d); d != "" {
			domains = append(domains, d)
		}
	}
	var prefixes []string
	for _, d := range domains {
		prefixes = append(prefixes, schemas.EntryDomain+schemas.CutEntry(d)+schemas.EntryEnd)
	}
	for _, t := range tokens[:min(len(tokens), maxTerms)] {
		if len(t) > 1 && !generic[t] && !own[t] {
			prefixes = append(prefixes, schemas.EntryName+t+schemas.EntryEnd, schemas.EntryName+t+" ", schemas.EntryDomain+t+".")
		}
	}
	candidates, err := withPrefix(ctx, rdb, org, prefixes)
	if err != nil {
		return nil, err
	}
	type scored struct {
		account schemas.Account
		score   int
	}
	var all []scored
	for _, a := range candidates {
		if score := likelihood(&a, tokens, domains); score > 0 {
			all = append(all, scored{a, score})
		}
	}
	slices.SortFunc(all, func(a, b scored) int {
		return cmp.Or(b.score-a.score, len(a.account.Name)-len(b.account.Name), strings.Compare(string(a.account.AccountID), string(b.account.AccountID)))
	})
	out := make([]schemas.Account, min(len(all), limit))
	for i := range out {
		out[i] = all[i].account
	}
	return out, nil
}

// withPrefix returns the accounts that have an entry which begins with one of prefixes.
func withPrefix(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, prefixes []string) ([]schemas.Account, error) {
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
	for _, r := range ranges {
		for _, member := range r.Val() {
			if _, id, ok := strings.Cut(member, schemas.EntryEnd); ok {
				ids = append(ids, id)
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
	var out []schemas.Account
	for _, value := range values.Val() {
		text, _ := value.(string)
		a, err := ingest.Viewed[schemas.Account](text)
		if err != nil {
			return nil, err
		}
		if a != nil && a.OrgID == org {
			out = append(out, *a)
		}
	}
	return out, nil
}

// certain is the score of an account that has the other company's domain.
const certain = 1000

// likelihood is 0 for an account that a channel says nothing of.
func likelihood(a *schemas.Account, tokens, domains []string) int {
	score := 0
	for _, d := range a.Domains {
		d = schemas.FoldDomain(d)
		if slices.Contains(domains, d) {
			score = certain
		}
		if label, _, _ := strings.Cut(d, "."); slices.Contains(tokens, label) && !generic[label] {
			score = max(score, 3)
		}
	}
	return score + named(strings.Fields(schemas.FoldWords(a.Name)), tokens)
}

// named scores how much of a company's name, from its beginning, stands in a channel's: four for each word, one more for all of it. What
// has only a part of it, such as 'acme' for Acme Foods, scores less the more is missing.
func named(name, tokens []string) int {
	for len(name) > 1 && legal[name[len(name)-1]] {
		name = name[:len(name)-1]
	}
	best := 0
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
			score++
		} else {
			score -= min(2, len(name)-n)
		}
		best = max(best, score)
	}
	return best
}
