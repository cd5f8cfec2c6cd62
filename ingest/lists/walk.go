package lists

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

const (
	// MaxLooked bounds how many entries a page looks at: where few of them are what is looked for a page is short, and the next one goes on.
	MaxLooked = 2000
	// chunk is how many entries are read at once, at most. It begins with as many as the page has, and doubles while too few of them are wanted.
	chunk = 400
)

// List is one of an organization's, as the keys of its views.
type List struct {
	index, facts, links string
	states              []string // in the order in which they are listed
}

// Channels are those that the app is in, and those that are associated: as "team/channel", first those without an account, then by name.
func Channels(org schemas.OrgID) List {
	return List{schemas.ViewOrgChannelIndex(org), schemas.ViewOrgChannelFacts(org), schemas.ViewOrgChannelLinks(org), []string{schemas.StateOpen, schemas.StateDone}}
}

// People are directory users: as their ids, first those who are nobody in Slack, in the end those who are disabled, and by name.
func People(org schemas.OrgID) List {
	return List{schemas.ViewOrgPeopleIndex(org), schemas.ViewOrgBase(org) + schemas.PeopleUsers, "", []string{schemas.StateOpen, schemas.StateDone, schemas.StateEnded}}
}

// Query chooses from a list.
type Query struct {
	// Part is the letter of the index, with its scope: schemas.ListPrivate, schemas.ListAccount with schemas.ListScope… Empty: all.
	Part string
	// States are those that are wanted; empty: all of them.
	States []string
	// Text is what words of the name begin with, one after the other. Search: it was typed, and what folds to nothing finds nothing.
	Text   string
	Search bool
	// After goes on behind a former page.
	After string
	Limit int
	// Keep says which ids are wanted; nil: all. It is asked for few at a time.
	Keep func(ids []string) ([]bool, error)
}

// Page is a part of a list.
type Page struct {
	IDs []string
	// After is where the next page begins; empty: there is none. A page may have fewer than asked for, and a next one.
	After string
}

// entry is a member of an index.
type entry struct{ member, id string }

// walk goes through what a query may choose, in order.
type walk struct {
	ctx      context.Context
	rdb      redis.UniversalClient
	list     List
	query    Query
	folded   string
	prefixes []string
	from     string // behind which entry of the first of the prefixes to go on
	size     int
}

// Find reads a page.
func Find(ctx context.Context, rdb redis.UniversalClient, list List, q Query) (page Page, err error) {
	w := walk{ctx: ctx, rdb: rdb, list: list, query: q, folded: schemas.CutEntry(schemas.FoldWords(q.Text))}
	if q.Search && w.folded == "" {
		return page, nil
	}
	w.begin()
	var last entry
	for looked := 0; ; {
		entries, end, err := w.next(q.Limit + 1 - len(page.IDs))
		if err != nil {
			return page, err
		}
		kept, err := w.keep(entries)
		if err != nil {
			return page, err
		}
		for i, e := range entries {
			if kept[i] && len(page.IDs) == q.Limit { // so there is a next page
				page.After = last.member
				return page, nil
			}
			if last = e; kept[i] {
				page.IDs = append(page.IDs, e.id)
			}
		}
		switch looked += len(entries); {
		case end:
			return page, nil
		case looked >= MaxLooked:
			page.After = last.member
			return page, nil
		}
	}
}

// begin finds the prefixes to go through, and those that are over.
func (w *walk) begin() {
	states := w.query.States
	if len(states) == 0 {
		states = w.list.states
	}
	for _, state := range states {
		switch {
		case w.query.Search:
			w.prefixes = append(w.prefixes, schemas.ListWord+state+w.folded)
		case w.query.Part == "":
			w.prefixes = append(w.prefixes, schemas.ListAll+state)
		default:
			w.prefixes = append(w.prefixes, w.query.Part+state)
		}
	}
	for i, prefix := range w.prefixes {
		if strings.HasPrefix(w.query.After, prefix) {
			w.prefixes, w.from = w.prefixes[i:], w.query.After
			return
		}
	}
}

