package address_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/address"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/schemas"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func define(r *processorstest.Redis) processors.Definition {
	return address.Definition(r.Client, func() time.Time { return now })
}

// The world of these tests: ann is ben's manager, cyn has none; acc-1 is ben's, acc-2 nobody's; of its deals one is cyn's, one the
// account's owner's. globex has a user of the same id as ann, and an account.
func newWorld(t testing.TB) *processorstest.Redis {
	t.Helper()
	r := processorstest.NewRedis(t)
	for _, u := range []schemas.DirectoryUser{
		{OrgID: "acme", UserID: "ann", Email: "ann@acme.example"},
		{OrgID: "acme", UserID: "ben", Email: "Ben@acme.example", ManagerID: "ann"},
		{OrgID: "acme", UserID: "ben0", Email: "ben@acme.example", Disabled: true},
		{OrgID: "acme", UserID: "cyn", Email: "cyn@acme.example"},
		{OrgID: "globex", UserID: "dan", Email: "dan@globex.example"},
	} {
		r.Put(t, schemas.ViewOrgUsers(u.OrgID), string(u.UserID), u)
		if _, err := r.Mini.SAdd(schemas.ViewOrgEmail(u.OrgID, u.Email), string(u.UserID)); err != nil {
			t.Fatal(err)
		}
	}
	r.Put(t, schemas.ViewOrgAccounts("acme"), "acc-1", schemas.Account{OrgID: "acme", AccountID: "acc-1", OwnerID: "ben"})
	r.Put(t, schemas.ViewOrgAccounts("acme"), "acc-2", schemas.Account{OrgID: "acme", AccountID: "acc-2"})
	r.Put(t, schemas.ViewOrgAccounts("acme"), "gone", nil)
	r.Put(t, schemas.ViewOrgAccounts("globex"), "acc-9", schemas.Account{OrgID: "globex", AccountID: "acc-9", OwnerID: "dan"})
	r.Put(t, schemas.ViewOrgDeals("acme"), "own", schemas.Deal{OrgID: "acme", DealID: "own", AccountID: "acc-1", OwnerID: "cyn"})
	r.Put(t, schemas.ViewOrgDeals("acme"), "inherits", schemas.Deal{OrgID: "acme", DealID: "inherits", AccountID: "acc-1"})
	r.Put(t, schemas.ViewOrgDeals("acme"), "orphan", schemas.Deal{OrgID: "acme", DealID: "orphan", AccountID: "acc-2"})
	r.Put(t, schemas.ViewOrgDeals("acme"), "dangling", schemas.Deal{OrgID: "acme", DealID: "dangling", AccountID: "none"})
	return r
}

func request(to ...schemas.Recipient) schemas.NotificationRequest {
	r := schemas.NotificationRequest{OrgID: "acme", RequestID: "r1", Type: "alert.important", Content: schemas.Content{Title: "hush"}}
	if len(to) == 1 {
		r.Recipient = to[0]
	} else {
		r.Recipients = to
	}
	return r
}

func record(t testing.TB, r schemas.NotificationRequest) *kgo.Record {
	t.Helper()
	value, err := schemas.NotificationRequests.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{Topic: schemas.NotificationRequests.Name, Key: []byte("any"), Value: value, Timestamp: now.Add(-time.Minute)}
}

