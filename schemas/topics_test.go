package schemas

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The table of the design, row by row: names, keys and policies are the contract with every upstream and every deployed
// version. A change here is a change of contract.
func TestTopicsAreTheContract(t *testing.T) {
	type row struct {
		Name, Key  string
		Partitions int32
		Cleanup    Cleanup
		Retention  time.Duration
		Private    bool
		Type       string
	}
	const d = 24 * time.Hour
	want := []row{
		{"slack.events", "team/channel", 12, Delete, 3 * d, true, "SlackEvent"},
		{"slack.history", "team/channel", 12, Delete, 3 * d, true, "SlackHistoryMessage"},
		{"slack.installations", "team", 1, Compact, 0, false, "Installation"},
		{"slack.users", "team/user", 1, Compact, 0, false, "SlackUser"},
		{"slack.channels", "team/channel", 1, Compact, 0, false, "SlackChannel"},
		{"channel.associations", "team/channel", 1, Compact, 0, false, "ChannelAssociation"},
		{"setup.prompts", "team/channel", 1, Compact, 0, false, "SetupPrompt"},
		{"sync.checkpoints", "team/channel", 1, Compact, 0, false, "SyncCheckpoint"},
		{"sync.requests", "team/channel", 1, Compact, 0, false, "SyncRequest"},
		{"crm.accounts", "org/account", 1, Compact, 0, false, "Account"},
		{"crm.deals", "org/deal", 1, Compact, 0, false, "Deal"},
		{"directory.users", "org/user", 1, Compact, 0, false, "DirectoryUser"},
		{"notification.preferences", "org, or org/user", 1, Compact, 0, false, "Preferences"},
		{"notification.types", "org/type", 1, Compact, 0, false, "OrgType"},
		{"org.settings", "org", 1, Compact, 0, false, "OrgSettings"},
		{"api.tokens", "org/token", 1, Compact, 0, false, "APIToken"},
		{"notification.requests", "org", 6, Delete, 3 * d, false, "NotificationRequest"},
		{"notification.addressed", "org", 6, Delete, 3 * d, false, "NotificationRequest"},
		{"notification.deliveries.slack", "org/recipient", 6, Delete, 3 * d, false, "Delivery"},
		{"notification.deliveries.slack.urgent", "org/recipient", 6, Delete, 3 * d, false, "Delivery"},
		{"notification.deliveries.email", "org/recipient", 6, Delete, 3 * d, false, "Delivery"},
		{"notification.deliveries.email.urgent", "org/recipient", 6, Delete, 3 * d, false, "Delivery"},
		{"notification.held", "org/recipient/group/delivery", 6, Compact, 0, false, "HeldNotification"},
		{"notification.outcomes", "org/request", 6, Delete, 8 * d, false, "Outcome"},
		{"context.messages", "team/channel", 12, Delete, 3 * d, false, "ContextMessage"},
	}
	var got []row
	for _, s := range Topics() {
		got = append(got, row{s.Name, s.Key, s.Partitions, s.Cleanup, s.Retention, s.Private, s.Type.Name()})
		if s.WrittenBy == "" || s.ReadBy == "" || !strings.HasSuffix(s.About, ".") {
			t.Errorf("%s: who writes it, who reads it and a sentence about it are documentation, and missing", s.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("design, declared:\n%s", diff)
	}
}

// Each topic, and no dead-letter topic, has a dead-letter topic; of a private topic its letters are private too.
func TestDeadLetterTopics(t *testing.T) {
	all := AllTopics()
	if len(all) != 2*len(Topics()) {
		t.Errorf("%d topics in all, want two for each of %d", len(all), len(Topics()))
	}
	names := map[string]bool{}
	for _, s := range all {
		if names[s.Name] {
			t.Errorf("%s is declared twice", s.Name)
		}
		names[s.Name] = true
		if found, ok := TopicByName(s.Name); !ok || !reflect.DeepEqual(found, s) {
			t.Errorf("%s is not found by its name", s.Name)
		}
	}
	for _, s := range Topics() {
		letter, ok := TopicByName(s.Name + ".dlq")
		if !ok || s.DeadLetter() != letter.Name {
			t.Errorf("%s has no dead-letter topic", s.Name)
			continue
		}
		if letter.Partitions != 1 || letter.Cleanup != Delete || letter.Retention != 21*24*time.Hour || letter.Private != s.Private || letter.Key != s.Key {
			t.Errorf("%s: %+v", letter.Name, letter)
		}
		if keeps := DeadLetterKeepsValue(s.Name); keeps == s.Private {
			t.Errorf("%s: private %v, and its dead letters keep the value: %v", s.Name, s.Private, keeps)
		}
	}
	if DeadLetterKeepsValue("no.such.topic") {
		t.Error("a dead letter of an unknown topic keeps its value")
	}
	if _, ok := TopicByName("no.such.topic"); ok {
		t.Error("an unknown topic is found")
	}
}

// What nobody may have opted in to is private: raw Slack events, and nothing that passed the gate.
func TestViewTopicsAreControlTopicsAndOutcomes(t *testing.T) {
	for _, s := range ViewTopics() {
		if s.Cleanup != Compact && s.Name != NotificationOutcomes.Name {
			t.Errorf("%s: a view is rebuilt from the beginning of its topic, which this one does not keep", s.Name)
		}
	}
	have := map[string]bool{}
	for _, s := range ViewTopics() {
		have[s.Name] = true
	}
	for _, s := range Topics() {
		if s.Cleanup == Compact && !have[s.Name] {
			t.Errorf("the control topic %s has no view", s.Name)
		}
	}
}

// A record that does not decode says which topic it is of, and why, and quotes nothing of it.
func TestDecodeErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		decode func([]byte) error
		value  string
		want   string
	}{
		"no JSON":        {decoder(CRMAccounts), `s3cret`, "decode a record of crm.accounts"},
		"nothing":        {decoder(CRMAccounts), ``, "decode a record of crm.accounts"},
		"null":           {decoder(CRMAccounts), `null`, "a record of crm.accounts: org_id is missing"},
		"an array":       {decoder(CRMAccounts), `["s3cret"]`, "decode a record of crm.accounts"},
		"wrong type":     {decoder(CRMAccounts), `{"org_id":{"s3cret":1}}`, "org_id"},
		"wrong element":  {decoder(CRMAccounts), `{"org_id":"o","account_id":"a","domains":["s3cret",1]}`, "domains"},
		"a time":         {decoder(CRMAccounts), `{"updated_at":"s3cret"}`, "updated_at must be a time in RFC 3339 form"},
		"no list":        {decoder(NotificationRequests), `{"org_id":"o","recipients":{"email":"s3cret"}}`, "decode a record of notification.requests: recipients must be a list, and is an object"},
		"no number":      {decoder(NotificationRequests), `{"org_id":"o","group_window_seconds":"s3cret"}`, "group_window_seconds must be a whole number, and is a string"},
		"no fraction":    {decoder(NotificationRequests), `{"org_id":"o","group_window_seconds":1.25}`, "group_window_seconds must be a whole number, and is a number"},
		"a nested one":   {decoder(NotificationRequests), `{"org_id":"o","content":{"link":{"url":true}}}`, "content.link.url must be a string, and is true or false"},
		"status":         {decoder(SlackInstallations), `{"org_id":"o","team_id":"T","status":"s3cret"}`, "status must be active, revoked or uninstalled"},
		"choice":         {decoder(NotificationPreferences), `{"org_id":"o","types":{"alert.important":"s3cret"}}`, "types.alert.important must be"},
		"who may":        {decoder(OrgsSettings), `{"org_id":"o","associate_by":"s3cret"}`, "associate_by must be matched or admins"},
		"a short hash":   {decoder(APITokens), `{"org_id":"o","token_id":"t","role":"owner","hash":"00"}`, "hash must be a SHA-256 in hex"},
		"a token's role": {decoder(APITokens), `{"org_id":"o","token_id":"t","role":"root","hash":"` + strings.Repeat("0", 64) + `"}`, "role must be owner, admin or member"},
		"how far back":   {decoder(OrgsSettings), `{"org_id":"o","backfill_days":-1}`, "backfill_days must be"},
		"no choice":      {decoder(NotificationPreferences), `{"org_id":"o","categories":{"alert":null}}`, "categories.alert must be"},
		"a ts":           {decoder(SyncCheckpoints), `{"org_id":"o","team_id":"T","channel_id":"C","newest":"s3cret"}`, "a ts must be"},
		"deeper nesting": {decoder(CRMAccounts), `{"x":` + strings.Repeat("[", 20000), "decode a record of crm.accounts"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.decode([]byte(tt.value))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v, want %q and no content", err, tt.want)
			}
		})
	}
}

