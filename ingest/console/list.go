package console

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// pageSize is how many rows a page has.
const pageSize = 50

// maxFound bounds how many matches of a search are put in order.
const maxFound = 2000

// countOf counts the entries that begin with a prefix.
func countOf(ctx context.Context, pipe redis.Pipeliner, index, prefix string) *redis.IntCmd {
	return pipe.ZLexCount(ctx, index, "["+prefix, "("+prefix+"\xff")
}

// cut is a page of a list: ids in their order, and where the next and the former page begin.
type cut struct {
	IDs        []string
	After      string // set: there is a next page, from here on
	More       bool   // of a search: there are more than were looked at
	HasForward bool
}

// after reads pageSize ids of an index that follow a member, of those whose entries begin with prefix.
func (c *Console) after(ctx context.Context, index, prefix, member string) (out cut, err error) {
	from := "[" + prefix
	if strings.HasPrefix(member, prefix) {
		from = "(" + member
	}
	var found *redis.StringSliceCmd
	err = ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		found = pipe.ZRangeByLex(ctx, index, &redis.ZRangeBy{Min: from, Max: "(" + prefix + "\xff", Count: pageSize + 1})
	})
	if err != nil {
		return out, err
	}
	members := found.Val()
	if len(members) > pageSize {
		members = members[:pageSize]
		out.After = members[pageSize-1]
	}
	out.IDs = idsOf(members)
	return out, nil
}

// matching finds the ids whose text has words that begin as text does, in each of the states, each id once.
func (c *Console) matching(ctx context.Context, index, text string, states []string) (out cut, err error) {
	folded := schemas.CutEntry(schemas.FoldWords(text))
	if folded == "" {
		return out, nil
	}
	found := make([]*redis.StringSliceCmd, len(states))
	err = ingest.Lookup(ctx, c.opts.Redis, func(pipe redis.Pipeliner) {
		for i, state := range states {
			prefix := schemas.ListWord + state + folded
			found[i] = pipe.ZRangeByLex(ctx, index, &redis.ZRangeBy{Min: "[" + prefix, Max: "(" + prefix + "\xff", Count: maxFound + 1})
		}
	})
	if err != nil {
		return out, err
	}
	seen := map[string]bool{}
	for _, f := range found {
		out.More = out.More || len(f.Val()) > maxFound
		for _, id := range idsOf(f.Val()) {
			if !seen[id] {
				seen[id] = true
				out.IDs = append(out.IDs, id)
			}
		}
	}
	return out, nil
}

func idsOf(members []string) []string {
	ids := make([]string, 0, len(members))
	for _, m := range members {
		if i := strings.LastIndexByte(m, 0); i >= 0 {
			ids = append(ids, m[i+1:])
		}
	}
	return ids
}
