package route_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/processors/processorstest"
	"github.com/bigmind/backchannel/processors/route"
	"github.com/bigmind/backchannel/schemas"
)

// far is a processor to which no record has come where it belongs.
func far(r *processorstest.Redis) processors.Definition {
	return route.Definition(r.Client, func() time.Time { return now })
}

// The world of these tests: ann is ben's manager, cyn has none; acc-1 is ben's, acc-2 nobody's; of its deals one is cyn's, one the
// account's owner's. globex has a user of the same id as ann, and an account.
func newDirectory(t testing.TB) *processorstest.Redis {
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

func naming(to ...schemas.Recipient) schemas.NotificationRequest {
	r := schemas.NotificationRequest{OrgID: "acme", RequestID: "r1", Type: "alert.important", Content: schemas.Content{Title: "hush"}}
	if len(to) == 1 {
		r.Recipient = to[0]
	} else {
		r.Recipients = to
	}
	return r
}

func made(t testing.TB, r schemas.NotificationRequest) *kgo.Record {
	t.Helper()
	rec := record(t, r)
	rec.Timestamp = now.Add(-time.Minute)
	return rec
}

// meant is whom a batch was found to mean, in words: who is told, here or where their request is forwarded to; or why nobody is.
func meant(t *testing.T, result *processors.Result) (all []string) {
	t.Helper()
	requested := now.Add(-time.Minute)
	for _, rec := range result.Emitted() {
		switch rec.Topic {
		case schemas.NotificationAddressed.Name:
			r, err := schemas.NotificationAddressed.Decode(rec.Value)
			if err != nil || r.Check() != nil {
				t.Fatal(err, r.Check())
			}
			if string(rec.Key) != string(r.OrgID) || len(r.Recipients) > 0 || !r.CreatedAt.Equal(requested) {
				t.Errorf("key %q, %+v", rec.Key, r)
			}
			all = append(all, called(r.Recipient, r.Named))
		case schemas.NotificationOutcomes.Name:
			o, err := schemas.NotificationOutcomes.Decode(rec.Value)
			switch {
			case err != nil:
				t.Fatal(err)
			case o.Channel != "": // of the channels, the email tells who it is
			case o.Reason == schemas.UnknownRecipient && o.Recipient.Role == "":
				all = append(all, called(o.Recipient, nil))
			default:
				all = append(all, fmt.Sprintf("%s %s for %s", o.Status, o.Reason, o.Recipient.KeyPart()))
			}
		case schemas.DeliveriesEmail.Name, schemas.DeliveriesEmailUrgent.Name:
			d, err := schemas.DeliveriesEmail.Decode(rec.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !d.RequestedAt.Equal(requested) || d.DeliveryID != schemas.NewDeliveryID("acme", "r1", "", d.Recipient.KeyPart(), schemas.ByEmail) {
				t.Errorf("%+v", d)
			}
			all = append(all, called(d.Recipient, d.Decision.Named))
		}
	}
	return all
}

func called(to schemas.Recipient, named *schemas.Recipient) string {
	who := string(to.UserID) + "/" + to.Email
	if named != nil {
		who += " as " + named.KeyPart()
	}
	return who
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
			r := newDirectory(t)
			for where, def := range map[string]processors.Definition{"forwarded": far(r), "here": define(r)} {
				result, err := def.Processor.Process(t.Context(), []*kgo.Record{made(t, naming(tt.to...))})
				if err != nil {
					t.Fatal(err)
				}
				got := meant(t, result)
				if diff := cmp.Diff(strings.Split(tt.want, ","), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", where, diff)
				}
				if fate := result.Fate(0); fate.Rejected != "" {
					t.Errorf("%s: %+v", where, fate)
				}
			}
		})
	}
}

// An unknown organization is one dead letter and one outcome, however many people are named.
func TestUnknownOrganization(t *testing.T) {
	r := newDirectory(t)
	q := naming(schemas.Recipient{UserID: "ann"}, schemas.Recipient{Email: "a@b.example"}, schemas.Recipient{Role: schemas.AccountOwner, AccountID: "a"})
	q.OrgID = "who"
	byID := q
	byID.Recipients = q.Recipients[:1]
	for where, def := range map[string]processors.Definition{"forwarded": far(r), "here": define(r)} {
		result, err := def.Processor.Process(t.Context(), []*kgo.Record{made(t, q), made(t, byID)})
		if err != nil {
			t.Fatal(err)
		}
		got := meant(t, result)
		if len(got) != 2 || !strings.HasPrefix(got[0], "failed unknown_org") || got[0] != got[1] || result.Fate(0).Rejected != schemas.UnknownOrg || result.Fate(1).Rejected != schemas.UnknownOrg {
			t.Errorf("%s: %q, %+v, %+v", where, got, result.Fate(0), result.Fate(1))
		}
	}
}

// A batch takes one round trip, whoever is named by id or email; before it as many as the longest search by role has steps, however
// many requests there are.
func TestRoundTrips(t *testing.T) {
	byRole := naming(schemas.Recipient{Role: schemas.DealOwner, DealID: "inherits"})
	several := naming(schemas.Recipient{UserID: "ann"}, schemas.Recipient{Email: "ben@acme.example"})
	for name, tt := range map[string]struct {
		define func(*processorstest.Redis) processors.Definition
		other  schemas.NotificationRequest
		want   int64
	}{
		"by id and email": {define, several, 1},
		"by role":         {define, byRole, 3},
		"forwarded":       {far, byRole, 2},
	} {
		r := newDirectory(t)
		def := tt.define(r)
		var batch []*kgo.Record
		for range 50 {
			batch = append(batch, made(t, naming(schemas.Recipient{UserID: "ann"})), made(t, naming(schemas.Recipient{Email: "cyn@acme.example"})), made(t, tt.other))
		}
		if _, err := def.Processor.Process(t.Context(), batch); err != nil { // Redis sees the script
			t.Fatal(err)
		}
		before := r.Trips()
		if _, err := def.Processor.Process(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if n := r.Trips() - before; n != tt.want {
			t.Errorf("%s: %d round trips, want %d", name, n, tt.want)
		}
	}
}

// A request for one person by id passes as it is, with fields that we do not know; Named is ours to say.
func TestARequestForOnePersonPassesAsItIs(t *testing.T) {
	q := naming(schemas.Recipient{UserID: "ann"})
	q.CreatedAt = now
	rec := made(t, q)
	rec.Value = append([]byte(`{"x_new":1,`), rec.Value[1:]...)
	q.Named = &schemas.Recipient{UserID: "ben"}
	result, err := far(newDirectory(t)).Processor.Process(t.Context(), []*kgo.Record{rec, made(t, q)})
	if err != nil {
		t.Fatal(err)
	}
	if got := result.Emitted(); string(got[0].Value) != string(rec.Value) || strings.Contains(string(got[1].Value), "named") {
		t.Errorf("%s\n%s", got[0].Value, got[1].Value)
	}
}
