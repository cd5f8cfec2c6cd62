package views

import (
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// reindex replaces the search entries of records, each unless the hash of entries holds those of a newer offset. Which entries go
// is read from that hash: so nothing stale stays in the index, whatever a record said before. KEYS: sorted set, hash. ARGV: id, offset,
// entries, and so on.
var reindex = redis.NewScript(`
for i = 1, #ARGV, 3 do
  local id, was = ARGV[i], redis.call('HGET', KEYS[2], ARGV[i])
  local at = was and tonumber(string.match(was, '^%d+'))
  if not at or at <= tonumber(ARGV[i + 1]) then
    local old, add, gone = {}, {}, {}
    for e in string.gmatch(was or '', '\31([^\31]+)') do old[e] = true end
    for e in string.gmatch(ARGV[i + 2], '\31([^\31]+)') do
      if old[e] then
        old[e] = nil
      else
        add[#add + 1] = 0
        add[#add + 1] = e .. '\0' .. id
      end
    end
    for e in pairs(old) do gone[#gone + 1] = e .. '\0' .. id end
    if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
    if #add > 0 then redis.call('ZADD', KEYS[1], unpack(add)) end
    redis.call('HSET', KEYS[2], id, ARGV[i + 1] .. ' ' .. ARGV[i + 2])
  end
end
return 1`)

// searchable is a record that is found by what it is called.
type searchable interface{ SearchEntries() []string }

// found puts a record's entries into an index: none for a tombstone, and with gone, which takes out what was there.
func (w *writes) found(index, entries, id string, rec *kgo.Record, v searchable, gone ...bool) {
	var joined strings.Builder
	if rec.Value != nil && len(gone) == 0 {
		for _, e := range v.SearchEntries() {
			joined.WriteString(schemas.EntrySeparator)
			joined.WriteString(e)
		}
	}
	keys := [2]string{index, entries}
	w.searched[keys] = append(w.searched[keys], id, rec.Offset, joined.String())
}

func (w *writes) account(rec *kgo.Record, org schemas.OrgID, id string) error {
	v, err := decode(rec, schemas.CRMAccounts, func(v *schemas.Account) schemas.Key { return schemas.OrgKey(v.OrgID, v.AccountID) })
	if err != nil {
		return err
	}
	w.put(schemas.ViewOrgAccounts(org), id, rec)
	w.found(schemas.ViewOrgAccountIndex(org), schemas.ViewOrgAccountEntries(org), id, rec, v)
	return nil
}

func (w *writes) deal(rec *kgo.Record, org schemas.OrgID, id string) error {
	v, err := decode(rec, schemas.CRMDeals, func(v *schemas.Deal) schemas.Key { return schemas.OrgKey(v.OrgID, v.DealID) })
	if err != nil {
		return err
	}
	w.put(schemas.ViewOrgDeals(org), id, rec)
	w.found(schemas.ViewOrgDealIndex(org), schemas.ViewOrgDealEntries(org), id, rec, v)
	return nil
}