// next reads some entries; end: there are no more.
func (w *walk) next(wanted int) (entries []entry, end bool, err error) {
	wanted = max(wanted, w.size)
	w.size = min(2*wanted, chunk)
	prefix, from := w.prefixes[0], "["+w.prefixes[0]
	if w.from != "" {
		from = "(" + w.from
	}
	var found *redis.StringSliceCmd
	err = ingest.Lookup(w.ctx, w.rdb, func(pipe redis.Pipeliner) {
		found = pipe.ZRangeByLex(w.ctx, w.list.index, &redis.ZRangeBy{Min: from, Max: "(" + prefix + "\xff", Count: int64(wanted)})
	})
	if err != nil {
		return nil, false, err
	}
	for _, m := range found.Val() {
		w.from = m
		if i := strings.LastIndex(m, schemas.EntryEnd); i >= 0 {
			entries = append(entries, entry{m, m[i+1:]})
		}
	}
	if len(found.Val()) < wanted {
		w.prefixes, w.from = w.prefixes[1:], ""
	}
	return entries, len(w.prefixes) == 0, nil
}

// keep says which entries are wanted.
func (w *walk) keep(entries []entry) ([]bool, error) {
	kept := make([]bool, len(entries))
	if len(entries) == 0 {
		return kept, nil
	}
	if err := w.narrow(entries, kept); err != nil || w.query.Keep == nil {
		return kept, err
	}
	var ids []string
	for i, e := range entries {
		if kept[i] {
			ids = append(ids, e.id)
		}
	}
	if len(ids) == 0 {
		return kept, nil
	}
	wanted, err := w.query.Keep(ids)
	if err != nil {
		return nil, err
	}
	n := 0
	for i := range kept {
		if kept[i] {
			kept[i] = wanted[n]
			n++
		}
	}
	return kept, nil
}

// narrow leaves out, of a search, what is in another part of the list, and what was found before by an earlier one of its words.
func (w *walk) narrow(entries []entry, kept []bool) error {
	if !w.query.Search {
		for i := range kept {
			kept[i] = true
		}
		return nil
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.id
	}
	account, byAccount := strings.CutPrefix(w.query.Part, schemas.ListAccount)
	var facts, links *redis.SliceCmd
	err := ingest.Lookup(w.ctx, w.rdb, func(pipe redis.Pipeliner) {
		facts = pipe.HMGet(w.ctx, w.list.facts, ids...)
		if byAccount {
			links = pipe.HMGet(w.ctx, w.list.links, ids...)
		}
	})
	if err != nil {
		return err
	}
	for i, e := range entries {
		fact, _ := facts.Val()[i].(string)
		kept[i] = w.first(e, fact)
		switch {
		case byAccount:
			link, _ := links.Val()[i].(string)
			_, linked, _ := strings.Cut(link, " ")
			kept[i] = kept[i] && linked+schemas.EntryScope == account
		case w.query.Part != "":
			kept[i] = kept[i] && strings.Contains(fact, schemas.EntrySeparator+w.query.Part+schemas.EntryState)
		}
	}
	return nil
}

// first says whether an entry is the first of those by which a search finds its id.
func (w *walk) first(e entry, fact string) bool {
	const begins = schemas.ListWord + schemas.EntryState
	at := len(schemas.ListWord + schemas.StateOpen)
	words := e.member[at:strings.LastIndex(e.member, schemas.EntryEnd)]
	for one := range strings.SplitSeq(fact, schemas.EntrySeparator) {
		if text, is := strings.CutPrefix(one, begins); is && strings.HasPrefix(text, w.folded) && text < words {
			return false
		}
	}
	return true
}

// Count counts the entries of a state in a part of a list, within a pipeline. An empty part is all.
func Count(ctx context.Context, pipe redis.Pipeliner, list List, state string) *redis.IntCmd {
	prefix := schemas.ListAll + state
	return pipe.ZLexCount(ctx, list.index, "["+prefix, "("+prefix+"\xff")
}
