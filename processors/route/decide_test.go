package route

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bigmind/backchannel/processors"
	"github.com/bigmind/backchannel/schemas"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// acme is an organization in which all is well: connected, with Ada in the directory and in Slack.
func acme(t *testing.T) *views {
	v := newViews(t)
	v.workspace("acme", "T1", schemas.InstallActive)
	v.directoryUser(schemas.DirectoryUser{OrgID: "acme", UserID: "ada", Email: "ada@acme.example"})
	v.slackUser(schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Email: "Ada@Acme.example"})
	return v
}

// request is one that reaches Ada by Slack and by email.
func request() schemas.NotificationRequest {
	return schemas.NotificationRequest{
		OrgID: "acme", RequestID: "r1", Type: "alert.important", Recipient: schemas.Recipient{UserID: "ada"},
		Content: schemas.Content{Title: "Renewal at risk", Body: "See **Acme**."}, CreatedAt: now.Add(-time.Minute),
	}
}

func encoded(t *testing.T, r schemas.NotificationRequest) *kgo.Record {
	t.Helper()
	value, err := schemas.NotificationRequests.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return &kgo.Record{Topic: schemas.NotificationRequests.Name, Key: []byte(schemas.OrgKey(r.OrgID, r.Recipient.KeyPart())), Value: value}
}

func (v *views) process(batch ...*kgo.Record) *processors.Result {
	v.t.Helper()
	def := Definition(v.redis, func() time.Time { return now })
	def.Repartition.Know(1, 1)
	result, err := def.Processor.Process(v.t.Context(), batch)
	if err != nil {
		v.t.Fatal(err)
	}
	return result
}

// said lists what became of a batch: "slack T1/U1", "email ada@acme.example", "slack suppressed: type_off", in order.
func said(t *testing.T, result *processors.Result) []string {
	t.Helper()
	var all []string
	for _, rec := range result.Emitted() {
		switch rec.Topic {
		case schemas.DeliveriesSlack.Name, schemas.DeliveriesSlackUrgent.Name:
			d := decoded(t, schemas.DeliveriesSlack, rec)
			all = append(all, fmt.Sprintf("slack %s/%s", d.TeamID, d.SlackUserID))
		case schemas.DeliveriesEmail.Name, schemas.DeliveriesEmailUrgent.Name:
			all = append(all, "email "+decoded(t, schemas.DeliveriesEmail, rec).Email)
		default:
			o := decoded(t, schemas.NotificationOutcomes, rec)
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s: %s", o.Channel, o.Status, o.Reason)))
		}
	}
	return all
}

func decoded[T any](t *testing.T, topic schemas.Topic[T], rec *kgo.Record) T {
	t.Helper()
	v, err := topic.Decode(rec.Value)
	if err != nil {
		t.Fatalf("route wrote a record that nobody can read: %v", err)
	}
	return v
}

