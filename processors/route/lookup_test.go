package route

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

// views is a Redis of one test with the views of one organization, written as the views sink writes them.
type views struct {
	t     *testing.T
	mini  *miniredis.Miniredis
	redis *redis.Client
	trips atomic.Int64
}

func newViews(t *testing.T) *views {
	t.Helper()
	v := &views{t: t, mini: miniredis.RunT(t)}
	v.redis = redis.NewClient(&redis.Options{Addr: v.mini.Addr(), MaxRetries: -1})
	v.redis.AddHook(v)
	t.Cleanup(func() { _ = v.redis.Close() })
	if err := v.mini.Set(schemas.ViewsCompleteKey, "1"); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *views) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (v *views) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook counts look-ups: a pipeline counts once, whatever it holds. What a new connection says first does not count.
func (v *views) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if strings.HasPrefix(cmds[0].Name(), "eval") {
			v.trips.Add(1)
		}
		return next(ctx, cmds)
	}
}

// put writes a view value: JSON as it was on the topic, or a record; nil is a tombstone.
func (v *views) put(key, field string, value any) {
	v.t.Helper()
	var raw []byte
	switch value := value.(type) {
	case nil:
	case string:
		raw = []byte(value)
	default:
		var err error
		if raw, err = json.Marshal(value); err != nil {
			v.t.Fatal(err)
		}
	}
	v.mini.HSet(key, field, schemas.ViewValue(1, raw))
}

func (v *views) directoryUser(u schemas.DirectoryUser) {
	v.put(schemas.ViewOrgUsers(u.OrgID), string(u.UserID), u)
	v.indexed(schemas.ViewOrgEmail(u.OrgID, u.Email), string(u.UserID))
}

func (v *views) slackUser(u schemas.SlackUser) {
	key := string(schemas.TeamUserKey(u.TeamID, u.UserID))
	v.put(schemas.ViewOrgSlackUsers(u.OrgID), key, u)
	v.indexed(schemas.ViewOrgSlackEmail(u.OrgID, u.Email), key)
}

func (v *views) indexed(key, member string) {
	v.t.Helper()
	if _, err := v.mini.SAdd(key, member); err != nil {
		v.t.Fatal(err)
	}
}

func (v *views) workspace(org schemas.OrgID, team schemas.TeamID, status schemas.InstallStatus) {
	v.put(schemas.ViewOrgInstalls(org), string(team), schemas.Installation{OrgID: org, TeamID: team, Status: status, SealedToken: "sealed"})
}

func (v *views) find(requests ...*schemas.NotificationRequest) []person {
	v.t.Helper()
	people, err := new(lookup).load(v.t.Context(), v.redis, requests, 0)
	if err != nil {
		v.t.Fatal(err)
	}
	return people
}

func to(org schemas.OrgID, r schemas.Recipient) *schemas.NotificationRequest {
	return &schemas.NotificationRequest{OrgID: org, RequestID: "r", Recipient: r}
}

// Redis and Go do not agree on what an email in a user's record is: Lua knows ASCII's letters and spaces only, and its JSON
// decoder refuses what Go's takes. What Go says counts, since it says it where the index is written too.
func TestTheEmailThatGoReadsIsFollowed(t *testing.T) {
	for name, record := range map[string]string{
		"plain":                        `{"org_id":"o","user_id":"u","email":"ada@b.example"}`,
		"in capitals":                  `{"org_id":"o","user_id":"u","email":" ADA@B.Example\t"}`,
		"no-break space":               `{"org_id":"o","user_id":"u","email":"\u00a0ada@b.example\u3000"}`,
		"letters beyond ASCII":         `{"org_id":"o","user_id":"u","email":"\u212a\u00c9VA@b.example"}`,
		"deeper than Lua's JSON goes":  `{"org_id":"o","user_id":"u","email":"ada@b.example","x":` + strings.Repeat("[", 1100) + strings.Repeat("]", 1100) + `}`,
		"JSON that cjson would refuse": `{"org_id":"o","user_id":"u","email":"ada@b.example","name":"\ud83d"}`,
	} {
		t.Run(name, func(t *testing.T) {
			v := newViews(t)
			var u schemas.DirectoryUser
			if err := json.Unmarshal([]byte(record), &u); err != nil {
				t.Fatal(err)
			}
			v.put(schemas.ViewOrgUsers("o"), "u", record)
			v.slackUser(schemas.SlackUser{OrgID: "o", TeamID: "T1", UserID: "U1", Email: u.Email})
			v.put(schemas.ViewOrgPreferences("o"), "u", schemas.Preferences{OrgID: "o", UserID: "u"})
			p := v.find(to("o", schemas.Recipient{UserID: "u"}))[0]
			if p.user == nil || len(p.slack) != 1 || p.own == nil {
				t.Errorf("user %v, %d Slack users, preferences %v", p.user, len(p.slack), p.own)
			}
		})
	}
}

// One record that Lua cannot read must not stop the others of its batch, nor all that come after.
func TestAUserThatLuaCannotReadStopsNobody(t *testing.T) {
	v := newViews(t)
	v.put(schemas.ViewOrgUsers("o"), "odd", `{"org_id":"o","user_id":"odd","email":"odd@b.example","name":"x" `) // no JSON at all
	v.directoryUser(schemas.DirectoryUser{OrgID: "o", UserID: "u", Email: "ada@b.example"})
	cmd := script.Eval(t.Context(), v.redis, []string{schemas.ViewOrgBase("o")}, 0, "odd", "", 1, "t", "r")
	if err := cmd.Err(); err != nil {
		t.Errorf("the script fails: %v", err)
	}
}

