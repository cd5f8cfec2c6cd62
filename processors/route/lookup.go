package route

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// person is what the views know that matters for one request.
type person struct {
	*orgViews
	*individual
	kind *schemas.OrgType // nil: the organization has no such type of its own
	done []string         // under which ledger ids the request is over, or waits
	sent sent
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
	followed []string // emails whose Slack users were looked for
}

// sent is how many requests of the type were delivered in this clock hour, as far as the views know.
type sent struct{ org, person int }

// script answers for several people of one organization, and the requests for each: from the recipient to the directory user,
// to the email, to Slack users are three dependent look-ups, in one round trip, all in the organization's slot. Indexes by
// email only ever grow; Go compares the emails. What it answers is one flat list, which answer.go reads.
//
// Lua reads the email out of the user's record as well as it can: it knows no letters but ASCII's, and Redis' cjson refuses
// what Go's decoder takes, such as half of an emoji in a name. So it answers which emails it followed, for Go to ask again
// with the right one.
var script = redis.NewScript(`
local base, hour, at, out = KEYS[1], ARGV[1], 2, {}
local function add(v) out[#out + 1] = v or '' end
local function list(from)
  add(#from)
  for _, v in ipairs(from) do add(v) end
end
add(redis.call('EXISTS', base .. 'users', base .. 'installs', base .. 'preferences'))
add(redis.call('HGET', base .. 'preferences', ''))
add(redis.call('HGET', base .. 'settings', ''))
list(redis.call('HVALS', base .. 'installs'))
local types, sent = {}, {}
while ARGV[at] do
  local uid, email, requests = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  local ids, slack, followed, seen = {uid}, {}, {}, {}
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
  add(#ids)
  for _, id in ipairs(ids) do
    local user = redis.call('HGET', base .. 'users', id)
    add(user)
    add(user and redis.call('HGET', base .. 'preferences', id))
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
  local to = uid ~= '' and uid or email
  for _ = 1, requests do
    local kind, request = ARGV[at], ARGV[at + 1]
    at = at + 2
    local counted = base .. 'sent:' .. hour .. ':' .. kind
    if not sent[kind] then
      types[kind] = redis.call('HGET', base .. 'types', kind) or ''
      sent[kind] = redis.call('SCARD', counted)
    end
    add(types[kind])
    add(sent[kind])
    add(redis.call('SCARD', counted .. ':' .. to))
    list(redis.call('SMEMBERS', base .. 'done:' .. request))
  end
end
return out
`)

// lookup asks Redis about requests. It remembers what view values mean: the same bytes decode to the same record.
type lookup struct {
	users    processors.Memo[schemas.DirectoryUser]
	slack    processors.Memo[schemas.SlackUser]
	choices  processors.Memo[schemas.Preferences]
	installs processors.Memo[schemas.Installation]
	settings processors.Memo[schemas.OrgSettings]
	types    processors.Memo[schemas.OrgType]
}

// load asks for every request of the batch in one round trip; people[i] answers requests[i]. A second one asks for those
// whose email Lua could not read.
func (l *lookup) load(ctx context.Context, rdb redis.UniversalClient, requests []*schemas.NotificationRequest, hour int64) ([]person, error) {
	people, all := make([]person, len(requests)), make([]question, len(requests))
	for i, r := range requests {
		all[i] = question{i, r, schemas.NormalEmail(r.Recipient.Email)}
	}
	if err := l.ask(ctx, rdb, all, people, hour); err != nil {
		return nil, err
	}
	var again []question
	for i := range people {
		if email := people[i].email(requests[i].Recipient); email != "" && !slices.Contains(people[i].followed, email) {
			again = append(again, question{i, requests[i], email})
		}
	}
	if len(again) == 0 {
		return people, nil
	}
	return people, l.ask(ctx, rdb, again, people, hour)
}

// question is what is asked for a request: whom it names, and the email to look for.
type question struct {
	index   int
	request *schemas.NotificationRequest
	email   string
}

// inquiry is one call of the script: questions of one organization, those for one person beside each other.
type inquiry struct {
	org       schemas.OrgID
	questions []question
	cmd       *redis.Cmd
}

// What one call asks, since a script that runs keeps Redis from all else; and what one round trip asks: the embedded Redis takes
// about a millisecond for a question, and an answer has to come within the client's timeout of 3 s.
const (
	mostByCall = 100
	mostAtOnce = 500
)

func (l *lookup) ask(ctx context.Context, rdb redis.UniversalClient, questions []question, people []person, hour int64) error {
	slices.SortFunc(questions, func(a, b question) int {
		return cmp.Or(cmp.Compare(a.request.OrgID, b.request.OrgID), cmp.Compare(a.request.Recipient.UserID, b.request.Recipient.UserID), cmp.Compare(a.email, b.email), cmp.Compare(a.index, b.index))
	})
	for len(questions) > 0 {
		trip := questions[:min(len(questions), mostAtOnce)]
		questions = questions[len(trip):]
		inquiries := inquire(trip)
		if err := askOnce(ctx, rdb, inquiries, hour); err != nil {
			return err
		}
		for i := range inquiries {
			if err := l.read(&inquiries[i], people); err != nil {
				return fmt.Errorf("read the Redis views: %w", err)
			}
		}
	}
	return nil
}

// inquire cuts sorted questions into calls.
func inquire(questions []question) []inquiry {
	var all []inquiry
	for from := 0; from < len(questions); {
		end, org := from+1, questions[from].request.OrgID
		for end < len(questions) && end-from < mostByCall && questions[end].request.OrgID == org {
			end++
		}
		all = append(all, inquiry{org: org, questions: questions[from:end]})
		from = end
	}
	return all
}

func askOnce(ctx context.Context, rdb redis.UniversalClient, inquiries []inquiry, hour int64) error {
	run := func(eval func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd) error {
		return processors.Lookup(ctx, rdb, func(pipe redis.Pipeliner) {
			for i := range inquiries {
				q := &inquiries[i]
				q.cmd = eval(ctx, pipe, []string{schemas.ViewOrgBase(q.org)}, q.args(hour)...)
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
func (q *inquiry) args(hour int64) []any {
	args := make([]any, 1, 1+5*len(q.questions))
	args[0] = hour
	for some := range q.byPerson() {
		args = append(args, string(some[0].request.Recipient.UserID), some[0].email, len(some))
		for i := range some {
			args = append(args, string(some[i].request.Type), string(some[i].request.RequestID))
		}
	}
	return args
}

// byPerson yields the questions of each person.
func (q *inquiry) byPerson() iter.Seq[[]question] {
	return func(yield func([]question) bool) {
		for rest := q.questions; len(rest) > 0; {
			n := 1
			for n < len(rest) && rest[n].request.Recipient.UserID == rest[0].request.Recipient.UserID && rest[n].email == rest[0].email {
				n++
			}
			if !yield(rest[:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}