// Who gets it, by which way, or why not: the product page's list of what to check.
func TestWhoGetsIt(t *testing.T) {
	const both = "slack T1/U1,email ada@acme.example"
	byEmail := func(email string) func(*schemas.NotificationRequest) {
		return func(r *schemas.NotificationRequest) { r.Recipient = schemas.Recipient{Email: email} }
	}
	for name, tt := range map[string]struct {
		world  func(*views)
		change func(*schemas.NotificationRequest)
		want   string
	}{
		"all is well":           {nil, nil, both},
		"by email":              {nil, byEmail("ada@acme.example"), both},
		"by email, in capitals": {nil, byEmail(" ADA@acme.EXAMPLE "), both},
		"of the directory's two": {func(v *views) {
			v.directoryUser(schemas.DirectoryUser{OrgID: "acme", UserID: "aaa", Email: "ada@acme.example", Disabled: true})
		}, byEmail("ada@acme.example"), both},
		"the id counts, not the email beside it": {nil, func(r *schemas.NotificationRequest) { r.Recipient.Email = "other@acme.example" }, both},
		"an email that only Slack knows": {func(v *views) {
			v.slackUser(schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U2", Email: "new@acme.example"})
		}, byEmail("new@acme.example"), "slack T1/U2,email new@acme.example"},
		"an email that nobody knows": {nil, byEmail("who@acme.example"), "email who@acme.example,slack suppressed: no_slack_match"},
		"an id that nobody knows":    {nil, func(r *schemas.NotificationRequest) { r.Recipient.UserID = "who" }, "failed: unknown_recipient"},
		"removed from the directory": {func(v *views) { v.put(schemas.ViewOrgUsers("acme"), "ada", nil) }, nil, "failed: unknown_recipient"},
		"disabled": {func(v *views) {
			v.directoryUser(schemas.DirectoryUser{OrgID: "acme", UserID: "ada", Email: "ada@acme.example", Disabled: true})
		}, nil, "suppressed: recipient_disabled"},
		"no email in the directory": {func(v *views) {
			v.put(schemas.ViewOrgUsers("acme"), "ada", schemas.DirectoryUser{OrgID: "acme", UserID: "ada"})
		},
			nil, "slack suppressed: no_slack_match,email suppressed: no_email"},
		"another email in Slack": {func(v *views) {
			v.slackUser(schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Email: "ada.private@acme.example"})
		}, nil, "email ada@acme.example,slack suppressed: no_slack_match"},
		"deactivated in Slack": {func(v *views) {
			v.slackUser(schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Email: "ada@acme.example", Deleted: true})
		}, nil, "email ada@acme.example,slack failed: account_inactive"},
		"a bot in Slack": {func(v *views) {
			v.slackUser(schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Email: "ada@acme.example", IsBot: true})
		}, nil, "email ada@acme.example,slack suppressed: no_slack_match"},
		"of another company": {func(v *views) {
			v.slackUser(schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U1", Email: "ada@acme.example", IsExternal: true})
		}, nil, "email ada@acme.example,slack suppressed: no_slack_match"},
		"a deactivated account beside a live one": {func(v *views) {
			v.slackUser(schemas.SlackUser{OrgID: "acme", TeamID: "T1", UserID: "U0", Email: "ada@acme.example", Deleted: true})
		}, nil, both},
		"in two workspaces": {func(v *views) {
			v.workspace("acme", "T0", schemas.InstallActive)
			v.slackUser(schemas.SlackUser{OrgID: "acme", TeamID: "T0", UserID: "U9", Email: "ada@acme.example"})
		}, nil, "slack T0/U9,email ada@acme.example"},
		"in a workspace that was revoked, and in another": {func(v *views) {
			v.workspace("acme", "T0", schemas.InstallRevoked)
			v.slackUser(schemas.SlackUser{OrgID: "acme", TeamID: "T0", UserID: "U9", Email: "ada@acme.example"})
		}, nil, both},
		"Slack was revoked":       {func(v *views) { v.workspace("acme", "T1", schemas.InstallRevoked) }, nil, "email ada@acme.example,slack suppressed: slack_not_connected"},
		"Slack was uninstalled":   {func(v *views) { v.workspace("acme", "T1", schemas.InstallUninstalled) }, nil, "email ada@acme.example,slack suppressed: slack_not_connected"},
		"Slack was removed":       {func(v *views) { v.put(schemas.ViewOrgInstalls("acme"), "T1", nil) }, nil, "email ada@acme.example,slack suppressed: slack_not_connected"},
		"a status that is absent": {func(v *views) { v.workspace("acme", "T1", "") }, nil, both},
		"an unknown organization": {nil, func(r *schemas.NotificationRequest) { r.OrgID = "who" }, "failed: unknown_org"},
		"an unknown type":         {nil, func(r *schemas.NotificationRequest) { r.Type = "no.such" }, "failed: unknown_type"},
		"expired":                 {nil, func(r *schemas.NotificationRequest) { r.ExpiresAt = now.Add(-time.Nanosecond) }, "expired: past_expiry"},
		"expiring at this moment": {nil, func(r *schemas.NotificationRequest) { r.ExpiresAt = now }, "expired: past_expiry"},
		"expiring soon":           {nil, func(r *schemas.NotificationRequest) { r.ExpiresAt = now.Add(time.Nanosecond) }, both},
	} {
		t.Run(name, func(t *testing.T) {
			v, r := acme(t), request()
			if tt.world != nil {
				tt.world(v)
			}
			if tt.change != nil {
				tt.change(&r)
			}
			result := v.process(encoded(t, r))
			if diff := cmp.Diff(strings.Split(tt.want, ","), said(t, result)); diff != "" {
				t.Errorf("want, got:\n%s", diff)
			}
			if fate := result.Fate(0); (fate.Rejected != "") != (name == "an unknown organization") || fate.Dropped != "" {
				t.Errorf("its fate is %+v", fate)
			}
		})
	}
}