func decoder[T any](topic Topic[T]) func([]byte) error {
	return func(b []byte) error { _, err := topic.Decode(b); return err }
}

// An installation without a status is active, as its schema says.
func TestInstallationWithoutStatusIsActive(t *testing.T) {
	in, err := SlackInstallations.Decode([]byte(`{"org_id":"o","team_id":"T","scopes":[]}`))
	if err != nil || !in.Active() {
		t.Errorf("%+v, %v", in, err)
	}
}

// FuzzDecode feeds each topic's decoder: what it takes, it takes again after encoding, to the same value.
func FuzzDecode(f *testing.F) {
	topics := samples()
	for i, s := range topics {
		value, err := s.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), value)
		f.Add(uint8(i), bytes.Replace(value, []byte(`"2026-09-21T12:00:00.123456Z"`), []byte(`"9999-12-31T23:59:59-23:59"`), 1))
		f.Add(uint8(i), []byte(`{"updated_at":"9999-12-31T23:59:59-23:59","org_id":"\ud83d"}`))
	}
	f.Fuzz(func(t *testing.T, which uint8, value []byte) {
		s := topics[int(which)%len(topics)]
		v, err := s.decode(value)
		if err != nil || !utf8.Valid(value) { // bytes that are no UTF-8 are read as they are, and written as U+FFFD
			return
		}
		encoded, err := s.recode(v)
		if err != nil {
			t.Fatalf("%s takes what cannot be encoded: %v", s.spec.Name, err)
		}
		back, err := s.decode(encoded)
		if err != nil {
			t.Fatalf("%s refuses what it has encoded: %v", s.spec.Name, err)
		}
		if diff := cmp.Diff(v, back, cmpopts.EquateEmpty(), sameJSON); diff != "" {
			t.Errorf("%s: decoded, encoded and decoded again:\n%s", s.spec.Name, diff)
		}
	})
}

// sameJSON compares envelopes by what they say: encoding/json compacts them and escapes what HTML would misread.
var sameJSON = cmp.FilterValues(func(a, b json.RawMessage) bool { return len(a)+len(b) > 0 }, cmp.Comparer(func(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && cmp.Equal(x, y)
}))
