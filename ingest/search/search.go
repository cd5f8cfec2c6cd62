package search

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/ingest"
	"github.com/bigmind/backchannel/schemas"
)

// maxWalked is how many entries of the rarest term are compared with the other terms, at most.
const maxWalked = 5000

// find looks for ids in the order of their ranks, and returns them with their records. KEYS: index, entries, records. ARGV: how many, how
// many to walk through at most, the entry that names begin with, the entry of a domain that is just this (or nothing), then for each term
// what it is in a name and in a domain, with the scope; nothing: it can be none.
var find = redis.NewScript(`
local limit, walk = tonumber(ARGV[1]), tonumber(ARGV[2])
local found, seen, terms = {}, {}, {}
for i = 5, #ARGV, 2 do terms[#terms + 1] = {n = ARGV[i], w = ARGV[i], d = ARGV[i + 1]} end
local function idOf(member) return string.sub(member, string.find(member, '\0', 1, true) + 1) end
local function take(id)
  if not seen[id] and #found < limit then
    seen[id] = true
    found[#found + 1] = id
  end
end
local function takeAll(prefix)
  for _, m in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], '[' .. prefix, '(' .. prefix .. '\255', 'LIMIT', 0, limit)) do take(idOf(m)) end
end
if ARGV[3] ~= '' then takeAll(ARGV[3] .. '\0') end
if ARGV[4] ~= '' then takeAll(ARGV[4]) end
if ARGV[3] ~= '' then takeAll(ARGV[3]) end

local classes = {'n', 'w', 'd'}
local function each(t, visit)
  for _, class in ipairs(classes) do
    if t[class] ~= '' then visit(class .. t[class]) end
  end
end
local rarest, least = nil, nil
for i, t in ipairs(terms) do
  local count = 0
  if #terms > 1 then each(t, function(p) count = count + redis.call('ZLEXCOUNT', KEYS[1], '[' .. p, '(' .. p .. '\255') end) end
  if not rarest or count < least then rarest, least = i, count end
end
local function matches(entries)
  if not entries then return false end
  for i, t in ipairs(terms) do
    if i ~= rarest then
      local is = false
      each(t, function(p) is = is or string.find(entries, '\31' .. p, 1, true) ~= nil end)
      if not is then return false end
    end
  end
  return true
end
local walked = 0
if rarest then each(terms[rarest], function(prefix)
  local from = '[' .. prefix
  while #found < limit and walked < walk do
    local members = redis.call('ZRANGEBYLEX', KEYS[1], from, '(' .. prefix .. '\255', 'LIMIT', 0, 200)
    if #members == 0 then return end
    local ids = {}
    for i, m in ipairs(members) do ids[i] = idOf(m) end
    local entries = #terms > 1 and redis.call('HMGET', KEYS[2], unpack(ids))
    for i, id in ipairs(ids) do
      if not entries or matches(entries[i]) then take(id) end
    end
    walked = walked + #members
    from = '(' .. members[#members]
  end
end) end

local answer = {}
if #found > 0 then
  for i, v in ipairs(redis.call('HMGET', KEYS[3], unpack(found))) do answer[i] = v or '' end
end
return answer`)

// Accounts are the organization's that match best, at most limit of them: for an empty query the first of the alphabet. Fails with
// ingest.ErrViewsIncomplete while the views are being built.
func Accounts(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, text string, limit int) ([]schemas.Account, error) {
	q := parse(text)
	keys := []string{schemas.ViewOrgAccountIndex(org), schemas.ViewOrgAccountEntries(org), schemas.ViewOrgAccounts(org)}
	return run(ctx, rdb, q, text, "", keys, limit, func(a *schemas.Account) (rank, string, bool) {
		r, ok := q.rank(a.Title(), slices.Clone(a.Domains))
		return r, string(a.AccountID), ok && a.OrgID == org
	})
}

// Deals are the account's that match best, likewise.
func Deals(ctx context.Context, rdb redis.UniversalClient, org schemas.OrgID, account schemas.AccountID, text string, limit int) ([]schemas.Deal, error) {
	q := parse(text)
	keys := []string{schemas.ViewOrgDealIndex(org), schemas.ViewOrgDealEntries(org), schemas.ViewOrgDeals(org)}
	return run(ctx, rdb, q, text, schemas.DealScope(account), keys, limit, func(d *schemas.Deal) (rank, string, bool) {
		r, ok := q.rank(d.Title(), nil)
		return r, string(d.DealID), ok && d.OrgID == org && d.AccountID == account
	})
}

// run asks Redis, compares each answer with its record, and puts them in order.
func run[T any](ctx context.Context, rdb redis.UniversalClient, q query, text, scope string, keys []string, limit int, rankOf func(*T) (rank, string, bool)) ([]T, error) {
	if len(q.terms) == 0 && strings.TrimSpace(text) != "" {
		return nil, nil // nothing that a name or domain could have
	}
	values, err := ask(ctx, rdb, keys, arguments(q, scope, limit))
	if err != nil {
		return nil, err
	}
	type match struct {
		value *T
		rank  rank
		id    string
	}
	var all []match
	for _, value := range values {
		v, err := ingest.Viewed[T](value)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue // the index is a moment ahead of the record, or behind
		}
		if r, id, ok := rankOf(v); ok {
			all = append(all, match{v, r, id})
		}
	}
	slices.SortFunc(all, func(a, b match) int { return cmp.Or(a.rank.compare(b.rank), strings.Compare(a.id, b.id)) })
	out := make([]T, len(all))
	for i, m := range all {
		out[i] = *m.value
	}
	return out, nil
}

func arguments(q query, scope string, limit int) []any {
	entry := func(folded string) string {
		if folded == "" {
			return ""
		}
		return scope + schemas.CutEntry(folded)
	}
	names, domain := "", ""
	if len(q.terms) == 0 || q.phrase != "" {
		names = schemas.EntryName + scope + schemas.CutEntry(q.phrase)
	}
	if len(q.terms) == 1 && scope == "" && q.terms[0].domain != "" {
		domain = schemas.EntryDomain + entry(q.terms[0].domain) + schemas.EntryEnd
	}
	args := []any{limit, maxWalked, names, domain}
	for _, t := range q.terms {
		args = append(args, entry(t.words), entry(t.domain))
	}
	return args
}

func ask(ctx context.Context, rdb redis.UniversalClient, keys []string, args []any) ([]string, error) {
	var found *redis.Cmd
	err := ingest.Lookup(ctx, rdb, func(pipe redis.Pipeliner) { found = find.EvalSha(ctx, pipe, keys, args...) })
	if redis.HasErrorPrefix(errors.Unwrap(err), "NOSCRIPT") { // a Redis that has not seen the script: send it once
		err = ingest.Lookup(ctx, rdb, func(pipe redis.Pipeliner) { found = find.Eval(ctx, pipe, keys, args...) })
	}
	if err != nil {
		return nil, err
	}
	return found.StringSlice()
}
