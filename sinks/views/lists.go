package views

import (
	"encoding/json"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// relist keeps the list of an organization's channels, of which each entry follows from two records: the channel's, and its association. A
// record is passed over when a newer one was applied. KEYS: index, facts, links. ARGV: 'c' or 'a', key, offset, facts or account, and so on.
var relist = redis.NewScript(`
local function entries(fact, link)
  local out = {}
  local body = fact and string.match(fact, '^%d+ (.+)$')
  if not body then return out end
  local parts = {}
  for part in string.gmatch(body .. '\31', '([^\31]*)\31') do parts[#parts + 1] = part end
  local account = link and string.match(link, '^%d+ (.+)$')
  local state = account and '1' or '0'
  if not account and parts[1] ~= 'm' then return out end
  for i = 3, #parts do out[(string.gsub(parts[i], '\2', state, 1))] = true end
  if account then out['k' .. account .. '\1' .. state .. parts[2]] = true end
  return out
end
for i = 1, #ARGV, 4 do
  local hash, key = KEYS[3], ARGV[i + 1]
  if ARGV[i] == 'c' then hash = KEYS[2] end
  local was = redis.call('HGET', hash, key)
  local at = was and tonumber(string.match(was, '^%d+'))
  if not at or at <= tonumber(ARGV[i + 2]) then
    local old = entries(redis.call('HGET', KEYS[2], key), redis.call('HGET', KEYS[3], key))
    redis.call('HSET', hash, key, ARGV[i + 2] .. ' ' .. ARGV[i + 3])
    local new = entries(redis.call('HGET', KEYS[2], key), redis.call('HGET', KEYS[3], key))
    for e in pairs(new) do
      if old[e] then old[e] = nil else redis.call('ZADD', KEYS[1], 0, e .. '\0' .. key) end
    end
    for e in pairs(old) do redis.call('ZREM', KEYS[1], e .. '\0' .. key) end
  end
end
return 1`)

// rematch keeps the list of an organization's people, of which each entry follows from the directory user, and from the Slack users who have
// their email. The sets of users by email, which the same batch has filled before, lie in the organization's slot. KEYS: what its keys begin
// with. ARGV: 'u' or 's', key, offset, facts, and so on.
var rematch = redis.NewScript(`
local base = KEYS[1]
local users, slack, index = base .. 'people:users', base .. 'people:slack', base .. 'people:index'
local function facts(hash, key)
  local body = redis.call('HGET', hash, key)
  body = body and string.match(body, '^%d+ (.+)$')
  if not body then return nil end
  local parts = {}
  for part in string.gmatch(body .. '\31', '([^\31]*)\31') do parts[#parts + 1] = part end
  return parts
end
local function matched(email)
  if email == '' then return false end
  for _, id in ipairs(redis.call('SMEMBERS', base .. 'slack:' .. email)) do
    local f = facts(slack, id)
    if f and f[1] == email and f[2] == 'm' then return true end
  end
  return false
end
local function entries(user, out)
  local f = facts(users, user)
  if not f then return end
  local state = '0'
  if f[2] == 'd' then state = '2' elseif matched(f[1]) then state = '1' end
  for i = 3, #f do out[(string.gsub(f[i], '\2', state, 1)) .. '\0' .. user] = true end
end
local function emailOf(hash, key)
  local f = facts(hash, key)
  return f and f[1] or ''
end
for i = 1, #ARGV, 4 do
  local key, hash = ARGV[i + 1], slack
  if ARGV[i] == 'u' then hash = users end
  local was = redis.call('HGET', hash, key)
  local at = was and tonumber(string.match(was, '^%d+'))
  if not at or at <= tonumber(ARGV[i + 2]) then
    local touched = {}
    if ARGV[i] == 'u' then
      touched[key] = true
    else
      for _, email in ipairs({emailOf(slack, key), (string.match(ARGV[i + 3], '^([^\31]*)'))}) do
        if email ~= '' then
          for _, user in ipairs(redis.call('SMEMBERS', base .. 'email:' .. email)) do touched[user] = true end
        end
      end
    end
    local old, new = {}, {}
    for user in pairs(touched) do entries(user, old) end
    redis.call('HSET', hash, key, ARGV[i + 2] .. ' ' .. ARGV[i + 3])
    for user in pairs(touched) do entries(user, new) end
    for e in pairs(new) do
      if old[e] then old[e] = nil else redis.call('ZADD', index, 0, e) end
    end
    for e in pairs(old) do redis.call('ZREM', index, e) end
  end
end
return 1`)

// channel puts a channel into its workspace's view and its organization's list. One that is gone, or whose workspace has moved, leaves the list.
func (w *writes) channel(rec *kgo.Record, team schemas.TeamID, id string) error {
	v, err := decode(rec, schemas.SlackChannels, func(v *schemas.SlackChannel) schemas.Key { return schemas.TeamChannelKey(v.TeamID, v.ChannelID) })
	if err != nil {
		return err
	}
	facts, org := "", schemas.OrgID("")
	if v != nil {
		facts, org = v.ListFacts(), v.OrgID
	}
	w.listed(rec, "c", org, facts)
	w.put(schemas.ViewTeamChannels(team), id, rec)
	return nil
}

// association does the same with a channel's account.
func (w *writes) association(rec *kgo.Record, team schemas.TeamID, id string) error {
	v, err := decode(rec, schemas.ChannelAssociations, func(v *schemas.ChannelAssociation) schemas.Key {
		return schemas.TeamChannelKey(v.TeamID, v.ChannelID)
	})
	if err != nil {
		return err
	}
	account, org := schemas.AccountID(""), schemas.OrgID("")
	if v != nil {
		account, org = v.AccountID, v.OrgID
	}
	w.listed(rec, "a", org, schemas.PlainID(account))
	w.put(schemas.ViewTeamAssociations(team), id, rec)
	return nil
}

func (w *writes) listed(rec *kgo.Record, kind string, org schemas.OrgID, value string) {
	former, stale := w.owner.replace(rec, org)
	if stale {
		return
	}
	if org != "" {
		w.lists[org] = append(w.lists[org], kind, string(rec.Key), rec.Offset, value)
	}
	if former != "" {
		w.lists[former] = append(w.lists[former], kind, string(rec.Key), rec.Offset, "")
	}
}

func listKeys(org schemas.OrgID) []string {
	return []string{schemas.ViewOrgChannelIndex(org), schemas.ViewOrgChannelFacts(org), schemas.ViewOrgChannelLinks(org)}
}

// person puts a directory user ('u') or a Slack user ('s') into an organization's list of people; facts are empty for one who is gone.
func (w *writes) person(kind string, org schemas.OrgID, key string, rec *kgo.Record, facts string) {
	w.people[org] = append(w.people[org], kind, key, rec.Offset, facts)
}

// company notes what another company is called, from one of its people.
func (w *writes) company(v *schemas.SlackUser, rec *kgo.Record) {
	if v.IsExternal && v.HomeTeamID != "" && v.CompanyName != "" && json.Valid(rec.Value) {
		w.put(schemas.ViewOrgCompanies(v.OrgID), string(v.HomeTeamID), rec)
	}
}