// A bad request is a dead letter that names the field, and an outcome when there is anybody to name.
func TestBadRequests(t *testing.T) {
	const secret = "s3cret"
	for name, tt := range map[string]struct {
		value   string
		reason  schemas.Reason
		detail  string
		outcome bool
	}{
		"no JSON":            {secret, schemas.Malformed, "decode", false},
		"nothing":            {"", schemas.Malformed, "decode", false},
		"null":               {"null", schemas.Malformed, "org_id is missing", false},
		"no org":             {`{"request_id":"r","type":"` + secret + `"}`, schemas.Malformed, "org_id is missing", false},
		"no request id":      {`{"org_id":"acme"}`, schemas.Malformed, "request_id is missing", false},
		"no type":            {`{"org_id":"acme","request_id":"r"}`, schemas.InvalidRequest, "type is missing", true},
		"no recipient":       {`{"org_id":"acme","request_id":"r","type":"alert.important"}`, schemas.InvalidRequest, "recipient", true},
		"no title":           {`{"org_id":"acme","request_id":"r","type":"alert.important","recipient":{"user_id":"ada"},"content":{"body":"` + secret + `"}}`, schemas.InvalidRequest, "content.title", true},
		"a link":             {`{"org_id":"acme","request_id":"r","type":"alert.important","recipient":{"user_id":"ada"},"content":{"title":"t","link":{"url":"` + secret + `"}}}`, schemas.InvalidRequest, "content.link.url", true},
		"a policy":           {`{"org_id":"acme","request_id":"r","type":"alert.important","recipient":{"user_id":"ada"},"content":{"title":"t"},"on_ambiguous":"` + secret + `"}`, schemas.InvalidRequest, "on_ambiguous", true},
		"a number as title":  {`{"org_id":"acme","request_id":"r","content":{"title":12345}}`, schemas.InvalidRequest, "content.title", true},
		"a list as a person": {`{"org_id":"acme","request_id":"r","recipient":["` + secret + `"]}`, schemas.InvalidRequest, "recipient", true},
		"a time":             {`{"org_id":"acme","request_id":"r","type":"alert.important","recipient":{"user_id":"ada"},"content":{"title":"t"},"expires_at":"` + secret + `"}`, schemas.InvalidRequest, "RFC 3339", true},
	} {
		t.Run(name, func(t *testing.T) {
			v := acme(t)
			result := v.process(&kgo.Record{Topic: schemas.NotificationRequests.Name, Value: []byte(tt.value)}, encoded(t, request()))
			fate := result.Fate(0)
			if fate.Rejected != tt.reason || !strings.Contains(fate.Detail, tt.detail) || strings.Contains(fate.Detail, secret) {
				t.Errorf("its fate is %+v, want %s with %q", fate, tt.reason, tt.detail)
			}
			got := said(t, result)
			if tt.outcome {
				if got[0] != "failed: invalid_request" {
					t.Errorf("it has no outcome: %q", got)
				}
				o := decoded(t, schemas.NotificationOutcomes, result.Emitted()[0])
				if o.RequestID != "r" || o.Detail != fate.Detail || !o.At.Equal(now) {
					t.Errorf("its outcome is %+v", o)
				}
				got = got[1:]
			}
			if !slices.Equal(got, []string{"slack T1/U1", "email ada@acme.example"}) {
				t.Errorf("the good request behind it became %q", got)
			}
		})
	}
}

// A delivery says all that a sink needs, under the key that keeps a person's notifications in order.
func TestDeliveries(t *testing.T) {
	v, r := acme(t), request()
	r.ExpiresAt, r.DedupID = now.Add(time.Hour), "d"
	r.Content.Link = &schemas.Link{URL: "https://app.bigmind.example/1", Text: "Open"}
	result := v.process(encoded(t, r))
	slack, email := result.Emitted()[0], result.Emitted()[1]
	want := schemas.Delivery{
		DeliveryID: schemas.NewDeliveryID("acme", "r1", "d", "ada", schemas.BySlack), RequestID: "r1", OrgID: "acme", Type: "alert.important",
		Recipient: r.Recipient, TeamID: "T1", SlackUserID: "U1", Content: r.Content, OnAmbiguous: schemas.Repeat, ExpiresAt: r.ExpiresAt, RequestedAt: r.CreatedAt,
		Priority: schemas.Urgent, RoutedAt: now, Decision: &schemas.Decision{
			Rule: schemas.RuleTypeDefault, Choice: schemas.PreferBoth, Considered: []schemas.Considered{{Rule: schemas.RuleTypeDefault, Value: schemas.PreferBoth}},
		},
	}
	if diff := cmp.Diff(want, decoded(t, schemas.DeliveriesSlack, slack)); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	want.DeliveryID = schemas.NewDeliveryID("acme", "r1", "d", "ada", schemas.ByEmail)
	want.TeamID, want.SlackUserID, want.Email = "", "", "ada@acme.example"
	if diff := cmp.Diff(want, decoded(t, schemas.DeliveriesEmail, email)); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	for _, rec := range []*kgo.Record{slack, email} {
		if string(rec.Key) != "acme/ada" {
			t.Errorf("%s has the key %q", rec.Topic, rec.Key)
		}
	}
	off := r
	off.Type = "no.such"
	if rec := v.process(encoded(t, off)).Emitted()[0]; string(rec.Key) != "acme/r1" {
		t.Errorf("an outcome has the key %q", rec.Key)
	}
}

