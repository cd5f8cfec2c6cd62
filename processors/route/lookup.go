package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// person is what the views know that matters for one request.
type person struct {
	known   bool                   // the organization exists: it has an installation, a user or preferences
	user    *schemas.DirectoryUser // nil: no directory user has this id or email
	slack   []schemas.SlackUser    // with the person's email, of any workspace of the organization
	active  map[schemas.TeamID]*schemas.Installation
	own     *schemas.Preferences
	orgWide *schemas.Preferences
}

// script follows from the recipient to the directory user, to the email, to Slack users: three dependent look-ups in
// one round trip, all in the organization's slot. Indexes by email only ever grow; Go compares the emails.
var script = redis.NewScript(`
local base, uid, email = KEYS[1], ARGV[1], ARGV[2]
local function record(v)
  if not v then return '' end
  local at = string.find(v, ' ', 1, true)
  return at and string.sub(v, at + 1) or ''
end
local users = {}
if uid ~= '' then
  users[1] = record(redis.call('HGET', base .. 'users', uid))
else
  for _, id in ipairs(redis.call('SMEMBERS', base .. 'email:' .. email)) do
    users[#users + 1] = record(redis.call('HGET', base .. 'users', id))
  end
end
local slack, own, seen = {}, {}, {}
local function of(e)
  if e == '' or seen[e] then return end
  seen[e] = true
  for _, id in ipairs(redis.call('SMEMBERS', base .. 'slack:' .. e)) do
    slack[#slack + 1] = record(redis.call('HGET', base .. 'slackusers', id))
  end
end
of(email)
for _, u in ipairs(users) do
  if u ~= '' then
    local d = cjson.decode(u)
    if type(d.email) == 'string' then
      of(string.lower((string.gsub(d.email, '^%s*(.-)%s*$', '%1'))))
    end
    if type(d.user_id) == 'string' then
      own[#own + 1] = record(redis.call('HGET', base .. 'preferences', d.user_id))
    end
  end
end
local installs = {}
for _, v in ipairs(redis.call('HVALS', base .. 'installs')) do installs[#installs + 1] = record(v) end
local any = redis.call('EXISTS', base .. 'users', base .. 'installs', base .. 'preferences')
return {users, slack, own, {record(redis.call('HGET', base .. 'preferences', ''))}, installs, {tostring(any)}}
`)

// load asks for every request of the batch in one round trip; people[i] answers requests[i].
func load(ctx context.Context, rdb redis.UniversalClient, requests []*schemas.NotificationRequest) ([]person, error) {
	ask := func(pipe redis.Pipeliner, run func(redis.Scripter, *schemas.NotificationRequest) *redis.Cmd) []*redis.Cmd {
		cmds := make([]*redis.Cmd, len(requests))
		for i, r := range requests {
			cmds[i] = run(pipe, r)
		}
		return cmds
	}
	args := func(r *schemas.NotificationRequest) ([]string, []any) {
		return []string{schemas.ViewOrgBase(r.OrgID)}, []any{string(r.Recipient.UserID), schemas.NormalEmail(r.Recipient.Email)}
	}
	var cmds []*redis.Cmd
	err := processors.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
		cmds = ask(pipe, func(s redis.Scripter, r *schemas.NotificationRequest) *redis.Cmd {
			keys, argv := args(r)
			return script.EvalSha(ctx, s, keys, argv...)
		})
	})
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // a Redis that has not seen the script: send it once, with the look-up
		err = processors.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
			cmds = ask(pipe, func(s redis.Scripter, r *schemas.NotificationRequest) *redis.Cmd {
				keys, argv := args(r)
				return script.Eval(ctx, s, keys, argv...)
			})
		})
	}
	if err != nil {
		return nil, err
	}
	people := make([]person, len(requests))
	for i, cmd := range cmds {
		if people[i], err = read(cmd, requests[i]); err != nil {
			return nil, fmt.Errorf("read the Redis views: %w", err)
		}
	}
	return people, nil
}

func read(cmd *redis.Cmd, r *schemas.NotificationRequest) (person, error) {
	var p person
	answer, err := cmd.Slice()
	if err != nil {
		return p, err
	}
	if len(answer) != 6 {
		return p, errors.New("the look-up script answered in another shape")
	}
	users, err1 := decode[schemas.DirectoryUser](answer[0])
	slack, err2 := decode[schemas.SlackUser](answer[1])
	own, err3 := decode[schemas.Preferences](answer[2])
	orgWide, err4 := decode[schemas.Preferences](answer[3])
	installs, err5 := decode[schemas.Installation](answer[4])
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return p, err
	}
	sentinel, _ := answer[5].([]any)
	p.known = len(sentinel) == 1 && sentinel[0] != "0"
	p.user = pick(users, r.Recipient)
	p.active = make(map[schemas.TeamID]*schemas.Installation)
	for i := range installs {
		if installs[i].Validate() == nil && installs[i].Active() {
			p.active[installs[i].TeamID] = &installs[i]
		}
	}
	email := p.email(r.Recipient)
	for _, s := range slack {
		if schemas.NormalEmail(s.Email) == email {
			p.slack = append(p.slack, s)
		}
	}
	if len(orgWide) > 0 {
		p.orgWide = &orgWide[0]
	}
	for i := range own {
		if p.user != nil && own[i].UserID == p.user.UserID {
			p.own = &own[i]
		}
	}
	return p, nil
}

// pick chooses the directory user that the recipient names: by id, else by email, enabled ones and lower ids first.
func pick(users []schemas.DirectoryUser, to schemas.Recipient) *schemas.DirectoryUser {
	var best *schemas.DirectoryUser
	for i := range users {
		u := &users[i]
		if to.UserID != "" && u.UserID != to.UserID || to.UserID == "" && schemas.NormalEmail(u.Email) != schemas.NormalEmail(to.Email) {
			continue
		}
		if best == nil || best.Disabled && !u.Disabled || best.Disabled == u.Disabled && u.UserID < best.UserID {
			best = u
		}
	}
	return best
}

// email is the person's address: the directory's, else the request's.
func (p *person) email(to schemas.Recipient) string {
	if p.user != nil && p.user.Email != "" {
		return schemas.NormalEmail(p.user.Email)
	}
	return schemas.NormalEmail(to.Email)
}

// decode reads a list of JSON texts, leaving out tombstones.
func decode[T any](list any) ([]T, error) {
	texts, _ := list.([]any)
	out := make([]T, 0, len(texts))
	for _, t := range texts {
		s, _ := t.(string)
		if s == "" {
			continue
		}
		var v T
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