// A batch asks once, however many requests it has; once more only for those whose email Lua could not read, and once
// more when Redis has not seen the script.
func TestLookupsTakeOneRoundTrip(t *testing.T) {
	v := newViews(t)
	var batch []*schemas.NotificationRequest
	for i := range 50 {
		id := fmt.Sprintf("u%d", i)
		u := schemas.DirectoryUser{OrgID: "o", UserID: schemas.UserID(id), Email: id + "@b.example"}
		v.directoryUser(u)
		v.slackUser(schemas.SlackUser{OrgID: "o", TeamID: "T1", UserID: schemas.SlackUserID(u.UserID), Email: u.Email})
		batch = append(batch, to("o", schemas.Recipient{UserID: u.UserID}), to("o", schemas.Recipient{Email: u.Email}))
	}
	v.find(batch...)
	if n := v.trips.Swap(0); n != 2 {
		t.Errorf("the first batch took %d round trips, want 2: NOSCRIPT, and again with the script", n)
	}
	for i, p := range v.find(batch...) {
		if p.user == nil || len(p.slack) != 1 {
			t.Errorf("request %d: %+v", i, p)
		}
	}
	if n := v.trips.Swap(0); n != 1 {
		t.Errorf("a batch took %d round trips", n)
	}
	v.directoryUser(schemas.DirectoryUser{OrgID: "o", UserID: "odd", Email: "\u00a0odd@b.example"})
	v.find(append(batch, to("o", schemas.Recipient{UserID: "odd"}), to("o", schemas.Recipient{UserID: "odd"}))...)
	if n := v.trips.Swap(0); n != 2 {
		t.Errorf("a batch with emails that Lua cannot read took %d round trips, want 2", n)
	}
}

// An organization finds its own, also when it is called what a workspace or another organization's index is called.
func TestOrganizationsDoNotMix(t *testing.T) {
	v := newViews(t)
	for _, org := range []schemas.OrgID{"one", "two"} {
		v.workspace(org, schemas.TeamID("T-"+org), schemas.InstallActive)
		v.directoryUser(schemas.DirectoryUser{OrgID: org, UserID: "u", Email: "ada@b.example", Name: string(org)})
		v.slackUser(schemas.SlackUser{OrgID: org, TeamID: schemas.TeamID("T-" + org), UserID: "U1", Email: "ada@b.example"})
		v.put(schemas.ViewOrgPreferences(org), "", schemas.Preferences{OrgID: org})
	}
	v.put(schemas.ViewTeamUsers("T-one"), "U1", schemas.SlackUser{OrgID: "one", TeamID: "T-one", UserID: "U1", Email: "ada@b.example"})
	for _, org := range []schemas.OrgID{"one", "two"} {
		for _, r := range []schemas.Recipient{{UserID: "u"}, {Email: "ADA@b.example"}} {
			p := v.find(to(org, r))[0]
			if !p.known || p.user == nil || p.user.OrgID != org || len(p.slack) != 1 || p.slack[0].OrgID != org || p.orgWide == nil || p.orgWide.OrgID != org || len(p.active) != 1 {
				t.Errorf("%s, %+v: %+v", org, r, p)
			}
		}
	}
	if p := v.find(to("T-one", schemas.Recipient{UserID: "U1"}))[0]; p.known || p.user != nil {
		t.Errorf("an organization called what a workspace is called finds its people: %+v", p)
	}
}

// Indexes by email only grow: who once had an email is not matched by it.
func TestAnIndexEntryThatIsOutOfDateMatchesNobody(t *testing.T) {
	v := newViews(t)
	v.workspace("o", "T1", schemas.InstallActive)
	v.directoryUser(schemas.DirectoryUser{OrgID: "o", UserID: "former", Email: "old@b.example"})
	v.directoryUser(schemas.DirectoryUser{OrgID: "o", UserID: "former", Email: "new@b.example"})
	v.slackUser(schemas.SlackUser{OrgID: "o", TeamID: "T1", UserID: "U1", Email: "old@b.example"})
	v.slackUser(schemas.SlackUser{OrgID: "o", TeamID: "T1", UserID: "U1", Email: "new@b.example"})
	v.directoryUser(schemas.DirectoryUser{OrgID: "o", UserID: "gone", Email: "gone@b.example"})
	v.put(schemas.ViewOrgUsers("o"), "gone", nil)
	for email, want := range map[string]bool{"old@b.example": false, "new@b.example": true, "gone@b.example": false} {
		p := v.find(to("o", schemas.Recipient{Email: email}))[0]
		if (p.user != nil) != want || (len(p.slack) == 1) != want {
			t.Errorf("%s: user %v, %d Slack users", email, p.user, len(p.slack))
		}
	}
}

// Nothing found in views that are not complete means nothing.
func TestLookupWaitsForTheViews(t *testing.T) {
	v := newViews(t)
	v.mini.Del(schemas.ViewsCompleteKey)
	if _, err := new(lookup).load(t.Context(), v.redis, []*schemas.NotificationRequest{to("o", schemas.Recipient{UserID: "u"})}, 0); err == nil || !strings.Contains(err.Error(), processors.ErrViewsIncomplete.Error()) {
		t.Errorf("got %v", err)
	}
}