// What is absent is filled in: the policy by the type, the time of the request by now.
func TestDeliveryDefaults(t *testing.T) {
	v := acme(t)
	for kind, want := range map[schemas.NotificationType]schemas.AmbiguousPolicy{"alert.important": schemas.Repeat, "meeting_digest.daily": schemas.Silence} {
		r := request()
		r.Type, r.CreatedAt = kind, time.Time{}
		d := decoded(t, schemas.DeliveriesSlack, v.process(encoded(t, r)).Emitted()[0])
		if d.OnAmbiguous != want || !d.RequestedAt.Equal(now) {
			t.Errorf("%s: %s, %v", kind, d.OnAmbiguous, d.RequestedAt)
		}
		r.OnAmbiguous = schemas.Silence
		if d := decoded(t, schemas.DeliveriesSlack, v.process(encoded(t, r)).Emitted()[0]); d.OnAmbiguous != schemas.Silence {
			t.Errorf("%s: the request's policy is not the delivery's", kind)
		}
	}
}

// A request sent again, or another with its dedup id, is the same delivery for the ledger, wherever and whenever it is routed.
func TestRepeatsAreTheSameDelivery(t *testing.T) {
	ids := func(v *views, r schemas.NotificationRequest) (ids []schemas.DeliveryID) {
		for _, rec := range v.process(encoded(t, r)).Emitted() {
			var d schemas.Delivery
			if err := json.Unmarshal(rec.Value, &d); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, d.DeliveryID)
		}
		return ids
	}
	r := request()
	first := ids(acme(t), r)
	again := r
	again.Content.Title = "said otherwise"
	if diff := cmp.Diff(first, ids(acme(t), again)); diff != "" {
		t.Errorf("a repeat:\n%s", diff)
	}
	one, two := r, r
	one.DedupID, two.DedupID, two.RequestID = "d", "d", "r2"
	if diff := cmp.Diff(ids(acme(t), one), ids(acme(t), two)); diff != "" {
		t.Errorf("two requests with one dedup id:\n%s", diff)
	}
	if len(first) != 2 || first[0] == first[1] || slices.Equal(first, ids(acme(t), one)) {
		t.Errorf("ids of %v are not apart", first)
	}
}

// Every outcome of route has a reason that the reference explains as an outcome.
func TestOutcomeReasonsAreExplained(t *testing.T) {
	outcomes := map[schemas.Reason]bool{schemas.UnknownOrg: true} // also a dead letter, which is where the reference has it
	for _, r := range schemas.Reasons {
		outcomes[r.Reason] = outcomes[r.Reason] || r.Where == "outcome"
	}
	v := acme(t)
	for _, change := range []func(*schemas.NotificationRequest){
		func(r *schemas.NotificationRequest) { r.OrgID = "who" }, func(r *schemas.NotificationRequest) { r.Type = "no.such" },
		func(r *schemas.NotificationRequest) { r.ExpiresAt = now }, func(r *schemas.NotificationRequest) { r.Recipient.UserID = "who" },
		func(r *schemas.NotificationRequest) { r.Content.Title = "" }, func(r *schemas.NotificationRequest) { r.Recipient = schemas.Recipient{Email: "who@b"} },
	} {
		r := request()
		change(&r)
		for _, rec := range v.process(encoded(t, r)).Emitted() {
			if rec.Topic != schemas.NotificationOutcomes.Name {
				continue
			}
			if o := decoded(t, schemas.NotificationOutcomes, rec); !outcomes[o.Reason] {
				t.Errorf("%s %s: %q is explained nowhere as an outcome", o.Channel, o.Status, o.Reason)
			}
		}
	}
}