// said is what became of a batch in words.
func said(t *testing.T, result *processors.Result) []string {
	t.Helper()
	var all []string
	for _, rec := range result.Emitted() {
		if rec.Topic == schemas.NotificationOutcomes.Name {
			o, err := schemas.NotificationOutcomes.Decode(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s %s for %s", o.Status, o.Reason, o.Recipient.KeyPart()))
			continue
		}
		r, err := schemas.NotificationAddressed.Decode(rec.Value)
		if err != nil || r.Check() != nil {
			t.Fatal(err, r.Check())
		}
		if string(rec.Key) != string(r.OrgID) || len(r.Recipients) > 0 || !r.CreatedAt.Equal(now.Add(-time.Minute)) {
			t.Errorf("key %q, %+v", rec.Key, r)
		}
		who := string(r.Recipient.UserID) + "/" + r.Recipient.Email
		if r.Named != nil {
			who += " as " + r.Named.KeyPart()
		}
		all = append(all, who)
	}
	return all
}

// Whom a name means.
func TestWhoIsMeant(t *testing.T) {
	manager := func(user schemas.UserID) schemas.Recipient {
		return schemas.Recipient{Role: schemas.ManagerOf, UserID: user}
	}
	account := func(id schemas.AccountID) schemas.Recipient {
		return schemas.Recipient{Role: schemas.AccountOwner, AccountID: id}
	}
	deal := func(id schemas.DealID) schemas.Recipient {
		return schemas.Recipient{Role: schemas.DealOwner, DealID: id}
	}
	for name, tt := range map[string]struct {
		to   []schemas.Recipient
		want string
	}{
		"id":                          {[]schemas.Recipient{{UserID: "ann"}}, "ann/"},
		"an id that nobody has":       {[]schemas.Recipient{{UserID: "who"}}, "who/"}, // route says so
		"id and email":                {[]schemas.Recipient{{UserID: "ann", Email: "x@b.example"}}, "ann/x@b.example"},
		"email":                       {[]schemas.Recipient{{Email: " ANN@acme.example"}}, "ann/ ANN@acme.example as ann@acme.example"},
		"email of two":                {[]schemas.Recipient{{Email: "ben@acme.example"}}, "ben/ben@acme.example as ben@acme.example"},
		"email of nobody":             {[]schemas.Recipient{{Email: "who@acme.example"}}, "/who@acme.example"},
		"email of another org":        {[]schemas.Recipient{{Email: "dan@globex.example"}}, "/dan@globex.example"},
		"manager":                     {[]schemas.Recipient{manager("ben")}, "ann/ as manager:ben"},
		"manager by email":            {[]schemas.Recipient{{Role: schemas.ManagerOf, Email: "ben@acme.example"}}, "ann/ as manager:ben@acme.example"},
		"manager of nobody":           {[]schemas.Recipient{manager("who")}, "failed unknown_recipient for manager:who"},
		"manager of an unknown email": {[]schemas.Recipient{{Role: schemas.ManagerOf, Email: "who@b"}}, "failed unknown_recipient for manager:who@b"},
		"no manager":                  {[]schemas.Recipient{manager("cyn")}, "failed no_manager for manager:cyn"},
		"account":                     {[]schemas.Recipient{account("acc-1")}, "ben/ as account_owner:acc-1"},
		"account of nobody":           {[]schemas.Recipient{account("acc-2")}, "failed no_owner for account_owner:acc-2"},
		"unknown account":             {[]schemas.Recipient{account("who")}, "failed unknown_account for account_owner:who"},
		"removed account":             {[]schemas.Recipient{account("gone")}, "failed unknown_account for account_owner:gone"},
		"another org's account":       {[]schemas.Recipient{account("acc-9")}, "failed unknown_account for account_owner:acc-9"},
		"deal":                        {[]schemas.Recipient{deal("own")}, "cyn/ as deal_owner:own"},
		"deal by its account":         {[]schemas.Recipient{deal("inherits")}, "ben/ as deal_owner:inherits"},
		"deal of nobody":              {[]schemas.Recipient{deal("orphan")}, "failed no_owner for deal_owner:orphan"},
		"deal without its account":    {[]schemas.Recipient{deal("dangling")}, "failed unknown_account for deal_owner:dangling"},
		"unknown deal":                {[]schemas.Recipient{deal("who")}, "failed unknown_deal for deal_owner:who"},
		"several, some of them nobody, one twice": {
			[]schemas.Recipient{{UserID: "ben"}, manager("ben"), account("acc-1"), account("who"), {Email: "ben@acme.example"}, {UserID: "cyn"}},
			"ben/,ann/ as manager:ben,failed unknown_account for account_owner:who,cyn/",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newWorld(t)
			result, err := define(r).Processor.Process(t.Context(), []*kgo.Record{record(t, request(tt.to...))})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(tt.want, ","), said(t, result)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if fate := result.Fate(0); fate.Rejected != "" {
				t.Errorf("%+v", fate)
			}
		})
	}
}

// An unknown organization is one dead letter and one outcome, however many people are named.
func TestUnknownOrganization(t *testing.T) {
	r := newWorld(t)
	q := request(schemas.Recipient{UserID: "ann"}, schemas.Recipient{Email: "a@b.example"}, schemas.Recipient{Role: schemas.AccountOwner, AccountID: "a"})
	q.OrgID = "who"
	result, err := define(r).Processor.Process(t.Context(), []*kgo.Record{record(t, q)})
	if err != nil {
		t.Fatal(err)
	}
	if got := said(t, result); len(got) != 1 || !strings.HasPrefix(got[0], "failed unknown_org") || result.Fate(0).Rejected != schemas.UnknownOrg {
		t.Errorf("%q, %+v", got, result.Fate(0))
	}
}

// A batch takes as many round trips as the longest search has steps, however many requests it has.
func TestRoundTrips(t *testing.T) {
	r := newWorld(t)
	var batch []*kgo.Record
	for range 50 {
		batch = append(batch, record(t, request(schemas.Recipient{UserID: "ann"})), record(t, request(schemas.Recipient{Role: schemas.DealOwner, DealID: "inherits"})))
	}
	before := r.Trips()
	if _, err := define(r).Processor.Process(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if n := r.Trips() - before; n != 2 {
		t.Errorf("%d round trips, want 2", n)
	}
}

// The contract that every processor passes.
func TestContract(t *testing.T) {
	const secret = "s3cret"
	processorstest.Check(t, func(t *testing.T) processorstest.Subject {
		r := newWorld(t)
		return processorstest.Subject{
			Define: func() processors.Definition { return define(r) },
			Redis:  r,
			Batch: func() []*kgo.Record {
				bad := request(schemas.Recipient{UserID: "ann"})
				bad.Content = schemas.Content{Body: secret}
				good := request(schemas.Recipient{UserID: "ann"}, schemas.Recipient{Email: "ben@acme.example"})
				good.Content.Title = secret
				return []*kgo.Record{
					record(t, good), record(t, request(schemas.Recipient{Role: schemas.ManagerOf, UserID: "ben"})), record(t, bad),
					{Topic: schemas.NotificationRequests.Name, Value: []byte(secret)},
				}
			},
			Secret: secret,
		}
	})
}

// A request for one person by id passes as it is, with fields that we do not know; Named is ours to say.
func TestARequestForOnePersonPassesAsItIs(t *testing.T) {
	q := request(schemas.Recipient{UserID: "ann"})
	q.CreatedAt = now
	rec := record(t, q)
	rec.Value = append([]byte(`{"x_new":1,`), rec.Value[1:]...)
	q.Named = &schemas.Recipient{UserID: "ben"}
	result, err := define(newWorld(t)).Processor.Process(t.Context(), []*kgo.Record{rec, record(t, q)})
	if err != nil {
		t.Fatal(err)
	}
	if got := result.Emitted(); string(got[0].Value) != string(rec.Value) || strings.Contains(string(got[1].Value), "named") {
		t.Errorf("%s\n%s", got[0].Value, got[1].Value)
	}
}
