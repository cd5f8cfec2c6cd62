package views

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/schemas"
)

// A record is refused when its key says another thing than its value: it would be found under another tenant.
func TestMalformedRecords(t *testing.T) {
	for name, r := range map[string]*kgo.Record{
		"no key":             rec(t, schemas.CRMAccounts.Spec, "", schemas.Account{OrgID: "acme", AccountID: "a"}),
		"another org":        rec(t, schemas.CRMAccounts.Spec, "acme/a", schemas.Account{OrgID: "globex", AccountID: "a"}),
		"another account":    rec(t, schemas.CRMAccounts.Spec, "acme/a", schemas.Account{OrgID: "acme", AccountID: "b"}),
		"another deal":       rec(t, schemas.CRMDeals.Spec, "acme/d", schemas.Deal{OrgID: "globex", DealID: "d"}),
		"another team":       rec(t, schemas.SlackInstallations.Spec, "T1", schemas.Installation{OrgID: "acme", TeamID: "T2"}),
		"another user":       rec(t, schemas.SlackUsers.Spec, "T1/U1", schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U2"}),
		"another channel":    rec(t, schemas.SlackChannels.Spec, "T1/C1", schemas.SlackChannel{OrgID: "acme", TeamID: "T1", ChannelID: "C2"}),
		"another checkpoint": rec(t, schemas.SyncCheckpoints.Spec, "T1/C1", schemas.SyncCheckpoint{OrgID: "acme", TeamID: "T2", ChannelID: "C1"}),
		"another prompt":     rec(t, schemas.SetupPrompts.Spec, "T1/C1", schemas.SetupPrompt{OrgID: "acme", TeamID: "T1", ChannelID: "C2", RequestID: "r", DeliveryID: "d", PostedIn: "D1", TS: "1.0"}),
		"another person":     rec(t, schemas.DirectoryUsers.Spec, "acme/u1", schemas.DirectoryUser{OrgID: "acme", UserID: "u2"}),
		"org as user":        rec(t, schemas.NotificationPreferences.Spec, "acme", schemas.Preferences{OrgID: "acme", UserID: "u1"}),
		"settings of a user": rec(t, schemas.OrgsSettings.Spec, "acme/u1", schemas.OrgSettings{OrgID: "acme"}),
		"association":        rec(t, schemas.ChannelAssociations.Spec, "T1/C1", schemas.ChannelAssociation{OrgID: "acme", TeamID: "T1", ChannelID: "C9", AccountID: "a"}),
		"an empty outcome":   {Topic: schemas.NotificationOutcomes.Name, Key: []byte("acme/r")},
		"empty, not null":    {Topic: schemas.CRMAccounts.Name, Key: []byte("acme/a"), Value: []byte{}},
		"null":               {Topic: schemas.CRMAccounts.Name, Key: []byte("acme/a"), Value: []byte("null")},
		"no JSON":            {Topic: schemas.CRMAccounts.Name, Key: []byte("acme/a"), Value: []byte("hunter2")},
	} {
		w := newWrites(owners{})
		err := w.apply(r)
		if err == nil || len(w.fields)+len(w.indexes)+len(w.ledger) > 0 {
			t.Errorf("%s: error %v, writes %v", name, err, w.fields)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error quotes content: %v", name, err)
		}
	}
}

// The first request of a dedup id keeps its entry, whichever of the two outcomes is read first.
func TestADuplicateDoesNotTakeOverTheLedger(t *testing.T) {
	first := rec(t, schemas.NotificationOutcomes.Spec, "acme/r1", schemas.Outcome{OrgID: "acme", RequestID: "r1", DeliveryID: "d", Status: schemas.Delivered})
	again := rec(t, schemas.NotificationOutcomes.Spec, "acme/r2", schemas.Outcome{OrgID: "acme", RequestID: "r2", DeliveryID: "d", Status: schemas.Delivered, Reason: schemas.Duplicate})
	for name, batches := range map[string][][]*kgo.Record{
		"in order":  {{first}, {again}},
		"reversed":  {{again}, {first}},
		"one batch": {{first, again}},
	} {
		mini, rdb := newRedis(t)
		for _, batch := range batches {
			w := newWrites(owners{})
			for _, r := range batch {
				if err := w.apply(r); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.run(t.Context(), rdb); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := mini.Get(schemas.LedgerKey("d"))
		if err != nil {
			t.Fatal(err)
		}
		var e schemas.LedgerEntry
		if err := json.Unmarshal([]byte(raw), &e); err != nil || e.Done == nil || e.Done.RequestID != "r1" {
			t.Errorf("%s: the ledger says %s, %v", name, raw, err)
		}
		if mini.TTL(schemas.LedgerKey("d")) != schemas.LedgerTTL {
			t.Errorf("%s: the entry lives for %v", name, mini.TTL(schemas.LedgerKey("d")))
		}
	}
}

// FuzzApply: no record, however odd, breaks the sink, and none writes outside of the views and the ledger.
func FuzzApply(f *testing.F) {
	for i := range schemas.ViewTopics() {
		f.Add(uint8(i), []byte("acme/x"), []byte(`{"org_id":"acme"}`))
		f.Add(uint8(i), []byte("T1"), []byte(nil))
	}
	f.Fuzz(func(t *testing.T, topic uint8, key, value []byte) {
		topics := schemas.ViewTopics()
		w := newWrites(owners{})
		_ = w.apply(&kgo.Record{Topic: topics[int(topic)%len(topics)].Name, Key: key, Value: value, Offset: 7})
		for k := range w.fields {
			if !strings.HasPrefix(k, "bc:view:{") || strings.HasPrefix(k, "bc:view:{state}") && !strings.HasPrefix(string(key), "state") {
				t.Errorf("it writes to %q", k)
			}
		}
	})
}

// The first message of a thread follows from its outcomes, also from one that only answered it; what the Slack sink wrote stays.
func TestThreadsAreFoundAgain(t *testing.T) {
	mini, rdb := newRedis(t)
	outcome := func(thread string, ts, root schemas.TS) *kgo.Record {
		return rec(t, schemas.NotificationOutcomes.Spec, "acme/r1", schemas.Outcome{
			OrgID: "acme", RequestID: "r1", DeliveryID: "d", Recipient: schemas.Recipient{UserID: "u"}, Channel: schemas.BySlack,
			Status: schemas.Delivered, TeamID: "T1", ChannelID: "D1", TS: ts, Thread: thread, ThreadTS: root,
		})
	}
	key := func(thread string) string { return schemas.ThreadKey("acme", schemas.Recipient{UserID: "u"}, thread) }
	if err := mini.Set(key("known"), "as it was"); err != nil {
		t.Fatal(err)
	}
	w := newWrites(owners{})
	for _, r := range []*kgo.Record{outcome("new", "2.0", ""), outcome("answered", "3.0", "1.0"), outcome("known", "4.0", ""), outcome("", "5.0", "")} {
		if err := w.apply(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.run(t.Context(), rdb); err != nil {
		t.Fatal(err)
	}
	for thread, want := range map[string]string{
		"new": `{"team_id":"T1","channel_id":"D1","ts":"2.0"}`, "answered": `{"team_id":"T1","channel_id":"D1","ts":"1.0"}`, "known": "as it was", "": "",
	} {
		if got, _ := mini.Get(key(thread)); got != want {
			t.Errorf("%q: %s, want %s", thread, got, want)
		}
	}
}
