package route

import (
	"context"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// person is what the views know that matters for one request.
type person struct {
	*orgViews
	*individual
	kind  *schemas.OrgType // nil: the organization has no such type of its own
	done  []string         // under which ledger ids the request is over, or waits
	sent  sent
	tally *tally
}

// orgViews is what the requests of an organization share.
type orgViews struct {
	known    bool // it exists: it has an installation, a user or preferences
	active   map[schemas.TeamID]*schemas.Installation
	orgWide  *schemas.Preferences
	settings *schemas.OrgSettings // nil: the defaults
}

// individual is what the requests for one person share.
type individual struct {
	user     *schemas.DirectoryUser // nil: no directory user has this id or email
	slack    []*schemas.SlackUser   // with the person's email, of any workspace of the organization
	own      *schemas.Preferences
	mail     string   // the directory's email, else as named
	followed []string // emails whose Slack users were looked for
	nth      int      // of those who have or had the email, when somebody is named by it

	bySlack    channel // as it follows from slack and the workspaces of
	workspaces *orgViews
}

// sent is how many requests of the type were delivered in this clock hour, as far as the views know.
type sent struct{ org, person int }

// script answers for several people of one organization, and the requests for each: from the recipient to the directory user,
// to the email, to Slack users are three dependent look-ups, in one round trip, all in the organization's slot. Indexes by
// email only ever grow; Go compares the emails, and says who of several is meant: so what each of them got is counted.
//
// It answers one string, which answer.go reads: a number is its digits and a colon; a text its length, as a number, and its
// bytes. What is known of the organization, and of a person, is a text in itself, for Go to recognise as what it has read before.
//
// Lua reads the email out of the user's record as well as it can: it knows no letters but ASCII's, and Redis' cjson refuses
// what Go's decoder takes, such as half of an emoji in a name. So it answers which emails it followed, for Go to ask again
// with the right one.
var script = redis.NewScript(`
local base, hour, at, out, n = KEYS[1], ARGV[1], 2, {}, 0
local function number(v)
  out[n + 1], out[n + 2] = v, ':'
  n = n + 2
end
local function text(v)
  v = v or ''
  out[n + 1], out[n + 2], out[n + 3] = #v, ':', v
  n = n + 3
end
local function list(from)
  number(#from)
  for _, v in ipairs(from) do text(v) end
end
local function asOne(from)
  local v = table.concat(out, '', from + 1, n)
  n = from
  text(v)
end
number(redis.call('EXISTS', base .. 'users', base .. 'installs', base .. 'preferences'))
text(redis.call('HGET', base .. 'preferences', ''))
text(redis.call('HGET', base .. 'settings', ''))
list(redis.call('HVALS', base .. 'installs'))
asOne(0)
local types, sent = {}, {}
while ARGV[at] do
  local uid, email, requests = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local from, ids, slack, followed, seen = n, {uid}, {}, {}, {}
  if uid == '' then ids = redis.call('SMEMBERS', base .. 'email:' .. email) end
  local function follow(e)
    if e == '' or seen[e] then return end
    seen[e] = true
    followed[#followed + 1] = e
    for _, id in ipairs(redis.call('SMEMBERS', base .. 'slack:' .. e)) do
      slack[#slack + 1] = redis.call('HGET', base .. 'slackusers', id) or ''
    end
  end
  follow(email)
  number(#ids)
  for _, id in ipairs(ids) do
    local user = redis.call('HGET', base .. 'users', id)
    text(user)
    text(user and redis.call('HGET', base .. 'preferences', id))
    local space = user and string.find(user, ' ', 1, true)
    if space then
      local ok, d = pcall(cjson.decode, string.sub(user, space + 1))
      if ok and type(d) == 'table' and type(d.email) == 'string' then
        follow(string.lower((string.gsub(d.email, '^%s*(.-)%s*$', '%1'))))
      end
    end
  end
  list(followed)
  list(slack)
  asOne(from)
  if uid == '' then ids[#ids + 1] = email end
  for _ = 1, requests do
    local kind, request = ARGV[at], ARGV[at + 1]
    at = at + 2
    local counted = base .. 'sent:' .. hour .. ':' .. kind
    if not sent[kind] then
      types[kind] = redis.call('HGET', base .. 'types', kind) or ''
      sent[kind] = redis.call('SCARD', counted)
    end
    text(types[kind])
    number(sent[kind])
    number(#ids)
    for _, id in ipairs(ids) do number(redis.call('SCARD', counted .. ':' .. id)) end
    list(redis.call('SMEMBERS', base .. 'done:' .. request))
  end
end
return table.concat(out, '', 1, n)
`)

// lookup asks Redis about requests. It remembers what answers mean: the same bytes are the same organization or person.
type lookup struct {
	orgs   map[string]*orgViews
	people map[mark]*acquaintance // by who was asked about, and what was said
	types  processors.Memo[schemas.OrgType]

	parties
	answers []person
}

// acquaintance is somebody as Redis described them.
type acquaintance struct {
	individual
	tally tally
}

// mostRemembered bounds what is kept of organizations, and of people; past it all is forgotten.
const mostRemembered = 50_000

// load asks for every request of the batch in one round trip; people[i] answers requests[i], until load is called again. A
// second one asks for those whose email Lua could not read.
func (l *lookup) load(ctx context.Context, rdb redis.UniversalClient, requests []*schemas.NotificationRequest, hour int64) (people []person, err error) {
	l.answers = slices.Grow(l.answers[:0], len(requests))[:len(requests)]
	clear(l.answers)
	l.start()
	for i, r := range requests {
		l.add(i, r, schemas.NormalEmail(r.Recipient.Email))
	}
	if err := l.ask(ctx, rdb, hour); err != nil {
		return nil, err
	}
	l.start()
	for i, r := range requests {
		if email := l.answers[i].mail; email != "" && !slices.Contains(l.answers[i].followed, email) {
			l.add(i, r, email)
		}
	}
	return l.answers, l.ask(ctx, rdb, hour)
}

// ask asks about all who were added.
func (l *lookup) ask(ctx context.Context, rdb redis.UniversalClient, hour int64) error {
	for trip := range l.trips() {
		if err := l.askOnce(ctx, rdb, trip, hour); err != nil {
			return err
		}
		for i := range trip {
			if err := l.read(&trip[i]); err != nil {
				return fmt.Errorf("read the Redis views: %w", err)
			}
		}
	}
	return nil
}

func (l *lookup) askOnce(ctx context.Context, rdb redis.UniversalClient, trip []inquiry, hour int64) error {
	run := func(eval func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd) error {
		return processors.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
			for i := range trip {
				trip[i].cmd = eval(ctx, pipe, []string{schemas.ViewOrgBase(trip[i].org)}, l.args(&trip[i], hour)...)
			}
		})
	}
	err := run(script.EvalSha)
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // a Redis that has not seen the script: send it once, with the look-up
		err = run(script.Eval)
	}
	return err
}

// args are the hour, then of each person the id, the email and how many requests; and of each of these its type and id.
func (l *lookup) args(in *inquiry, hour int64) []any {
	args := make([]any, 1, 1+3*len(in.parties)+2*mostByCall)
	args[0] = hour
	for _, at := range in.parties {
		party := &l.all[at]
		args = append(args, (*string)(&party.request.Recipient.UserID), &party.email, party.n)
		for _, q := range l.of(party) {
			args = append(args, (*string)(&q.request.Type), (*string)(&q.request.RequestID))
		}
	}
	return args
}
