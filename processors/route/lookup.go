package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

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

	settings *schemas.OrgSettings // nil: the defaults
	kind     *schemas.OrgType     // nil: the organization has no such type of its own
	done     []string             // under which ledger ids the request is over, or waits
	sent     sent

	followed []string // emails whose Slack users were looked for
}

// sent is how many requests of the type were delivered in this clock hour, as far as the views know.
type sent struct{ org, person int }

// script follows from the recipient to the directory user, to the email, to Slack users: three dependent look-ups in
// one round trip, all in the organization's slot. Indexes by email only ever grow; Go compares the emails.
//
// Lua reads the email out of the user's record as well as it can: it knows no letters but ASCII's, and Redis' cjson refuses
// what Go's decoder takes, such as half of an emoji in a name. So it answers which emails it followed, for Go to ask again
// with the right one.
var script = redis.NewScript(`
local base, uid, email, kind, request, hour = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local function record(v)
  if not v then return '' end
  local at = string.find(v, ' ', 1, true)
  return at and string.sub(v, at + 1) or ''
end
local ids = {uid}
if uid == '' then ids = redis.call('SMEMBERS', base .. 'email:' .. email) end
local users, slack, own, followed, seen = {}, {}, {}, {}, {}
local function follow(e)
  if e == '' or seen[e] then return end
  seen[e] = true
  followed[#followed + 1] = e
  for _, id in ipairs(redis.call('SMEMBERS', base .. 'slack:' .. e)) do
    slack[#slack + 1] = record(redis.call('HGET', base .. 'slackusers', id))
  end
end
follow(email)
for i, id in ipairs(ids) do
  users[i] = record(redis.call('HGET', base .. 'users', id))
  if users[i] ~= '' then
    own[#own + 1] = record(redis.call('HGET', base .. 'preferences', id))
    local ok, d = pcall(cjson.decode, users[i])
    if ok and type(d) == 'table' and type(d.email) == 'string' then
      follow(string.lower((string.gsub(d.email, '^%s*(.-)%s*$', '%1'))))
    end
  end
end
local installs = {}
for _, v in ipairs(redis.call('HVALS', base .. 'installs')) do installs[#installs + 1] = record(v) end
local any = redis.call('EXISTS', base .. 'users', base .. 'installs', base .. 'preferences')
local counted = base .. 'sent:' .. hour .. ':' .. kind
local to = uid ~= '' and uid or email
return {users, slack, own, {record(redis.call('HGET', base .. 'preferences', ''))}, installs, {tostring(any)}, followed,
  {record(redis.call('HGET', base .. 'settings', ''))}, {record(redis.call('HGET', base .. 'types', kind))},
  redis.call('SMEMBERS', base .. 'done:' .. request), redis.call('SCARD', counted), redis.call('SCARD', counted .. ':' .. to)}
`)

// load asks for every request of the batch in one round trip; people[i] answers requests[i]. A second one asks for those
// whose email Lua could not read.
func load(ctx context.Context, rdb redis.UniversalClient, requests []*schemas.NotificationRequest, hour int64) ([]person, error) {
	questions := make([]question, len(requests))
	for i, r := range requests {
		questions[i] = question{request: r, email: schemas.NormalEmail(r.Recipient.Email)}
	}
	people, err := ask(ctx, rdb, questions, hour)
	if err != nil {
		return nil, err
	}
	var again []question
	var index []int
	for i := range people {
		if email := people[i].email(requests[i].Recipient); email != "" && !slices.Contains(people[i].followed, email) {
			again, index = append(again, question{requests[i], email}), append(index, i)
		}
	}
	if len(again) == 0 {
		return people, nil
	}
	answers, err := ask(ctx, rdb, again, hour)
	if err != nil {
		return nil, err
	}
	for n, i := range index {
		people[i] = answers[n]
	}
	return people, nil
}

// question is what the script is asked for a request: its recipient, and the email to look for.
type question struct {
	request *schemas.NotificationRequest
	email   string
}

// mostAtOnce bounds a round trip: the embedded Redis takes about a millisecond for a question, and an answer has to come within
// the client's timeout of 3 s.
const mostAtOnce = 500

func ask(ctx context.Context, rdb redis.UniversalClient, questions []question, hour int64) ([]person, error) {
	people := make([]person, 0, len(questions))
	for some := range slices.Chunk(questions, mostAtOnce) {
		answers, err := askSome(ctx, rdb, some, hour)
		if err != nil {
			return nil, err
		}
		people = append(people, answers...)
	}
	return people, nil
}

func askSome(ctx context.Context, rdb redis.UniversalClient, questions []question, hour int64) ([]person, error) {
	var cmds []*redis.Cmd
	run := func(eval func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd) error {
		return processors.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
			cmds = make([]*redis.Cmd, len(questions))
			for i, q := range questions {
				uid := string(q.request.Recipient.UserID)
				cmds[i] = eval(ctx, pipe, []string{schemas.ViewOrgBase(q.request.OrgID)}, uid, q.email, string(q.request.Type), string(q.request.RequestID), hour)
			}
		})
	}
	err := run(script.EvalSha)
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // a Redis that has not seen the script: send it once, with the look-up
		err = run(script.Eval)
	}
	if err != nil {
		return nil, err
	}
	people := make([]person, len(questions))
	for i, cmd := range cmds {
		if people[i], err = read(cmd, questions[i].request); err != nil {
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
	if len(answer) != 12 {
		return p, errors.New("the look-up script answered in another shape")
	}
	users, err1 := decode[schemas.DirectoryUser](answer[0])
	slack, err2 := decode[schemas.SlackUser](answer[1])
	own, err3 := decode[schemas.Preferences](answer[2])
	orgWide, err4 := decode[schemas.Preferences](answer[3])
	installs, err5 := decode[schemas.Installation](answer[4])
	settings, err6 := decode[schemas.OrgSettings](answer[7])
	kinds, err7 := decode[schemas.OrgType](answer[8])
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		return p, err
	}
	sentinel, _ := answer[5].([]any)
	p.followed = texts(answer[6])
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
	p.orgWide, p.settings, p.kind = first(orgWide), first(settings), first(kinds)
	p.done = texts(answer[9])
	p.sent = sent{number(answer[10]), number(answer[11])}
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
	var out []T
	for _, text := range texts(list) {
		if text == "" {
			continue
		}
		var v T
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func first[T any](all []T) *T {
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}

func number(v any) int {
	n, _ := v.(int64)
	return int(n)
}

// texts reads a list of strings out of a script's answer.
func texts(list any) []string {
	values, _ := list.([]any)
	out := make([]string, len(values))
	for i, v := range values {
		out[i], _ = v.(string)
	}
	return out
}
