package schemas

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// Whatever is said in a request, the quick way reads it as encoding/json does, or leaves it to that.
func FuzzRequest(f *testing.F) {
	whole, err := NotificationRequests.Encode(sampleRequest())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(whole), `{}`, `null`, `{"org_id":"a","request_id":"b"} x`, `{"ORG_ID":"a"}`, `{"content":{"title":"a"},"content":{"body":"b"}}`,
		`{"content":{"title":"a","Title":"b"}}`, `{"content":{"link":null,"fields":null}}`, `{"content":{"title":"\ud83d","body":"\ud83d\ude00"}}`,
		`{"group_window_seconds":6e1}`, `{"group_window_seconds":-0}`, `{"expires_at":"2026-11-26T00:00:00,5Z"}`, `{"expires_at":"2026-11-26T1:00:00Z"}`,
		`{"recipients":[{},{"email":"a\u0000b"}],"named":{"role":"manager"}}`, "{\"org_id\":\"\xff\"}", `{"content":{"title":"<!channel> & \u2028"}}`,
		`{"org_id":"\/"}`, `{"request_id":"a","request_id":"b"}`, `{"content":[]}`, `{"recipient":{"user_id":5}}`, `{"org_id":"a",}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		var quick, general NotificationRequest
		if !quick.readPlain(value) {
			return
		}
		if err := json.Unmarshal(value, &general); err != nil {
			t.Fatalf("it reads what encoding/json refuses: %v", err)
		}
		var again Content
		if quick.Content.Raw != nil {
			if err := json.Unmarshal(quick.Content.Raw, &again); err != nil {
				t.Fatalf("the content as it stands: %v", err)
			}
		}
		if diff := cmp.Diff(general.Content, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the content as it stands:\n%s", diff)
		}
		quick.Content.Raw = nil
		if diff := cmp.Diff(general, quick, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("encoding/json, ours:\n%s", diff)
		}
	})
}

// A request that we encode is read the quick way, all of its fields: else nobody would notice that one is missing there.
func TestRequestsAreReadTheQuickWay(t *testing.T) {
	want := sampleRequest()
	value, err := NotificationRequests.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	var got NotificationRequest
	if !got.readPlain(value) {
		t.Fatal("the sample is read the general way")
	}
	got.Content.Raw = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What the general way refuses is refused with the same words, and what it read in spite of that is there.
func TestDecodeRequestRefusesAsDecodeDoes(t *testing.T) {
	for _, value := range []string{`{"content":{"title":5},"org_id":"acme","request_id":"r"}`, `s3cret`, `{"expires_at":"s3cret","org_id":"acme"}`, ``} {
		var got NotificationRequest
		err := DecodeRequest(NotificationRequests, []byte(value), &got)
		want, wantErr := NotificationRequests.Decode([]byte(value))
		if err == nil || wantErr == nil || err.Error() != wantErr.Error() {
			t.Errorf("%s: %v, want %v", value, err, wantErr)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", value, diff)
		}
	}
}

func anyDelivery() *rapid.Generator[Delivery] {
	return rapid.Custom(func(t *rapid.T) Delivery {
		s := func(label string) string { return rapid.String().Draw(t, label) }
		at := func(label string) time.Time {
			return rapid.OneOf(rapid.Just(time.Time{}), anyTime()).Draw(t, label)
		}
		who := func(label string) Recipient {
			return Recipient{UserID: UserID(s(label)), Email: s(label), Role: Role(s(label)), AccountID: AccountID(s(label)), DealID: DealID(s(label))}
		}
		d := Delivery{
			DeliveryID: DeliveryID(s("id")), RequestID: RequestID(s("request")), OrgID: OrgID(s("org")), Type: NotificationType(s("type")), TypeName: s("name"),
			Recipient: who("recipient"), TeamID: TeamID(s("team")), SlackUserID: SlackUserID(s("slack")), Email: s("email"), Content: Content{Title: s("title"), Body: s("body")},
			Thread: s("thread"), ThreadMode: ThreadMode(s("mode")), OnAmbiguous: AmbiguousPolicy(s("ambiguous")), Priority: Priority(s("priority")),
			ExpiresAt: at("expires"), RequestedAt: at("requested"), RoutedAt: at("routed"), ReleasedAt: at("released"),
		}
		if rapid.Bool().Draw(t, "more") {
			named := who("named")
			d.Merged, d.Setup = sampleMerged(), &Setup{ChannelID: ChannelID(s("channel"))}
			d.Decision = &Decision{
				Rule: Rule(s("rule")), Choice: ChannelPreference(s("choice")), Mandatory: true, Fallback: rapid.Bool().Draw(t, "fallback"),
				Held: Reason(s("held")), HeldUntil: at("until"), TimeZone: s("tz"), Named: &named,
			}
			for range rapid.IntRange(0, 3).Draw(t, "considered") {
				d.Decision.Considered = append(d.Decision.Considered, Considered{Rule(s("by")), ChannelPreference(s("value"))})
			}
		}
		return d
	})
}

func TestDeliveriesAreWrittenAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDelivery().Draw(t, "delivery")
		h := HeldNotification{OrgID: d.OrgID, Group: d.Thread, Channel: BySlack, Why: QuietTime, DueAt: d.RequestedAt, Delivery: d}
		for name, pair := range map[string][2][]byte{
			"delivery": {must(json.Marshal(d)), d.AppendJSON(nil)},
			"held":     {must(json.Marshal(h)), h.AppendJSON(nil)},
		} {
			var theirs, ours any
			if err := json.Unmarshal(pair[0], &theirs); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(pair[1], &ours); err != nil {
				t.Fatalf("%s: %v in %s", name, err, pair[1])
			}
			if diff := cmp.Diff(theirs, ours); diff != "" {
				t.Fatalf("%s, theirs, ours:\n%s", name, diff)
			}
		}
		d.Content.Raw = []byte(`{"title":"as it stands"}`)
		if got := d.AppendJSON([]byte("before")); !bytes.Contains(got, d.Content.Raw) || !bytes.HasPrefix(got, []byte("before{")) {
			t.Fatalf("with content as it stands: %s", got)
		}
	})
	var again Delivery
	all := sampleDeliveryOf(t)
	if err := json.Unmarshal(all.AppendJSON(nil), &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, again); diff != "" {
		t.Errorf("the sample, which has all fields:\n%s", diff)
	}
}

// sampleDeliveryOf is the golden sample of a delivery.
func sampleDeliveryOf(t *testing.T) Delivery {
	for _, s := range samples() {
		if d, is := s.value.(Delivery); is {
			return d
		}
	}
	t.Fatal("no sample of a delivery")
	return Delivery{}
}

func must(value []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return value
}

func BenchmarkDecodeRequest(b *testing.B) {
	r := sampleRequest()
	r.Recipients, r.Named = nil, nil
	value := must(NotificationRequests.Encode(r))
	var got NotificationRequest
	b.Run("ours", func(b *testing.B) {
		decode(b, len(value), func() error { return DecodeRequest(NotificationRequests, value, &got) })
	})
	b.Run("encoding-json", func(b *testing.B) {
		decode(b, len(value), func() error { _, err := NotificationRequests.Decode(value); return err })
	})
	b.Run("check", func(b *testing.B) { decode(b, len(value), got.Check) })
}

func BenchmarkEncodeDelivery(b *testing.B) {
	var r NotificationRequest
	if err := DecodeRequest(NotificationRequests, must(NotificationRequests.Encode(sampleRequest())), &r); err != nil {
		b.Fatal(err)
	}
	d := Delivery{DeliveryID: NewDeliveryID("o", "r", "", "u", BySlack), OrgID: "o", RequestID: "r", Content: r.Content, Decision: sampleDecision(), RequestedAt: at, RoutedAt: at}
	buf := make([]byte, 0, 4096)
	b.Run("ours", func(b *testing.B) { decode(b, 1, func() error { d.AppendJSON(buf[:0]); return nil }) })
	b.Run("encoding-json", func(b *testing.B) { decode(b, 1, func() error { _, err := json.Marshal(d); return err }) })
}
